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
		{"authorize: session; app and access", 2, func() { code = ada.code() }},
		{"code: app; family, account, participant", 6, func() { h.asWiki().exchange(code) }},
		{"refresh: app, rotation", 2, func() { a = h.asWiki().refresh(a.text("refresh_token")) }},
		{"userinfo: family and app", 1, func() { h.userinfo(a.text("access_token")) }},
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
		{"userinfo with a proof: proof spent; family and app", 2, func() {
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

// TestCostOfGrantsWithoutABrowser holds the grants of machines and devices, and
// clients that prove themselves with a key, to what they may ask of the store.
func TestCostOfGrantsWithoutABrowser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.exchanging()
	ada := h.signedIn(h.ada)
	subject := ada.tokens("openid email").text("access_token")
	b := h.newBank()
	code := func() url.Values {
		_, q := ada.get("/oauth/authorize?" + b.asks("scope=openid offline_access").Encode()).location(t)
		return exchange(q.Get("code"), "redirect_uri="+bankCallback)
	}
	proven, withProof := code(), code()
	d, confirmed := h.tv(), h.tv()
	h.must(confirmed.decide(h.person().newSession(h.ada), true))
	var own, traded, pushed string
	for _, c := range []struct {
		name string
		most uint64
		want int
		do   func() answer
	}{
		{"client credentials: app", 1, http.StatusOK, func() answer {
			a := h.asRobot().forItself()
			own = a.text("access_token")
			return a
		}},
		{"introspection of such a token: asker; app", 2, http.StatusOK, func() answer {
			return h.asRobot().post("/oauth/introspect", url.Values{"token": {own}})
		}},
		{"device authorization: app; throttle, code, audit", 4, http.StatusOK, func() answer {
			return h.asPhone().post("/oauth/device_authorization", url.Values{"scope": {"openid"}})
		}},
		{"device poll, not confirmed: app; poll", 2, http.StatusBadRequest, d.poll},
		{"device poll, confirmed: app; poll; family, account, participant", 7, http.StatusOK, confirmed.poll},
		{"token exchange: app; family, access, apps of both sides; audit", 6, http.StatusOK, func() answer {
			a := h.asRobot().trade(subject)
			traded = a.text("access_token")
			return a
		}},
		{"introspection of what came of it: asker; family, actor, access, audience", 5, http.StatusOK, func() answer {
			return h.asRobot().post("/oauth/introspect", url.Values{"token": {traded}})
		}},
		{"par with a secret: app", 1, http.StatusCreated, func() answer {
			a := h.asWiki().post("/oauth/par", ask())
			pushed = a.text("request_uri")
			return a
		}},
		{"private_key_jwt and code: app; assertion spent; family, account, participant", 7, http.StatusOK, func() answer { return b.proven("/oauth/token", proven) }},
		{"private_key_jwt, proof and code: the same; proof spent", 8, http.StatusOK, func() answer {
			return h.withProof("/oauth/token", b.by(b.assertion(nil), withProof), h.proof("POST", "/oauth/token", nil))
		}},
	} {
		before := h.store.Statements()
		a := c.do()
		spent := h.store.Statements() - before
		if a.status != c.want {
			t.Fatalf("%s: %d %v", c.name, a.status, a.body)
		}
		if spent > c.most {
			t.Errorf("%s: %d statements, at most %d", c.name, spent, c.most)
		}
	}
	before := h.store.Statements()
	ada.get("/oauth/authorize?" + url.Values{"client_id": {"wiki"}, "request_uri": {pushed}}.Encode()).location(t)
	if spent := h.store.Statements() - before; spent > 3 {
		t.Errorf("authorize what was pushed: %d statements, at most 3", spent)
	}
}
