package ui_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

func answer(t *testing.T, https bool, h http.HandlerFunc) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	ui.Headers(https, h).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w.Result()
}

func TestXS07PolicyHasNoUnsafeSourceAndNoFrame(t *testing.T) {
	t.Parallel()
	csp := answer(t, true, func(http.ResponseWriter, *http.Request) {}).Header.Get("Content-Security-Policy")
	for _, want := range []string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "object-src 'none'", "base-uri 'none'",
		"frame-ancestors 'none'", "form-action 'self';", "require-trusted-types-for 'script'",
	} {
		if !strings.Contains(csp, want) {
			t.Errorf("policy lacks %q: %s", want, csp)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("policy has an unsafe source: %s", csp)
	}
}

func TestXS08PagesCannotBeFramed(t *testing.T) {
	t.Parallel()
	if got := answer(t, false, func(http.ResponseWriter, *http.Request) {}).Header.Get("X-Frame-Options"); got != "DENY" {
		t.Errorf("X-Frame-Options = %q, want DENY", got)
	}
}

func TestXS09EveryAnswerCarriesTheHeaders(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 302, 404, 500} {
		res := answer(t, true, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": "max-age=63072000",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("status %d: %s = %q, want %q", status, name, got, want)
			}
		}
	}
	plain := answer(t, false, func(http.ResponseWriter, *http.Request) {})
	if got := plain.Header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("over http, Strict-Transport-Security = %q, want none", got)
	}
}

func TestAllowFormActionNamesOneOriginOrRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ target, source string }{
		{"https://app.example/cb?x=1", "https://app.example"},
		{"http://127.0.0.1:53682/cb", "http://127.0.0.1:53682"},
		{"com.example.app:/cb", "com.example.app:"},
		{"javascript:alert(1)", ""},
		{"data:text/html,x", ""},
		{"https://app.example; script-src *", ""},
		{"https://user@app.example/", ""},
		{"//app.example/cb", ""},
		{"https:///cb", ""},
		{"https://*/cb", ""},
	} {
		var err error
		res := answer(t, false, func(w http.ResponseWriter, _ *http.Request) { err = ui.AllowFormAction(w, c.target) })
		csp := res.Header.Get("Content-Security-Policy")
		switch {
		case c.source == "" && err == nil:
			t.Errorf("%s: accepted: %s", c.target, csp)
		case c.source != "" && !strings.Contains(csp, "form-action 'self' "+c.source+";"):
			t.Errorf("%s: err %v, policy %s", c.target, err, csp)
		}
	}
}

func TestAssetsAreKeptForEverUnderTheHashOfTheirContent(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle("GET "+ui.AssetsPath, ui.Assets())
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/assets/0000000000000000/gatehouse.css", nil))
	if w.Code != http.StatusNotFound || !strings.Contains(w.Header().Get("Cache-Control"), "no-store") {
		t.Errorf("an address with another hash: %d, %q", w.Code, w.Header().Get("Cache-Control"))
	}
}

func TestRouteWithoutDeclaredAccessIsRefused(t *testing.T) {
	t.Parallel()
	h := func(http.ResponseWriter, *http.Request) error { return nil }
	for name, rt := range map[string]ui.Route{
		"no access":  {Pattern: "GET /x", Handler: h},
		"no handler": {Pattern: "GET /x", Access: ui.Anyone},
		"no pattern": {Access: ui.Anyone, Handler: h},
		"no such":    {Pattern: "GET /x", Access: ui.OwnerOnly + 1, Handler: h},
		"recent":     {Pattern: "GET /x", Access: ui.SignedIn, Recent: true, Handler: h},
	} {
		if rt.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := (ui.Route{Pattern: "GET /x", Access: ui.Anyone, Handler: h}).Check(); err != nil {
		t.Errorf("a whole route: %v", err)
	}
}

// TestXS08OnlyAnAnswerToALogoutCanBeFramedAndOnlyByUs: and only the page that
// leads a browser through apps frames them, and no others.
func TestXS08OnlyAnAnswerToALogoutCanBeFramedAndOnlyByUs(t *testing.T) {
	t.Parallel()
	own := answer(t, true, func(w http.ResponseWriter, _ *http.Request) { ui.AllowOwnFrame(w) }).Header
	if csp := own.Get("Content-Security-Policy"); own.Get("X-Frame-Options") != "SAMEORIGIN" || !strings.Contains(csp, "frame-ancestors 'self';") || strings.Contains(csp, "frame-src") {
		t.Errorf("%s, %s", own.Get("X-Frame-Options"), csp)
	}
	calls := []idp.FrontCall{{URL: "https://crm.example/slo?a=1"}, {URL: "https://wiki.example:8443/out"}, {URL: "https://crm.example/other"}}
	leading := answer(t, true, func(w http.ResponseWriter, _ *http.Request) {
		if err := ui.AllowCalls(w, calls); err != nil {
			t.Error(err)
		}
	}).Header
	csp := leading.Get("Content-Security-Policy")
	if !strings.HasSuffix(csp, "; frame-src 'self' https://crm.example https://wiki.example:8443") ||
		!strings.Contains(csp, "form-action 'self' https://crm.example https://wiki.example:8443;") || !strings.Contains(csp, "frame-ancestors 'none'") || leading.Get("X-Frame-Options") != "DENY" {
		t.Error(csp)
	}
	for _, bad := range []string{"javascript:alert(1)", "data:text/html,x", "https://a.example;script-src *", "", "//evil.example"} {
		if err := ui.AllowCalls(httptest.NewRecorder(), []idp.FrontCall{{URL: bad}}); err == nil {
			t.Errorf("%q may be framed", bad)
		}
	}
}
