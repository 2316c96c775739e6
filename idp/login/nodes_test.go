package login

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

// twoNodes are two of one house on PostgreSQL, each with connections, a gate, a
// hasher and limits of its own.
func twoNodes(t *testing.T) [2]*house {
	t.Helper()
	dsn := storetest.PostgresDSN(t)
	c := &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	var nodes [2]*house
	for i := range nodes {
		s, err := store.Open(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		nodes[i] = newNode(t, s, c)
		nodes[i].havePasskeys()
	}
	return nodes
}

// TestOfManyOnTwoNodesOneWins: what can be used once is used 64 times at once,
// half of them at each node (MF-03, MF-05, WA-03, PR-03). Too many tries of one
// person's codes are refused before anybody looks at them, and on a busy machine
// some wait too long for the row; of the others one wins.
func TestOfManyOnTwoNodesOneWins(t *testing.T) {
	t.Parallel()
	nodes := twoNodes(t)
	a := nodes[0]
	wins := func(what string, use func(h *house, i int) error) {
		t.Helper()
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				err := use(nodes[i%2], i)
				switch idp.KindOf(err) {
				case idp.Unauthenticated, idp.Throttled, idp.Conflict, idp.Unavailable:
					return
				}
				if err != nil {
					t.Errorf("%s, %d: %v", what, i, err)
					return
				}
				won.Add(1)
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%s: %d of 64 won", what, won.Load())
		}
	}

	p, recovery := a.sets(a.user("ada", secret))
	halves := func() (tries [8]idp.SignIn) {
		for i := range tries {
			tries[i] = nodes[i%2].half("ada")
		}
		return tries
	}
	tries, code := halves(), p.code()
	wins("a code of an authenticator app", func(h *house, i int) error { _, err := h.Code(t.Context(), tries[i%8], code); return err })
	a.clock.pass(2 * time.Hour)
	tries = halves()
	wins("a recovery code", func(h *house, i int) error { _, err := h.Code(t.Context(), tries[i%8], recovery[0]); return err })

	grace, d := a.user("grace", ""), newDevice()
	a.enrol(grace, d)
	in := a.begin()
	c := a.offer(in)
	answer := d.use(t, c)
	wins("a challenge for a passkey", func(h *house, _ int) error { _, err := h.Passkey(t.Context(), in, c.State, answer); return err })

	for _, h := range nodes {
		h.mailRecovers()
	}
	for what, l := range map[string]idp.Link{
		"a link of an invitation":           a.link(a.user("berta", ""), idp.LinkPassword),
		"a link for a new password":         a.link(a.user("carla", secret), idp.LinkReset),
		"a link that recovery sent by mail": a.link(a.user("dora", secret), idp.LinkRecovery),
	} {
		wins(what, func(h *house, i int) error {
			return h.set(t.Context(), l, fmt.Sprintf("a password of try %d", i), "")
		})
	}
}

// TestMF03ACodeIsSpentOnceOverTwoNodes: also where all 64 are looked at, since none was
// refused for there being too many, one of them proves something.
func TestMF03ACodeIsSpentOnceOverTwoNodes(t *testing.T) {
	t.Parallel()
	nodes := twoNodes(t)
	a := nodes[0]
	p, recovery := a.sets(a.user("ada", secret))
	a.clock.pass(time.Hour)
	for what, code := range map[string]string{"an authenticator app": p.code(), "recovery": recovery[0]} {
		var tries [8]idp.SignIn
		for i := range tries {
			tries[i] = nodes[i%2].half("ada")
		}
		var won, used atomic.Int64
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				_, err := nodes[i%2].tryCode(t.Context(), tries[i%8], code, tally{})
				switch {
				case err == nil:
					won.Add(1)
				case idp.IsKind(err, idp.Unauthenticated):
					used.Add(1)
				case !idp.IsKind(err, idp.Unavailable): // it waited too long for the row
					t.Errorf("a code of %s: %v", what, err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || used.Load() < 32 {
			t.Errorf("a code of %s: %d of 64 won, %d were told that it was used", what, won.Load(), used.Load())
		}
	}
}

// TestBF05GuessesOfCodesAreCountedOverNodes: 20 guesses, of both kinds by turns, each in
// a sign-in of its own, at two nodes by turns and then at one that was started anew, are
// counted for the person; the right code is refused while that lasts, everywhere.
func TestBF05GuessesOfCodesAreCountedOverNodes(t *testing.T) {
	t.Parallel()
	nodes := twoNodes(t)
	a := nodes[0]
	p, recovery := a.sets(a.user("ada", secret))
	limit, looked := perCode()[0].tries, 0
	for i := range 20 {
		h := nodes[i%2]
		_, err := h.Code(t.Context(), h.half("ada"), []string{"000000", "BBBB-BBBB-BBBB"}[i/2%2])
		switch {
		case idp.IsKind(err, idp.Unauthenticated):
			looked++
		case !idp.IsKind(err, idp.Throttled):
			t.Errorf("guess %d: %v", i, err)
		}
	}
	if looked != limit {
		t.Errorf("%d of 20 guesses were looked at, want %d", looked, limit)
	}
	anew := newNode(t, a.store, a.clock)
	for _, h := range []*house{nodes[0], nodes[1], anew} {
		for _, code := range []string{p.code(), recovery[0]} {
			_, err := h.Code(t.Context(), h.half("ada"), code)
			h.is(err, idp.Throttled)
		}
	}
	a.clock.pass(perCode()[0].window)
	_, err := nodes[1].Code(t.Context(), nodes[1].half("ada"), recovery[0])
	a.ok(err)
}

// TestBF04OneAddressOverTwoNodes: of 5,000 names that one address tries with one
// password at two nodes within an hour, at most one in a hundred is looked at; from a
// whole /24 hardly more.
func TestBF04OneAddressOverTwoNodes(t *testing.T) {
	t.Parallel()
	nodes := twoNodes(t)
	ins := [2]idp.SignIn{nodes[0].begin(), nodes[1].begin()}
	tries := func(n int, address func(i int) string) (looked int64) {
		for i := range n {
			h := nodes[i%2]
			looked += h.hashes(func() {
				if _, err := h.Password(h.from(address(i)), ins[i%2], fmt.Sprint("user", i), secret); err == nil {
					t.Error("signed in")
				}
			})
			if n > 1000 && i%5 == 0 {
				h.clock.pass(time.Second)
			}
		}
		return looked
	}
	if n := tries(5000, func(int) string { return "192.0.2.1" }); n < namesAtAddress || n > 50 {
		t.Errorf("one address: %d of 5,000 were looked at", n)
	}
	if n := tries(1000, func(i int) string { return fmt.Sprintf("198.51.100.%d", i%256) }); n < namesAtNetwork || n > 75 {
		t.Errorf("one /24: %d of 1,000 were looked at", n)
	}
}
