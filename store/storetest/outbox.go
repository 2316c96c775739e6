package storetest

import (
	"fmt"
	"time"

	"gatehouse/idp"
)

func (h *house) line(r idp.Receipt, a idp.App) idp.Delivery {
	return idp.Delivery{ID: idp.NewDeliveryID(), ReceiptID: r.ID, UserID: r.UserID, AppID: a.ID, Lever: idp.LeverBackchannel,
		NameID: idp.NameID{Value: "sub", Format: "f"}, SessionIndexes: []string{"a"}, State: idp.DeliveryPending,
		CreatedAt: h.now, NextAt: h.now}
}

// list adds lines to the receipt as a worker would.
func (h *house) list(r idp.Receipt, done bool, lines ...idp.Delivery) {
	h.Helper()
	got, _, err := h.ClaimReceipt(h.ctx, "lister", h.now.Add(time.Hour), 0)
	h.ok(err)
	h.same(r.ID, got.ID)
	h.ok(h.ListPage(h.ctx, r.ID, "lister", lines, "c", done, h.now))
}

// receiptWith makes a listed receipt with n lines over so many apps.
func (h *house) receiptWith(n, apps int) {
	h.Helper()
	r := h.suspend(h.user("ada"))
	var list []idp.App
	for i := range apps {
		list = append(list, h.app(fmt.Sprint("app", i)))
	}
	var lines []idp.Delivery
	for i := range n {
		lines = append(lines, h.line(r, list[i%apps]))
	}
	h.list(r, true, lines...)
}

func testCut(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	h.grant(u, a)
	with := func(u idp.User, answered time.Time) idp.Session {
		s := h.session(u)
		p, acc := h.participant(s, a)
		p.LastAnswerAt = answered
		_, _, err := h.RecordAssertion(h.ctx, s.Proof, p, acc)
		h.ok(err)
		return s
	}
	end := func(s idp.Session) idp.Receipt {
		e := h.ending(idp.EndSession, u.ID)
		e.SessionID = s.ID
		h.commit(idp.Change{Ending: e})
		r, err := h.Receipt(h.ctx, e.ReceiptID)
		h.ok(err)
		return r
	}
	cut := func(r idp.Receipt) []idp.SessionID {
		page, next, err := h.CutParticipants(h.ctx, r, "", 100)
		h.ok(err)
		h.same("", next)
		var ids []idp.SessionID
		for _, p := range page {
			ids = append(ids, p.SessionID)
		}
		return ids
	}
	long := h.now.Add(-20 * time.Minute)
	gone, live, fresh := with(u, long), with(u, long), with(u, h.now)
	h.same([]idp.SessionID{gone.ID}, cut(end(gone)))
	if got := cut(end(gone)); len(got) != 0 {
		h.Errorf("an ended session was cut again: %v", got)
	}
	r := h.suspend(u)
	got := cut(r)
	want := map[idp.SessionID]bool{live.ID: true, fresh.ID: true}
	if len(got) != 2 || !want[got[0]] || !want[got[1]] {
		h.Errorf("cut %v, want %v", got, want)
	}
	accounts, err := h.CutAccounts(h.ctx, r)
	h.ok(err)
	h.same(1, len(accounts))

	u = h.restore(u.ID)
	again := with(u, long)
	// Listed only now, it knows nothing of what they got since.
	crm := h.app("crm")
	h.grant(u, crm)
	door, later := h.participant(again, crm)
	door.LastAnswerAt, later.FirstSeenAt = long, r.CutAt.Add(time.Second)
	_, _, err = h.RecordAssertion(h.ctx, again.Proof, door, later)
	h.ok(err)
	accounts, err = h.CutAccounts(h.ctx, r)
	h.ok(err)
	h.same(1, len(accounts))
	got = cut(h.suspend(u))
	want = map[idp.SessionID]bool{again.ID: true, fresh.ID: true}
	if len(got) != 3 || !want[got[0]] || !want[got[1]] || !want[got[2]] { // again by two doors
		h.Errorf("the second suspension cut %v, want %v: older sessions only where an answer can still land", got, want)
	}
	sessions, err := h.Sessions(h.ctx, u.ID, h.now)
	h.ok(err)
	h.same(0, len(sessions))
}

