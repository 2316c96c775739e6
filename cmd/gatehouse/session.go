package main

import (
	"context"
	"errors"
	"strings"
	"text/tabwriter"
	"time"

	"gatehouse/web/api/client"
)

type sessionCmd struct {
	List sessionListCmd `cmd:"" help:"List who is signed in now."`
	End  sessionEndCmd  `cmd:"" help:"End one session and print the receipt."`

	EndAll sessionEndAllCmd `cmd:"" help:"End everything a person holds, who may sign in again, and print the receipt."`

	EndBefore sessionEndBeforeCmd `cmd:"" help:"End everything made before a moment, of everybody, and print the receipt. Your own token is among it."`
}

type sessionListCmd struct {
	remote
	Person    string `arg:"" optional:"" name:"person" help:"Username or ID; the same as --user."`
	User      string `help:"Username or ID; without it, everybody's."`
	App       string `help:"Name or ID of an app that the session has opened."`
	Address   string `help:"Address of the browser: one, a network (10.2.0.0/16), or how it begins (10.2.)."`
	OlderThan string `help:"Only sessions that began so long ago: 90m, 8h, 2d."`
}

// Run lists the sessions.
func (c sessionListCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	found, err := api.SessionsNow(ctx, client.SessionFilter{User: or(c.User, c.Person), App: c.App, Address: c.Address, OlderThan: c.OlderThan})
	if err != nil {
		return err
	}
	return c.print(found, func(w *tabwriter.Writer) {
		row(w, "ID", "USER", "ADDRESS", "SINCE", "LAST SEEN", "APPS")
		for _, s := range found {
			row(w, s.ID, or(s.User, s.UserID), or(s.Address, "-"), at(&s.CreatedAt), at(&s.LastSeenAt), or(strings.Join(s.Apps, ", "), "-"))
		}
	})
}

type sessionEndCmd struct {
	remote
	Session string `arg:"" help:"ID of the session."`
	Reason  string `help:"Why; it stands in the receipt."`
}

// Run ends the session.
func (c sessionEndCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	r, err := api.EndSession(ctx, c.Session, c.Reason)
	if err != nil {
		return err
	}
	return c.printReceipt(r)
}

type sessionEndAllCmd struct {
	remote
	User   string `arg:"" help:"Username or ID."`
	Reason string `help:"Why; it stands in the receipt."`
}

// Run ends everything the person holds.
func (c sessionEndAllCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	r, err := api.EndSessions(ctx, c.User, c.Reason)
	if err != nil {
		return err
	}
	return c.printReceipt(r)
}

type sessionEndBeforeCmd struct {
	remote
	Before string `arg:"" help:"The moment, like 2026-11-23T03:00:00Z, or now."`
	Reason string `help:"Why; it stands in the receipt."`
}

// Run ends everything older.
func (c sessionEndBeforeCmd) Run(ctx context.Context) error {
	var before time.Time
	if c.Before != "now" {
		var err error
		if before, err = time.Parse(time.RFC3339, c.Before); err != nil {
			return errors.New("the moment is now, or a time like 2026-11-23T03:00:00Z")
		}
	}
	api, err := c.client()
	if err != nil {
		return err
	}
	r, err := api.EndBefore(ctx, before, c.Reason)
	if err != nil {
		return err
	}
	return c.printReceipt(r)
}
