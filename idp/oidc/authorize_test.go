package oidc_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
)

// refusedWithPage demands a page of ours: status 400, no redirect, nothing of
// the request in it.
func refusedWithPage(t *testing.T, r reply) {
	t.Helper()
	if r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" {
		t.Errorf("status %d, Location %q: want 400 and no redirect", r.StatusCode, r.Header.Get("Location"))
	}
	if strings.ContainsAny(r.body, "<>") || strings.Contains(r.body, "evil") {
		t.Errorf("the page shows what was sent: %s", r.body)
	}
}

func TestRU01to05RedirectURIIsComparedByteByByte(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	for _, uri := range []string{
		"https://app.example/cb/../evil",        // RU-01
		"https://app.example/cb/..;/evil",       // RU-02
		"https://app.example/cb%2f..%2fevil",    // RU-02
		"https://app.example@evil.example/cb",   // RU-03
		"https://app.example/cb@evil.example",   // RU-03
		"https://app.example.evil.example/cb",   // RU-05
		"https://evilapp.example/cb",            // RU-05
		"https://app.example/cb?tenant=7&evil=", // a registered one, added to
	} {
		refusedWithPage(t, ada.authorize("redirect_uri="+uri))
	}
	h.wantEvent("oidc.authorize.refuse")
}

func TestRU08RepeatedParametersAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	good, evil := "redirect_uri="+url.QueryEscape(callback), "redirect_uri=https%3A%2F%2Fevil.example"
	q := ask("redirect_uri").Encode()
	refusedWithPage(t, ada.get("/oauth/authorize?"+q+"&"+good+"&"+evil))
	refusedWithPage(t, ada.get("/oauth/authorize?"+evil+"&"+q+"&"+good))
	refusedWithPage(t, ada.post("/oauth/authorize?"+good, ask("redirect_uri=https://evil.example")))
	refusedWithPage(t, ada.get("/oauth/authorize?"+ask().Encode()+"&state=x"))
}

func TestRU10And11LoopbackPortIsTheOnlyFreedom(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	to, q := ada.authorize("client_id=phone", "redirect_uri=http://127.0.0.1:53682/cb").location(t)
	if to != "http://127.0.0.1:53682/cb" || q.Get("code") == "" {
		t.Errorf("got %s %v", to, q)
	}
	for _, uri := range []string{
		"http://127.0.0.1.evil.example/cb", "http://127.0.0.1:80@evil.example/cb", "http://localhost.evil.example/cb", "http://localhost:80/cb",
	} {
		refusedWithPage(t, ada.authorize("client_id=phone", "redirect_uri="+uri))
	}
}

func TestRU13RedirectURIIsNeeded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	refusedWithPage(t, h.signedIn(h.ada).authorize("client_id=other", "redirect_uri"))
}

func TestXS03NothingOfTheRequestIsShown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const markup = `"><script>evil(1)</script>`
	p := h.person()
	refusedWithPage(t, p.authorize("client_id="+markup))
	refusedWithPage(t, p.authorize("redirect_uri="+markup, "login_hint="+markup, "ui_locales="+markup))
	refusedWithPage(t, p.get("/oauth/authorize?client_id=wiki&state=%00"))
	refusedWithPage(t, p.get("/oauth/authorize?client_id=wiki&state=%zz"))
	refusedWithPage(t, p.get("/oauth/authorize?client_id=wiki&state="+strings.Repeat("a", 9<<10)))
	refusedWithPage(t, p.get("/oauth/authorize/resume?signin="+url.QueryEscape(markup)))
}

// TestMX01 also holds PK-01, PK-02 and SS-01: errors that go back to the app.
func TestMX01EveryAnswerCarriesTheIssuer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	for _, c := range []struct {
		name, change, want string
	}{
		{"success", "", ""},
		{"PK-01 no challenge", "code_challenge", "invalid_request"},
		{"PK-02 plain", "code_challenge_method=plain", "invalid_request"},
		{"PK-02 no method", "code_challenge_method", "invalid_request"},
		{"SS-01 request_uri", "request_uri=http://127.0.0.1:9/x", "request_uri_not_supported"},
		{"request object", "request=e30.e30.", "request_not_supported"},
		{"no openid", "scope=profile", "invalid_scope"},
		{"implicit", "response_type=id_token", "unsupported_response_type"},
	} {
		to, q := ada.authorize(c.change).location(t)
		if to != callback || q.Get("error") != c.want || q.Get("iss") != h.provider.Issuer || q.Get("state") != "st" || (q.Get("code") == "") == (c.want == "") {
			t.Errorf("%s: %s %v", c.name, to, q)
		}
	}
	bob := h.signedIn(h.bob)
	if _, q := bob.authorize().location(t); q.Get("error") != "access_denied" || q.Get("iss") != h.provider.Issuer {
		t.Errorf("no grant: %v", q)
	}
	h.wantEvent("oidc.authorize.deny")
}

