package main

import (
	"context"
	"errors"
	"time"
)

// warmAfter is how long after the doors are open a node does beforehand what its
// first sign-in would do: who asks at once is answered first.
const warmAfter = 200 * time.Millisecond

// warm does what the first sign-in after a start would cost more than those after
// it: a hash in memory that the kernel has yet to give, statements that are not
// prepared, and pages that were never rendered.
func (h *house) warm(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(warmAfter):
	}
	err := errors.Join(h.login.Hasher.Warm(ctx), h.store.Warm(ctx), h.door.Warm(h.faces.Over(ctx, "")))
	if err != nil && ctx.Err() == nil {
		h.worker.Log.WarnContext(ctx, "the first sign-in may take longer", "error", err)
	}
}
