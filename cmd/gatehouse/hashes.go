package main

import (
	"context"
	"time"
)

const (
	// hashesEvery is how often a node looks of what shapes the passwords' hashes are.
	hashesEvery = time.Minute
	// hashesRest is how many times as long as a look has taken it waits at least for
	// the next: in a house of very many people, a look reads much.
	hashesRest = 200
)

// seeHashes keeps to what the house holds of passwords, so that names which are nobody's
// cost what others do.
func (h *house) seeHashes(ctx context.Context) {
	var rest time.Time
	see := func() {
		begun := time.Now()
		if begun.Before(rest) {
			return
		}
		if err := h.login.SeeHashes(ctx); err != nil && ctx.Err() == nil {
			h.worker.Log.WarnContext(ctx, "a name that is nobody's may be told from others by the time that a refusal takes", "error", err)
		}
		rest = time.Now().Add(hashesRest * time.Since(begun))
	}
	see()
	atTimes(ctx, hashesEvery, h.cuts.closed, see)
}
