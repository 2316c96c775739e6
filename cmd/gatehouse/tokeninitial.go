package main

import (
	"context"
	"text/tabwriter"
)

type tokenInitialCmd struct {
	List   tokenInitialListCmd   `cmd:"" help:"List initial access tokens."`
	Add    tokenInitialAddCmd    `cmd:"" help:"Make an initial access token and print its secret once."`
	Revoke tokenInitialRevokeCmd `cmd:"" help:"Revoke an initial access token."`
}

type tokenInitialListCmd struct{ remote }

// Run lists the tokens.
func (c tokenInitialListCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	found, err := api.InitialTokens(ctx)
	if err != nil {
		return err
	}
	return c.print(found, func(w *tabwriter.Writer) {
		row(w, "NAME", "LEFT", "ENDS", "ID")
		for _, t := range found {
			row(w, t.Name, t.Uses, at(&t.ExpiresAt), t.ID)
		}
	})
}

type tokenInitialAddCmd struct {
	remote
	Name string `arg:"" help:"Who gets it."`
	Uses int    `default:"1" help:"How many apps it registers."`
	TTL  string `name:"ttl" default:"24h" help:"How long it works, like 24h."`
}

// Run makes the token.
func (c tokenInitialAddCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	t, err := api.AddInitialToken(ctx, c.Name, c.Uses, c.TTL)
	if err != nil {
		return err
	}
	return c.print(t, func(w *tabwriter.Writer) {
		row(w, "token", t.ID)
		row(w, "secret, shown once", t.Secret)
	})
}

type tokenInitialRevokeCmd struct {
	remote
	Token string `arg:"" help:"ID of the token."`
}

// Run revokes the token.
func (c tokenInitialRevokeCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	return api.RevokeInitialToken(ctx, c.Token)
}
