package oidc_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/idp/oidc"
)

// refusedHints are hints that name nobody, by what is wrong with them. All of them
// are of ada and of the wiki, as far as they are of anybody.
func (h *house) refusedHints() map[string]string {
	h.t.Helper()
	ada := h.signedIn(h.ada)
	good := ada.tokens("openid").text("id_token")
	parts := strings.Split(good, ".")
	claims := claimsOf(h.t, good)
	signed := func(typ string, changes map[string]any) string {
		token, err := h.provider.Ring.Sign(keys.ES256, typ, with(claims, changes))
		h.must(err)
		return token
	}
	others := h.asOther().exchange(ada.code("client_id=other", "redirect_uri=https://other.example/cb"), "redirect_uri=https://other.example/cb")
	h.jwts()
	access := ada.tokens("openid").text("access_token")
	h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.AccessTokenFormat = "" })
	return map[string]string{
		"no token":                  "garbage",
		"a character more":          good + "x",
		"another signature":         swap(good),
		"no signature":              parts[0] + "." + parts[1] + ".",
		"JW-01 alg none":            base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".",
		"a JWT access token":        access,
		"an opaque access token":    ada.tokens("openid").text("access_token"),
		"a logout token":            signed("logout+jwt", map[string]any{"nonce": nil, "events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}),
		"an access token's type":    signed("at+jwt", nil),
		"another issuer":            signed("", map[string]any{"iss": "https://other.example"}),
		"JW-09 iss as array":        signed("", map[string]any{"iss": []string{h.provider.Issuer, "https://evil.example"}}),
		"JW-09 aud as array":        signed("", map[string]any{"aud": []string{"wiki", "other"}}),
		"JW-09 sub as number":       signed("", map[string]any{"sub": 7}),
		"no sub":                    signed("", map[string]any{"sub": nil}),
		"no session":                signed("", map[string]any{"sid": nil}),
		"issued to another client":  others.text("id_token"),
		"a client's own assertion":  sign(h.t, keys.ES256, "ec", "", held().ec, claims, false),
		"JW-03 with a key in front": sign(h.t, keys.ES256, "", "", held().ec2, claims, true),
	}
}

// TestAHintThatNamesNobodyIsRefused: a request that means somebody is not answered
// with whoever is there, signed in already or not; an app that may show nothing
// goes on as with nobody signed in (OIDC Core §3.1.2.1).
func TestAHintThatNamesNobodyIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hints := h.refusedHints()
	ada, nobody := h.signedIn(h.ada), h.person()
	for name, hint := range hints {
		for who, p := range map[string]*person{"ada": ada, "nobody": nobody} {
			to, q := p.authorize("id_token_hint=" + hint).location(t)
			if to != callback || q.Get("error") != "invalid_request" || !strings.Contains(q.Get("error_description"), "id_token_hint") || q.Get("state") != "st" {
				t.Errorf("%s, %s: %s %v", name, who, to, q)
			}
			to, q = p.authorize("prompt=none", "id_token_hint="+hint).location(t)
			if to != callback || q.Get("error") != "login_required" || !strings.Contains(q.Get("error_description"), "id_token_hint") {
				t.Errorf("%s, %s, prompt=none: %s %v", name, who, to, q)
			}
		}
	}
	list, _, err := h.store.Events(t.Context(), idp.EventQuery{Limit: 1})
	h.must(err)
	if x, ok := oidc.Explain(list[0]); list[0].Kind != "oidc.authorize.refuse" || !ok || !strings.Contains(x.Meaning, "id_token_hint") {
		t.Errorf("%v is explained as %q", list[0], x.Meaning)
	}
	// Nor can such a request be pushed; an app that renews in silence is told what it
	// would be told without.
	b := h.newBank()
	for prompt, says := range map[string]string{"prompt": "invalid_request", "prompt=none": "login_required"} {
		b.proven("/oauth/par", b.asks("id_token_hint=garbage", prompt)).wants(t, http.StatusBadRequest, says)
	}
	// With a hint that is one, also long after, nothing stands in the way.
	good := ada.tokens("openid").text("id_token")
	h.clock.Advance(2 * time.Hour)
	for _, c := range []string{"prompt=none", "prompt"} {
		if _, q := ada.authorize(c, "id_token_hint="+good).location(t); q.Get("code") == "" {
			t.Errorf("%s with a good hint: %v", c, q)
		}
	}
}

