package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"gatehouse/web/api/client"
)

func TestSecurityOfSessions(t *testing.T) {
	t.Parallel()
	h := newBrowserHouse(t)
	const cookie, bound, known, people = "__Host-gatehouse", "__Host-gatehouse_browser", "__Host-gatehouse_device", "__Host-gatehouse_people"
	home := &url.URL{Scheme: "https", Host: "idp.localhost", Path: "/"}
	// in tells whether that session cookie is worth anything at a node.
	in := func(t *testing.T, node int, value string) bool {
		t.Helper()
		v := h.visitorAt(t, node)
		v.http.Jar.SetCookies(home, []*http.Cookie{{Name: cookie, Value: value, Path: "/", Secure: true}})
		return v.get(t, securedURL+"/").Status == http.StatusOK
	}
	both := func(t *testing.T, value string, want bool) {
		t.Helper()
		for node := range h.nodes {
			if in(t, node, value) != want {
				t.Errorf("on node %d the cookie is good: %t", node, !want)
			}
		}
	}
	t.Run("SE-01 the identifier changes", func(t *testing.T) {
		v := h.visitor(t)
		planted := strings.Repeat("A", 43)
		v.http.Jar.SetCookies(home, []*http.Cookie{{Name: cookie, Value: planted, Path: "/", Secure: true}})
		h.signIn(t, v, h.mallory)
		first := v.cookies(t, securedURL)[cookie]
		if first == planted || len(first) < 40 {
			t.Fatalf("after the sign-in the identifier is %q", first)
		}
		both(t, planted, false)
		both(t, first, true)
		// Proven anew, in the same browser.
		a := h.attempt(h.web)
		a.query.Set("prompt", "login")
		h.prove(t, v.get(t, a.url()).follow(t), h.mallory)
		second := v.cookies(t, securedURL)[cookie]
		if second == first {
			t.Error("a new proof kept the identifier")
		}
		both(t, first, false)
		both(t, second, true)
		if v.cookies(t, securedURL)[bound] == second {
			t.Error("one secret for two purposes")
		}
	})
	t.Run("SE-01 a device that somebody planted", func(t *testing.T) {
		v := h.visitor(t)
		planted := h.signedIn(t, h.owner).cookies(t, securedURL)[known] // one that the house has made, for somebody else
		v.http.Jar.SetCookies(home, []*http.Cookie{{Name: known, Value: planted, Path: "/", Secure: true}})
		h.signIn(t, v, h.mallory)
		first := v.cookies(t, securedURL)[known]
		if first == planted || len(first) < 40 {
			t.Fatalf("after the sign-in the device is known by %q", first)
		}
		a := h.attempt(h.web)
		a.query.Set("prompt", "login")
		h.prove(t, v.get(t, a.url()).follow(t), h.mallory)
		if again := v.cookies(t, securedURL)[known]; again != first {
			t.Error("a device that is known got another secret")
		}
	})
	t.Run("SE-02 every cookie", func(t *testing.T) {
		v := h.signedIn(t, h.mallory)
		v.get(t, h.attempt(h.web).url())
		names := slices.Sorted(maps.Keys(v.cookies(t, securedURL)))
		if !slices.Equal(names, []string{cookie, bound, known, people}) { // each was judged as it was set: see watch
			t.Errorf("cookies %v", names)
		}
		// Twice the same name: one of them is somebody else's wish.
		value := v.cookies(t, securedURL)[cookie]
		for _, pair := range []string{cookie + "=" + value + "; " + cookie + "=x", cookie + "=x; " + cookie + "=" + value, "gatehouse=" + value} {
			if got := h.call(t, http.MethodGet, "/", http.Header{"Cookie": {pair}}, ""); got.Status != http.StatusSeeOther {
				t.Errorf("answered %d", got.Status)
			}
		}
	})
	t.Run("SE-03 after a sign-out", func(t *testing.T) {
		v := h.signedIn(t, h.mallory)
		old := v.cookies(t, securedURL)[cookie]
		both(t, old, true)
		if got := submit(t, v.get(t, securedURL+"/"), "/signout", nil); got.Status != http.StatusSeeOther {
			t.Fatalf("signing out answered %d", got.Status)
		}
		both(t, old, false)
		if left := v.cookies(t, securedURL)[cookie]; left != "" {
			t.Error("the cookie was left in the browser")
		}
	})
	t.Run("SE-07 idle and absolute end", func(t *testing.T) {
		v := h.signedIn(t, h.mallory)
		value := v.cookies(t, securedURL)[cookie]
		id := h.ask(t, `SELECT id FROM sessions WHERE user_id = $1 ORDER BY created_at DESC LIMIT 1`, h.mallory.ID)
		idleFor := func(d time.Duration) {
			h.set(t, `UPDATE sessions SET last_seen_at = $1 WHERE id = $2`, time.Now().Add(-d).UnixMicro(), id)
		}
		idleFor(2*time.Hour - time.Minute) // within the limit: alive, and seen now
		both(t, value, true)
		idleFor(132*time.Minute + time.Second) // 1.1 times the limit
		both(t, value, false)
		idleFor(0)
		both(t, value, true)
		h.set(t, `UPDATE sessions SET created_at = created_at - $1::bigint, auth_time = auth_time - $1::bigint WHERE id = $2`,
			(12 * time.Hour).Microseconds(), id)
		endsIn := func(d time.Duration) {
			h.set(t, `UPDATE sessions SET expires_at = $1 WHERE id = $2`, time.Now().Add(d).UnixMicro(), id)
		}
		endsIn(time.Minute)
		both(t, value, true)
		endsIn(2 * time.Second)
		time.Sleep(2500 * time.Millisecond)
		both(t, value, false)
		// From when its person has proven last who they are; a loaded machine may take
		// seconds from there to the session.
		life := h.ask(t, `SELECT (max(expires_at - greatest(created_at, auth_time)) / 60000000)::text FROM sessions WHERE id <> $1`, id)
		if life != fmt.Sprint(int((12 * time.Hour).Minutes())) {
			t.Errorf("a session lives %s min at most", life)
		}
	})
	t.Run("SE-08 freshness and silence", func(t *testing.T) {
		v := h.signedIn(t, h.mallory)
		before := authTime(t, h.signOn(t, v, h.web).ID)
		time.Sleep(1100 * time.Millisecond)
		for _, set := range [][2]string{{"max_age", "0"}, {"prompt", "login"}} {
			a := h.attempt(h.web)
			a.query.Set(set[0], set[1])
			page := v.get(t, a.url()).follow(t)
			if !strings.HasPrefix(page.URL.Path, "/signin/") {
				t.Fatalf("%v led to %s", set, page.URL)
			}
			back := h.prove(t, page, h.mallory).follow(t, a.Redirect).location(t)
			got := h.token(t, h.web, a.exchange(back.Query().Get("code")))
			if after := authTime(t, got.ID); after <= before {
				t.Errorf("%v: auth_time %d, was %d", set, after, before)
			}
		}
		for _, a := range []attempt{h.attempt(h.web), h.attempt(h.web)} {
			a.query.Set("prompt", "none")
			if q := h.visitor(t).get(t, a.url()).location(t).Query(); q.Get("error") != "login_required" || q.Has("code") {
				t.Errorf("prompt=none of nobody answers %v", q)
			}
			a.query.Set("max_age", "0")
			if q := v.get(t, a.url()).location(t).Query(); q.Get("error") != "login_required" || q.Has("code") {
				t.Errorf("prompt=none with max_age=0 answers %v", q)
			}
		}
	})
	t.Run("TE-05 a role that was taken away", func(t *testing.T) {
		second := h.join(t, client.Person{Username: "second", DisplayName: "Second", Role: "owner"})
		v := h.signedIn(t, second)
		console := func(node int) int {
			return h.sameBrowserAt(t, v, node).get(t, securedURL+"/console/users").Status
		}
		if a, b := console(0), console(1); a != http.StatusOK || b != http.StatusOK {
			t.Fatalf("an owner gets %d and %d", a, b)
		}
		if _, err := h.admin.ChangeUser(t.Context(), "second", client.Person{Username: "second", DisplayName: "Second", Role: "employee"}); err != nil {
			t.Fatal(err)
		}
		for node := range h.nodes {
			if got := console(node); got != http.StatusForbidden {
				t.Errorf("node %d answers %d", node, got)
			}
		}
		token := csrfOn(t, v.get(t, securedURL+"/").Body)
		h.leaves(t, []string{"console.refuse"}, nil, func() {
			got := v.postForm(t, securedURL+"/console/users/"+h.mallory.ID+"/suspend", url.Values{"csrf": {token}})
			if got.Status != http.StatusForbidden {
				t.Errorf("and suspends: %d", got.Status)
			}
		})
	})
	h.headers(t)
}

