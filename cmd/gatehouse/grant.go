package main

import (
	"context"
	"text/tabwriter"
	"time"

	"gatehouse/web/api/client"
)

type grantCmd struct {
	List   grantListCmd   `cmd:"" help:"List who may use an app."`
	Add    grantAddCmd    `cmd:"" help:"Let a person or a group use an app."`
	Remove grantRemoveCmd `cmd:"" help:"Remove a grant."`
}

type grantListCmd struct {
	remote
	App string `arg:"" help:"Name or ID of the app."`
}

// Run lists the grants.
func (c grantListCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	found, err := api.Grants(ctx, c.App)
	if err != nil {
		return err
	}
	return c.print(found, func(w *tabwriter.Writer) {
		row(w, "USER", "GROUP", "ROLE", "FROM", "UNTIL", "ID")
		for _, g := range found {
			row(w, or(g.User, "-"), or(g.Group, "-"), or(g.Role, "-"), at(g.From), at(g.Until), g.ID)
		}
	})
}

type grantAddCmd struct {
	remote
	App   string     `arg:"" help:"Name or ID of the app."`
	User  string     `xor:"to" required:"" help:"Username or ID."`
	Group string     `xor:"to" required:"" help:"Name or ID of a group."`
	Role  string     `help:"Role inside the app."`
	Until *time.Time `help:"When it ends (RFC 3339)."`
}

// Run adds the grant.
func (c grantAddCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	g, err := api.AddGrant(ctx, client.Grant{App: c.App, User: c.User, Group: c.Group, Role: c.Role, Until: c.Until})
	if err != nil {
		return err
	}
	return c.print(g, func(w *tabwriter.Writer) { row(w, g.App, or(g.User, g.Group), g.ID) })
}

type grantRemoveCmd struct {
	remote
	App   string `arg:"" help:"Name or ID of the app."`
	Grant string `arg:"" help:"ID of the grant."`
}

// Run removes the grant.
func (c grantRemoveCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	r, err := api.RemoveGrant(ctx, c.App, c.Grant)
	if err != nil {
		return err
	}
	return c.printReceipt(r)
}
