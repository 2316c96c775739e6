package storetest

import (
	"time"

	"gatehouse/idp"
)

// testNames: everything that an app was told a person is called in a session is
// found from either side, also when the session has ended.
func testNames(h *house) {
	u, a, other := h.user("ada"), h.app("wiki"), h.app("crm")
	h.grant(u, a)
	s, plain := h.session(u), h.session(u)
	for _, of := range []idp.Session{s, plain} {
		p, acc := h.participant(of, a)
		_, _, err := h.RecordAssertion(h.ctx, of.Proof, p, acc)
		h.ok(err)
	}
	first, err := h.Participant(h.ctx, s.ID, a.ID)
	h.ok(err)
	names := []idp.NameID{{Value: "countess", Format: "unspecified"}, {Value: "_x", Format: "transient", NameQualifier: "idp", SPNameQualifier: "sp"}}
	var want []idp.Participant
	for i, n := range names {
		for range 2 { // told again, it is written down once
			h.ok(h.NameParticipant(h.ctx, s.ID, a.ID, n, h.now.Add(time.Duration(i)*time.Second)))
		}
		p := first
		p.NameID, p.Also = n, true
		want = append(want, p)
	}
	found := func() {
		h.Helper()
		told, err := h.NamesTold(h.ctx, []idp.SessionID{s.ID, plain.ID})
		h.ok(err)
		h.same(want, told)
		for i, n := range names {
			by, err := h.ParticipantsNamedAlso(h.ctx, a.ID, n.Value)
			h.ok(err)
			p := want[i]
			p.Also = false
			h.same([]idp.Participant{p}, by)
			by, err = h.ParticipantsNamedAlso(h.ctx, other.ID, n.Value)
			h.ok(err)
			h.same(0, len(by))
		}
	}
	found()
	none, err := h.NamesTold(h.ctx, []idp.SessionID{plain.ID})
	h.ok(err)
	h.same(0, len(none))
	_, err = h.Commit(h.ctx, idp.Change{Ending: h.ending(idp.EndUser, u.ID)})
	h.ok(err)
	found()
}
