package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	queue    = 64  // password sign-ins that wait while others sign on
	rush     = 500 // password sign-ins at once
	mostRush = 400 // MB that the server may take for them
	rested   = 20 * time.Second
)

// wanted reports whether a row was asked for.
func (o options) wanted(number int) bool {
	return slices.Contains(strings.Split(o.rows, ","), strconv.Itoa(number))
}

// signingIn measures what is not an operation in a loop: the first sign-in after
// a start and after a rest, and what others notice of a crowd.
func (r *report) signingIn(ctx context.Context, o options, h *house) error {
	if !judged(h.storage) {
		return nil
	}
	if o.wanted(10) || o.wanted(25) {
		if err := h.invite(ctx); err != nil {
			return fmt.Errorf("invite a crowd: %w", err)
		}
	}
	for _, part := range []struct {
		number  int
		measure func(context.Context, options, *house) error
	}{{9, r.cold}, {10, r.queued}, {25, r.rushed}} {
		if !o.wanted(part.number) {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: row %d once, %s\n", part.number, h.storage)
		if err := part.measure(ctx, o, h); err != nil {
			return fmt.Errorf("row %d: %w", part.number, err)
		}
	}
	return nil
}

func (r *report) find(what, got, must string, holds bool) {
	r.signed = append(r.signed, finding{what: what, got: got, must: must, judged: true, holds: holds})
}

// cost is what one sign-in by password took: CPU time of the server, and of it
// with database and Redis, and time on the clock.
type cost struct{ server, all, took time.Duration }

func (h *house) signInCost(ctx context.Context) (c cost, err error) {
	read := func() (server, all time.Duration) {
		var failed error
		server, failed = fineCPU(h.cmd.Process.Pid)
		all, err = h.fine()
		err = errors.Join(err, failed)
		return server, all
	}
	server, all := read()
	if err != nil {
		return c, err
	}
	began := time.Now()
	if err := h.load[0].beSignedIn(ctx); err != nil {
		return c, err
	}
	c.took = time.Since(began)
	c.server, c.all = read()
	c.server, c.all = c.server-server, c.all-all
	return c, err
}

// medianCost is that of each column.
func medianCost(list []cost) cost {
	column := func(f func(cost) time.Duration) time.Duration {
		values := make([]time.Duration, len(list))
		for i, c := range list {
			values[i] = f(c)
		}
		return median(values)
	}
	return cost{
		column(func(c cost) time.Duration { return c.server }), column(func(c cost) time.Duration { return c.all }),
		column(func(c cost) time.Duration { return c.took }),
	}
}

// cold compares the first sign-in after a start, and after a rest, with those
// that follow it.
func (r *report) cold(ctx context.Context, o options, h *house) error {
	var first, warm, again []cost
	sample := func(to *[]cost, n int) error {
		for range n {
			c, err := h.signInCost(ctx)
			if err != nil {
				return err
			}
			*to = append(*to, c)
		}
		return nil
	}
	rest := func(d time.Duration) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
			return nil
		}
	}
	for range o.rounds {
		if err := errors.Join(h.stop(), ctx.Err()); err != nil {
			return err
		}
		if _, err := h.start(ctx); err != nil {
			return err
		}
		if err := errors.Join(rest(time.Second), sample(&first, 1), sample(&warm, 10)); err != nil {
			return err
		}
	}
	for range o.rounds {
		if err := errors.Join(rest(rested), sample(&again, 1)); err != nil {
			return err
		}
	}
	usual := medianCost(warm)
	say := func(what string, list []cost) {
		c := medianCost(list)
		r.find(fmt.Sprintf("9 first password sign-in %s, CPU of the server as a multiple of a warm one, %s", what, h.storage),
			fmt.Sprintf("%.2f (%.1f against %.1f ms; with database and Redis %.1f against %.1f; on the clock %.1f against %.1f)",
				ratio(c.server, usual.server), ms(c.server), ms(usual.server), ms(c.all), ms(usual.all), ms(c.took), ms(usual.took)),
			"<= 1.3", ratio(c.server, usual.server) <= 1.3)
	}
	say(fmt.Sprintf("after a start (%d)", o.rounds), first)
	say(fmt.Sprintf("after %.0f s of rest (%d)", rested.Seconds(), o.rounds), again)
	return nil
}