func TestPK01PublicClientNeedsAChallenge(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.phone.ID, func(a *idp.App) { a.OIDC.PKCEExempt = true })
	_, q := h.signedIn(h.ada).authorize("client_id=phone", "redirect_uri=http://127.0.0.1:1/cb", "code_challenge", "code_challenge_method").location(t)
	if q.Get("error") != "invalid_request" {
		t.Errorf("got %v", q)
	}
}

func TestFormPostAnswersAndErrors(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	if r := ada.authorize("response_mode=form_post"); r.StatusCode != http.StatusOK || r.body != "post to wiki at "+callback {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	if f := h.browser.fields(); f["code"] == "" || f["state"] != "st" || f["iss"] != h.provider.Issuer {
		t.Errorf("fields %v", f)
	}
	ada.authorize("response_mode=form_post", "scope=email")
	if f := h.browser.fields(); f["error"] != "invalid_scope" || f["iss"] != h.provider.Issuer || f["state"] != "st" {
		t.Errorf("fields %v", f)
	}
}

// TestACancelledSignInGoesBackToTheApp: whoever does not want to sign in is sent
// back with access_denied, from their own browser alone; they may still change
// their mind.
func TestACancelledSignInGoesBackToTheApp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	to, _ := p.authorize().location(t)
	id := strings.TrimPrefix(to, "/signin/")
	cancel := "/oauth/authorize/resume?signin=" + id + "&cancelled=1"
	if r := h.person().get(cancel); r.StatusCode != http.StatusBadRequest {
		t.Errorf("another browser: %d", r.StatusCode)
	}
	at, q := p.get(cancel).location(t)
	if at != callback || q.Get("error") != "access_denied" || q.Get("state") != "st" || q.Get("iss") != h.provider.Issuer || q.Has("code") {
		t.Errorf("cancelled: %s %v", at, q)
	}
	h.wantEvent("oidc.signin.cancel")
	in, err := h.gate.SignIn(t.Context(), idp.SignInID(id), p.cookie("bind"))
	h.must(err)
	p.finish(in, h.ada)
	if _, q := p.get("/oauth/authorize/resume?signin=" + id).location(t); q.Get("code") == "" {
		t.Errorf("signed in after all: %v", q)
	}
	to, _ = h.person().authorize("prompt=login").location(t)
	if r := p.get("/oauth/authorize/resume?cancelled=1&signin=" + strings.TrimPrefix(to, "/signin/")); r.StatusCode != http.StatusBadRequest {
		t.Errorf("somebody else's sign-in: %d", r.StatusCode)
	}
}

func TestAuthorizeByPostBecomesGet(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	to, q := h.signedIn(h.ada).post("/oauth/authorize", ask()).location(t)
	if to != "/oauth/authorize" || q.Encode() != ask().Encode() {
		t.Errorf("sent to %s with %v", to, q)
	}
}

func TestSignInOnTheWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	to, _ := p.authorize("login_hint=ada", "ui_locales=fr de-AT "+strings.Repeat("x", 40)).location(t)
	id := idp.SignInID(strings.TrimPrefix(to, "/signin/"))
	in, err := h.gate.SignIn(t.Context(), id, p.cookie("bind"))
	if err != nil {
		t.Fatal(err)
	}
	if in.LoginHint != "ada" || !slices.Equal(in.UILocales, []string{"fr", "de-AT"}) || in.EndOrigin != "https://app.example" || in.ResumeURL != "/oauth/authorize/resume" || !in.NotBefore.IsZero() {
		t.Errorf("sign-in %+v", in)
	}
	resume := in.ResumeURL + "?signin=" + string(in.ID)
	refusedWithPage(t, p.get(resume)) // not done
	p.finish(in, h.ada)
	to, q := p.get(resume).location(t)
	if to != callback || q.Get("code") == "" || q.Get("state") != "st" {
		t.Fatalf("%s %v", to, q)
	}
	if a := h.asWiki().exchange(q.Get("code")); a.status != http.StatusOK || claimsOf(t, a.text("id_token"))["nonce"] != "no" {
		t.Errorf("%d %v", a.status, a.body)
	}
	refusedWithPage(t, p.get(resume)) // answered
}

