package main

import (
	"context"
	"fmt"
	"time"

	"gatehouse/idp/login"
	"gatehouse/store"
)

// lookEvery is how often a node looks whether the pages are to look otherwise
// because of what was said on another.
const lookEvery = 5 * time.Second

// look has the pages look as the store says.
func (h *house) look(ctx context.Context) error {
	l, err := h.store.Look(ctx)
	if err != nil {
		return fmt.Errorf("read how the pages look: %w", err)
	}
	h.faces.Show(l)
	return nil
}

// hear takes note of the places that other nodes have found since then from which
// many names are tried, where the policy asks for more there, and returns since when it
// is to look the next time.
func (h *house) hear(ctx context.Context, since time.Time) time.Time {
	if !h.login.AsksByRisk() {
		return since
	}
	now := wallTime()
	since = later(since, now.Add(-login.AlarmsLast))
	if err := h.login.HearAlarms(store.InBackground(ctx), since); err != nil {
		h.worker.Log.WarnContext(ctx, "what other nodes have found may not be known here", "error", err)
		return since
	}
	return now.Add(-hearAgain)
}

// hearAgain is by how much what is looked at twice overlaps: a line may be written by
// another clock, and a moment after its time.
const hearAgain = 20 * time.Second

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// followLook keeps to the look and the policy as they are set on other nodes, and to
// what these have found.
func (h *house) followLook(ctx context.Context) {
	heard := wallTime().Add(-login.AlarmsLast)
	atTimes(ctx, lookEvery, h.cuts.closed, func() {
		if err := h.look(ctx); err != nil {
			h.worker.Log.WarnContext(ctx, "the pages may look as they did before", "error", err)
		}
		if err := h.rules.read(ctx); err != nil {
			h.worker.Log.WarnContext(ctx, "an earlier policy may still be followed", "error", err)
		}
		heard = h.hear(ctx, heard)
	})
}
