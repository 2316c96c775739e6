package main

import (
	"context"
	"errors"
	"text/tabwriter"

	"gatehouse/web/api/client"
)

type keySAMLCmd struct {
	List   keySAMLListCmd   `cmd:"" default:"withargs" help:"List our SAML certificates, which key signs for which app, and which app has the next certificate."`
	Next   keySAMLNextCmd   `cmd:"" help:"Publish the next certificate in our metadata. It signs for nobody yet."`
	Has    keySAMLHasCmd    `cmd:"" help:"Say that an app has the next certificate, because you have put it there."`
	Switch keySAMLSwitchCmd `cmd:"" help:"Have the next key sign for one app, or for all the rest; or lead an app back."`
	Retire keySAMLRetireCmd `cmd:"" help:"Take a certificate out of our metadata that signs for no app any more."`
}

type keySAMLListCmd struct{ remote }

// Run lists them.
func (c keySAMLListCmd) Run(ctx context.Context) error {
	return c.rolled(func(api *client.Client) (client.SAMLKeys, error) { return api.SAMLKeys(ctx) })
}

type keySAMLNextCmd struct{ remote }

// Run publishes the next one.
func (c keySAMLNextCmd) Run(ctx context.Context) error {
	return c.rolled(func(api *client.Client) (client.SAMLKeys, error) { return api.NextSAMLKeys(ctx) })
}

type keySAMLHasCmd struct {
	remote
	App string `arg:"" help:"Name or ID of the app."`
}

// Run writes it down.
func (c keySAMLHasCmd) Run(ctx context.Context) error {
	return c.rolled(func(api *client.Client) (client.SAMLKeys, error) { return api.SayAppHasKey(ctx, c.App) })
}

type keySAMLSwitchCmd struct {
	remote
	App  string   `arg:"" optional:"" help:"Name or ID of the app."`
	To   string   `help:"ID of another key than the next: leads the app back."`
	Rest bool     `help:"All apps that are not led over yet."`
	Keep []string `help:"With --rest: an app that stays on the present key; may be given several times."`
}

// Validate refuses what says two things, or nothing.
func (c keySAMLSwitchCmd) Validate() error {
	if c.Rest == (c.App != "") || c.Rest && c.To != "" || !c.Rest && len(c.Keep) > 0 {
		return errors.New("name one app (--to leads it elsewhere than to the next key), or say --rest (--keep leaves an app out)")
	}
	return nil
}

// Run leads over.
func (c keySAMLSwitchCmd) Run(ctx context.Context) error {
	return c.rolled(func(api *client.Client) (client.SAMLKeys, error) {
		if c.Rest {
			return api.SwitchRest(ctx, c.Keep)
		}
		return api.SwitchApp(ctx, c.App, c.To)
	})
}

type keySAMLRetireCmd struct {
	remote
	Key   string `arg:"" help:"ID of the key."`
	Force bool   `help:"Also while it signs for apps. Those that do not have the present certificate refuse sign-ins."`
}

// Run retires it.
func (c keySAMLRetireCmd) Run(ctx context.Context) error {
	return c.rolled(func(api *client.Client) (client.SAMLKeys, error) {
		return api.RetireSAMLKey(ctx, c.Key, c.Force)
	})
}

// rolled prints how the certificates stand after a step.
func (r remote) rolled(step func(api *client.Client) (client.SAMLKeys, error)) error {
	api, err := r.client()
	if err != nil {
		return err
	}
	now, err := step(api)
	if err != nil {
		return err
	}
	return r.print(now, func(w *tabwriter.Writer) {
		row(w, "KEY", "ALGORITHM", "STATE", "SINCE", "EXPIRES", "SHA-256 OF THE CERTIFICATE")
		for _, k := range now.Keys {
			row(w, k.ID, k.Algorithm, k.State, at(&k.Since), at(&k.NotAfter), k.SHA256)
		}
		row(w)
		row(w, "APP", "SIGNED BY", "NEXT", "HAS THE NEXT CERTIFICATE", "", "")
		for _, a := range now.Apps {
			row(w, a.App, a.Signs, or(a.Next, "-"), hasNext(a), "", "")
		}
	})
}

// hasNext says what is known of an app having the certificate that comes next.
func hasNext(a client.AppKeys) string {
	for _, r := range a.Reads {
		switch {
		case a.Next == "" || r.Key != a.Next:
		case r.Said != nil:
			return "an owner said so " + at(r.Said)
		case r.Last != nil:
			return "read " + at(r.Last) + " by " + r.Address + " (" + or(r.Agent, "unnamed") + ")"
		}
	}
	if a.Next == "" {
		return "-"
	}
	return "not known"
}
