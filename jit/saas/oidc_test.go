package saas

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFirstSignInMakesTheAccountAndSaysWhereEachAttributeCameFrom(t *testing.T) {
	t.Parallel()
	is := startIssuer(t)
	_, base := startWiki(t, is, new(clock))
	b := newBrowser(t)
	b.mustBe(base, false)
	p := b.open(base + "/login?to=/account")
	if got := p.Request.URL.Path; got != "/account" {
		t.Fatalf("landed on %s: %s", got, p.body)
	}
	wantText(t, p, "Grace Hopper", "the claim <code>name</code> of the ID token", "the claim <code>email</code> of the userinfo answer",
		"crew, admirals", "Nobody filled in a form")
	who := b.mustBe(base, true)
	want := []Attribute{
		{"Name", "name", []string{"Grace Hopper"}, FromIDToken},
		{"Email", "email", []string{"grace@example.com"}, FromUserInfo},
		{"Email verified", "email_verified", []string{"yes"}, FromUserInfo},
		{"Groups", "groups", []string{"crew", "admirals"}, FromIDToken},
	}
	if diff := cmp.Diff(want, who.Account.Attributes); diff != "" {
		t.Error(diff)
	}
}

func TestLaterSignInUpdatesTheAccount(t *testing.T) {
	t.Parallel()
	is, c := startIssuer(t), new(clock)
	_, base := startWiki(t, is, c)
	b := newBrowser(t)
	b.open(base + "/login")
	is.set(func() { is.person = claims{"name": "Rear Admiral Hopper"} })
	c.forward(30 * time.Second)
	b.open(base + "/login")
	people := accountsOf(t, b, base)
	if len(people) != 1 {
		t.Fatalf("%d accounts, want 1", len(people))
	}
	p := people[0]
	if p.Name != "Rear Admiral Hopper" || p.SignIns != 2 || !p.LastSignIn.After(p.FirstSeen) || p.field("Groups") != "" {
		t.Errorf("not brought up to date: %+v", p)
	}
	if p.Live != 1 || len(p.Sessions) != 2 || p.Sessions[1].EndedKind != EndedByReplaced {
		t.Errorf("the browser's first session should have been replaced: %+v", p.Sessions)
	}
}

func accountsOf(t *testing.T, b *browser, base string) []Person {
	t.Helper()
	var answer struct{ Accounts []Person }
	p := b.open(base + "/accounts.json")
	if err := json.Unmarshal([]byte(p.body), &answer); err != nil {
		t.Fatalf("%v in %s", err, p.body)
	}
	return answer.Accounts
}

func TestAppStartsBeforeItsIssuer(t *testing.T) {
	t.Parallel()
	later := httptest.NewUnstartedServer(http.NotFoundHandler())
	address := "http://" + later.Listener.Addr().String()
	later.Listener.Close()
	_, base := startApp(t, Config{OIDC: &OIDC{Issuer: address, ClientID: clientID}})
	b := newBrowser(t)
	if p := b.open(base + "/"); p.StatusCode != 200 {
		t.Fatalf("first page: %d", p.StatusCode)
	}
	p := b.open(base + "/login")
	if p.StatusCode != http.StatusServiceUnavailable || p.Header.Get("Retry-After") == "" {
		t.Errorf("login without an issuer: %d", p.StatusCode)
	}
	wantText(t, p, "Gatehouse cannot be reached", "Reference")
}

