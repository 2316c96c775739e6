package main

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

const (
	compared = 7  // suspensions of each kind where two kinds are compared
	hanging  = 12 // suspensions while Redis hangs
)

// calls times the suspend call: beside what it cannot do without, with many
// sessions, and with a Redis that hangs. Nothing else is asked of the house.
func (r *rig) calls(ctx context.Context, o options) error {
	for _, do := range []func(context.Context, options) error{r.callAlone, r.callWithMany, r.callWithoutRedis} {
		if err := do(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// timed suspends somebody and says how long the call took.
func (r *rig) timed(ctx context.Context, p *person) (time.Duration, error) {
	began := time.Now()
	_, err := r.api().Suspend(ctx, p.name, "bench")
	return time.Since(began), err
}

// callAlone suspends people with one session, each time beside the baseline,
// now before and now after it.
func (r *rig) callAlone(ctx context.Context, o options) error {
	for _, p := range r.calling {
		if _, _, err := p.tokens(ctx); err != nil {
			return err
		}
	}
	var took, alone []time.Duration
	for i := range o.calls + 20 {
		p := r.calling[i%len(r.calling)]
		var base, call time.Duration
		var err error
		if i%2 == 0 {
			base, err = r.base.measure(ctx)
		}
		if err == nil {
			call, err = r.timed(ctx, p)
		}
		if err == nil && i%2 == 1 {
			base, err = r.base.measure(ctx)
		}
		if err != nil {
			return err
		}
		if _, err := r.api().Restore(ctx, p.name); err != nil {
			return err
		}
		if i >= 20 { // warm
			took, alone = append(took, call), append(alone, base)
		}
	}
	call, base := percentiles(took), percentiles(alone)
	r.tell("one SQL transaction and one Redis call", base.String())
	r.tell("suspend call, nothing else going on", call.String())
	r.find("suspend call, p99 as a multiple of that", fmt.Sprintf("%.2f (medians: %.2f)", ratio(call.p99, base.p99), ratio(call.p50, base.p50)),
		"<= 3", ratio(call.p99, base.p99) <= 3)
	r.find("suspend call, p99", fmt.Sprintf("%.2f ms", ms(call.p99)), "aim 5 ms", call.p99 <= 5*time.Millisecond)
	return nil
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }

// callWithMany suspends in turn somebody with one session and somebody with
// very many over fifty apps. What that person had is given the epoch of now
// between the suspensions, so that it is all alive at each.
func (r *rig) callWithMany(ctx context.Context, o options) error {
	if err := r.many.live(ctx, o.sessions, "app"); err != nil {
		return fmt.Errorf("give %s many sessions: %w", r.many.name, err)
	}
	var few, many, listed []time.Duration
	for i := range 2 * compared {
		p := r.calling[0]
		if i%4 == 1 || i%4 == 2 {
			p = r.many
		}
		if err := r.revive(ctx, p); err != nil {
			return err
		}
		began := time.Now()
		call, err := r.timed(ctx, p)
		if err != nil {
			return err
		}
		whole, err := r.listed(ctx, p, began)
		if err != nil {
			return err
		}
		if _, err := r.api().Restore(ctx, p.name); err != nil {
			return err
		}
		if p == r.many {
			many, listed = append(many, call), append(listed, whole)
		} else {
			few = append(few, call)
		}
	}
	r.find(fmt.Sprintf("suspend call with %d live sessions, as a multiple of that with one (medians of %d)", o.sessions, compared),
		fmt.Sprintf("%.2f (%.2f and %.2f ms)", ratio(median(many), median(few)), ms(median(many)), ms(median(few))),
		"<= 2", ratio(median(many), median(few)) <= 2)
	r.tell("until the receipt lists all of them", fmt.Sprintf("%.0f ms", ms(median(listed))))
	return nil
}

// revive gives everything that the person ever had the epoch of now, and lets
// the database put it away, so that the next call does not pay for it.
func (r *rig) revive(ctx context.Context, p *person) error {
	for _, table := range []string{"sessions", "token_families"} {
		if _, err := r.db.ExecContext(ctx, `UPDATE `+table+` SET epoch = (SELECT epoch FROM users WHERE username = $1)
			WHERE user_id = (SELECT id FROM users WHERE username = $1)`, p.name); err != nil {
			return err
		}
	}
	for _, statement := range []string{"VACUUM ANALYZE sessions", "VACUUM ANALYZE token_families", "CHECKPOINT"} {
		if _, err := r.db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// listed waits until the person's newest receipt lists everything, and says
// how long that took since began.
func (r *rig) listed(ctx context.Context, p *person, began time.Time) (time.Duration, error) {
	for {
		receipts, err := r.api().Receipts(ctx, p.name)
		switch {
		case err != nil:
			return 0, err
		case len(receipts) == 0:
			return 0, fmt.Errorf("%s has no receipt", p.name)
		case !receipts[0].Listing:
			return time.Since(began), nil
		case time.Since(began) > 2*time.Minute:
			return 0, fmt.Errorf("the receipt of %s is not listed after two minutes", p.name)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// callWithoutRedis suspends while the registered Redis hangs.
func (r *rig) callWithoutRedis(ctx context.Context, _ options) error {
	if err := r.redis.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	var took []time.Duration
	var failed error
	for i := range hanging {
		p := r.calling[i%len(r.calling)]
		call, err := r.timed(ctx, p)
		if err == nil {
			took = append(took, call)
			_, err = r.api().Restore(ctx, p.name)
		}
		if failed = err; err != nil {
			break
		}
	}
	if err := r.redis.Process.Signal(syscall.SIGCONT); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	time.Sleep(3 * time.Second) // it is trusted again
	call := percentiles(took)
	r.find("suspend call while Redis hangs (SIGSTOP), longest", fmt.Sprintf("%.0f ms (n %d)", ms(call.max), call.n), "<= 2000 ms", call.max <= 2*time.Second)
	return nil
}
