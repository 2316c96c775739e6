package redis

import (
	"context"
	"time"

	"gatehouse/idp"
)

// InForce returns when the row that was just committed is in force on every
// node (DESIGN section 4, item 10): the registered process has confirmed the
// watermark, or every lease that did not see it has run out. That is 1.25 s
// after the call at most, which comes right after the commit; a caller who
// goes away cuts nothing short. e is the row, if the caller has it.
func (r *Redis) InForce(ctx context.Context, done idp.Committed, e ...idp.Ending) {
	if done.N == 0 || done.Registration.RunID == "" {
		return
	}
	deadline := time.Now().Add(inForce)
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()
	for i := range e {
		e[i].N = done.N
	}
	r.adopt(done.Registration)
	for try := patience / 4; ; try = min(2*try, patience) {
		if r.confirmed(ctx, done, e) {
			return
		}
		if !wait(ctx, try) {
			break
		}
	}
	r.tally.waited.Add(1)
	<-ctx.Done()
}

// InForceAt returns when the row of the log with this number, which somebody
// has committed, is in force on every node: at once where the registered
// process has it, and 1.25 s after the call at most.
func (r *Redis) InForceAt(ctx context.Context, n int64) error {
	at, err := r.log.Position(ctx, r.node, r.options != nil)
	if err != nil {
		return err
	}
	if at.Registration.RunID == "" && at.Registration.N > n {
		// Redis was turned off after it: whoever believed one does so no longer
		// than this.
		wait(ctx, inForce)
		return ctx.Err()
	}
	r.InForce(ctx, idp.Committed{N: n, Registration: at.Registration})
	return nil
}

// confirmed raises the watermark of the process that is registered now and
// reports whether it says that the row was applied.
func (r *Redis) confirmed(ctx context.Context, done idp.Committed, e []idp.Ending) bool {
	p := r.known.Load()
	if p == nil || p.registration.N < done.Registration.N {
		return false
	}
	watermark, err := p.raise(ctx, e)
	if err == nil && watermark >= 0 && watermark < done.N {
		watermark, err = r.keepUp(ctx, p, done.N)
	}
	return err == nil && watermark >= done.N
}

// wait sleeps, and reports whether ctx is still there.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Committer makes changes so; *store.Store does.
type Committer interface {
	Commit(ctx context.Context, c idp.Change) (idp.Committed, error)
}

// Commits is next, answering an ending when it is in force everywhere. Other
// changes are raised beside the answer.
func (r *Redis) Commits(next Committer) Committer { return &commits{next, r} }

type commits struct {
	next  Committer
	redis *Redis
}

func (c *commits) Commit(ctx context.Context, change idp.Change) (idp.Committed, error) {
	done, err := c.next.Commit(ctx, change)
	if err != nil {
		return done, err
	}
	c.redis.force(ctx, done, change)
	return done, nil
}

func (r *Redis) force(ctx context.Context, done idp.Committed, change idp.Change) {
	switch {
	case change.Ending != nil:
		r.InForce(ctx, done, *change.Ending)
	case done.N != 0:
		r.kick()
	}
}
