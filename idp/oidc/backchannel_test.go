package oidc_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	party "github.com/coreos/go-oidc/v3/oidc"

	"gatehouse/idp"
	"gatehouse/idp/fetch"
	"gatehouse/idp/oidc"
	"gatehouse/idp/outbox"
)

var _ outbox.Lever = (*oidc.Backchannel)(nil)

// app is the outside: an app's logout endpoint that says what it is told to.
type app struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	body   string
	tokens []string
}

func newApp(t *testing.T) *app {
	a := &app{status: http.StatusOK}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.tokens = append(a.tokens, r.PostFormValue("logout_token"))
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.body))
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *app) says(status int, body string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status, a.body, a.tokens = status, body, nil
}

func (h *house) lever(allow ...string) *oidc.Backchannel {
	h.t.Helper()
	client, err := fetch.New(allow)
	h.must(err)
	return &oidc.Backchannel{Issuer: h.provider.Issuer, Signer: h.provider.Ring, Fetch: client, Now: h.clock.Now}
}

func TestLogoutTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	there := newApp(t)
	lever := h.lever("127.0.0.1")
	idToken := claimsOf(t, h.signedIn(h.ada).tokens("openid").text("id_token"))
	sid := idToken["sid"].(string)
	h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.BackchannelLogoutURI = there.URL + "/logout" })
	wiki, err := h.store.App(t.Context(), h.wiki.ID)
	h.must(err)
	name := idp.NameID{Value: string(h.ada.ID)}
	rp, err := party.NewProvider(t.Context(), h.provider.Issuer)
	h.must(err)
	verifier := rp.Verifier(&party.Config{ClientID: "wiki", SupportedSigningAlgs: []string{"ES256"}, Now: h.clock.Now})

	ids := map[string]bool{}
	for _, c := range []struct {
		name    string
		indexes []string
		status  int
	}{
		{"one session", []string{sid}, http.StatusOK},
		{"the same again", []string{sid}, http.StatusNoContent},
		{"two sessions", []string{sid, "another"}, http.StatusOK},
		{"the whole person", nil, http.StatusOK},
	} {
		there.says(c.status, "")
		answer, err := lever.Send(t.Context(), wiki, idp.Delivery{NameID: name, SessionIndexes: c.indexes})
		if err != nil || !strings.HasPrefix(answer, "It answered 20") {
			t.Errorf("%s: %q, %v", c.name, answer, err)
		}
		if len(there.tokens) != max(1, len(c.indexes)) {
			t.Fatalf("%s: %d tokens", c.name, len(there.tokens))
		}
		for i, raw := range there.tokens {
			token, err := verifier.VerifyLogout(t.Context(), raw)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			want := ""
			if c.indexes != nil {
				want = c.indexes[i]
			}
			if token.Subject != idToken["sub"] || token.SessionID != want || ids[token.TokenID] {
				t.Errorf("%s: %+v", c.name, token)
			}
			ids[token.TokenID] = true
			claims := claimsOf(t, raw)
			if claims["nonce"] != nil || claims["aud"] != "wiki" || claims["exp"].(float64)-claims["iat"].(float64) != 120 {
				t.Errorf("%s: %v", c.name, claims)
			}
			if _, err := h.provider.Ring.Verify(raw, "logout+jwt"); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}

func TestLogoutRefusals(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	there := newApp(t)
	wiki := h.wiki
	wiki.OIDC.BackchannelLogoutURI = there.URL
	d := idp.Delivery{NameID: idp.NameID{Value: string(h.ada.ID)}}
	for _, c := range []struct {
		status int
		body   string
		want   string
	}{
		{http.StatusBadRequest, `{"error":"invalid_request","error_description":"<b>x"}`, "It answered 400 Bad Request, invalid_request."},
		{http.StatusInternalServerError, "<html>", "It answered 500 Internal Server Error."},
		{http.StatusNotImplemented, `{"error":"<script>"}`, "It answered 501 Not Implemented."},
		{http.StatusFound, "", "It answered 302 Found."},
		{599, "", "It answered 599."},
	} {
		there.says(c.status, c.body)
		_, err := h.lever("127.0.0.1").Send(t.Context(), wiki, d)
		e, ok := errors.AsType[*idp.Error](err)
		if !ok || e.Detail != c.want {
			t.Errorf("%d: %v, want %q", c.status, err, c.want)
		}
	}
	// A private address that nobody allowed.
	there.says(http.StatusOK, "")
	if _, err := h.lever().Send(t.Context(), wiki, d); err == nil || len(there.tokens) != 0 {
		t.Errorf("a private address was called: %v", err)
	}
	wiki.OIDC.BackchannelLogoutURI = ""
	if _, err := h.lever().Send(context.Background(), wiki, d); err == nil {
		t.Error("an app without an address acknowledged")
	}
}
