package main

import (
	"context"
	"text/tabwriter"
)

type userCredentialsCmd struct {
	someUser
	Remove string `placeholder:"ID" help:"Remove this one, be it their last: it was lost, or somebody else has it. Everything the person holds ends with it."`
}

// Run lists the credentials of a person, or removes one.
func (c userCredentialsCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	if c.Remove != "" {
		r, err := api.RemoveCredential(ctx, c.User, c.Remove)
		if err != nil {
			return err
		}
		return c.printReceipt(r)
	}
	all, err := api.Credentials(ctx, c.User)
	if err != nil {
		return err
	}
	return c.print(all, func(w *tabwriter.Writer) {
		row(w, "ID", "KIND", "NAME", "MADE", "LAST USED", "KEPT")
		for _, k := range all {
			kept := "-"
			if k.Kind == "passkey" {
				kept = map[bool]string{true: "on several devices", false: "on one device"}[k.Synced]
			}
			row(w, k.ID, k.Kind, or(k.Name, "-"), at(&k.CreatedAt), at(k.LastUsedAt), kept)
		}
	})
}
