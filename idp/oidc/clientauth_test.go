package oidc_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
)

func TestCA01AuthenticationIsThatOfTheRegistration(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, c := range []caller{
		{h, false, "wiki", secret},                    // basic registered, post used
		{h, true, "other", secret},                    // post registered, basic used
		{h, true, "phone", secret},                    // public, with a secret
		{h, true, "wiki", secret[1:]},                 // wrong
		{h, true, "wiki", ""},                         // empty
		{h, true, "nobody", secret},                   // unknown
		{h, true, "wi\x00ki", secret},                 // absurd
		{h, true, strings.Repeat("w", 2<<10), secret}, // absurd
	} {
		c.exchange("x").wants(t, http.StatusUnauthorized, "invalid_client")
	}
	h.wantEvent("oidc.client.refuse")
}

func TestCA02TwoAuthenticationsAreOneTooMany(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.asWiki().post("/oauth/token", exchange("x", "client_id=wiki", "client_secret="+secret)).wants(t, http.StatusBadRequest, "invalid_request")
	h.asWiki().post("/oauth/token", exchange("x", "client_secret="+secret)).wants(t, http.StatusBadRequest, "invalid_request")
}

func TestCA03ConfidentialClientNeedsItsSecret(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.signedIn(h.ada).code()
	caller{h, false, "wiki", ""}.exchange(code).wants(t, http.StatusUnauthorized, "invalid_client")
	// Nobody was authenticated, so nothing was burnt.
	if a := h.asWiki().exchange(code); a.status != http.StatusOK {
		t.Errorf("%d %v", a.status, a.body)
	}
}

func TestSecretsCanBeReplacedInTurn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.wiki.ID, func(a *idp.App) {
		a.OIDC.SecretHashes = append([]string{strings.Repeat("0", 64)}, a.OIDC.SecretHashes...)
	})
	h.signedIn(h.ada).tokens("openid")
}

// TestTheUseOfASecretIsWrittenDownLater: calls cost no statement for it, and
// what is written is which of the two it was.
func TestTheUseOfASecretIsWrittenDownLater(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.wiki.ID, func(a *idp.App) {
		a.OIDC.SecretHashes = append([]string{strings.Repeat("0", 64)}, a.OIDC.SecretHashes...)
	})
	h.signedIn(h.ada).tokens("openid")
	h.asWiki().exchange("x")
	uses := func() []idp.ClientSecret {
		t.Helper()
		app, err := h.store.App(t.Context(), h.wiki.ID)
		h.must(err)
		secrets, err := h.store.ClientSecrets(t.Context(), app)
		h.must(err)
		return secrets
	}
	if s := uses(); !s[0].UsedAt.IsZero() || !s[1].UsedAt.IsZero() {
		t.Errorf("written down at once: %+v", s)
	}
	before := h.store.Statements()
	h.must(h.provider.WriteSecretUses(t.Context(), h.store.UseSecret))
	h.must(h.provider.WriteSecretUses(t.Context(), h.store.UseSecret))
	if spent := h.store.Statements() - before; spent != 1 {
		t.Errorf("%d statements for two calls with one secret", spent)
	}
	if s := uses(); !s[0].UsedAt.IsZero() || s[1].UsedAt.IsZero() || s[1].UsedAt.After(h.clock.Now()) {
		t.Errorf("after it was written down: %+v", s)
	}
}

// TestAMachineHasNoCodeToExchange: what is not for its kind of app is refused
// by name (RFC 6749 §5.2).
func TestAMachineHasNoCodeToExchange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.wiki.ID, func(a *idp.App) {
		a.OIDC.ApplicationType, a.OIDC.RedirectURIs, a.OIDC.AllowOfflineAccess = "machine", nil, false
	})
	h.asWiki().exchange("x").wants(t, http.StatusBadRequest, "unauthorized_client")
}

func TestPublicClientWithChallenge(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.signedIn(h.ada).code("client_id=phone", "redirect_uri=http://127.0.0.1:4711/cb")
	a := h.asPhone().exchange(code, "redirect_uri=http://127.0.0.1:4711/cb")
	if a.status != http.StatusOK {
		t.Fatalf("%d %v", a.status, a.body)
	}
	if r := h.asPhone().post("/oauth/revoke", url.Values{"token": {a.text("access_token")}}); r.status != http.StatusOK {
		t.Errorf("%d %v", r.status, r.body)
	}
	h.userinfo(a.text("access_token")).wants(t, http.StatusUnauthorized, "invalid_token")
}

