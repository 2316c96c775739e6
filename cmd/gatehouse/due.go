package main

import (
	"context"
	"log/slog"
	"time"

	"gatehouse/idp/directory"
)

// dueEvery is how often grants are looked for whose end has come. Nothing is
// accepted by them from that moment on; this is about telling the apps.
const dueEvery = time.Second

// endDueGrants ends grants when their time has come, until ctx ends.
func endDueGrants(ctx context.Context, people *directory.Directory, log *slog.Logger) {
	for next := time.NewTicker(dueEvery); ; {
		select {
		case <-ctx.Done():
			next.Stop()
			return
		case <-next.C:
		}
		if _, err := people.EndDueGrants(ctx, 100); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "grants whose end has come wait", "error", err)
		}
	}
}
