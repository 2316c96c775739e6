package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"gatehouse/idp"
	"gatehouse/store"
)

// How many refusals of strangers are written down in a minute: of one address,
// and of all. An audit line is a durable write that nobody has to sign in for,
// so without a bound anybody could fill the disk, and queue in front of those
// who have work to do. What is not written down still stands in the log.
const (
	strangerLines = 60
	allLines      = 600
)

// audited is the store as the tongues see it: audit lines about nobody in
// particular are bounded, all others are written.
type audited struct {
	*store.Store
	strangers strangers
	log       *slog.Logger
	metrics   *metrics
}

// Record writes the events, but for those of strangers beyond the bound.
func (a *audited) Record(ctx context.Context, events ...idp.Event) error {
	a.metrics.noted(events)
	kept := make([]idp.Event, 0, len(events))
	for _, e := range events {
		if e.UserID != "" || e.Actor.UserID != "" || a.strangers.may(e.Actor.Address, time.Now()) {
			kept = append(kept, e)
			continue
		}
		a.log.WarnContext(ctx, "audit line of a stranger not written: too many in this minute", "kind", e.Kind, "detail", e.Detail)
	}
	if len(kept) == 0 {
		return nil
	}
	return a.Store.Record(ctx, kept...)
}

// RecordRefused is Record of one event, with the message that was refused: within
// the same bound.
func (a *audited) RecordRefused(ctx context.Context, e idp.Event, m idp.RefusedMessage) error {
	if e.UserID != "" || e.Actor.UserID != "" || a.strangers.may(e.Actor.Address, time.Now()) {
		a.metrics.noted([]idp.Event{e})
		return a.Store.RecordRefused(ctx, e, m)
	}
	a.metrics.noted([]idp.Event{e})
	a.log.WarnContext(ctx, "audit line of a stranger not written: too many in this minute", "kind", e.Kind, "detail", e.Detail)
	return nil
}

// strangers counts lines by address within a minute.
type strangers struct {
	mu    sync.Mutex
	since time.Time
	all   int
	by    map[string]int
}

// may reports whether one more line of this address is within the bounds, and
// counts it. Loopback stands for a proxy that is not named as trusted: only
// the bound for all applies to it.
func (s *strangers) may(address string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil || now.Sub(s.since) >= time.Minute {
		s.since, s.all, s.by = now, 0, map[string]int{}
	}
	if s.all >= allLines || s.by[address] >= strangerLines {
		return false
	}
	s.all++
	if address != "127.0.0.1" && address != "::1" {
		s.by[address]++
	}
	return true
}