func testClaims(h *house) {
	u, a, b := h.user("ada"), h.app("wiki"), h.app("crm")
	r1 := h.suspend(u)
	d1 := h.line(r1, a)
	h.list(r1, true, d1)
	lines, err := h.Deliveries(h.ctx, r1.ID)
	h.ok(err)
	h.same([]idp.Delivery{d1}, lines)
	r2 := h.suspend(u)
	d2, d3 := h.line(r2, a), h.line(r2, b)
	h.list(r2, false, d2)
	h.list(r2, true, d3)
	_, _, err = h.ClaimReceipt(h.ctx, "w", h.now.Add(time.Hour), time.Minute)
	h.is(err, idp.NotFound)

	claim := func(now time.Time) map[idp.DeliveryID]idp.Delivery {
		h.Helper()
		got, err := h.ClaimDeliveries(h.ctx, "w", now, time.Minute, 10, 5)
		h.ok(err)
		m := map[idp.DeliveryID]idp.Delivery{}
		for _, d := range got {
			m[d.ID] = d
		}
		return m
	}
	got := claim(h.now)
	if len(got) != 2 || got[d1.ID].ID == "" || got[d3.ID].ID == "" {
		h.Fatalf("claimed %v; the newer news for one app and user waits", got)
	}
	h.same(0, len(claim(h.now)))
	d1.State, d1.AckedAt, d1.FirstSentAt, d1.Attempts, d1.LatencyMS, d1.Answer = idp.DeliveryPending, h.now, h.now, 1, 12, "OK"
	d1.AgainAt, d1.NextAt = h.now.Add(4*time.Minute), h.now.Add(4*time.Minute)
	h.is(h.SaveDelivery(h.ctx, d1, "other"), idp.Conflict)
	h.ok(h.SaveDelivery(h.ctx, d1, "w"))
	h.is(h.SaveDelivery(h.ctx, d1, "w"), idp.Conflict)
	lines, err = h.Deliveries(h.ctx, r1.ID)
	h.ok(err)
	h.same([]idp.Delivery{d1}, lines)
	// Acknowledged, and only to be said again later: no longer in the way.
	if got := claim(h.now); len(got) != 1 || got[d2.ID].ID == "" {
		h.Errorf("claimed %v", got)
	}
	h.ok(h.ReleaseClaims(h.ctx, "w"))
	h.same(2, len(claim(h.now)))
	h.same(3, len(claim(h.now.Add(5*time.Minute)))) // the leases have run out, and d1 is due again
}

func testLines(h *house) {
	u, a, b := h.user("ada"), h.app("wiki"), h.app("crm")
	r := h.suspend(u)
	d := h.line(r, a)
	h.is(h.ListPage(h.ctx, r.ID, "nobody", []idp.Delivery{d}, "c", false, h.now), idp.Conflict)
	h.list(r, false, d)
	got, err := h.ClaimDeliveries(h.ctx, "w", h.now, time.Minute, 10, 5)
	h.ok(err)
	h.same(1, len(got))
	wider := d
	wider.SessionIndexes, wider.AgainAt, wider.Ceiling = []string{"b"}, h.now.Add(time.Minute), h.now.Add(time.Hour)
	h.list(r, false, wider)
	h.is(h.SaveDelivery(h.ctx, got[0], "w"), idp.Conflict) // it said less than it should
	lines, err := h.Deliveries(h.ctx, r.ID)
	h.ok(err)
	want := wider
	want.SessionIndexes = []string{"a", "b"}
	h.same([]idp.Delivery{want}, lines)

	// What an app was told of is all it can have shown to be gone, and a line in
	// one hand of a worker is not in its other.
	got, err = h.ClaimDeliveries(h.ctx, "w/1", h.now, time.Minute, 10, 5)
	h.ok(err)
	h.same(1, len(got))
	got[0].State, got[0].AckedAt, got[0].VerifiedAt, got[0].FinishedAt = idp.DeliveryVerified, h.now, h.now, h.now
	h.is(h.SaveDelivery(h.ctx, got[0], "w/2"), idp.Conflict)
	h.ok(h.SaveDelivery(h.ctx, got[0], "w/1"))
	h.list(r, false, wider)
	lines, err = h.Deliveries(h.ctx, r.ID)
	h.ok(err)
	h.same(idp.DeliveryVerified, lines[0].State)
	wider.SessionIndexes = []string{"c"}
	h.list(r, false, wider)
	lines, err = h.Deliveries(h.ctx, r.ID)
	h.ok(err)
	want.SessionIndexes, want.AckedAt = []string{"a", "b", "c"}, h.now
	h.same([]idp.Delivery{want}, lines)
	_, err = h.ClaimDeliveries(h.ctx, "w/3", h.now, time.Minute, 10, 5)
	h.ok(err)
	h.ok(h.ReleaseClaims(h.ctx, "w"))
	got, err = h.ClaimDeliveries(h.ctx, "ww/1", h.now, time.Minute, 10, 5)
	h.ok(err)
	h.same(1, len(got))

	alive := h.line(r, b)
	alive.State, alive.Lever, alive.Ceiling = idp.DeliveryAlive, idp.LeverNone, h.now.Add(time.Minute)
	proven := h.line(r, b)
	proven.SessionID, proven.State, proven.Lever = "ses_1", idp.DeliveryAlive, idp.LeverNone
	dead := h.line(r, b)
	dead.State, dead.FinishedAt = idp.DeliveryFailed, h.now
	h.list(r, false, alive, proven, dead)
	h.ok(h.RecordEvidence(h.ctx, b.ID, "ses_2", "refused", true, h.now))
	h.ok(h.RecordEvidence(h.ctx, b.ID, "ses_1", "refused", true, h.now))
	n, err := h.EndedByCeiling(h.ctx, h.now.Add(2*time.Minute))
	h.ok(err)
	h.same(1, n)
	alive.Ceiling = h.now.Add(time.Hour)
	h.list(r, false, alive) // a later page found a session that lives longer
	n, err = h.EndedByCeiling(h.ctx, h.now.Add(2*time.Hour))
	h.ok(err)
	h.same(1, n)
	n, err = h.DeadLetters(h.ctx)
	h.ok(err)
	h.same(1, n)

	h.restore(u.ID)
	late := h.line(r, a)
	h.list(r, true, late)
	states := map[idp.DeliveryID]idp.DeliveryState{}
	lines, err = h.Deliveries(h.ctx, r.ID)
	h.ok(err)
	for _, d := range lines {
		states[d.ID] = d.State
	}
	h.same(map[idp.DeliveryID]idp.DeliveryState{d.ID: idp.DeliverySuperseded, late.ID: idp.DeliverySuperseded,
		alive.ID: idp.DeliveryEnded, proven.ID: idp.DeliveryVerified, dead.ID: idp.DeliveryFailed}, states)
}