// TestAHintThatNamesNobodyKeepsNobodySignedIn: at the end of a session nothing of
// it is used, and the person is asked (RP-Initiated Logout §4).
func TestAHintThatNamesNobodyKeepsNobodySignedIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hints := h.refusedHints()
	delete(hints, "issued to another client") // it is one, of that client
	ada := h.signedIn(h.ada)
	for name, hint := range hints {
		if r := ada.leave("id_token_hint=" + hint); r.StatusCode != http.StatusOK || r.body != "confirm sign-out  and stay" {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
	}
	ada.signedOut(false)
	for reason, change := range map[string][]string{
		"is no ID token of ours":    {"id_token_hint=garbage"},
		"without an id_token_hint":  nil,
		"is not registered":         {"id_token_hint=" + ada.tokens("openid").text("id_token"), "post_logout_redirect_uri=https://evil.example/"},
		"client_id is not the clie": {"id_token_hint=" + h.signedIn(h.ada).tokens("openid").text("id_token"), "client_id=other"},
	} {
		h.person().leave(change...)
		list, _, err := h.store.Events(t.Context(), idp.EventQuery{Limit: 1})
		h.must(err)
		x, ok := oidc.Explain(list[0])
		if list[0].Kind != "oidc.signout.refuse" || !strings.Contains(list[0].Detail["reason"], reason) || !ok || x.Change == "" {
			t.Errorf("%s: written down as %v, %q", reason, list[0], x.Meaning)
		}
		if strings.Contains(list[0].Detail["received"], "eyJ") {
			t.Errorf("the hint itself is written down: %s", list[0].Detail["received"])
		}
	}
	// The answer of the person is no second refusal.
	count := func() (n int) {
		for _, kind := range h.events() {
			if kind == "oidc.signout.refuse" {
				n++
			}
		}
		return n
	}
	before := count()
	ada.leave("id_token_hint=garbage")
	ada.post("/oauth/end_session", url.Values{"csrf": {"good"}, "id_token_hint": {"garbage"}, "post_logout_redirect_uri": {goodbye}})
	if n := count() - before; n != 1 {
		t.Errorf("%d lines for one refusal", n)
	}
	// The languages that the app wishes for go with the question and its answer.
	speaks, err := h.store.User(t.Context(), h.ada.ID)
	h.must(err)
	speaks.Language = "fr"
	h.commit(idp.Change{Users: []idp.User{speaks}})
	h.browser.spoken = nil
	h.signedIn(h.ada).leave("id_token_hint=garbage", "ui_locales=de en")
	if got := h.browser.fields()["ui_locales"]; got != "de en" || fmt.Sprint(h.browser.spoken) != "[[de en] [fr]]" {
		t.Errorf("ui_locales come back as %q, and %v are spoken", got, h.browser.spoken)
	}
}

