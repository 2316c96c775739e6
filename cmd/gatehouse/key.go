package main

import (
	"context"
	"text/tabwriter"

	"gatehouse/web/api/client"
)

type keyCmd struct {
	List   keyListCmd   `cmd:"" help:"List the signing keys."`
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
	return c.print(found, func(w *tabwriter.Writer) {
		row(w, "ID", "USE", "ALGORITHM", "MADE", "STATE")
		for _, k := range found {
			row(w, k.ID, k.Use, k.Algorithm, at(&k.CreatedAt), keyState(k))
		}
	})
}

func keyState(k client.Key) string {
	switch {
	case k.RevokedAt != nil:
		return "revoked " + at(k.RevokedAt)
	case k.RetiredAt != nil:
		return "retired " + at(k.RetiredAt)
	}
	return "in use"
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