// authTime reads the claim of an ID token that came over TLS from its issuer.
func authTime(t testing.TB, idToken string) int64 {
	t.Helper()
	parts := strings.Split(idToken, ".")
	if len(parts) != 3 {
		t.Fatalf("no ID token: %q", idToken)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		AuthTime int64 `json:"auth_time"`
	}
	if err := json.Unmarshal(raw, &claims); err != nil || claims.AuthTime == 0 {
		t.Fatalf("auth_time of %s: %v", raw, err)
	}
	return claims.AuthTime
}

// headers is XS-03 and XS-07 to XS-09, as far as watch does not say it of
// every answer.
func (h browserHouse) headers(t *testing.T) {
	t.Run("XS-03 nothing of the request is on an error page", func(t *testing.T) {
		const mark = `<script>alert(5)</script>`
		for _, q := range []url.Values{
			{"client_id": {mark}}, {"client_id": {"web"}, "redirect_uri": {mark}}, {"error": {mark}, "error_description": {mark}},
			{"client_id": {"web"}, "redirect_uri": {"https://evil.example/" + mark}, "state": {mark}, "ui_locales": {mark}, "login_hint": {mark}, "acr_values": {mark}},
		} {
			page := h.visitor(t).get(t, securedURL+"/oauth/authorize?"+q.Encode())
			page.wantsPage(t, http.StatusBadRequest)
			if strings.Contains(html.UnescapeString(page.Body), "alert(5)") {
				t.Errorf("%v is on the page", q)
			}
			harmless(t, page)
		}
		for _, path := range []string{"/saml/sso?SAMLRequest=" + url.QueryEscape(mark), "/saml/sso/resume?signin=" + url.QueryEscape(mark), "/oauth/authorize/resume?signin=" + url.QueryEscape(mark),
			"/signin/" + url.PathEscape(mark), "/link/" + url.PathEscape(mark), "/" + url.PathEscape(mark), "/api/v1/users/" + url.PathEscape(mark)} {
			page := h.visitor(t).get(t, securedURL+path)
			if page.Status < 400 || strings.Contains(html.UnescapeString(page.Body), "alert(5)") {
				t.Errorf("%s answered %d:\n%s", path, page.Status, page.Body)
			}
		}
		a := h.attempt(h.web)
		for _, name := range []string{"login_hint", "ui_locales", "state"} {
			a.query.Set(name, `"><img src=x onerror=alert(5)>`)
		}
		page := h.visitor(t).get(t, a.url()).follow(t)
		harmless(t, page)
		if got := formTo(t, page, "/identifier").fields.Get("username"); got != a.query.Get("login_hint") {
			t.Errorf("the hint became %q", got)
		}
	})
	t.Run("XS-07 where the forms of a page may lead", func(t *testing.T) {
		for path, want := range map[string]string{
			"/signin": "form-action 'self';", h.attempt(h.web).url()[len(securedURL):]: "form-action 'self' https://app.example;",
		} {
			page := h.visitor(t).get(t, securedURL+path).follow(t)
			if policy := page.Header.Get("Content-Security-Policy"); page.Status != http.StatusOK || !strings.Contains(policy, want) {
				t.Errorf("%s has the policy %s", path, policy)
			}
		}
		if policy := h.ada.get(t, securedURL+"/console").follow(t).Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self';") || !strings.Contains(policy, "script-src 'self';") {
			t.Errorf("the console has the policy %s", policy)
		}
	})
	t.Run("XS-08 XS-09 every kind of answer", func(t *testing.T) {
		statuses := map[int]bool{}
		for _, c := range []struct{ method, path string }{
			{"GET", "/"}, {"GET", "/signin"}, {"GET", "/signin/trouble"}, {"GET", "/console"}, {"GET", "/nowhere"}, {"POST", "/nowhere"}, {"PUT", "/signin"}, {"DELETE", "/console/users"},
			{"GET", "/healthz"}, {"GET", "/readyz"}, {"GET", "/oauth/token"}, {"POST", "/oauth/token"}, {"GET", "/oauth/authorize"}, {"GET", "/oauth/userinfo"}, {"GET", "/oauth/keys"},
			{"GET", "/.well-known/openid-configuration"}, {"GET", "/saml/metadata"}, {"GET", "/saml/sso"}, {"POST", "/saml/sso"}, {"GET", "/saml/nowhere"}, {"GET", "/oauth/nowhere"},
			{"GET", "/api/v1/users"}, {"GET", "/api/v1/openapi.json"}, {"GET", "/api/v1/nowhere"}, {"POST", "/api/v1/users"}, {"GET", "//signin"}, {"GET", "/signin/../console"}, {"OPTIONS", "/console"},
			{"HEAD", "/signin/trouble"}, {"POST", "/console/tokens"}, {"GET", "/signin/sin_00000000000000000000000000"}, {"GET", "/link/nothing-that-was-ever-made"},
		} {
			got := h.call(t, c.method, c.path, nil, "")
			statuses[got.Status] = true
			signed := h.ada.send(t, c.method, securedURL+c.path, "", "")
			statuses[signed.Status] = true
		}
		for _, want := range []int{200, 303, 400, 401, 403, 404, 405} {
			if !statuses[want] {
				t.Errorf("no answer with %d was looked at: %v", want, slices.Sorted(maps.Keys(statuses)))
			}
		}
	})
}