func TestAppFindsAnIssuerThatStartsLater(t *testing.T) {
	t.Parallel()
	var up atomic.Bool
	is := startIssuer(t)
	gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !up.Load() {
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		is.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(gate.Close)
	is.URL = gate.URL
	_, base := startWiki(t, is, new(clock))
	time.AfterFunc(lazyPause, func() { up.Store(true) })
	b := newBrowser(t)
	b.open(base + "/login")
	b.mustBe(base, true)
}

func TestSignInIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*issuer){
		"iss of another issuer (RFC 9207)":  func(is *issuer) { is.callback = func(q url.Values) { q.Set("iss", "https://evil.example") } },
		"no iss although promised":          func(is *issuer) { is.callback = func(q url.Values) { q.Del("iss") } },
		"state not ours":                    func(is *issuer) { is.callback = func(q url.Values) { q.Set("state", newSecret()) } },
		"state missing":                     func(is *issuer) { is.callback = func(q url.Values) { q.Del("state") } },
		"code twice":                        func(is *issuer) { is.callback = func(q url.Values) { q.Add("code", "x") } },
		"code not the issuer's":             func(is *issuer) { is.callback = func(q url.Values) { q.Set("code", "x") } },
		"nonce of another sign-in":          func(is *issuer) { is.idToken = func(c claims) { c["nonce"] = newSecret() } },
		"no nonce":                          func(is *issuer) { is.idToken = func(c claims) { delete(c, "nonce") } },
		"audience of another client":        func(is *issuer) { is.idToken = func(c claims) { c["aud"] = "other" } },
		"several audiences without azp":     func(is *issuer) { is.idToken = func(c claims) { c["aud"] = []string{clientID, "other"} } },
		"azp of another client":             func(is *issuer) { is.idToken = func(c claims) { c["azp"] = "other" } },
		"issuer of another house":           func(is *issuer) { is.idToken = func(c claims) { c["iss"] = "https://evil.example" } },
		"expired":                           func(is *issuer) { is.idToken = func(c claims) { c["exp"] = time.Now().Add(-time.Hour).Unix() } },
		"issued in the future":              func(is *issuer) { is.idToken = func(c claims) { c["iat"] = time.Now().Add(time.Hour).Unix() } },
		"session that has ended":            func(is *issuer) { is.idToken = func(c claims) { c["session_expiry"] = time.Now().Unix() - 1 } },
		"at_hash of another access token":   func(is *issuer) { is.idToken = func(c claims) { c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" } },
		"userinfo of another subject":       func(is *issuer) { is.userinfo = claims{"sub": "u-2"} },
		"ID token without a subject at all": func(is *issuer) { is.sub = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			is := startIssuer(t)
			spoil(is)
			_, base := startWiki(t, is, new(clock))
			b := newBrowser(t)
			p := b.open(base + "/login")
			if p.StatusCode != http.StatusBadRequest {
				t.Errorf("status %d", p.StatusCode)
			}
			wantText(t, p, "This sign-in could not be completed", "Reference")
			if strings.Contains(p.body, "secret detail") || strings.Contains(p.body, "evil.example") {
				t.Error("the page repeats what it should not")
			}
			b.mustBe(base, false)
			if people := accountsOf(t, b, base); len(people) != 0 {
				t.Errorf("an account was made: %+v", people)
			}
		})
	}
}

func TestAnswerInAnotherBrowserIsRefused(t *testing.T) {
	t.Parallel()
	is := startIssuer(t)
	_, base := startWiki(t, is, new(clock))
	attacker, victim := newBrowser(t), newBrowser(t)
	there := attacker.stay().open(base + "/login").Header.Get("Location")
	answer := attacker.stay().open(there).Header.Get("Location")
	if p := victim.open(answer); p.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d", p.StatusCode)
	}
	victim.mustBe(base, false)
	if p := attacker.open(answer); p.StatusCode != http.StatusBadRequest {
		t.Errorf("a state is good once: %d", p.StatusCode)
	}
}

func TestErrorAnswerIsShown(t *testing.T) {
	t.Parallel()
	is := startIssuer(t)
	is.callback = func(q url.Values) {
		q.Del("code")
		q.Set("error", "access_denied")
		q.Set("error_description", "no grant for <b>Wiki</b>")
	}
	_, base := startWiki(t, is, new(clock))
	p := newBrowser(t).open(base + "/login")
	if p.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", p.StatusCode)
	}
	wantText(t, p, "Gatehouse did not let you in", "<code>access_denied</code>", "no grant for &lt;b&gt;Wiki&lt;/b&gt;")
}

func TestSignInStartsASessionUnderANewSecret(t *testing.T) {
	t.Parallel()
	is := startIssuer(t)
	_, base := startWiki(t, is, new(clock))
	b := newBrowser(t)
	u, _ := url.Parse(base)
	planted := newSecret()
	b.Jar.SetCookies(u, []*http.Cookie{{Name: "wiki_session", Value: planted, Path: "/"}})
	b.open(base + "/login")
	if got := cookieOf(t, b, base, "wiki_session"); got == planted || got == "" {
		t.Error("the planted session was taken over")
	}
}

func TestReturnPathStaysInTheApp(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"/pages/incidents": "/pages/incidents", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/", "": "/",
		"/a\tb": "/", "/" + strings.Repeat("x", 600): "/",
	} {
		if got := localPath(to); got != want {
			t.Errorf("%q leads to %q, want %q", to, got, want)
		}
	}
}

