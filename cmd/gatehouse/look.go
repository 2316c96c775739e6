package main

import (
	"context"
	"fmt"
	"time"
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

// followLook keeps to the look and the policy as they are set on other nodes.
func (h *house) followLook(ctx context.Context) {
	atTimes(ctx, lookEvery, h.cuts.closed, func() {
		if err := h.look(ctx); err != nil {
			h.worker.Log.WarnContext(ctx, "the pages may look as they did before", "error", err)
		}
		if err := h.rules.read(ctx); err != nil {
			h.worker.Log.WarnContext(ctx, "an earlier policy may still be followed", "error", err)
		}
	})
}
