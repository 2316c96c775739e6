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

func leave(changes ...string) url.Values {
	q := url.Values{"post_logout_redirect_uri": {goodbye}, "state": {"st"}}
	for _, c := range changes {
		name, value, set := strings.Cut(c, "=")
		if q.Del(name); set {
			q.Set(name, value)
		}
	}
	return q
}

func (p *person) leave(changes ...string) reply {
	p.h.t.Helper()
	return p.get("/oauth/end_session?" + leave(changes...).Encode())
}

// signedOut demands that the browser has no session any more.
func (p *person) signedOut(want bool) {
	p.h.t.Helper()
	_, q := p.authorize("prompt=none").location(p.h.t)
	if got := q.Get("error") == "login_required"; got != want {
		p.h.t.Errorf("signed out: %v, want %v (%v)", got, want, q)
	}
}

func TestEndSessionWithTheHintOfThisSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, c := range []struct {
		name, change, to, state string
	}{
		{"with state", "", goodbye, "st"},
		{"without state", "state", goodbye, ""},
		{"no post_logout_redirect_uri", "post_logout_redirect_uri", "", ""},
		{"an address that is not registered", "post_logout_redirect_uri=https://evil.example", "", ""},
		{"a query added", "post_logout_redirect_uri=" + goodbye + "?a=b", "", ""},
	} {
		ada := h.signedIn(h.ada)
		hint := ada.tokens("openid").text("id_token")
		h.clock.Advance(time.Hour) // an expired hint is still one
		r := ada.leave("id_token_hint="+hint, c.change)
		if c.to == "" {
			if r.StatusCode != http.StatusOK || r.body != "signed out" {
				t.Errorf("%s: %d %s", c.name, r.StatusCode, r.body)
			}
		} else if to, q := r.location(t); to != c.to || q.Get("state") != c.state || q.Has("state") != (c.state != "") {
			t.Errorf("%s: %s %v", c.name, to, q)
		}
		ada.signedOut(true)
	}
}

func TestJW10HintOfAnotherSessionOnlyAsks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hint := h.signedIn(h.ada).tokens("openid").text("id_token")
	for _, u := range []idp.User{h.ada, h.bob} { // another session, another person
		p := h.signedIn(u)
		if r := p.leave("id_token_hint=" + hint); r.StatusCode != http.StatusOK || r.body != "confirm sign-out wiki" {
			t.Errorf("%s: %d %s", u.Username, r.StatusCode, r.body)
		}
		p.signedOut(false)
	}
}

func TestOR01OnlyAValidHintNamesAnAddress(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	hint := ada.tokens("openid").text("id_token")
	parts := strings.Split(hint, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	for name, changes := range map[string][]string{
		"no hint":               nil,
		"client_id alone":       {"client_id=wiki"},
		"client_id of another":  {"id_token_hint=" + hint, "client_id=other"},
		"JW-01 alg none":        {"id_token_hint=" + none + "." + parts[1] + "."},
		"foreign signature":     {"id_token_hint=" + parts[0] + "." + parts[1] + "." + strings.Repeat("A", 86)},
		"not a token":           {"id_token_hint=x"},
		"nothing at all":        {"post_logout_redirect_uri", "state"},
		"an access token of us": {"id_token_hint=" + ada.tokens("openid").text("access_token")},
	} {
		want := "confirm sign-out  and stay"
		if name == "nothing at all" {
			want = "confirm sign-out "
		}
		if r := ada.leave(changes...); r.StatusCode != http.StatusOK || r.body != want {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
	}
	ada.signedOut(false)
	nobody := h.person()
	if r := nobody.leave(); r.StatusCode != http.StatusOK || r.body != "signed out" {
		t.Errorf("nobody signed in, no hint: %d %s", r.StatusCode, r.body)
	}
	if to, _ := nobody.leave("id_token_hint=" + hint).location(t); to != goodbye {
		t.Errorf("nobody signed in, a valid hint: %s", to)
	}
	refusedWithPage(t, ada.get("/oauth/end_session?state=a&state=b"))
}

func TestConfirmedSignOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	old := h.signedIn(h.ada).tokens("openid").text("id_token")
	ada := h.signedIn(h.ada)
	ada.leave("id_token_hint=" + old)
	form := url.Values{"csrf": {"good"}}
	for name, value := range h.browser.fields() {
		form.Set(name, value)
	}
	if to, q := ada.post("/oauth/end_session", form).location(t); to != goodbye || q.Get("state") != "st" {
		t.Errorf("%s %v", to, q)
	}
	ada.signedOut(true)

	bob := h.signedIn(h.bob)
	if to, q := bob.post("/oauth/end_session", leave()).location(t); to != "/oauth/end_session" || q.Get("state") != "st" {
		t.Errorf("a POST from elsewhere is asked again by GET: %s %v", to, q)
	}
	if r := bob.post("/oauth/end_session", url.Values{"csrf": {"good"}, "post_logout_redirect_uri": {goodbye}}); r.body != "signed out" {
		t.Errorf("confirmed without a hint: %d %s", r.StatusCode, r.body)
	}
}
