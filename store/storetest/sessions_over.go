package storetest

import (
	"time"

	"gatehouse/idp"
)

// testExpiredSessions: a session that has run out is found until it is ended or
// settled; its ending tells the apps, and leaves what was asked for to be kept.
func testExpiredSessions(h *house) {
	u, grace, a := h.user("ada"), h.user("grace"), h.app("wiki")
	h.grant(u, a)
	h.grant(grace, a)
	over, idle, left, suspended := h.session(u), h.session(u), h.session(u), h.session(grace)
	offline := h.family(over, a, true)
	h.family(suspended, a, false)
	out := h.ending(idp.EndSession, u.ID)
	out.SessionID, out.SignedOut = left.ID, true
	h.commit(idp.Change{Ending: out})
	h.suspend(grace)

	whole, cut, err := h.ExpiredSessions(h.ctx, h.now.Add(time.Hour-time.Second), 10)
	h.ok(err)
	h.same(0, len(whole)+len(cut))
	// Not while it is alive for a node whose clock is a little behind.
	whole, cut, err = h.ExpiredSessions(h.ctx, h.now.Add(time.Hour+2*time.Second), 10)
	h.ok(err)
	h.same(0, len(whole)+len(cut))
	later := h.now.Add(time.Hour + 11*time.Minute)
	whole, cut, err = h.ExpiredSessions(h.ctx, later, 10)
	h.ok(err)
	h.same([]int{2, 1}, []int{len(whole), len(cut)})
	h.same(suspended.ID, cut[0].ID)
	some, _, err := h.ExpiredSessions(h.ctx, later, 1)
	h.ok(err)
	if len(some) > 1 {
		h.Errorf("%d sessions, one was asked for", len(some))
	}

	h.Now = func() time.Time { return later }
	e := h.ending(idp.EndSession, u.ID)
	e.SessionID, e.Expired, e.At = over.ID, true, later
	h.commit(idp.Change{Ending: e})
	r, err := h.Receipt(h.ctx, e.ReceiptID)
	h.ok(err)
	told, _, err := h.CutParticipants(h.ctx, r, "", 10)
	h.ok(err)
	h.same(1, len(told))
	h.same(over.ID, told[0].SessionID)
	cutFamilies, err := h.CutFamilies(h.ctx, r)
	h.ok(err)
	h.same(0, len(cutFamilies))
	ended, err := h.SessionByID(h.ctx, over.ID)
	h.ok(err)
	h.same("expired", ended.EndedBy)
	_, err = h.Rotate(h.ctx, offline.ID, offline.Proof, 1, h.now.Add(time.Second), time.Second)
	h.ok(err)

	h.ok(h.SettleSessions(h.ctx, []idp.SessionID{idle.ID, suspended.ID}, later))
	h.ok(h.SettleSessions(h.ctx, nil, later))
	whole, cut, err = h.ExpiredSessions(h.ctx, later, 10)
	h.ok(err)
	h.same(0, len(whole)+len(cut))
}

// testRenewedSession: whoever has seen that it ran out neither ends nor settles
// what was renewed since; and what was settled too early counts anew.
func testRenewedSession(h *house) {
	u := h.user("ada")
	s := h.session(u)
	renew := func(until time.Time) {
		h.Helper()
		in := idp.SignIn{ID: idp.NewSignInID(), CreatedAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
		h.ok(h.CreateSignIn(h.ctx, in))
		in.Proof, in.Methods, in.AuthTime = s.Proof, []string{"pwd"}, h.now
		h.ok(h.ProveSignIn(h.ctx, in, h.now, idp.Witness{}))
		s.LastSeenAt, s.AuthTime, s.ExpiresAt = h.now, h.now, until
		_, err := h.RenewSession(h.ctx, s, string(idp.NewSessionID()), in.ID)
		h.ok(err)
	}
	found := func(at time.Time) int {
		h.Helper()
		whole, cut, err := h.ExpiredSessions(h.ctx, at, 10)
		h.ok(err)
		return len(whole) + len(cut)
	}
	seen := s.ExpiresAt.Add(time.Minute)
	h.same(1, found(seen))
	renew(h.now.Add(5 * time.Hour))
	h.ok(h.SettleSessions(h.ctx, []idp.SessionID{s.ID}, seen))
	h.same(1, found(h.now.Add(6*time.Hour)))
	e := h.ending(idp.EndSession, u.ID)
	e.SessionID, e.Expired, e.At = s.ID, true, seen
	_, err := h.Commit(h.ctx, idp.Change{Ending: e})
	h.is(err, idp.Conflict)
	_, err = h.Receipt(h.ctx, e.ReceiptID)
	h.is(err, idp.NotFound)
	kept, err := h.SessionByID(h.ctx, s.ID)
	h.ok(err)
	h.same(time.Time{}, kept.EndedAt)

	// Settled by a node whose clock is hours ahead.
	h.ok(h.SettleSessions(h.ctx, []idp.SessionID{s.ID}, h.now.Add(7*time.Hour)))
	h.same(0, found(h.now.Add(8*time.Hour)))
	renew(h.now.Add(9 * time.Hour))
	h.same(1, found(h.now.Add(10*time.Hour)))
	e.At = h.now.Add(10 * time.Hour)
	h.commit(idp.Change{Ending: e})
	h.same(e.ReceiptID, h.commit(idp.Change{Ending: e}).ReceiptID) // the same wish again
}

// testCutRightAfterExpiry: who is suspended before anybody has seen that the
// session ran out is listed; one that was over for long is not.
func testCutRightAfterExpiry(h *house) {
	for _, c := range []struct {
		name  string
		after time.Duration
		told  int
	}{{"ada", time.Minute, 1}, {"grace", 11 * time.Minute, 0}} {
		u, a := h.user(c.name), h.app("wiki of "+c.name)
		h.grant(u, a)
		s := h.session(u)
		h.family(s, a, false)
		h.Now = func() time.Time { return s.ExpiresAt.Add(c.after) }
		told, _, err := h.CutParticipants(h.ctx, h.suspend(u), "", 10)
		h.ok(err)
		h.same(c.told, len(told))
	}
}
