package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"

	"gatehouse/web/api/client"
)

type keyCmd struct {
	List   keyListCmd   `cmd:"" help:"List the signing keys."`
	Rotate keyRotateCmd `cmd:"" help:"Publish the next signing keys of the OpenID Provider; they sign a day later, when every app can know them."`
	SAML   keySAMLCmd   `cmd:"" name:"saml" help:"Our SAML certificates, and the change to the next one."`
	Revoke keyRevokeCmd `cmd:"" help:"Revoke a signing key at once (one in use is replaced), tell the apps, and print the receipt."`
}

type keyListCmd struct{ remote }

// Run lists the keys.
func (c keyListCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	found, err := api.Keys(ctx)
	if err != nil {
		return err
	}
	return c.printKeys(found)
}

func (r remote) printKeys(keys []client.Key) error {
	return r.print(keys, func(w *tabwriter.Writer) {
		row(w, "ID", "USE", "ALGORITHM", "STATE", "SINCE", "UNTIL")
		for _, k := range keys {
			until := "-"
			if k.Until != nil {
				until = at(k.Until)
			}
			row(w, k.ID, k.Use, k.Algorithm, k.State, at(&k.Since), until)
		}
	})
}

type keyRotateCmd struct {
	remote
	Now bool `help:"Sign with the next keys at once. Apps that keep our key set without asking again refuse sign-ins for up to a day."`
}

// Run rotates the keys.
func (c keyRotateCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	if c.Now {
		fmt.Fprintln(os.Stderr, "warning: an app that keeps our key set and does not ask again when it meets an unknown key refuses sign-ins until it reads the set anew, up to a day.")
	}
	found, err := api.RotateKeys(ctx, c.Now)
	if err != nil {
		return err
	}
	return c.printKeys(found)
}

type keyRevokeCmd struct {
	remote
	Key    string `arg:"" help:"ID of the key."`
	Reason string `help:"Why; it stands in the receipt."`
}

// Run revokes the key.
func (c keyRevokeCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	r, err := api.RevokeKey(ctx, c.Key, c.Reason)
	if err != nil {
		return err
	}
	return c.printReceipt(r)
}