func TestBasicCredentialsThatAreNoCredentials(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, header := range []string{"Bearer x", "Basic !", "Basic " + base64.StdEncoding.EncodeToString([]byte("%zz:x"))} {
		req, err := http.NewRequest(http.MethodPost, h.server.URL+"/oauth/token", strings.NewReader("grant_type=authorization_code"))
		h.must(err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Authorization", header)
		a, err := do(req)
		h.must(err)
		a.wants(t, http.StatusUnauthorized, "invalid_client")
	}
}

func TestMachineEndpointsTakePostedFormsOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, path := range []string{"/oauth/token", "/oauth/introspect", "/oauth/revoke"} {
		res, err := http.Get(h.server.URL + path + "?client_id=wiki")
		if r := read(t, res, err); r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != http.MethodPost {
			t.Errorf("GET %s: %d", path, r.StatusCode)
		}
		h.asWiki().post(path+"?token=x", url.Values{}).wants(t, http.StatusBadRequest, "invalid_request")
		h.asWiki().post(path, url.Values{"grant_type": {"refresh_token", "authorization_code"}}).wants(t, http.StatusBadRequest, "invalid_request")
		h.asWiki().post(path, url.Values{"token": {strings.Repeat("x", 65<<10)}}).wants(t, http.StatusBadRequest, "invalid_request")
		h.asWiki().post(path, url.Values{}).wants(t, http.StatusBadRequest, "invalid_request")
	}
	h.asWiki().post("/oauth/token", url.Values{"grant_type": {"password"}}).wants(t, http.StatusBadRequest, "unsupported_grant_type")
	h.asWiki().post("/oauth/token", url.Values{"grant_type": {"client_credentials"}}).wants(t, http.StatusBadRequest, "unauthorized_client")
}

func TestCS05OnlyRegisteredOriginsMayRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	call := func(method, path, origin string) http.Header {
		req, err := http.NewRequest(method, h.server.URL+path, nil)
		h.must(err)
		req.Header.Set("Origin", origin)
		res, err := http.DefaultClient.Do(req)
		return read(t, res, err).Header
	}
	for _, path := range []string{"/oauth/token", "/oauth/userinfo", "/oauth/revoke", "/oauth/keys", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		for _, method := range []string{http.MethodOptions, http.MethodPost} {
			if got := call(method, path, "https://app.example").Get("Access-Control-Allow-Origin"); got != "https://app.example" {
				t.Errorf("%s %s for a registered origin: %q", method, path, got)
			}
			for _, evil := range []string{"https://evil.example", "null", "https://app.example.evil.example", "http://app.example"} {
				header := call(method, path, evil)
				if got := header.Get("Access-Control-Allow-Origin"); got != "" || header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s %s for %s: %q", method, path, evil, got)
				}
			}
		}
	}
	for _, path := range []string{"/oauth/introspect", "/oauth/authorize", "/oauth/end_session"} {
		if got := call(http.MethodOptions, path, "https://app.example").Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s: %q", path, got)
		}
	}
}

// TestCA07WrongSecretsAreSlowedDown: by app and address, at no cost after some,
// and without keeping the app itself out, from wherever it comes.
func TestCA07WrongSecretsAreSlowedDown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	wrong := caller{h, true, "wiki", secret[1:]}
	for range 20 {
		wrong.exchange("x").wants(t, http.StatusUnauthorized, "invalid_client")
	}
	late := wrong.exchange("x")
	if late.wants(t, http.StatusTooManyRequests, "temporarily_unavailable"); late.header.Get("Retry-After") != "60" {
		t.Errorf("when to come back: %q", late.header.Get("Retry-After"))
	}
	before := h.store.Statements()
	for range 1000 {
		wrong.exchange("x").wants(t, http.StatusTooManyRequests, "temporarily_unavailable")
	}
	if n := h.store.Statements() - before; n > 1010 { // finding the app is one
		t.Errorf("%d statements for a thousand wrong secrets", n)
	}
	caller{h, false, "other", secret[1:]}.exchange("x").wants(t, http.StatusUnauthorized, "invalid_client")
	h.signedIn(h.ada).tokens("openid")
	h.clock.Advance(time.Minute)
	wrong.exchange("x").wants(t, http.StatusUnauthorized, "invalid_client")
}
