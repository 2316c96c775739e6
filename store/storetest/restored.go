package storetest

import (
	"time"

	"gatehouse/idp"
)

// testRestoreSupersedes: whoever is restored has lines in every state there is.
// What is pending becomes superseded, what is final stays as it is, and nothing
// of what had ended comes back.
func testRestoreSupersedes(h *house) {
	u := h.user("ada")
	session := h.session(u)
	r := h.suspend(u)
	// By name: what the line is before, and that it must be superseded.
	lines := []struct {
		name string
		set  func(*idp.Delivery)
		open bool
	}{
		{"untried", func(*idp.Delivery) {}, true},
		{"in a worker's hands", func(*idp.Delivery) {}, true},
		{"acknowledged, to be said again", func(d *idp.Delivery) {
			d.Attempts, d.AckedAt, d.AgainAt, d.NextAt = 1, h.now, h.now.Add(time.Minute), h.now.Add(time.Minute)
		}, true},
		{"retrying", func(d *idp.Delivery) {
			d.State, d.Attempts, d.NextAt = idp.DeliveryRetrying, 3, h.now.Add(time.Minute)
		}, true},
		{"alive until", func(d *idp.Delivery) {
			d.State, d.Lever, d.Ceiling = idp.DeliveryAlive, idp.LeverNone, h.now.Add(time.Minute)
		}, true},
		{"alive for ever", func(d *idp.Delivery) { d.State, d.Lever = idp.DeliveryAlive, idp.LeverNone }, true},
		{"acknowledged", func(d *idp.Delivery) { d.State, d.FinishedAt = idp.DeliveryAcknowledged, h.now }, false},
		{"verified", func(d *idp.Delivery) { d.State, d.FinishedAt = idp.DeliveryVerified, h.now }, false},
		{"failed", func(d *idp.Delivery) { d.State, d.FinishedAt = idp.DeliveryFailed, h.now }, false},
		{"manual", func(d *idp.Delivery) { d.State, d.FinishedAt = idp.DeliveryManual, h.now }, false},
		{"ended", func(d *idp.Delivery) { d.State, d.FinishedAt = idp.DeliveryEnded, h.now }, false},
	}
	want, ids := map[idp.DeliveryID]idp.DeliveryState{}, map[string]idp.DeliveryID{}
	for _, l := range lines {
		d := h.line(r, h.app(l.name))
		d.Ceiling = time.Time{}
		l.set(&d)
		h.list(r, false, d)
		ids[l.name], want[d.ID] = d.ID, d.State
		if l.open {
			want[d.ID] = idp.DeliverySuperseded
		}
	}
	claimed, err := h.ClaimDeliveries(h.ctx, "w", h.now, time.Minute, 10, 5)
	h.ok(err)
	h.same(2, len(claimed))

	h.restore(u.ID)
	states := func() map[idp.DeliveryID]idp.DeliveryState {
		h.Helper()
		found, err := h.Deliveries(h.ctx, r.ID)
		h.ok(err)
		got := map[idp.DeliveryID]idp.DeliveryState{}
		for _, d := range found {
			got[d.ID] = d.State
			if !d.State.Final() || d.FinishedAt.IsZero() {
				h.Errorf("%s is still open: %+v", d.ID, d)
			}
		}
		return got
	}
	h.same(want, states())

	// Nobody tells any app of it any more, or changes what a line says.
	for _, d := range claimed {
		h.is(h.SaveDelivery(h.ctx, d, "w"), idp.Conflict)
	}
	later := h.now.Add(48 * time.Hour)
	due, err := h.ClaimDeliveries(h.ctx, "w", later, time.Minute, 100, 100)
	h.ok(err)
	h.same(0, len(due))
	n, err := h.EndedByCeiling(h.ctx, later)
	h.ok(err)
	h.same(0, n)
	// What was still to be listed is listed as superseded.
	d := h.line(r, h.app("late"))
	h.list(r, true, d)
	want[d.ID] = idp.DeliverySuperseded
	h.same(want, states())

	// Access is back; the session is not.
	found, st, err := h.SessionByHash(h.ctx, string(session.ID))
	h.ok(err)
	h.same(false, found.Stands(st, found.CreatedAt))
	back, err := h.User(h.ctx, u.ID)
	h.ok(err)
	h.session(back)
}
