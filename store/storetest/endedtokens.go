package storetest

import (
	"time"

	"gatehouse/idp"
)

// testEndedTokens: one token is ended and remembered until it has expired, and
// what hangs on the same family or app lives on.
func testEndedTokens(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	h.grant(u, a)
	f := h.family(h.session(u), a, false)
	gone, stays, machines := idp.NewTokenID(), idp.NewTokenID(), idp.NewTokenID()
	says := func(want bool, tokens ...idp.TokenID) {
		h.Helper()
		t, err := h.FamilyOfTokens(h.ctx, f.ID, tokens, h.now)
		h.ok(err)
		h.same(want, t.TokenEnded)
		h.same(true, t.SessionAlive && t.Granted && t.Family.RevokedAt.IsZero())
	}
	ofApp := func(want bool, token idp.TokenID) {
		h.Helper()
		t, err := h.AppTruth(h.ctx, a.ID, token)
		h.ok(err)
		h.same(want, t.TokenEnded)
	}
	says(false, gone, stays)
	ofApp(false, machines)
	until := h.now.Add(time.Minute)
	e := h.ending(idp.EndToken, u.ID)
	e.TokenID, e.FamilyID, e.AppID, e.Until, e.ReceiptID = gone, f.ID, a.ID, until, ""
	done := h.commit(idp.Change{Ending: e, Events: []idp.Event{h.event("token.end", u.ID)}})
	again := h.commit(idp.Change{Ending: e})
	h.same(done.N, again.N)
	logged, err := h.EndingByKey(h.ctx, e.Key)
	h.ok(err)
	h.same(f.ID, logged.FamilyID)
	m := h.ending(idp.EndToken, "")
	m.TokenID, m.AppID, m.Until, m.ReceiptID = machines, a.ID, until, ""
	h.same(done.N+1, h.commit(idp.Change{Ending: m}).N)
	says(true, gone)
	says(true, stays, gone)
	says(false, stays)
	says(false, machines+"x")
	ofApp(true, machines)
	ofApp(false, "")
	_, err = h.FamilyOfTokens(h.ctx, "fam_none", []idp.TokenID{gone}, h.now)
	h.is(err, idp.NotFound)

	h.ok(h.Purge(h.ctx, until.Add(59*time.Minute))) // somebody's clock may be behind
	says(true, gone)
	h.ok(h.Purge(h.ctx, until.Add(2*time.Hour)))
	says(false, gone)
	ofApp(false, machines)
}
