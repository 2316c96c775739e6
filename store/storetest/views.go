package storetest

import (
	"fmt"
	"slices"
	"time"

	"gatehouse/idp"
)

// every walks the pages of a list.
func every[T any](h *house, page func(after string) ([]T, string, error)) (all []T) {
	h.Helper()
	for after := ""; ; {
		found, next, err := page(after)
		h.ok(err)
		all = append(all, found...)
		if after = next; after == "" {
			return all
		}
	}
}

// sessionsNow are the IDs that the query finds, three to a page.
func (h *house) sessionsNow(q idp.SessionQuery) (ids []idp.SessionID) {
	h.Helper()
	q.Limit = 3
	for _, s := range every(h, func(after string) ([]idp.Session, string, error) {
		q.After = after
		return h.SessionsNow(h.ctx, q, h.now)
	}) {
		ids = append(ids, s.ID)
	}
	return ids
}

func testSessionsNow(h *house) {
	ada, grace, gone := h.user("ada"), h.user("grace"), h.user("gone")
	wiki, crm := h.app("wiki"), h.app("crm")
	h.grant(ada, wiki)
	// from starts a session that began so long ago; the older, the sooner over.
	from := func(u idp.User, address string, ago time.Duration) idp.Session {
		s := h.newSession(h.proof(u))
		s.Address, s.CreatedAt, s.LastSeenAt, s.ExpiresAt = address, h.now.Add(-ago), h.now.Add(-ago/2), h.now.Add(12*time.Hour-ago)
		h.ok(h.StartSession(h.ctx, s, string(s.ID), ""))
		return s
	}
	a1, a2 := from(ada, "10.2.0.1", time.Minute), from(ada, "10.2.0.10", 2*time.Hour)
	g1, g2 := from(grace, "10.2.0.1", 3*time.Hour), from(grace, "2001:db8::1", 9*time.Hour)
	from(grace, "10.2.0.1", 13*time.Hour) // expired
	ended := from(ada, "10.2.0.1", time.Hour)
	e := h.ending(idp.EndSession, ada.ID)
	e.SessionID = ended.ID
	h.commit(idp.Change{Ending: e})
	from(gone, "10.2.0.1", time.Hour)
	h.suspend(gone)
	h.family(a2, wiki, false)

	for name, c := range map[string]struct {
		q    idp.SessionQuery
		want []idp.SessionID
	}{
		"all, newest first":       {idp.SessionQuery{}, []idp.SessionID{a1.ID, a2.ID, g1.ID, g2.ID}},
		"of a person":             {idp.SessionQuery{UserID: grace.ID}, []idp.SessionID{g1.ID, g2.ID}},
		"of somebody suspended":   {idp.SessionQuery{UserID: gone.ID}, nil},
		"from an address":         {idp.SessionQuery{Address: "10.2.0.1"}, []idp.SessionID{a1.ID, g1.ID}},
		"from a network":          {idp.SessionQuery{Address: "10.2.0.", Prefix: true}, []idp.SessionID{a1.ID, a2.ID, g1.ID}},
		"a prefix is no pattern":  {idp.SessionQuery{Address: "%", Prefix: true}, nil},
		"in an app":               {idp.SessionQuery{AppID: wiki.ID}, []idp.SessionID{a2.ID}},
		"in an app nobody opened": {idp.SessionQuery{AppID: crm.ID}, nil},
		"old":                     {idp.SessionQuery{Before: h.now.Add(-150 * time.Minute)}, []idp.SessionID{g1.ID, g2.ID}},
		"not idle":                {idp.SessionQuery{Idle: 2 * time.Hour}, []idp.SessionID{a1.ID, a2.ID, g1.ID}},
		"of a person from there":  {idp.SessionQuery{UserID: ada.ID, Address: "10.2.0.10"}, []idp.SessionID{a2.ID}},
		"of a person in an app":   {idp.SessionQuery{UserID: grace.ID, AppID: wiki.ID}, nil},
	} {
		if got := h.sessionsNow(c.q); !slices.Equal(got, c.want) {
			h.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if _, _, err := h.SessionsNow(h.ctx, idp.SessionQuery{After: "what is this"}, h.now); !idp.IsKind(err, idp.Invalid) {
		h.Errorf("a cursor that is none: %v", err)
	}
	opened, err := h.ParticipantsOf(h.ctx, []idp.SessionID{a1.ID, a2.ID})
	h.ok(err)
	if len(opened) != 1 || opened[0].SessionID != a2.ID || opened[0].AppID != wiki.ID {
		h.Errorf("opened %v", opened)
	}
	people, err := h.UsersByID(h.ctx, []idp.UserID{ada.ID, gone.ID, "usr_nobody"})
	h.ok(err)
	if len(people) != 2 || people[gone.ID].Username != "gone" {
		h.Errorf("people %v", people)
	}
}

func testDeliveriesNow(h *house) {
	ada, grace := h.user("ada"), h.user("grace")
	wiki, crm := h.app("wiki"), h.app("crm")
	var want []idp.DeliveryID
	for i, u := range []idp.User{ada, grace} {
		r := h.suspend(u)
		var lines []idp.Delivery
		for j, state := range []idp.DeliveryState{idp.DeliveryPending, idp.DeliveryRetrying, idp.DeliveryFailed, idp.DeliveryAlive, idp.DeliveryVerified} {
			for _, a := range []idp.App{wiki, crm} {
				d := h.line(r, a)
				d.State, d.CreatedAt = state, h.now.Add(time.Duration(i*100+j)*time.Second)
				d.ID = idp.DeliveryID(fmt.Sprintf("dlv_%d%d%s", i, j, a.Name))
				if state.Final() {
					d.FinishedAt = h.now
				}
				lines = append(lines, d)
			}
		}
		h.list(r, true, lines...)
		for _, d := range lines[:8] {
			want = append(want, d.ID)
		}
	}
	slices.Sort(want)
	slices.Reverse(want)
	ids := func(q idp.DeliveryQuery) (ids []idp.DeliveryID) {
		q.Limit = 3
		for _, d := range every(h, func(after string) ([]idp.Delivery, string, error) {
			q.After = after
			return h.DeliveriesNow(h.ctx, q)
		}) {
			ids = append(ids, d.ID)
		}
		return ids
	}
	byNewest := ids(idp.DeliveryQuery{})
	if len(byNewest) != 16 || byNewest[0] != "dlv_13wiki" || byNewest[15] != "dlv_00crm" {
		h.Errorf("unsettled: %v", byNewest)
	}
	slices.Sort(byNewest)
	slices.Reverse(byNewest)
	h.same(want, byNewest)
	h.same([]idp.DeliveryID{"dlv_12wiki", "dlv_12crm", "dlv_02wiki", "dlv_02crm"}, ids(idp.DeliveryQuery{State: idp.DeliveryFailed}))
	h.same([]idp.DeliveryID{"dlv_11crm", "dlv_01crm"}, ids(idp.DeliveryQuery{State: idp.DeliveryRetrying, AppID: crm.ID}))
	h.same([]idp.DeliveryID{"dlv_03wiki", "dlv_03crm"}, ids(idp.DeliveryQuery{State: idp.DeliveryAlive, UserID: ada.ID}))
	h.same(4, len(ids(idp.DeliveryQuery{AppID: wiki.ID, UserID: grace.ID})))
	_, _, err := h.DeliveriesNow(h.ctx, idp.DeliveryQuery{State: idp.DeliveryVerified})
	h.is(err, idp.Invalid)
}

func testRetryDelivery(h *house) {
	ada, a := h.user("ada"), h.app("wiki")
	r := h.suspend(ada)
	of := func(state idp.DeliveryState, next time.Time) idp.Delivery {
		d := h.line(r, a)
		d.State, d.NextAt, d.Attempts = state, next, 7
		if state.Final() {
			d.FinishedAt = h.now.Add(-time.Minute)
		}
		return d
	}
	late, dead, done := of(idp.DeliveryRetrying, h.now.Add(time.Hour)), of(idp.DeliveryFailed, h.now), of(idp.DeliverySuperseded, h.now)
	h.list(r, true, late, dead, done)
	events := func() int {
		all, _, err := h.Events(h.ctx, idp.EventQuery{UserID: ada.ID, Limit: 500})
		h.ok(err)
		return len(all)
	}
	retry := func(d idp.Delivery) idp.Delivery {
		h.Helper()
		got, err := h.RetryDelivery(h.ctx, d.ID, h.now, h.event("delivery.retry", ada.ID))
		h.ok(err)
		return got
	}
	before := events()
	for range 2 { // the second changes nothing
		if got := retry(late); !got.NextAt.Equal(h.now) || got.State != idp.DeliveryRetrying || !got.RevivedAt.IsZero() {
			h.Errorf("a line that waited: %+v", got)
		}
		if got := retry(dead); !got.NextAt.Equal(h.now) || got.State != idp.DeliveryRetrying || !got.FinishedAt.IsZero() || !got.RevivedAt.Equal(h.now) {
			h.Errorf("a line that had failed: %+v", got)
		}
		if got := retry(done); got.State != idp.DeliverySuperseded {
			h.Errorf("a line that was superseded: %+v", got)
		}
		h.same(before+2, events())
	}
	claimed, err := h.ClaimDeliveries(h.ctx, "w", h.now, time.Minute, 10, 10)
	h.ok(err)
	if len(claimed) != 2 || !slices.ContainsFunc(claimed, func(d idp.Delivery) bool { return d.ID == dead.ID && d.RevivedAt.Equal(h.now) }) {
		h.Errorf("claimed %v", claimed)
	}
	d := claimed[0]
	d.State, d.FinishedAt = idp.DeliveryFailed, h.now
	h.ok(h.SaveDelivery(h.ctx, d, "w"))
	h.restore(ada.ID)
	_, err = h.RetryDelivery(h.ctx, d.ID, h.now, h.event("delivery.retry", ada.ID))
	h.is(err, idp.Conflict)
	_, err = h.RetryDelivery(h.ctx, idp.NewDeliveryID(), h.now, h.event("delivery.retry", ada.ID))
	h.is(err, idp.NotFound)
}

func testReceiptsNow(h *house) {
	a := h.app("wiki")
	with := func(name string, state idp.DeliveryState) idp.Receipt {
		r := h.suspend(h.user(name))
		d := h.line(r, a)
		if d.State = state; state.Final() {
			d.FinishedAt = h.now
		}
		h.list(r, true, d)
		return r
	}
	open, failed, done := with("open", idp.DeliveryRetrying), with("failed", idp.DeliveryFailed), with("done", idp.DeliveryVerified)
	e := h.ending(idp.EndPasses, done.UserID)
	h.commit(idp.Change{Ending: e})
	listing, err := h.Receipt(h.ctx, e.ReceiptID)
	h.ok(err)
	ids := func(q idp.ReceiptQuery) (ids []idp.ReceiptID) {
		q.Limit = 2
		for _, r := range every(h, func(after string) ([]idp.Receipt, string, error) {
			q.After = after
			return h.ReceiptsNow(h.ctx, q)
		}) {
			ids = append(ids, r.ID)
		}
		return ids
	}
	h.same([]idp.ReceiptID{listing.ID, done.ID, failed.ID, open.ID}, ids(idp.ReceiptQuery{}))
	h.same([]idp.ReceiptID{listing.ID, done.ID}, ids(idp.ReceiptQuery{UserID: done.UserID}))
	h.same([]idp.ReceiptID{done.ID}, ids(idp.ReceiptQuery{UserID: done.UserID, Kind: idp.EndUser}))
	h.same([]idp.ReceiptID{listing.ID}, ids(idp.ReceiptQuery{Kind: idp.EndPasses}))
	h.same([]idp.ReceiptID{listing.ID, open.ID}, ids(idp.ReceiptQuery{Open: true}))
	h.same([]idp.ReceiptID{failed.ID}, ids(idp.ReceiptQuery{Failed: true}))

	c, err := h.CountLines(h.ctx, failed.ID, 10)
	h.ok(err)
	if c.By[idp.DeliveryFailed] != 1 || c.More {
		h.Errorf("counted %+v", c)
	}
	c, err = h.CountLines(h.ctx, failed.ID, 0)
	h.ok(err)
	h.same(true, c.More)
}

func testDeadLetters(h *house) {
	ada, a := h.user("ada"), h.app("wiki")
	r := h.suspend(ada)
	of := func(state idp.DeliveryState, since time.Duration) idp.Delivery {
		d := h.line(r, a)
		d.State, d.CreatedAt = state, h.now.Add(-since)
		if state.Final() {
			d.FinishedAt = h.now.Add(-time.Minute)
		}
		return d
	}
	waits := of(idp.DeliveryRetrying, 2*time.Hour)
	heard := of(idp.DeliveryPending, 3*time.Hour) // told, to be told again
	heard.AckedAt = h.now
	one, two, three := of(idp.DeliveryFailed, time.Hour), of(idp.DeliveryFailed, time.Hour), of(idp.DeliveryFailed, time.Hour)
	h.list(r, true, waits, heard, of(idp.DeliveryPending, time.Hour), of(idp.DeliveryAcknowledged, 4*time.Hour), one, two, three)
	dead := func(want int) {
		h.Helper()
		n, err := h.DeadLetters(h.ctx)
		h.ok(err)
		h.same(want, n)
	}
	dead(3)
	tally, since, err := h.DeliveryTally(h.ctx)
	h.ok(err)
	h.same(map[idp.DeliveryState]int{idp.DeliveryRetrying: 1, idp.DeliveryPending: 2, idp.DeliveryFailed: 3, idp.DeliveryAlive: 0}, tally)
	h.same(waits.CreatedAt, since)

	before, _, err := h.Events(h.ctx, idp.EventQuery{UserID: ada.ID, Limit: 500})
	h.ok(err)
	for range 2 { // the second notes nothing
		got, err := h.NoteDelivery(h.ctx, one.ID, h.now, h.event("delivery.note", ada.ID))
		h.ok(err)
		h.same(h.now, got.NotedAt)
		got, err = h.NoteDelivery(h.ctx, waits.ID, h.now, h.event("delivery.note", ada.ID))
		h.ok(err)
		h.same(time.Time{}, got.NotedAt)
	}
	after, _, err := h.Events(h.ctx, idp.EventQuery{UserID: ada.ID, Limit: 500})
	h.ok(err)
	h.same(len(before)+1, len(after))
	dead(2)
	_, err = h.NoteDelivery(h.ctx, idp.NewDeliveryID(), h.now, h.event("delivery.note", ada.ID))
	h.is(err, idp.NotFound)

	// Tried again it is no dead letter; failed again it is one of which nobody
	// has taken note.
	_, err = h.RetryDelivery(h.ctx, one.ID, h.now, h.event("delivery.retry", ada.ID))
	h.ok(err)
	claimed, err := h.ClaimDeliveries(h.ctx, "w", h.now, time.Minute, 10, 10)
	h.ok(err)
	for _, d := range claimed {
		if d.ID == one.ID {
			d.State, d.FinishedAt = idp.DeliveryFailed, h.now
			h.ok(h.SaveDelivery(h.ctx, d, "w"))
		}
	}
	dead(3)
	n, err := h.NoteDeadLetters(h.ctx, h.now.Add(-time.Second), h.now)
	h.ok(err)
	h.same(2, n) // not of the one that has failed since
	dead(1)
}
