package main

import (
	"context"
	"text/tabwriter"
)

type tokenCmd struct {
	List   tokenListCmd   `cmd:"" help:"List your API tokens."`
	Add    tokenAddCmd    `cmd:"" help:"Make an API token and print its secret once."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke an API token."`

	Initial tokenInitialCmd `cmd:"" help:"Initial access tokens, with which apps register themselves."`
}

type tokenListCmd struct{ remote }

// Run lists the tokens.
func (c tokenListCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	found, err := api.Tokens(ctx)
	if err != nil {
		return err
	}
	return c.print(found, func(w *tabwriter.Writer) {
		row(w, "NAME", "MADE", "ENDS", "ID")
		for _, t := range found {
			row(w, t.Name, at(&t.CreatedAt), at(t.ExpiresAt), t.ID)
		}
	})
}

type tokenAddCmd struct {
	remote
	Name string `arg:"" help:"What it is for."`
	TTL  string `name:"ttl" help:"How long it works, like 720h; without it, until revoked."`
}

// Run makes the token.
func (c tokenAddCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	t, err := api.AddToken(ctx, c.Name, c.TTL)
	if err != nil {
		return err
	}
	return c.print(t, func(w *tabwriter.Writer) {
		row(w, "token", t.ID)
		row(w, "secret, shown once", t.Secret)
	})
}

type tokenRevokeCmd struct {
	remote
	Token string `arg:"" help:"ID of the token."`
}

// Run revokes the token.
func (c tokenRevokeCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	return api.RevokeToken(ctx, c.Token)
}