// invite adds the people of a crowd, who all have the password of the first of
// the load: to give it to each by a link would take longer than they do.
func (h *house) invite(ctx context.Context) error {
	if err := h.addPeople(ctx, "crowd", rush); err != nil {
		return err
	}
	columns, err := h.columns(ctx, "credentials")
	if err != nil {
		return err
	}
	values := make([]string, len(columns))
	for i, c := range columns {
		switch values[i] = "c." + c; c {
		case "id":
			values[i] = "'crd-' || u.username"
		case "user_id":
			values[i] = "u.id"
		}
	}
	_, err = h.db.ExecContext(ctx, fmt.Sprintf(`INSERT INTO credentials (%s) SELECT %s FROM users u CROSS JOIN credentials c
		WHERE u.username LIKE 'crowd%%' AND c.kind = 'password' AND c.user_id = (SELECT id FROM users WHERE username = $1)`,
		strings.Join(columns, ", "), strings.Join(values, ", ")), h.load[0].name)
	return err
}

// queued has people sign on to an app by their sessions while a queue waits for
// its passwords.
func (r *report) queued(ctx context.Context, o options, h *house) error {
	ops, err := h.operations(ctx, row{do: sso(appES256)})
	if err != nil {
		return err
	}
	const rate = 50 // a second
	idle, err := inPace(ctx, o.each, rate, ops)
	if err != nil {
		return err
	}
	g, err := h.gather(ctx, queue, true)
	if err != nil {
		return err
	}
	if err := g.press(); err != nil {
		return err
	}
	time.Sleep(time.Second)
	waiting := make(chan float64, 1)
	go func() {
		time.Sleep(o.each)
		n, _ := h.series(ctx, "gatehouse_password_hashes_waiting")
		waiting <- n
	}()
	took, err := inPace(ctx, 4*o.each, rate, ops)
	t, ended := g.end(true)
	if err := errors.Join(err, ended); err != nil {
		return err
	}
	s := percentiles(took)
	r.find(fmt.Sprintf("10 single sign-on, code and PKCE, %d a second while %d password sign-ins go on (%.0f waited for a hash), p99, %s", rate, queue, <-waiting, h.storage),
		fmt.Sprintf("%.1f ms (p50 %.1f, max %.1f, n %d; without them p50 %.1f, p99 %.1f)", ms(s.p99), ms(s.p50), ms(s.max), s.n, ms(percentiles(idle).p50), ms(percentiles(idle).p99)),
		"<= 50, aim 25", s.p99 <= 50*time.Millisecond)
	r.find("10 those sign-ins, "+h.storage, fmt.Sprintf("%d in; %s", len(t.Took), t), "303, or 429 or 503 with Retry-After", t.others() == 0)
	return nil
}

// rushed has five hundred people press the button at once, and looks meanwhile
// at the server's memory, and at what those notice who are not among them.
func (r *report) rushed(ctx context.Context, o options, h *house) error {
	checks, err := h.operations(ctx, row{do: introspection})
	if err != nil {
		return err
	}
	suspend := func(ctx context.Context) (time.Duration, error) {
		name := h.few[0].name
		began := time.Now()
		if _, err := h.api().Suspend(ctx, name, "bench"); err != nil {
			return 0, err
		}
		took := time.Since(began)
		_, err := h.api().Restore(ctx, name)
		return took, err
	}
	// The person was suspended before, by another row.
	if _, err := h.api().Restore(ctx, h.few[0].name); err != nil && o.suspensions > 0 {
		return err
	}
	g, err := h.gather(ctx, rush, false)
	if err != nil {
		return err
	}
	time.Sleep(time.Second)
	calm := make(chan struct{})
	time.AfterFunc(2*o.each, func() { close(calm) })
	before, err := h.watch(ctx, calm, checks, suspend)
	if err != nil {
		return err
	}
	if err := g.press(); err != nil {
		return err
	}
	over := make(chan struct{})
	var t turnout
	var ended error
	go func() {
		defer close(over)
		t, ended = g.end(false)
	}()
	during, err := h.watch(ctx, over, checks, suspend)
	<-over
	if err := errors.Join(err, ended); err != nil {
		return err
	}
	in := percentiles(t.Took)
	r.find(fmt.Sprintf("25 memory of the server while %d sign in by password at once, whole resident at its peak, %s", rush, h.storage),
		fmt.Sprintf("%.0f MB (anonymous %.0f; before %.0f, anonymous %.0f)", mb(during.whole), mb(during.anonymous), mb(before.whole), mb(before.anonymous)),
		fmt.Sprintf("< %d", mostRush), mb(during.whole) < mostRush)
	r.find("25 those sign-ins, "+h.storage, fmt.Sprintf("%d in, half of them within %.1f s, %s", len(t.Took), in.p50.Seconds(), t),
		"all in; 303, or 429 or 503 with Retry-After", t.others() == 0 && len(t.Took) == rush)
	for _, c := range []struct {
		what        string
		idle, under spread
	}{{"session check (introspection)", before.checks, during.checks}, {"suspend call", before.suspends, during.suspends}} {
		r.find(fmt.Sprintf("25 %s meanwhile, p50 as a multiple of its idle one, %s", c.what, h.storage),
			fmt.Sprintf("%.2f (%.2f against %.2f ms)", ratio(c.under.p50, c.idle.p50), ms(c.under.p50), ms(c.idle.p50)), "<= 2", ratio(c.under.p50, c.idle.p50) <= 2)
		r.find(fmt.Sprintf("25 %s meanwhile, p99, %s", c.what, h.storage),
			fmt.Sprintf("%.1f ms (max %.1f, n %d; idle %.1f)", ms(c.under.p99), ms(c.under.max), c.under.n, ms(c.idle.p99)), "<= 30", c.under.p99 <= 30*time.Millisecond)
	}
	return nil
}

