package oidc_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
)

// jwts registers the wiki for JWT access tokens.
func (h *house) jwts() {
	h.t.Helper()
	h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.AccessTokenFormat = idp.AccessTokenJWT })
}

func TestAJWTAccessTokenSaysWhatRFC9068Demands(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.jwts()
	a := h.signedIn(h.ada).tokens("openid offline_access")
	token := a.text("access_token")
	head, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	h.must(err)
	if !strings.Contains(string(head), `"typ":"at+jwt"`) || !strings.Contains(string(head), `"alg":"ES256"`) {
		t.Errorf("header %s", head)
	}
	claims, id := claimsOf(t, token), claimsOf(t, a.text("id_token"))
	for name, want := range map[string]any{
		"iss": h.provider.Issuer, "sub": string(h.ada.ID), "aud": "wiki", "client_id": "wiki", "scope": "openid offline_access",
		"acr": id["acr"], "auth_time": id["auth_time"], "sid": id["sid"],
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if amr, _ := claims["amr"].([]any); len(amr) != 1 || amr[0] != "pwd" {
		t.Errorf("amr %v", claims["amr"])
	}
	if life := claims["exp"].(float64) - claims["iat"].(float64); life > 300 || life < 298 {
		t.Errorf("it lives for %v s", life)
	}
	again := claimsOf(t, h.asWiki().refresh(a.text("refresh_token")).text("access_token"))
	if again["jti"] == claims["jti"] || again["jti"] == nil || again["sub"] != claims["sub"] {
		t.Errorf("jti %v, then %v", claims["jti"], again["jti"])
	}
}

// TestJW11AJWTIsRefusedHereAtOnce: whoever asks us is told, although the token
// itself still says that it is good.
func TestJW11AJWTIsRefusedHereAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.jwts()
	token := h.signedIn(h.ada).tokens("openid").text("access_token")
	form := url.Values{"token": {token}}
	if a := h.userinfo(token); a.status != http.StatusOK || a.text("sub") != string(h.ada.ID) {
		t.Fatalf("userinfo: %d %v", a.status, a.body)
	}
	if i := h.asWiki().post("/oauth/introspect", form); i.body["active"] != true || i.text("sub") != string(h.ada.ID) {
		t.Errorf("introspection: %v", i.body)
	}
	h.asOther().post("/oauth/introspect", form).inactive(t)
	_, err := h.dir.Suspend(t.Context(), h.ada.ID, "test")
	h.must(err)
	h.userinfo(token).wants(t, http.StatusUnauthorized, "invalid_token")
	h.asWiki().post("/oauth/introspect", form).inactive(t)
}

func TestAJWTIsGoodForWhatItIsAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.jwts()
	ada := h.signedIn(h.ada)
	a := ada.tokens("openid offline_access")
	token := a.text("access_token")
	jti, _ := claimsOf(t, token)["jti"].(string)
	for what, other := range map[string]string{
		"its jti": jti, "an ID token": a.text("id_token"), "with a longer signature": token + "A", "with another header": "e30" + token[strings.Index(token, "."):],
	} {
		if got := h.userinfo(other); got.status != http.StatusUnauthorized {
			t.Errorf("%s: %d %v", what, got.status, got.body)
		}
	}
	h.asWiki().refresh(token).wants(t, http.StatusBadRequest, "invalid_grant")
	if r := ada.get("/oauth/end_session?id_token_hint=" + url.QueryEscape(token)); !strings.Contains(r.body, "confirm") {
		t.Errorf("an access token counts as a hint: %d %s", r.StatusCode, r.body)
	}
	h.clock.Advance(5 * time.Minute)
	h.userinfo(token).wants(t, http.StatusUnauthorized, "invalid_token")
}

// TestABoundJWTSaysSo: an API that reads it by itself sees the key in cnf, and
// for whom it is in aud; here it is no bearer token (RFC 9449 §7.2).
func TestABoundJWTSaysSo(t *testing.T) {
	t.Parallel()
	const api, files = "https://api.example/v1", "urn:example:files"
	h := newHouse(t)
	b := h.newBank(func(o *idp.OIDCSettings) { o.AccessTokenFormat, o.Resources = idp.AccessTokenJWT, []string{api, files} })
	a := h.boundTokens(b)
	claims := claimsOf(t, a.text("access_token"))
	if jktOf(claims) != thumbprint(t, held().ec2.Public()) || claims["aud"] != b.app.Identifier {
		t.Errorf("claims %v", claims)
	}
	token := a.text("access_token")
	h.userinfo(token).wants(t, http.StatusUnauthorized, "invalid_token")
	if got := h.userinfoBy("DPoP "+token, h.proof("GET", "/oauth/userinfo", map[string]any{"ath": hash(token)})); got.status != http.StatusOK {
		t.Errorf("with its proof: %d %v", got.status, got.body)
	}

	for want, resources := range map[any][]string{api: {api}, "both": {api, files}} {
		q := b.asks("scope=openid")
		q["resource"] = resources
		_, answer := h.signedIn(h.ada).get("/oauth/authorize?" + q.Encode()).location(t)
		unbound := claimsOf(t, b.proven("/oauth/token", exchange(answer.Get("code"), "redirect_uri="+bankCallback)).text("access_token"))
		aud := unbound["aud"]
		if all, ok := aud.([]any); ok && slices.Equal(all, []any{api, files}) {
			aud = "both"
		}
		if aud != want || unbound["cnf"] != nil {
			t.Errorf("for %v: %v", resources, unbound)
		}
	}
}