// testEvidence has tokens used after the cut, by their app and by whoever holds
// one, while lines are untold, told and out of reach of any lever.
func testEvidence(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	const untold, acked, again, beyond = 0, 1, 2, 3
	lines := func() []idp.Delivery {
		r := h.suspend(u)
		all := make([]idp.Delivery, 4)
		for i := range all {
			all[i] = h.line(r, a)
			all[i].SessionID = "ses_1"
		}
		all[acked].State, all[acked].AckedAt = idp.DeliveryRetrying, h.now // its probe says that more is open
		all[again].AckedAt, all[again].AgainAt = h.now, h.now.Add(time.Minute)
		all[beyond].Lever, all[beyond].State = idp.LeverNone, idp.DeliveryAlive
		h.list(r, true, all...)
		return all
	}
	stand := func(made []idp.Delivery) (states []idp.DeliveryState, evidence []string) {
		for _, d := range made {
			found, err := h.Delivery(h.ctx, d.ID)
			h.ok(err)
			h.same(found.State == idp.DeliveryVerified, !found.VerifiedAt.IsZero())
			states, evidence = append(states, found.State), append(evidence, found.Evidence)
		}
		return states, evidence
	}
	// Whoever holds the dead token proves nothing, however often.
	made := lines()
	at := h.now.UTC().Format("15:04:05Z")
	for _, what := range []string{"first", "second"} {
		h.ok(h.RecordEvidence(h.ctx, a.ID, "ses_1", what, false, h.now))
	}
	states, evidence := stand(made)
	h.same([]idp.DeliveryState{idp.DeliveryPending, idp.DeliveryRetrying, idp.DeliveryPending, idp.DeliveryAlive}, states)
	h.same("first, at "+at, evidence[untold])
	// The app proves what it was told, or cannot be.
	h.ok(h.RecordEvidence(h.ctx, a.ID, "ses_1", "asked", true, h.now))
	states, evidence = stand(made)
	h.same([]idp.DeliveryState{idp.DeliveryPending, idp.DeliveryVerified, idp.DeliveryPending, idp.DeliveryVerified}, states)
	h.same([]string{"first, at " + at, "asked", "first, at " + at, "asked"}, evidence)
	// What goes on keeps it on the line.
	due, err := h.ClaimDeliveries(h.ctx, "w", h.now, time.Minute, 10, 5)
	h.ok(err)
	for _, d := range due {
		d.Evidence, d.State, d.AckedAt, d.FinishedAt = "", idp.DeliveryAcknowledged, h.now, h.now
		h.ok(h.SaveDelivery(h.ctx, d, "w"))
	}
	states, evidence = stand(made)
	h.same(idp.DeliveryAcknowledged, states[untold])
	h.same("first, at "+at, evidence[untold])
}

// testFoundAgain lists a line again, on a later page, while it is in a worker's
// hands: where it says nothing new it stays there.
func testFoundAgain(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	r := h.suspend(u)
	line := h.line(r, a)
	h.list(r, false, line)
	held, err := h.ClaimDeliveries(h.ctx, "w", h.now, time.Minute, 10, 10)
	h.ok(err)
	h.same(1, len(held))
	h.list(r, false, line)
	held[0].State, held[0].Attempts, held[0].NextAt = idp.DeliveryRetrying, 1, h.now.Add(time.Minute)
	h.ok(h.SaveDelivery(h.ctx, held[0], "w"))
	held, err = h.ClaimDeliveries(h.ctx, "w", h.now.Add(time.Hour), time.Minute, 10, 10)
	h.ok(err)
	h.same(1, len(held))
	line.SessionIndexes = []string{"another"}
	h.list(r, true, line)
	h.is(h.SaveDelivery(h.ctx, held[0], "w"), idp.Conflict)
}
