package main

import (
	"context"
	"log/slog"
	"time"

	"gatehouse/idp/directory"
)

// atTimes does what time brings, once in every such span until ctx ends; not while
// the house is closed, so that no number of the log is taken that another cut may
// have.
func atTimes(ctx context.Context, every time.Duration, closed func() string, do func()) {
	next := time.NewTicker(every)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		if closed() == "" {
			do()
		}
	}
}

// dueEvery is how often grants are looked for whose end has come (nothing is
// accepted by them from that moment on; this is about telling the apps), and
// suspensions whose minute has come.
const dueEvery = time.Second

// endDue ends grants and suspends people when their time has come, until ctx
// ends.
func endDue(ctx context.Context, people *directory.Directory, closed func() string, log *slog.Logger) {
	atTimes(ctx, dueEvery, closed, func() {
		if _, err := people.EndDueGrants(ctx, 100); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "grants whose end has come wait", "error", err)
		}
		if _, err := people.RunDueSchedules(ctx, 100); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "scheduled suspensions whose time has come wait", "error", err)
		}
	})
}

const (
	// expiredEvery is how often sessions are looked for that have run out (nothing
	// is accepted of them from that moment on; this is about telling the apps).
	expiredEvery = 2 * time.Second
	// expiredAtOnce bounds one look; a full one is followed by another at the
	// next tick, so that everybody's evening never crowds out anything else.
	expiredAtOnce = 100
)

// endExpired ends in their apps the sessions that have run out, until ctx ends.
func endExpired(ctx context.Context, people *directory.Directory, closed func() string, log *slog.Logger) {
	atTimes(ctx, expiredEvery, closed, func() {
		if _, err := people.EndExpiredSessions(ctx, expiredAtOnce); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "apps are not told yet of sessions that have run out", "error", err)
		}
	})
}

// batchesEvery is how often a suspension of many is looked for that nobody
// works off.
const batchesEvery = 500 * time.Millisecond

// workBatches works off suspensions of many, one at a time, until ctx ends.
func workBatches(ctx context.Context, people *directory.Directory, closed func() string, worker string, log *slog.Logger) {
	atTimes(ctx, batchesEvery, closed, func() {
		if _, err := people.WorkBatch(ctx, worker); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "a suspension of many stands still; it goes on when its claim runs out", "error", err)
		}
	})
}