func TestSessionEndsWithTheStatedExpiry(t *testing.T) {
	t.Parallel()
	is, c := startIssuer(t), new(clock)
	end := time.Now().Add(time.Hour).Truncate(time.Second)
	is.idToken = func(cl claims) { cl["session_expiry"] = end.Unix() }
	_, base := startWiki(t, is, c)
	b := newBrowser(t)
	b.open(base + "/login")
	b.mustBe(base, true)
	c.forward(time.Hour)
	who := b.mustBe(base, false)
	if who.EndedAt == nil || !who.EndedAt.Equal(end) || who.EndedKind != EndedByStatedAt {
		t.Errorf("ended %+v", who)
	}
	wantText(t, b.open(base+"/"), "the time that Gatehouse had set for it")
}

func TestSignOutEndsTheSessionHereAndThere(t *testing.T) {
	t.Parallel()
	is := startIssuer(t)
	_, base := startWiki(t, is, new(clock))
	b := newBrowser(t)
	b.open(base + "/login")
	p := b.post(base+"/logout", nil)
	wantText(t, p, "You signed out at")
	b.mustBe(base, false)
	if len(is.ended) != 1 || is.ended[0].Get("id_token_hint") == "" || is.ended[0].Get("client_id") != clientID {
		t.Errorf("end_session got %v", is.ended)
	}
}

func TestSignOutFromAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	is := startIssuer(t)
	_, base := startWiki(t, is, new(clock))
	b := newBrowser(t)
	b.open(base + "/login")
	req, _ := http.NewRequest("POST", base+"/logout", nil)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if p := read(t, res); p.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", p.StatusCode)
	}
	b.mustBe(base, true)
}

func TestPagesAskForASignInAndCarryTheirHeaders(t *testing.T) {
	t.Parallel()
	is := startIssuer(t)
	_, base := startWiki(t, is, new(clock))
	b := newBrowser(t)
	for _, path := range []string{"/account", "/accounts", "/pages/onboarding"} {
		p := b.stay().open(base + path)
		if p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") != "/?to="+url.QueryEscape(path) {
			t.Errorf("%s: %d %s", path, p.StatusCode, p.Header.Get("Location"))
		}
	}
	wantText(t, b.open(base+"/account"), `href="/login?to=%2Faccount"`)
	b.open(base + "/login")
	for _, path := range []string{"/", "/pages/onboarding", "/pages/incidents", "/account", "/accounts"} {
		p := b.open(base + path)
		csp := p.Header.Get("Content-Security-Policy")
		if p.StatusCode != 200 || !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "form-action 'self' "+is.URL) {
			t.Errorf("%s: %d, CSP %q", path, p.StatusCode, csp)
		}
		if strings.Contains(p.body, "<script") || strings.Contains(p.body, "style=") {
			t.Errorf("%s has inline script or style", path)
		}
	}
	if p := b.open(base + "/pages/nowhere"); p.StatusCode != http.StatusNotFound {
		t.Errorf("unknown page: %d", p.StatusCode)
	}
}

func TestCookiesAreLockedToHTTPS(t *testing.T) {
	t.Parallel()
	app, err := New(Config{BaseURL: "https://wiki.example.com", OIDC: &OIDC{Issuer: "https://id.example.com", ClientID: "x"}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	app.setCookie(w, app.sessionCookie(), newSecret(), time.Hour)
	got := w.Header().Get("Set-Cookie")
	for _, part := range []string{"__Host-wiki_session=", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q lacks %q", got, part)
		}
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	oidc := &OIDC{Issuer: "http://localhost:8080", ClientID: "x"}
	for name, cfg := range map[string]Config{
		"no protocol":          {BaseURL: "http://wiki.localhost:8081"},
		"both protocols":       {BaseURL: "http://wiki.localhost:8081", OIDC: oidc, SAML: &SAML{EntityID: "http://localhost:8080/saml/metadata"}},
		"base URL with a path": {BaseURL: "http://wiki.localhost:8081/wiki", OIDC: oidc},
		"no base URL":          {OIDC: oidc},
		"no client ID":         {BaseURL: "http://wiki.localhost:8081", OIDC: &OIDC{Issuer: "http://localhost:8080"}},
		"no issuer":            {BaseURL: "http://wiki.localhost:8081", OIDC: &OIDC{ClientID: "x"}},
		"no entityID":          {BaseURL: "http://wiki.localhost:8081", SAML: &SAML{}},
		"unknown product":      {BaseURL: "http://wiki.localhost:8081", OIDC: oidc, Product: "shop"},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
