package store_test

import (
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

// TestF13NobodyTakesAClaimByAWrongClock: how long work is held, and how long is
// waited for what was in flight when everybody was cut, is the same on every
// node, whatever its clock says.
func TestF13NobodyTakesAClaimByAWrongClock(t *testing.T) {
	t.Parallel()
	dsn := storetest.PostgresDSN(t)
	ctx := t.Context()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	right, ahead, behind := nodes(t, dsn)
	end := func(s *store.Store) {
		t.Helper()
		_, err := s.Commit(ctx, idp.Change{Ending: &idp.Ending{Kind: idp.EndBefore, Key: string(idp.NewReceiptID()), ReceiptID: idp.NewReceiptID(), At: idp.Time(s.Now())}})
		ok(err)
	}
	claims := func(s *store.Store, hand string, later time.Duration) bool {
		t.Helper()
		_, _, err := s.ClaimReceipt(ctx, hand, idp.Time(s.Now().Add(later)), 30*time.Second)
		if err != nil && !idp.IsKind(err, idp.NotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	for name, s := range map[string]*store.Store{"right": right, "ahead": ahead, "behind": behind} {
		end(s)
		if claims(ahead, "a", 0) || claims(right, "r", 0) || claims(behind, "b", 0) {
			t.Errorf("cut by the node whose clock is %s: listed before what was in flight is over", name)
		}
		if !claims(right, "r", 10*time.Second) {
			t.Errorf("cut by the node whose clock is %s: not listed ten seconds later", name)
		}
		if claims(ahead, "a", 20*time.Second) || claims(behind, "b", 20*time.Second) {
			t.Errorf("cut by the node whose clock is %s: what one node lists is taken by another", name)
		}
		if !claims(ahead, "a", time.Minute) {
			t.Errorf("cut by the node whose clock is %s: a claim of a dead node does not run out", name)
		}
	}
	_, err := right.Position(ctx, "right", true)
	ok(err)
	for name, s := range map[string]*store.Store{"ahead": ahead, "behind": behind} {
		for since, want := range map[time.Duration]int{-time.Minute: 1, time.Minute: 0} {
			if n, err := s.RedisNodes(ctx, name, s.Now().Add(since)); err != nil || n != want {
				t.Errorf("seen since %s from now, by the node whose clock is %s: %d nodes with a Redis, %v; want %d", since, name, n, err, want)
			}
		}
	}
}

// nodes are three of a house, each sure of its own clock: two are an hour off.
func nodes(t *testing.T, dsn string) (right, ahead, behind *store.Store) {
	t.Helper()
	node := func(name string, wrong time.Duration) *store.Store {
		s := opened(t, dsn)
		s.Now = func() time.Time { return time.Now().Add(wrong) }
		if _, err := s.Position(t.Context(), name, false); err != nil {
			t.Fatal(err)
		}
		return s
	}
	return node("right", 0), node("ahead", time.Hour), node("behind", -time.Hour)
}

// TestNoSessionRunsOutByAWrongClock: apps are told of what has run out by the
// clock that all nodes share.
func TestNoSessionRunsOutByAWrongClock(t *testing.T) {
	t.Parallel()
	dsn := storetest.PostgresDSN(t)
	ctx := t.Context()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	right, ahead, behind := nodes(t, dsn)
	generation, err := right.Generation(ctx)
	ok(err)
	now := idp.Time(time.Now())
	u := idp.User{ID: idp.NewUserID(), Username: "ada", DisplayName: "Ada", Role: idp.RoleEmployee, Status: idp.UserActive, Epoch: 1, CreatedAt: now, UpdatedAt: now}
	_, err = right.Commit(ctx, idp.Change{Users: []idp.User{u}})
	ok(err)
	for _, lasts := range []time.Duration{30 * time.Minute, time.Minute} {
		ses := idp.Session{ID: idp.NewSessionID(), Proof: idp.Proof{UserID: u.ID, Epoch: 1, Generation: generation},
			AuthTime: now.Add(-2 * time.Minute), CreatedAt: now.Add(-2 * time.Minute), LastSeenAt: now, ExpiresAt: now.Add(lasts - 2*time.Minute)}
		ok(right.StartSession(ctx, ses, string(ses.ID), ""))
	}
	for name, s := range map[string]*store.Store{"right": right, "ahead": ahead, "behind": behind} {
		if whole, _, err := s.ExpiredSessions(ctx, idp.Time(s.Now()), 10); err != nil || len(whole) != 1 {
			t.Errorf("by the node whose clock is %s: %d of two sessions have run out, %v; want 1", name, len(whole), err)
		}
	}
}
