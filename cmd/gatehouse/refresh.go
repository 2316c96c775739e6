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