func TestCO09AnotherBrowserGetsNoCode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	attacker, victim := h.person(), h.person()
	to, _ := attacker.authorize().location(t)
	id := idp.SignInID(strings.TrimPrefix(to, "/signin/"))
	in, err := h.gate.SignIn(t.Context(), id, attacker.cookie("bind"))
	if err != nil {
		t.Fatal(err)
	}
	// Let the victim have finished it after all: neither has both cookies.
	victim.setCookie("bind", "a secret that binds the browser of the victim")
	victim.finish(in, h.ada)
	refusedWithPage(t, victim.get("/oauth/authorize/resume?signin="+string(id)))
	refusedWithPage(t, attacker.get("/oauth/authorize/resume?signin="+string(id)))
	h.wantEvent("oidc.authorize.refuse")
}

func TestResumeRefusesTheSignInOfAnotherProtocol(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	const bind = "a secret that binds the browser of this test"
	p.setCookie("bind", bind)
	in, err := h.gate.BeginSignIn(t.Context(), idp.SignIn{Protocol: idp.ProtocolSAML}, bind)
	if err != nil {
		t.Fatal(err)
	}
	p.finish(in, h.ada)
	refusedWithPage(t, p.get("/oauth/authorize/resume?signin="+string(in.ID)))
}

func TestResumeAsksAgainWhetherTheAppIsAllowed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	to, _ := p.authorize().location(t)
	in, err := h.gate.SignIn(t.Context(), idp.SignInID(strings.TrimPrefix(to, "/signin/")), p.cookie("bind"))
	if err != nil {
		t.Fatal(err)
	}
	p.finish(in, h.ada)
	h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.RedirectURIs = []string{"https://new.example/cb"} })
	refusedWithPage(t, p.get("/oauth/authorize/resume?signin="+string(in.ID)))
}

func TestSE08FreshnessAndSilence(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if _, q := h.person().authorize("prompt=none").location(t); q.Get("error") != "login_required" || q.Get("iss") == "" {
		t.Errorf("prompt=none, nobody signed in: %v", q)
	}
	ada := h.signedIn(h.ada)
	first := claimsOf(t, ada.tokens("openid").text("id_token"))
	h.clock.Advance(10 * time.Second)
	for _, c := range []string{"prompt=none", "max_age=10000", "prompt=consent"} {
		a := h.asWiki().exchange(ada.code(c))
		if again := claimsOf(t, a.text("id_token")); again["auth_time"] != first["auth_time"] || again["sub"] != first["sub"] {
			t.Errorf("%s: %v, before %v", c, again, first)
		}
	}
	for _, c := range []string{"prompt=login", "max_age=0", "max_age=1"} {
		to, _ := ada.authorize(c).location(t)
		in, err := h.gate.SignIn(t.Context(), idp.SignInID(strings.TrimPrefix(to, "/signin/")), ada.cookie("bind"))
		if err != nil {
			t.Fatal(err)
		}
		if in.NotBefore.IsZero() {
			t.Errorf("%s: any session would do", c)
		}
		if _, q := ada.authorize(c, "prompt=none").location(t); c != "prompt=login" && q.Get("error") != "login_required" {
			t.Errorf("%s and prompt=none: %v", c, q)
		}
		h.clock.Advance(2 * time.Second)
		ada.finish(in, h.ada)
		_, q := ada.get("/oauth/authorize/resume?signin=" + string(in.ID)).location(t)
		again := claimsOf(t, h.asWiki().exchange(q.Get("code")).text("id_token"))
		if again["auth_time"].(float64) <= first["auth_time"].(float64) {
			t.Errorf("%s: auth_time did not grow", c)
		}
		h.clock.Advance(2 * time.Second)
	}
}

func TestIDTokenHintNamesThePerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	hint := ada.tokens("openid").text("id_token")
	h.clock.Advance(time.Hour) // a hint may have expired
	if _, q := ada.authorize("prompt=none", "id_token_hint="+hint).location(t); q.Get("code") == "" {
		t.Errorf("the same person: %v", q)
	}
	bob := h.signedIn(h.bob)
	for _, bad := range []string{hint, "garbage", hint + "x"} {
		if _, q := bob.authorize("prompt=none", "id_token_hint="+bad).location(t); q.Get("error") != "login_required" {
			t.Errorf("another person, or no hint of ours: %v", q)
		}
	}
	to, _ := bob.authorize("id_token_hint=" + hint).location(t)
	in, err := h.gate.SignIn(t.Context(), idp.SignInID(strings.TrimPrefix(to, "/signin/")), bob.cookie("bind"))
	if err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(time.Second)
	bob.finish(in, h.bob)
	if _, q := bob.get("/oauth/authorize/resume?signin=" + string(in.ID)).location(t); q.Get("error") != "login_required" {
		t.Errorf("signed in as somebody else than the hint says: %v", q)
	}
}
