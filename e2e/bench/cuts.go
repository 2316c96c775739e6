package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// signInEvery is how often somebody comes back with their password.
const signInEvery = 50

// cuts suspends people who are using everything they hold on three nodes, and
// counts what is accepted of what began after the call had returned. After a
// restore the same people are suspended again.
//
// Of most sessions the row is copied with SQL, as a sign-in would have written
// it, because ten thousand password hashes would take longer than all the
// rest; each person signs in every fiftieth time. Codes, tokens and
// assertions are issued by the house.
func (r *rig) cuts(ctx context.Context, o options) error {
	if err := r.grow(ctx, 3); err != nil {
		return err
	}
	c := &cutting{rig: r}
	c.left.Store(int64(o.cuts))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for turn := range slices.Chunk(r.leaving, inTurn) {
		all.Go(func() {
			for len(turn) > 0 && c.left.Load() > 0 {
				if err := c.leave(ctx, turn[0], o.cuts/len(r.leaving)+1); err != nil {
					cancel(fmt.Errorf("%s: %w", turn[0].name, err))
					return
				}
				turn = turn[1:]
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	c.report(o)
	return nil
}

// cutting counts.
type cutting struct {
	*rig
	left                           atomic.Int64
	before, during, after, revived atomic.Int64 // accepted
	asked, unable                  atomic.Int64 // began after the return; of these, answered 5xx or 429
	repeated                       atomic.Int64 // calls that were not answered with success at first

	mu           sync.Mutex
	calls, bases []time.Duration
	wrong        []string
}

// leave suspends one person so many times, as long as any are left.
func (c *cutting) leave(ctx context.Context, p *person, times int) error {
	p.http.Transport = anywhere{c.nodes}
	base, err := openBaseline(ctx, c.house)
	if err != nil {
		return err
	}
	defer base.close()
	if err := p.beSignedIn(ctx); err != nil {
		return err
	}
	row, err := c.house.sessionOf(ctx, p)
	if err != nil {
		return err
	}
	for n := range times {
		left := c.left.Add(-1)
		if left < 0 {
			return nil
		}
		if left > 0 && left%1000 == 0 {
			fmt.Fprintf(os.Stderr, "bench:   %d suspensions are left\n", left)
		}
		comeIn := func() error { return p.given(ctx, row) }
		if n%signInEvery == signInEvery-1 {
			comeIn = func() error { return p.beSignedIn(ctx) }
		}
		if err := c.patiently(ctx, comeIn); err != nil {
			return err
		}
		if err := c.round(ctx, p, base); err != nil {
			return err
		}
	}
	return nil
}

// round is one suspension with everything around it.
func (c *cutting) round(ctx context.Context, p *person, base *baseline) error {
	var h *holding
	err := c.patiently(ctx, func() (err error) {
		h, err = p.holding(ctx)
		return err
	})
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	var called, returned atomic.Bool
	var polling sync.WaitGroup
	ready := make(chan struct{})
	polling.Go(func() { c.poll(ctx, h, &called, &returned, ready, stop) })
	<-ready

	alone, err := base.measure(ctx)
	if err != nil {
		return err
	}
	called.Store(true)
	var took time.Duration
	err = c.patiently(ctx, func() error {
		start := time.Now()
		_, err := c.anywhere().Suspend(ctx, p.name, "bench")
		took = time.Since(start)
		return err
	})
	if err == nil {
		returned.Store(true)
		c.tryAll(ctx, h)
	}
	close(stop)
	polling.Wait()
	if err != nil {
		return err
	}
	err = c.patiently(ctx, func() error {
		_, err := c.anywhere().Restore(ctx, p.name)
		return err
	})
	if err != nil {
		return err
	}
	// What was cut stays dead when the person may come in again.
	for _, use := range h.uses() {
		if said := use(ctx, c.nodes[mathrand.IntN(len(c.nodes))]); said.yes {
			c.revived.Add(1)
			c.blame("accepted after the restore: " + said.what)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls, c.bases = append(c.calls, took), append(c.bases, alone)
	return nil
}

// patiently tries again what a house under this load could not do in time, a
// few times, and counts it. A suspension that was not answered with success has
// promised nothing.
func (c *cutting) patiently(ctx context.Context, do func() error) (err error) {
	for range 5 {
		if err = do(); err == nil || ctx.Err() != nil {
			return err
		}
		c.repeated.Add(1)
		time.Sleep(200 * time.Millisecond)
	}
	return err
}

// poll uses what the person holds, here and there, until stop; ready is closed
// when each thing was accepted once.
func (c *cutting) poll(ctx context.Context, h *holding, called, returned *atomic.Bool, ready, stop chan struct{}) {
	uses := h.uses()
	for i := 0; ; i++ {
		if i == len(uses) {
			close(ready)
		}
		select {
		case <-stop:
			return
		default:
		}
		meanwhile, after := called.Load(), returned.Load() // before the request begins
		said := uses[i%len(uses)](ctx, c.nodes[mathrand.IntN(len(c.nodes))])
		switch {
		case after:
			c.count(said)
		case said.yes && meanwhile:
			c.during.Add(1)
		case said.yes:
			c.before.Add(1)
		}
	}
}

// tryAll tries everything, on every node what can be tried more than once.
func (c *cutting) tryAll(ctx context.Context, h *holding) {
	for _, n := range c.nodes {
		for _, use := range h.uses()[:3] {
			c.count(use(ctx, n))
		}
	}
	for _, use := range append(h.uses()[3:], h.once()...) {
		c.count(use(ctx, c.nodes[mathrand.IntN(len(c.nodes))]))
	}
}

// count is of a request that began after the return.
func (c *cutting) count(said answer) {
	c.asked.Add(1)
	switch {
	case said.yes:
		c.after.Add(1)
		c.blame("accepted after the return: " + said.what)
	case said.unable:
		c.unable.Add(1)
	}
}

func (c *cutting) blame(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrong = append(c.wrong, what)
}

func (c *cutting) report(o options) {
	c.find(fmt.Sprintf("requests accepted that began after the return of one of %d suspensions, three nodes", o.cuts),
		fmt.Sprintf("%d of %d", c.after.Load(), c.asked.Load()), "0", c.after.Load() == 0)
	c.find("passes of before accepted after the restore", fmt.Sprint(c.revived.Load()), "0", c.revived.Load() == 0)
	c.tell("accepted meanwhile: before the call, during it", fmt.Sprintf("%d, %d", c.before.Load(), c.during.Load()))
	c.tell("of those after the return: answered 429 or 5xx", fmt.Sprint(c.unable.Load()))
	c.tell("calls that the house could not do in time, and that were repeated", fmt.Sprint(c.repeated.Load()))
	slices.Sort(c.wrong)
	for _, w := range slices.Compact(c.wrong) {
		c.tell("WRONG", w)
	}
	call, alone := percentiles(c.calls), percentiles(c.bases)
	c.tell("suspend call under that load", call.String())
	c.tell("one transaction and one Redis call under that load", alone.String())
}

// given is signed in by a copy of the session row, with a secret of its own
// and the person's epoch of now.
func (p *person) given(ctx context.Context, row string) error {
	secret := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(secret))
	columns, err := p.house.columns(ctx, "sessions")
	if err != nil {
		return err
	}
	now := fmt.Sprint(time.Now().UnixMicro())
	change := map[string]string{
		"id": "'ses_" + strings.ToLower(rand.Text()) + "'", "secret_hash": "'" + hex.EncodeToString(sum[:]) + "'", "epoch": "u.epoch",
		"auth_time": now, "created_at": now, "last_seen_at": now, "expires_at": now + " + r.expires_at - r.created_at",
	}
	values := make([]string, len(columns))
	for i, column := range columns {
		if values[i] = change[column]; values[i] == "" {
			values[i] = "r." + column
		}
	}
	_, err = p.house.db.ExecContext(ctx, fmt.Sprintf(`INSERT INTO sessions (%s) SELECT %s FROM sessions r JOIN users u ON u.id = r.user_id
		WHERE r.id = $1`, strings.Join(columns, ", "), strings.Join(values, ", ")), row)
	p.forget()
	house, parseErr := url.Parse(p.house.url)
	if parseErr == nil {
		p.http.Jar.SetCookies(house, []*http.Cookie{{Name: "gatehouse", Value: secret}})
	}
	return errors.Join(err, parseErr)
}

// sessionOf is the ID of the one session that the person has.
func (h *house) sessionOf(ctx context.Context, p *person) (string, error) {
	live, err := h.api().Sessions(ctx, p.name)
	if err != nil {
		return "", err
	}
	if len(live) != 1 {
		return "", fmt.Errorf("%s has %d sessions", p.name, len(live))
	}
	return live[0].ID, nil
}
