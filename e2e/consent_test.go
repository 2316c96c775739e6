package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gatehouse/web/api/client"
)

// authorizing is the address to which an app sends a browser.
func authorizing(house, app, to, scope string) string {
	return house + "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {app}, "redirect_uri": {to}, "scope": {scope}, "state": {"st"},
		"code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"},
	}.Encode()
}

// TestXS08AndCS01ConsentIsAskedByOurOwnPage: it stands in no frame, takes no
// form of another site, and sends what was answered to the app.
func TestXS08AndCS01ConsentIsAskedByOurOwnPage(t *testing.T) {
	t.Parallel()
	p := meet(t, nil, client.App{Name: "notes", OIDC: &client.OIDC{ThirdParty: true}})
	ask := authorizing(p.URL, "notes", callback, "openid email offline_access")
	page := p.ada.get(t, p.ada.get(t, ask).location(t).String())
	for _, words := range []string{"Allow notes?", "app.example", "Your email address", "come back for this while you are away"} {
		if page.Status != http.StatusOK || !strings.Contains(page.Body, words) {
			t.Errorf("%d, without %q:\n%s", page.Status, words, page.Body)
		}
	}
	csp := page.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "form-action 'self' https://app.example;") || page.Header.Get("X-Frame-Options") != "DENY" || page.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", page.Header)
	}
	forged := formTo(t, page, "/oauth/consent").fields
	forged.Set("answer", "allow")
	forged.Set("csrf", strings.Repeat("A", len(forged.Get("csrf"))))
	if got := p.ada.postForm(t, p.URL+"/oauth/consent", forged); got.Status != http.StatusForbidden {
		t.Errorf("a forged form: %d", got.Status)
	}
	to := submit(t, page, "/oauth/consent", url.Values{"answer": {"cancel"}}).location(t)
	if q := to.Query(); to.Host != "app.example" || q.Get("error") != "access_denied" || q.Get("state") != "st" || q.Get("iss") != p.URL || q.Has("code") {
		t.Errorf("cancelled: %s", to)
	}
	page = p.ada.get(t, p.ada.get(t, ask).location(t).String()) // nothing was remembered
	if to = submit(t, page, "/oauth/consent", url.Values{"answer": {"allow"}}).location(t); to.Query().Get("code") == "" {
		t.Errorf("allowed: %s", to)
	}
	_, refresh := p.tokens("notes", "openid email offline_access")

	home := p.ada.get(t, p.URL+"/")
	if !strings.Contains(home.Body, "Apps you have allowed") {
		t.Fatalf("the portal does not say what was allowed:\n%s", home.Body)
	}
	submit(t, home, "/consents/", nil)
	got := newVisitor(t).postForm(t, p.URL+"/oauth/token", p.as("notes", "grant_type", "refresh_token", "refresh_token", refresh))
	if got.Status != http.StatusBadRequest || !strings.Contains(got.Body, "invalid_grant") {
		t.Errorf("taken back, and refreshed: %d %s", got.Status, got.Body)
	}
	if to = p.ada.get(t, ask).location(t); to.Path != "/oauth/consent" {
		t.Errorf("taken back, and not asked: %s", to)
	}
	p.consentsInABrowser(t)
}

// consentsInABrowser: the policy of the page lets the browser go on to the
// app, also without scripts.
func (p *parties) consentsInABrowser(t *testing.T) {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<!doctype html><title>notes</title><link rel=icon href=data:,><p>code %t, error %s</p>", r.FormValue("code") != "", r.FormValue("error"))
	}))
	t.Cleanup(app.Close)
	back := strings.Replace(app.URL, "127.0.0.1", "jotter.localhost", 1) + "/cb"
	_, err := p.API.Apply(t.Context(), client.Desired{
		Apps:   []client.App{{Name: "jotter", Protocol: "oidc", Identifier: "jotter", OIDC: &client.OIDC{ThirdParty: true, RedirectURIs: []string{back}}}},
		Grants: []client.Grant{{App: "jotter", User: "ada"}},
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	b := browser(t)
	b.withoutScript()
	b.open(authorizing(p.URL, "jotter", back, "openid profile"))
	b.press("Cancel, back to jotter")
	b.sees("code false, error access_denied")
	b.open(authorizing(p.URL, "jotter", back, "openid profile"))
	signIn(b, "ada", adasPassword)
	b.sees("Allow jotter?")
	b.press("Cancel")
	b.sees("code false, error access_denied")
	b.open(authorizing(p.URL, "jotter", back, "openid profile"))
	b.press("Allow")
	b.sees("code true, error")
	b.open(authorizing(p.URL, "jotter", back, "openid profile groups"))
	b.sees("Allow jotter more?")
	b.shot("consent-more")
}
