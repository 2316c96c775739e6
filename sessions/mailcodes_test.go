package sessions_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/sessions"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

// TestMF03AMailedCodeIsSpentOnceOverTwoNodes: each node with connections of its
// own, 64 at once, and none of those who lose gets more than a refusal.
func TestMF03AMailedCodeIsSpentOnceOverTwoNodes(t *testing.T) {
	t.Parallel()
	dsn := storetest.PostgresDSN(t)
	var nodes []*sessions.Gate
	var w *world
	for range 2 {
		s, err := store.Open(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if w == nil {
			w = newWorld(t, s)
		}
		nodes = append(nodes, &sessions.Gate{Backend: s, Now: func() time.Time { return w.now }, Idle: time.Hour, Absolute: 12 * time.Hour})
	}
	for round := range 10 {
		in := w.begun()
		_, err := w.gate.NewMailCode(w.ctx, w.proof(), in.ID, "right")
		w.must(err)
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				proof, err := nodes[i%2].MailCode(w.ctx, in, "right")
				if err == nil {
					_, err = nodes[i%2].Prove(w.ctx, in, proof, idp.Witness{MailCode: "right"}, "mail")
				}
				switch {
				case err == nil && proof == w.proof():
					won.Add(1)
				case !idp.IsKind(err, idp.Unauthenticated):
					t.Errorf("%+v, %v", proof, err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Fatalf("round %d: %d of 64 won", round, won.Load())
		}
	}
	// Wrong ones at once: no more than five are looked at.
	in := w.begun()
	_, err := w.gate.NewMailCode(w.ctx, w.proof(), in.ID, "right")
	w.must(err)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() { _, _ = nodes[i%2].MailCode(w.ctx, in, "wrong") })
	}
	all.Wait()
	if _, err := nodes[0].MailCode(w.ctx, in, "right"); !idp.IsKind(err, idp.Unauthenticated) {
		t.Errorf("the right code after 64 wrong ones: %v", err)
	}
}
