package main

import (
	"context"
	"errors"
	"sync"
	"time"
)

// readiness answers /readyz: whether this node can decide, and is not about to
// stop. The question costs the database a write and anybody may ask it, so an
// answer is good for a second.
type readiness struct {
	ping    func(ctx context.Context) error
	closed  func() string // why nobody is let in; "" when they are; may be nil
	stopped <-chan struct{}

	mu    sync.Mutex
	asked time.Time
	err   error
}

func (r *readiness) check(ctx context.Context) error {
	select {
	case <-r.stopped:
		return errors.New("stopping")
	default:
	}
	if r.closed != nil && r.closed() != "" {
		return errors.New(r.closed())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.asked) < time.Second {
		return r.err
	}
	// The asker's patience is not the answer: a caller who hangs up must not
	// make the node look unready to the next.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	r.err = r.ping(ctx)
	r.asked = time.Now()
	return r.err
}
