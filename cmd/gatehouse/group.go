package main

import (
	"context"
	"text/tabwriter"

	"gatehouse/web/api/client"
)

type groupCmd struct {
	List  groupListCmd  `cmd:"" help:"List groups."`
	Add   groupAddCmd   `cmd:"" help:"Add a group."`
	Join  groupJoinCmd  `cmd:"" help:"Put a person into a group."`
	Leave groupLeaveCmd `cmd:"" help:"Take a person out of a group."`

	SuspendMembers groupSuspendCmd `cmd:"" name:"suspend-members" help:"Suspend everybody who is in a group now, each with a receipt."`
}

type groupListCmd struct{ remote }

// Run lists the groups.
func (c groupListCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	found, err := api.Groups(ctx)
	if err != nil {
		return err
	}
	return c.print(found, func(w *tabwriter.Writer) {
		row(w, "NAME", "ID")
		for _, g := range found {
			row(w, g.Name, g.ID)
		}
	})
}

type groupAddCmd struct {
	remote
	Name string `arg:"" help:"Name of the group."`
}

// Run adds the group.
func (c groupAddCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	g, err := api.AddGroup(ctx, c.Name)
	if err != nil {
		return err
	}
	return c.print(g, func(w *tabwriter.Writer) { row(w, g.Name, g.ID) })
}

// membership is a command on a person's place in a group.
type membership struct {
	remote
	Group string `arg:"" help:"Name or ID of the group."`
	User  string `arg:"" help:"Username or ID."`
}

type groupJoinCmd struct{ membership }

// Run puts the person into the group.
func (c groupJoinCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	return api.Join(ctx, c.Group, c.User)
}

type groupLeaveCmd struct{ membership }

// Run takes the person out of the group.
func (c groupLeaveCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	r, err := api.Leave(ctx, c.Group, c.User)
	if err != nil {
		return err
	}
	return c.printReceipt(r)
}

type groupSuspendCmd struct {
	remote
	Group  string `arg:"" help:"Name or ID of the group."`
	Reason string `help:"Why; it stands in the receipts."`
	DryRun bool   `help:"Print how many would be suspended, and who would not. Nothing is written."`
	Detach bool   `help:"Do not wait for the end."`
	Myself bool   `name:"yes-myself" help:"Yes, whoever the token belongs to as well, if they are in it."`
}

// Run suspends the members.
func (c groupSuspendCmd) Run(ctx context.Context) error {
	return c.many(ctx, client.Many{Group: c.Group, Reason: c.Reason, Myself: c.Myself}, c.DryRun, c.Detach)
}
