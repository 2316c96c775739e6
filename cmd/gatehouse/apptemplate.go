package main

import (
	"context"
	"strings"
	"text/tabwriter"

	"gatehouse/web/api/client"
)

type appTemplatesCmd struct {
	remote
	Template string `arg:"" optional:"" help:"ID of a template; without it, all are listed."`
}

// Run lists the templates, or shows one.
func (c appTemplatesCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	if c.Template != "" {
		t, err := api.Template(ctx, c.Template)
		if err != nil {
			return err
		}
		return c.print(t, func(w *tabwriter.Writer) { templateLines(w, t) })
	}
	all, err := api.Templates(ctx)
	if err != nil {
		return err
	}
	return c.print(all, func(w *tabwriter.Writer) {
		row(w, "TEMPLATE", "APP", "SPEAKS", "ASKS FOR")
		for _, t := range all {
			var asks []string
			for _, a := range t.Asks {
				asks = append(asks, a.Name)
			}
			row(w, t.ID, t.Name, strings.Join(t.Protocols, ", "), or(strings.Join(asks, ", "), "-"))
		}
	})
}

// templateLines prints what a template says; what no page says is marked.
func templateLines(w *tabwriter.Writer, t client.Template) {
	row(w, t.Name, strings.Join(t.Protocols, ", "))
	for _, a := range t.Asks {
		row(w, "--set "+a.Name+"=", a.Label+": "+a.Hint)
	}
	for _, f := range t.Facts {
		row(w, f.Name, f.Value+unverified(f.Verified))
	}
	for _, s := range t.Sources {
		row(w, "read on "+s.ReadOn, s.URL)
	}
}

// unverified marks what is from memory.
func unverified(verified bool) string {
	if verified {
		return ""
	}
	return " (unverified)"
}

type appPreviewCmd struct {
	remote
	App  string `arg:"" help:"Name or ID of the app."`
	User string `required:"" help:"Username or ID of the person."`
	XML  bool   `name:"xml" help:"Print the assertion as XML, unsigned, or the claims as JSON."`
}

// Run shows what the app would be told.
func (c appPreviewCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	v, err := api.PreviewApp(ctx, c.App, c.User)
	if err != nil {
		return err
	}
	return c.print(v, func(w *tabwriter.Writer) {
		if v.Refusal != nil {
			refusedLines(w, *v.Refusal)
			return
		}
		if c.XML {
			for _, d := range v.Documents {
				for line := range strings.Lines(d.Text) {
					row(w, strings.TrimRight(line, "\r\n"))
				}
			}
			return
		}
		subject := v.Subject
		if v.SubjectNew {
			subject = "will be made at the first sign-in"
		}
		row(w, "subject", subject, v.SubjectFormat)
		for _, t := range v.Told {
			values := strings.Join(t.Values, ", ")
			if t.In == "" {
				values = "(left out: nothing is known)"
			}
			row(w, t.Name, values, "from "+t.Source, t.In)
		}
	})
}

// refusedLines says why there is no answer, and what to change.
func refusedLines(w *tabwriter.Writer, r client.Refused) {
	row(w, "refused", r.Rule)
	row(w, "because", r.Reason)
	if r.Meaning != "" {
		row(w, "which means", r.Meaning)
		row(w, "change", side(r.Side)+": "+r.Change)
	}
}

type appTestCmd struct {
	remote
	App  string `arg:"" help:"Name or ID of the app."`
	User string `required:"" help:"Username or ID of the person who would sign in."`
}

// notAcceptedError says that the app would refuse.
type notAcceptedError struct{ played string }

func (e *notAcceptedError) Error() string {
	return e.played + " would not let them in; the lines above say why"
}

func (e *notAcceptedError) exitCode() int { return 3 }

// Run plays the sign-on.
func (c appTestCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	v, err := api.TestApp(ctx, c.App, c.User)
	if err != nil {
		return err
	}
	err = c.print(v, func(w *tabwriter.Writer) {
		if v.Refusal != nil {
			refusedLines(w, *v.Refusal)
		}
		for _, k := range v.Checks {
			row(w, map[bool]string{true: "ok", false: "REFUSED"}[k.OK], k.Words+unverified(k.Verified))
		}
		for _, n := range v.Notes {
			row(w, "note", n)
		}
	})
	if err == nil && !v.Accepted {
		err = &notAcceptedError{v.Played}
	}
	return err
}
