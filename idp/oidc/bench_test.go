package oidc_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gatehouse/idp"
)

// handle hands a request to the provider without a network between.
func (h *house) handle(method, path, cookie string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("wiki", url.QueryEscape(secret))
	}
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: "session", Value: cookie})
	}
	w := httptest.NewRecorder()
	h.server.Config.Handler.ServeHTTP(w, r)
	return w
}

// BenchmarkSingleSignOn is an app opened with a live session: authorize, code,
// tokens.
func BenchmarkSingleSignOn(b *testing.B) {
	for _, alg := range []string{"ES256", "RS256"} {
		b.Run(alg, func(b *testing.B) {
			h := newHouse(b)
			h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.IDTokenAlg = alg })
			cookie, query := h.signedIn(h.ada).cookie("session"), ask().Encode()
			for b.Loop() {
				to, err := url.Parse(h.handle(http.MethodGet, "/oauth/authorize?"+query, cookie, nil).Header().Get("Location"))
				h.must(err)
				if w := h.handle(http.MethodPost, "/oauth/token", "", exchange(to.Query().Get("code"))); w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}

func BenchmarkIntrospection(b *testing.B) {
	h := newHouse(b)
	form := url.Values{"token": {h.signedIn(h.ada).tokens("openid").text("access_token")}}
	for b.Loop() {
		if w := h.handle(http.MethodPost, "/oauth/introspect", "", form); w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
}

func BenchmarkRefresh(b *testing.B) {
	h := newHouse(b)
	token := h.signedIn(h.ada).tokens("openid offline_access").text("refresh_token")
	for b.Loop() {
		w := h.handle(http.MethodPost, "/oauth/token", "", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
		_, rest, _ := strings.Cut(w.Body.String(), `"refresh_token":"`)
		token, _, _ = strings.Cut(rest, `"`)
	}
}
