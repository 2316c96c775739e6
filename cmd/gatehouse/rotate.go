package main

import (
	"context"
	"log/slog"
	"time"

	"gatehouse/idp/directory"
)

// rotateEvery is how often it is asked whether a signing key is due. Not at the
// start: until every node is of this version, one may sign with a key that is
// published and not yet to be used.
const rotateEvery = 5 * time.Minute

// rotateKeys publishes the next signing keys when their time has come, until
// ctx ends.
func rotateKeys(ctx context.Context, people *directory.Directory, every time.Duration, closed func() string, log *slog.Logger) {
	atTimes(ctx, rotateEvery, closed, func() {
		if err := people.RotateDueKeys(ctx, every); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "the signing keys are due, and could not be rotated; it is tried again", "error", err)
		}
	})
}
