package storetest

import (
	"time"

	"gatehouse/idp"
)

// testEventsAbout: the lines of one request, oldest first, and no other's.
func testEventsAbout(h *house) {
	ctx := idp.WithActor(h.ctx, idp.Actor{Kind: "anonymous", CorrelationID: "c0ffee"})
	line := func(kind string, at time.Time, actor idp.Actor) idp.Event {
		e := h.event(kind, "")
		e.At, e.Actor = at, actor
		h.ok(h.Record(ctx, e))
		return e
	}
	second := line("b", h.now.Add(time.Second), idp.ActorOf(ctx))
	first := line("a", h.now, idp.ActorOf(ctx))
	line("c", h.now, idp.Actor{Kind: "anonymous", CorrelationID: "beef"})
	line("d", h.now, idp.Actor{Kind: "system"})
	got, err := h.EventsAbout(h.ctx, "c0ffee")
	h.ok(err)
	h.same([]idp.Event{first, second}, got)
	for _, id := range []string{"", "c0ffe", "nothing"} {
		got, err = h.EventsAbout(h.ctx, id)
		h.ok(err)
		if len(got) != 0 {
			h.Errorf("under %q there is %+v", id, got)
		}
	}
}
