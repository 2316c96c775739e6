package storetest

import (
	"time"

	"gatehouse/idp"
)

func testLedByBrowser(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	s := h.session(u)
	e := h.ending(idp.EndSession, u.ID)
	e.SessionID = s.ID
	h.commit(idp.Change{Ending: e})
	r, err := h.Receipt(h.ctx, e.ReceiptID)
	h.ok(err)
	listed := h.line(r, a)
	listed.Lever, listed.State, listed.Ceiling, listed.SessionID = idp.LeverNone, idp.DeliveryAlive, h.now.Add(time.Hour), s.ID
	listed.NextAt = listed.Ceiling
	led := listed
	led.Lever, led.Attempts, led.FirstSentAt, led.AgainAt, led.Answer = idp.LeverSAMLFront, 1, h.now, h.now.Add(time.Minute), "led there"
	later := h.line(r, h.app("crm"))
	later.Lever, later.State, later.Ceiling = idp.LeverNone, idp.DeliveryAlive, h.now.Add(time.Hour)
	ledLater := later
	ledLater.Lever, ledLater.Attempts, ledLater.Answer = idp.LeverFrontchannel, 1, "led there"
	stand := func(want idp.Delivery) {
		h.Helper()
		got, err := h.Delivery(h.ctx, want.ID)
		h.ok(err)
		h.same(want, got)
	}

	h.ok(h.LeadDelivery(h.ctx, led)) // before the worker has listed anything
	stand(led)
	h.list(r, true, listed, later)
	stand(led) // listing makes nothing of it again
	h.ok(h.LeadDelivery(h.ctx, ledLater))
	stand(ledLater)

	answered := led
	answered.State, answered.AckedAt, answered.LatencyMS, answered.Answer, answered.FinishedAt = idp.DeliveryAcknowledged, h.now, 7, "it said yes", h.now
	other := answered
	other.Lever = idp.LeverFrontchannel
	h.is(h.AnswerDelivery(h.ctx, other), idp.Conflict)
	h.ok(h.AnswerDelivery(h.ctx, answered))
	stand(answered)
	h.is(h.AnswerDelivery(h.ctx, answered), idp.Conflict) // it is settled
	h.ok(h.LeadDelivery(h.ctx, led))
	stand(answered)
	unknown := ledLater
	unknown.ID = idp.NewDeliveryID()
	h.is(h.AnswerDelivery(h.ctx, unknown), idp.Conflict)
}
