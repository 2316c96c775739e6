package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"gatehouse/web/api/client"
)

type deliveryCmd struct {
	List  deliveryListCmd  `cmd:"" help:"List what apps are still to be told, or could not be, newest first."`
	Retry deliveryRetryCmd `cmd:"" help:"Tell an app now instead of later; a line that failed is tried for another day."`
	Note  deliveryNoteCmd  `cmd:"" help:"Take note of a line that failed: its alarm is over, the line stays failed."`
}

type deliveryListCmd struct {
	remote
	State string `default:"" enum:",failed,retrying,sent,alive" help:"failed, retrying, sent or alive; without it, any of these."`
	App   string `help:"Name or ID of the app."`
	User  string `help:"Username or ID."`
}

// Run lists the deliveries.
func (c deliveryListCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	found, err := api.Deliveries(ctx, client.DeliveryFilter{State: c.State, App: c.App, User: c.User})
	if err != nil {
		return err
	}
	return c.printDeliveries(found)
}

func (r remote) printDeliveries(found []client.Delivery) error {
	return r.print(found, func(w *tabwriter.Writer) {
		row(w, "ID", "APP", "USER", "STATE", "ATTEMPTS", "NEXT TRY", "LAST ANSWER")
		for _, d := range found {
			next := "-"
			if !d.Final && d.State != "alive" {
				next = at(d.NextAt)
			}
			row(w, d.ID, d.App, or(d.User, d.UserID), stateWords(d.Line), d.Attempts, next, or(d.Answer, "-"))
		}
	})
}

type deliveryRetryCmd struct {
	remote
	Delivery string `arg:"" optional:"" help:"ID of the delivery."`
	Failed   bool   `help:"Retry all that have failed."`
}

// Run has the deliveries tried now.
func (c deliveryRetryCmd) Run(ctx context.Context) error {
	return c.each(ctx, c.Delivery, c.Failed, (*client.Client).RetryDelivery)
}

type deliveryNoteCmd struct {
	remote
	Delivery string `arg:"" optional:"" help:"ID of the delivery."`
	Failed   bool   `help:"Take note of all that have failed."`
}

// Run takes note of the deliveries.
func (c deliveryNoteCmd) Run(ctx context.Context) error {
	return c.each(ctx, c.Delivery, c.Failed, (*client.Client).NoteDelivery)
}

// each does something to one delivery, or to all that have failed.
func (r remote) each(ctx context.Context, one string, failed bool, do func(*client.Client, context.Context, string) (client.Delivery, error)) error {
	api, err := r.client()
	if err != nil {
		return err
	}
	if failed == (one != "") {
		return errors.New("name one delivery, or say --failed for all that have failed; see: gatehouse delivery list")
	}
	if !failed {
		d, err := do(api, ctx, one)
		if err != nil {
			return err
		}
		return r.printDeliveries([]client.Delivery{d})
	}
	dead, err := api.Deliveries(ctx, client.DeliveryFilter{State: "failed"})
	if err != nil {
		return err
	}
	var done []client.Delivery
	for _, d := range dead {
		now, err := do(api, ctx, d.ID)
		var refused *client.Problem
		switch {
		case errors.As(err, &refused) && refused.Status == 409:
			// The others are not to suffer: the person of this one is back.
			fmt.Fprintf(os.Stderr, "%s (%s of %s): %s\n", d.ID, clean(d.App), clean(or(d.User, d.UserID)), refused.Detail)
		case err != nil:
			return err
		default:
			done = append(done, now)
		}
	}
	return r.printDeliveries(done)
}
