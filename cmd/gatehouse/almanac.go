package main

import (
	"context"
	"log/slog"
	"time"

	"gatehouse/idp/saml"
)

const (
	// refreshEvery is how often it is asked whether metadata is to be read again,
	// and refreshAtOnce how many documents one look reads, one after the other.
	refreshEvery  = 30 * time.Second
	refreshAtOnce = 20
	// expiriesEvery is how often it is looked for what of the apps ends soon.
	expiriesEvery = 10 * time.Minute
)

// refreshMetadata reads the metadata of apps again when its time has come, until
// ctx ends.
func refreshMetadata(ctx context.Context, r *saml.Refresher, closed func() string, log *slog.Logger) {
	atTimes(ctx, refreshEvery, closed, func() {
		if _, err := r.RefreshDue(ctx, refreshAtOnce); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "metadata of apps waits to be read again", "error", err)
		}
	})
}

// noteExpiries says what of the apps ends soon, at once and until ctx ends.
func noteExpiries(ctx context.Context, h *house, log *slog.Logger) {
	look := func() {
		found, err := h.almanac.NoteExpiries(ctx)
		if err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "what of the apps ends soon is not written down yet", "error", err)
		}
		if tally := saml.ExpiryTally(found); err == nil {
			h.expiries.Store(&tally)
		}
	}
	if h.cuts.closed() == "" {
		look()
	}
	atTimes(ctx, expiriesEvery, h.cuts.closed, look)
}
