package main

import (
	"context"
	"strings"
	"text/tabwriter"

	"gatehouse/web/api/client"
)

type userScheduledCmd struct {
	remote
	User string `arg:"" optional:"" help:"Username or ID; without it, everybody."`
	All  bool   `help:"Those that have run, failed or were cancelled, too."`
}

// Run lists scheduled suspensions.
func (c userScheduledCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	state := "waiting"
	if c.All {
		state = ""
	}
	found, err := api.Schedules(ctx, c.User, state)
	if err != nil {
		return err
	}
	return c.printSchedules(found, found...)
}

type userUnscheduleCmd struct {
	remote
	Schedule string `arg:"" help:"ID of the scheduled suspension."`
}

// Run cancels one.
func (c userUnscheduleCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	s, err := api.CancelSchedule(ctx, c.Schedule)
	if err != nil {
		return err
	}
	return c.printSchedules(s, s)
}

// printSchedules prints a table, or v as JSON.
func (r remote) printSchedules(v any, list ...client.Schedule) error {
	return r.print(v, func(w *tabwriter.Writer) {
		row(w, "USERNAME", "AT", "ZONE", "WHICH IS", "STATE", "ID", "NOTE")
		for _, s := range list {
			note := or(s.Note, or(s.Reason, "-"))
			row(w, s.Username, strings.Replace(s.At, "T", " ", 1), s.Zone, at(&s.DueAt), s.State, s.ID, note)
		}
	})
}