// TestWhoIsMeantByAPairwiseSubject: an app that knows people by subjects of its own
// asks for them by those, and by nothing else.
func TestWhoIsMeantByAPairwiseSubject(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.wiki.ID, pairwise)
	ada, bob := h.signedIn(h.ada), h.person()
	bob.newSession(h.bob)
	hint := ada.tokens("openid").text("id_token")
	sub, _ := claimsOf(t, hint)["sub"].(string)
	ask := func(sub string) string { return `claims={"id_token":{"sub":{"value":"` + sub + `"}}}` }
	if _, q := ada.authorize(ask(sub), "prompt=none").location(t); q.Get("code") == "" {
		t.Errorf("her own subject: %v", q)
	}
	for name, sub := range map[string]string{"the ID that others know": string(h.ada.ID), "nobody's": strings.Repeat("A", 43), "-": "-"} {
		if _, q := ada.authorize(ask(sub), "prompt=none").location(t); q.Get("error") != "login_required" {
			t.Errorf("%s: %v", name, q)
		}
	}
	if _, q := bob.authorize(ask(sub), "prompt=none").location(t); q.Get("error") != "login_required" {
		t.Errorf("somebody else's: %v", q)
	}
	// A hint of somebody whom the app knows no more means nobody.
	token, err := h.provider.Ring.Sign(keys.ES256, "", with(claimsOf(t, hint), map[string]any{"sub": strings.Repeat("B", 43)}))
	h.must(err)
	if _, q := ada.authorize("id_token_hint="+token, "prompt=none").location(t); q.Get("error") != "login_required" {
		t.Errorf("a hint of nobody: %v", q)
	}
	many := `claims={"id_token":{"sub":{"values":["a","b","c","d","e","f","g","h","i","j","k"]}}}`
	if _, q := ada.authorize(many).location(t); q.Get("error") != "invalid_request" {
		t.Errorf("a crowd: %v", q)
	}
}

// closed is a store of keys that cannot be read for a while.
type closed struct {
	keys.Store
	shut atomic.Bool
}

func (c *closed) SigningKeys(ctx context.Context) ([]idp.SigningKey, error) {
	if c.shut.Load() {
		return nil, errors.New("the database is not there")
	}
	return c.Store.SigningKeys(ctx)
}

// TestRT10WhatIsSignedIsNotJudgedWithoutKeys: while it is not known which keys
// stand, a JWT of ours is neither good nor bad, and nothing is said to be revoked.
func TestRT10WhatIsSignedIsNotJudgedWithoutKeys(t *testing.T) {
	t.Parallel()
	c := &closed{}
	h := newHouse(t, func(p *oidc.Provider) { c.Store, p.Ring.Store, p.Ring.Lease = p.Ring.Store, c, time.Nanosecond })
	robot := h.exchanging()
	h.jwts()
	h.changeApp(robot.ID, func(a *idp.App) { a.OIDC.AccessTokenFormat = idp.AccessTokenJWT })
	ada := h.signedIn(h.ada)
	a := ada.tokens("openid")
	machine := h.asRobot().post("/oauth/token", url.Values{"grant_type": {"client_credentials"}}).text("access_token")
	c.shut.Store(true)
	for what, got := range map[string]answer{
		"userinfo":                   h.userinfo(a.text("access_token")),
		"introspection":              h.asWiki().post("/oauth/introspect", url.Values{"token": {a.text("access_token")}}),
		"introspection of a machine": h.asRobot().post("/oauth/introspect", url.Values{"token": {machine}}),
		"revocation":                 h.asWiki().post("/oauth/revoke", url.Values{"token": {a.text("access_token")}}),
		"revocation of a machine's":  h.asRobot().post("/oauth/revoke", url.Values{"token": {machine}}),
		"an exchange":                h.asRobot().trade(a.text("access_token")),
	} {
		if got.status != http.StatusServiceUnavailable || got.text("error") != "temporarily_unavailable" || got.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %v", what, got.status, got.body)
		}
	}
	for what, r := range map[string]reply{
		"a hint":             ada.authorize("id_token_hint=" + a.text("id_token")),
		"the end of session": ada.leave("id_token_hint=" + a.text("id_token")),
	} {
		if r.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s %s", what, r.StatusCode, r.Header.Get("Location"), r.body)
		}
	}
	c.shut.Store(false)
	if got := h.userinfo(a.text("access_token")); got.status != http.StatusOK {
		t.Errorf("userinfo afterwards: %d %v", got.status, got.body)
	}
	if got := h.asWiki().post("/oauth/introspect", url.Values{"token": {a.text("access_token")}}); got.body["active"] != true {
		t.Errorf("introspection afterwards: %v", got.body)
	}
}
