package storetest

import (
	"slices"
	"time"

	"gatehouse/idp"
)

// signIn starts a session that has been in the app twenty minutes ago.
func (h *house) signIn(u idp.User, a idp.App) idp.Session {
	h.Helper()
	s := h.session(u)
	p, acc := h.participant(s, a)
	p.LastAnswerAt = h.now.Add(-20 * time.Minute)
	_, _, err := h.RecordAssertion(h.ctx, s.Proof, p, acc)
	h.ok(err)
	return s
}

// endSession ends one session and returns the receipt's head.
func (h *house) endSession(s idp.Session) idp.Receipt {
	h.Helper()
	e := h.ending(idp.EndSession, s.UserID)
	e.SessionID = s.ID
	h.commit(idp.Change{Ending: e})
	r, err := h.Receipt(h.ctx, e.ReceiptID)
	h.ok(err)
	return r
}

// about is the line of a session, or ("") of the whole person, as it stands.
func (h *house) about(r idp.Receipt, a idp.App, s idp.SessionID, state idp.DeliveryState) idp.Delivery {
	d := h.line(r, a)
	d.SessionID, d.State = s, state
	if state.Final() {
		d.FinishedAt = h.now
	}
	return d
}

func (h *house) cut(r idp.Receipt) []idp.SessionID {
	h.Helper()
	page, _, err := h.CutParticipants(h.ctx, r, "", 100)
	h.ok(err)
	var ids []idp.SessionID
	for _, p := range page {
		ids = append(ids, p.SessionID)
	}
	return ids
}

// testCutUnconfirmed suspends people of whom an older receipt has told the
// app already: heard or not is the difference.
func testCutUnconfirmed(h *house) {
	a := h.app("wiki")
	for _, c := range []struct {
		name  string
		whole bool // the older line is of the whole person
		state idp.DeliveryState
		again bool
	}{
		{"superseded", false, idp.DeliverySuperseded, true},
		{"failed", false, idp.DeliveryFailed, true},
		{"retrying", false, idp.DeliveryRetrying, true},
		{"sent", false, idp.DeliveryPending, true},
		{"alive", false, idp.DeliveryAlive, true},
		{"whole-failed", true, idp.DeliveryFailed, true},
		{"acknowledged", false, idp.DeliveryAcknowledged, false},
		{"verified", false, idp.DeliveryVerified, false},
		{"ended", false, idp.DeliveryEnded, false},
	} {
		u := h.user(c.name)
		h.grant(u, a)
		s := h.signIn(u, a)
		about := s.ID
		if c.whole {
			about = ""
		}
		r := h.suspend(u)
		h.list(r, true, h.about(r, a, about, c.state))
		second := h.suspend(u)
		h.list(second, true)
		if got := slices.Contains(h.cut(second), s.ID); got != c.again {
			h.Errorf("%s: cut again: %v, want %v", c.name, got, c.again)
		}
	}

	// A session that was ended alone, whose app has not heard of it yet.
	u := h.user("ada")
	h.grant(u, a)
	s, other := h.signIn(u, a), h.signIn(u, a)
	r := h.endSession(s)
	h.list(r, true, h.about(r, a, s.ID, idp.DeliveryRetrying))
	second := h.suspend(u)
	h.list(second, true, h.about(second, a, s.ID, idp.DeliveryAcknowledged), h.about(second, a, other.ID, idp.DeliveryAcknowledged))
	if got := h.cut(second); len(got) != 2 {
		h.Errorf("cut %v, want both sessions", got)
	}
	// Then it has: the older line says nothing any more.
	third := h.suspend(u)
	h.list(third, true)
	if got := h.cut(third); len(got) != 0 {
		h.Errorf("cut %v again though the app has confirmed it since", got)
	}
	// What is ended alone cuts nothing else.
	h.same([]idp.SessionID(nil), h.cut(h.endSession(s)))
}

