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
		"a link for a new password":         a.link(a.user("carla", secret), idp.LinkPassword),
		"a link that recovery sent by mail": a.link(a.user("dora", secret), idp.LinkRecovery),
	} {
		wins(what, func(h *house, i int) error {
			return h.set(t.Context(), l, fmt.Sprintf("a password of try %d", i), "")
		})
	}
}
