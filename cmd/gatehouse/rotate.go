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

// remindEvery is how often it is looked whether a certificate or an app's metadata
// come to their end.
const remindEvery = 10 * time.Minute

// remind says of certificates and metadata that come to their end that they do, until ctx ends.
func remind(ctx context.Context, people *directory.Directory, closed func() string, log *slog.Logger) {
	atTimes(ctx, remindEvery, closed, func() {
		n, err := people.RemindOfExpiries(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			log.WarnContext(ctx, "it was not looked which certificates and metadata come to their end; it is tried again", "error", err)
		case n > 0:
			log.WarnContext(ctx, "certificates or metadata of apps come to their end; see the audit log, or Certificates in the console", "count", n)
		}
	})
}

// rotateKeys publishes the next signing keys when their time has come, until
// ctx ends.
func rotateKeys(ctx context.Context, people *directory.Directory, every time.Duration, closed func() string, log *slog.Logger) {
	atTimes(ctx, rotateEvery, closed, func() {
		if err := people.RotateDueKeys(ctx, every); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "the signing keys are due, and could not be rotated; it is tried again", "error", err)
		}
	})
}