func testTriedHoldsUpNothing(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	r1 := h.suspend(u)
	old := h.line(r1, a)
	h.list(r1, true, old)
	r2 := h.suspend(u)
	next := h.line(r2, a)
	h.list(r2, true, next)
	claim := func() []idp.Delivery {
		h.Helper()
		got, err := h.ClaimDeliveries(h.ctx, "w", h.now, time.Minute, 10, 5)
		h.ok(err)
		return got
	}
	first := claim()
	if len(first) != 1 || first[0].ID != old.ID {
		h.Fatalf("claimed %+v, want the older line alone", first)
	}
	h.same(0, len(claim()))
	old.State, old.Attempts, old.NextAt = idp.DeliveryRetrying, 1, h.now.Add(time.Hour)
	h.ok(h.SaveDelivery(h.ctx, old, "w"))
	if got := claim(); len(got) != 1 || got[0].ID != next.ID {
		h.Errorf("claimed %+v, want the newer line: the older one had its turn", got)
	}
}

func testRestoreTakesBackSuspensions(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	h.grant(u, a)
	s := h.signIn(u, a)
	one := h.endSession(s)
	h.list(one, false, h.about(one, a, s.ID, idp.DeliveryRetrying))
	h.list(one, true)
	passes := h.ending(idp.EndPasses, u.ID)
	h.commit(idp.Change{Ending: passes})
	fresh, err := h.Receipt(h.ctx, passes.ReceiptID)
	h.ok(err)
	h.list(fresh, false, h.about(fresh, a, "", idp.DeliveryPending))
	h.list(fresh, true)
	late := h.endSession(s)
	all := h.suspend(u)
	suspended := h.about(all, a, s.ID, idp.DeliveryRetrying)
	got, _, err := h.ClaimReceipt(h.ctx, "early", h.now, 2*time.Hour)
	h.ok(err)
	h.same(late.ID, got.ID)
	h.list(all, true, suspended)
	h.restore(u.ID)
	// Listed after the restore, and still true.
	h.ok(h.ListPage(h.ctx, late.ID, "early", []idp.Delivery{h.about(late, a, s.ID, idp.DeliveryPending)}, "", true, h.now))
	for r, want := range map[idp.ReceiptID]idp.DeliveryState{one.ID: idp.DeliveryRetrying, fresh.ID: idp.DeliveryPending,
		late.ID: idp.DeliveryPending, all.ID: idp.DeliverySuperseded} {
		lines, err := h.Deliveries(h.ctx, r)
		h.ok(err)
		if len(lines) != 1 || lines[0].State != want {
			h.Errorf("lines %+v, want one that is %s", lines, want)
		}
	}
}

func testRestoreTakesBackWhatIsOpen(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	r := h.suspend(u)
	states := []idp.DeliveryState{idp.DeliveryPending, idp.DeliveryRetrying, idp.DeliveryAlive, idp.DeliveryAcknowledged,
		idp.DeliveryVerified, idp.DeliveryFailed, idp.DeliveryManual, idp.DeliveryEnded}
	was := map[idp.DeliveryID]idp.DeliveryState{}
	var lines []idp.Delivery
	for _, state := range states {
		d := h.line(r, a)
		if d.State = state; state.Final() {
			d.FinishedAt = h.now
		}
		was[d.ID], lines = state, append(lines, d)
	}
	h.list(r, true, lines...)
	flying, err := h.ClaimDeliveries(h.ctx, "w", h.now, time.Minute, 10, 10)
	h.ok(err)
	h.same(2, len(flying)) // the one to be sent and the one to be tried again
	h.restore(u.ID)
	got, err := h.Deliveries(h.ctx, r.ID)
	h.ok(err)
	for _, d := range got {
		want := was[d.ID]
		if !want.Final() {
			want = idp.DeliverySuperseded
		}
		if d.State != want || d.FinishedAt.IsZero() {
			h.Errorf("a line that was %s is %s", was[d.ID], d.State)
		}
	}
	// The message was on its way: what came of it is said, and nothing else changes.
	d := flying[0]
	d.State, d.Attempts, d.FirstSentAt, d.AckedAt, d.LatencyMS, d.Answer, d.FinishedAt = idp.DeliveryAcknowledged, d.Attempts+1, h.now, h.now, 40, "It answered 200 OK.", h.now
	h.is(h.SaveDelivery(h.ctx, d, "w"), idp.Conflict)
	late := d
	late.Answer = "said twice"
	h.is(h.SaveDelivery(h.ctx, late, "w"), idp.Conflict)
	after, err := h.Delivery(h.ctx, d.ID)
	h.ok(err)
	d.State, d.FinishedAt = idp.DeliverySuperseded, after.FinishedAt
	h.same(d, after)
}
