package oidc_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/idp/oidc"
)

func fapi(o *idp.OIDCSettings) { o.FAPI2, o.RequirePAR, o.DPoPBound = true, true, true }

// TestFAPI2AppDoesNotSignWithRS256: neither assertions nor request objects.
func TestFAPI2AppDoesNotSignWithRS256(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank(fapi)
	k := held()
	b.proves(t, "RS256", sign(t, keys.RS256, "rsa", "", k.rsa, b.claims(nil), false), false)
	b.proves(t, "PS256", sign(t, keys.PS256, "rsa", "", k.rsa, b.claims(nil), false), true)
	b.pushesObject(sign(t, keys.RS256, "rsa", "oauth-authz-req+jwt", k.rsa, b.object(nil), false)).wants(t, http.StatusBadRequest, "invalid_request_object")
	if a := b.pushesObject(sign(t, keys.PS256, "rsa", "oauth-authz-req+jwt", k.rsa, b.object(nil), false)); a.status != http.StatusCreated {
		t.Errorf("PS256: %d %v", a.status, a.body)
	}
}

// TestFAPI2RefreshGivesALiveJWT: nothing is written at a refresh that replaces
// nothing, and still the token's life begins there, and is counted from the cut.
func TestFAPI2RefreshGivesALiveJWT(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank(fapi, func(o *idp.OIDCSettings) { o.AccessTokenFormat = idp.AccessTokenJWT })
	_, q := h.signedIn(h.ada).get(b.opens(b.pushes("scope=openid offline_access"))).location(t)
	a := h.withProof("/oauth/token", b.by(b.assertion(nil), exchange(q.Get("code"), "redirect_uri="+bankCallback)), h.proof("POST", "/oauth/token", nil))
	for range 3 {
		h.clock.Advance(6 * time.Minute)
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.text("refresh_token")}}
		got := h.withProof("/oauth/token", b.by(b.assertion(nil), form), h.proof("POST", "/oauth/token", nil))
		if life, _ := got.body["expires_in"].(float64); got.status != http.StatusOK || life < 240 || life > 300 {
			t.Errorf("a refresh after the life of the token before: %d expires_in %v", got.status, got.body["expires_in"])
		}
		token := got.text("access_token")
		if u := h.userinfoBy("DPoP "+token, h.proof("GET", "/oauth/userinfo", map[string]any{"ath": hash(token)})); u.status != http.StatusOK {
			t.Errorf("userinfo with it: %d %v", u.status, u.body)
		}
		exp, _ := claimsOf(t, token)["exp"].(float64)
		if bound := b.app.JWTsUntil(h.clock.Now()); time.Unix(int64(exp), 0).After(bound) {
			t.Errorf("it lives until %v, and a receipt of this moment says %s", exp, bound)
		}
	}
}

// TestFAPI2RefreshTokenStays: it is not replaced, so that an answer that was
// lost costs nothing (FAPI 2.0 §5.3.2.1), and it dies with all the rest.
func TestFAPI2RefreshTokenStays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b, other := h.newBank(fapi), h.newBankOf("other bank", fapi)
	uri := b.pushes("scope=openid offline_access")
	_, q := h.signedIn(h.ada).get(b.opens(uri)).location(t)
	form := b.by(b.assertion(nil), exchange(q.Get("code"), "redirect_uri="+bankCallback))
	a := h.withProof("/oauth/token", form, h.proof("POST", "/oauth/token", nil))
	refresh := func(by bank) answer {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.text("refresh_token")}}
		return h.withProof("/oauth/token", by.by(by.assertion(nil), form), h.proof("POST", "/oauth/token", nil))
	}
	var tokens []string
	for range 3 {
		got := refresh(b)
		if got.status != http.StatusOK || got.text("refresh_token") != a.text("refresh_token") || got.text("token_type") != "DPoP" {
			t.Fatalf("%d %v", got.status, got.body)
		}
		tokens = append(tokens, got.text("access_token"))
		h.clock.Advance(31 * time.Second)
	}
	refresh(other).wants(t, http.StatusBadRequest, "invalid_grant")
	_, err := h.dir.Suspend(t.Context(), h.ada.ID, "gone")
	h.must(err)
	refresh(b).wants(t, http.StatusBadRequest, "invalid_grant")
	for _, token := range tokens {
		h.userinfoBy("DPoP "+token, h.proof("GET", "/oauth/userinfo", map[string]any{"ath": hash(token)})).wants(t, http.StatusUnauthorized, "invalid_token")
	}
}

// TestFAPI2RefusesRS256ByName: the app is told which algorithm it was, and an
// owner what to change; its RSA key will do, with another.
func TestFAPI2RefusesRS256ByName(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank(fapi, func(o *idp.OIDCSettings) { o.JWKS = setOf(t, map[string]any{"rsa": held().rsa.Public()}) })
	k := held()
	for _, path := range []string{"/oauth/token", "/oauth/par", "/oauth/introspect", "/oauth/revoke"} {
		a := b.post(path, b.by(sign(t, keys.RS256, "rsa", "", k.rsa, b.claims(nil), false), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "token": {"x"}}))
		a.wants(t, http.StatusUnauthorized, "invalid_client")
		if text := a.text("error_description"); !strings.Contains(text, "RS256") || !strings.Contains(text, "PS256") {
			t.Errorf("%s: %q", path, text)
		}
	}
	list, _, err := h.store.Events(t.Context(), idp.EventQuery{Limit: 1})
	h.must(err)
	if x, _ := oidc.Explain(list[0]); !strings.Contains(x.Meaning, "RS256") || !strings.Contains(x.Change, "PS256") {
		t.Errorf("%v is explained as %+v", list[0], x)
	}
	b.proves(t, "PS256", sign(t, keys.PS256, "rsa", "", k.rsa, b.claims(nil), false), true)
	other := h.newBankOf("not of FAPI")
	other.proves(t, "RS256 without FAPI", sign(t, keys.RS256, "rsa", "", k.rsa, other.claims(nil), false), true)
}