func mb(bytes int64) float64 { return float64(bytes) / 1e6 }

// watched is what was seen of a server for a while.
type watched struct {
	checks, suspends spread
	anonymous, whole int64 // at most
}

// watch looks at the memory fifty times a second, checks a session as often and
// suspends somebody ten times a second, until it is over.
func (h *house) watch(ctx context.Context, over <-chan struct{}, checks []operation, suspend func(context.Context) (time.Duration, error)) (w watched, err error) {
	const often = 20 * time.Millisecond
	var mu sync.Mutex
	var all sync.WaitGroup
	var took, suspended []time.Duration
	every := func(d time.Duration, do func(due time.Time) (time.Duration, error), to *[]time.Duration) {
		all.Go(func() {
			for due := time.Now(); ; due = due.Add(d) {
				select {
				case <-over:
					return
				case <-time.After(time.Until(due)):
				}
				one, failed := do(due)
				mu.Lock()
				if *to = append(*to, one); failed != nil {
					err = errors.Join(err, failed)
				}
				stop := err != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	for _, check := range checks {
		time.Sleep(often)
		every(often*time.Duration(len(checks)), func(due time.Time) (time.Duration, error) {
			err := check(ctx)
			return time.Since(due), err
		}, &took)
	}
	every(100*time.Millisecond, func(time.Time) (time.Duration, error) { return suspend(ctx) }, &suspended)
	var ignored []time.Duration
	every(often, func(time.Time) (time.Duration, error) {
		anonymous, whole, err := resident(h.cmd.Process.Pid)
		w.anonymous, w.whole = max(w.anonymous, anonymous), max(w.whole, whole)
		return 0, err
	}, &ignored)
	all.Wait()
	w.checks, w.suspends = percentiles(took), percentiles(suspended)
	return w, err
}

// printSigningIn prints what is asked of signing in, as docs/performance.md shows
// it.
func (r *report) printSigningIn(print func(format string, args ...any)) {
	var found []finding
	for _, l := range r.lines {
		if slices.Contains([]int{9, 23, 24}, l.row.number) && judged(l.storage) {
			must, aim := r.goals(l)
			found = append(found, within(fmt.Sprintf("%d %s, %s", l.row.number, l.row.what, l.storage), "ms", ms(l.median().cpu), must, aim))
		}
	}
	found = append(found, r.signed...)
	slices.SortStableFunc(found, func(a, b finding) int { return number(a) - number(b) })
	print("\nSigning in: beside a bare hash of %.3f ms and a bare RSA-2048 signature of %.3f ms\n\n", r.bareMS(bareHash), r.bareMS(bareRSA))
	print("| figure | measured | must hold | holds |\n|---|---|---|---|\n")
	for _, f := range found {
		print("| %s | %s | %s | %s |\n", f.what, f.got, f.must, f.verdict())
	}
}
