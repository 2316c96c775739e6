package oidc_test

import (
	"net/http"
	"net/url"
	"testing"

	"gatehouse/idp"
)

// TestCostInStatements holds the hot path to what it may ask of the store
// (SQLite, where a transaction's BEGIN and COMMIT count too): signing on to a
// further app is reads, and one spending transaction.
func TestCostInStatements(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	a := ada.tokens("openid profile offline_access")
	var code string
	for _, c := range []struct {
		name string
		most uint64
		do   func()
	}{
		{"authorize: app, session, access", 3, func() { code = ada.code() }},
		{"code: app; family, account, participant", 6, func() { h.asWiki().exchange(code) }},
		{"refresh: app, rotation", 2, func() { a = h.asWiki().refresh(a.text("refresh_token")) }},
		{"userinfo: family, access", 2, func() { h.userinfo(a.text("access_token")) }},
		{"introspection: app, family", 2, func() {
			h.asWiki().post("/oauth/introspect", url.Values{"token": {a.text("access_token")}})
		}},
	} {
		before := h.store.Statements()
		c.do()
		if spent := h.store.Statements() - before; spent > c.most {
			t.Errorf("%s: %d statements, at most %d", c.name, spent, c.most)
		}
	}
	b := h.newBank(func(o *idp.OIDCSettings) { o.DPoPBound = true })
	token := h.boundTokens(b).text("access_token")
	for _, c := range []struct {
		name string
		most uint64
		do   func()
	}{
		{"par: app; assertion spent, proof spent", 3, func() {
			h.withProof("/oauth/par", b.by(b.assertion(nil), b.asks()), h.proof("POST", "/oauth/par", nil))
		}},
		{"userinfo with a proof: proof spent; family, access", 3, func() {
			h.userinfoBy("DPoP "+token, h.proof("GET", "/oauth/userinfo", map[string]any{"ath": hash(token)}))
		}},
	} {
		before := h.store.Statements()
		c.do()
		if spent := h.store.Statements() - before; spent > c.most {
			t.Errorf("%s: %d statements, at most %d", c.name, spent, c.most)
		}
	}
	if a.status != http.StatusOK {
		t.Errorf("refresh: %d %v", a.status, a.body)
	}
}
