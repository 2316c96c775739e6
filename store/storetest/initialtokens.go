package storetest

import (
	"time"

	"gatehouse/idp"
)

// testInitialTokens: an initial access token is spent use by use, while its
// user stands.
func testInitialTokens(h *house) {
	ada := h.user("ada")
	make := func(uses int) idp.InitialToken {
		t := idp.InitialToken{ID: idp.NewInitialTokenID(), Proof: h.proof(ada), Name: "ci", Uses: uses, CreatedAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
		h.ok(h.CreateInitialToken(h.ctx, t, string(t.ID)))
		return t
	}
	t := make(2)
	for left := 1; left >= 0; left-- {
		got, err := h.SpendInitialToken(h.ctx, string(t.ID), h.now)
		h.ok(err)
		t.Uses = left
		h.same(t, got)
	}
	spent := func(t idp.InitialToken, now time.Time) {
		h.Helper()
		_, err := h.SpendInitialToken(h.ctx, string(t.ID), now)
		h.is(err, idp.Unauthenticated)
	}
	spent(t, h.now)
	spent(make(1), h.now.Add(time.Hour))
	revoked := make(1)
	h.ok(h.RevokeInitialToken(h.ctx, revoked.ID, h.now, h.event("initial_token.revoke", "")))
	spent(revoked, h.now)
	h.is(h.RevokeInitialToken(h.ctx, "iat_none", h.now, h.event("initial_token.revoke", "")), idp.NotFound)
	listed, err := h.InitialTokens(h.ctx)
	h.ok(err)
	if len(listed) != 2 {
		h.Errorf("listed %+v", listed)
	}
	held := make(1)
	h.suspend(ada)
	spent(held, h.now)
	h.is(h.CreateInitialToken(h.ctx, idp.InitialToken{ID: "iat_x", Proof: held.Proof, CreatedAt: h.now, ExpiresAt: h.now}, "x"), idp.Unauthenticated)
}
