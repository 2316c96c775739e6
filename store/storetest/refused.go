package storetest

import (
	"fmt"
	"time"

	"gatehouse/idp"
)

// testRefusedMessages: the newest of an app are kept, its own apart from those
// that anybody may have sent in its name, and none for longer than a week.
func testRefusedMessages(h *house) {
	a, other := h.app("wiki"), h.app("crm")
	refuse := func(of idp.AppID, correlation string, m idp.RefusedMessage) idp.EventID {
		h.Helper()
		e := h.event("saml.request.refuse", "")
		e.AppID, e.Actor.CorrelationID = of, correlation
		h.ok(h.RecordRefused(h.ctx, e, m))
		return e.ID
	}
	kept := func(correlation string) int {
		h.Helper()
		found, err := h.RefusedMessages(h.ctx, correlation)
		h.ok(err)
		return len(found)
	}
	own := idp.RefusedMessage{Proven: true, Binding: "post", Text: "<a/>"}
	id := refuse(a.ID, "own", own)
	found, err := h.RefusedMessages(h.ctx, "own")
	h.ok(err)
	h.same(map[idp.EventID]idp.RefusedMessage{id: {Binding: "post", Text: "<a/>"}}, found)
	lines, err := h.EventsAbout(h.ctx, "own")
	h.ok(err)
	h.same(1, len(lines))

	for i := range 100 { // a flood in the name of the app, and of nobody
		for _, of := range []idp.AppID{a.ID, ""} {
			refuse(of, fmt.Sprintf("%s-%d", of, i), idp.RefusedMessage{Text: "<b/>"})
		}
	}
	h.same(1, kept("own"))
	h.same(0, kept(string(a.ID)+"-79"))
	h.same(1, kept(string(a.ID)+"-80"))
	h.same(1, kept(string(a.ID)+"-99"))
	h.same(1, kept("-99"))
	h.same(0, kept("-50"))
	h.same(0, kept(""))
	refuse(other.ID, "others", own)
	h.same(1, kept("others"))

	h.ok(h.Purge(h.ctx, h.now.Add(6*24*time.Hour)))
	h.same(1, kept("own"))
	h.ok(h.Purge(h.ctx, h.now.Add(8*24*time.Hour)))
	h.same(0, kept("own"))
	h.same(0, kept("-99"))
	refuse(a.ID, "again", own)
	h.same(1, kept("again"))
}
