package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/idp/oidc"
	"gatehouse/idp/saml"
)

// explanation is what a tongue, or the sign-in, says of its refusal.
func explanation(e idp.Event) (idp.Explanation, bool) {
	if x, ok := oidc.Explain(e); ok {
		return x, true
	}
	if x, ok := login.Explain(e); ok {
		return x, true
	}
	return saml.Explain(e)
}

type explainCmd struct {
	remote
	ID string `arg:"" help:"Correlation ID: on the page of a refusal, and in the X-Correlation-ID header of every answer."`
}

// Run says what was received, which rule refused it, and what to change.
func (c explainCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	found, err := api.Explain(ctx, c.ID)
	if err != nil {
		return err
	}
	return c.print(found, func(w *tabwriter.Writer) {
		for _, x := range found {
			row(w, x.Event.At.UTC().Format("2006-01-02T15:04:05Z"), x.Event.Kind)
			for _, key := range slices.Sorted(maps.Keys(x.Event.Detail)) {
				row(w, "  "+key, x.Event.Detail[key])
			}
			row(w, "  from", or(x.Event.Address, "-"))
			if x.Event.AppID != "" {
				row(w, "  app", x.Event.AppID)
			}
			if x.Event.UserID != "" {
				row(w, "  person", x.Event.UserID)
			}
			if x.Refused {
				row(w, "  which means", x.Meaning)
				if x.Failed != "" {
					row(w, "  what failed", x.Failed)
				}
				row(w, "  change", side(x.Side)+": "+x.Change)
			}
			if x.Message != "" {
				row(w, "  came by", binding(x.Binding))
				row(w, "")
				row(w, x.Message)
			}
		}
	})
}

// binding is the last word of a binding's URI.
func binding(uri string) string { return uri[strings.LastIndexByte(uri, ':')+1:] }

// side names who is to change something.
func side(s string) string {
	switch idp.Side(s) {
	case idp.SideApp:
		return "in the app"
	case idp.SideHouse:
		return "here"
	}
	return "the person"
}
