package oidc_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/idp/oidc"
)

// TestClaimsByName: what an app asks for by name comes where it asked for it,
// from the first token to one that was refreshed, and nothing else with it.
func TestClaimsByName(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.wiki.ID, func(a *idp.App) {
		a.Attributes = []idp.AttributeRule{{Name: "app_role", Source: "role"}}
	})
	ada := h.signedIn(h.ada)
	code := ada.code("scope=openid offline_access", `claims={"userinfo":{"name":{"essential":true}},"id_token":{"email":null,"groups":null,"app_role":null,"phone_number":{"essential":true}}}`)
	first := h.asWiki().exchange(code)
	for _, a := range []answer{first, h.asWiki().refresh(first.text("refresh_token"))} {
		id, info := claimsOf(t, a.text("id_token")), h.userinfo(a.text("access_token")).body
		groups, _ := id["groups"].([]any)
		if id["email"] != "ada@example.com" || id["app_role"] != "editor" || !slices.Equal(groups, []any{"staff"}) || id["name"] != nil || id["phone_number"] != nil {
			t.Errorf("ID token %v", id)
		}
		if info["name"] != "ADA" || info["email"] != nil || info["preferred_username"] != nil || info["app_role"] != "editor" {
			t.Errorf("userinfo %v", info)
		}
	}
	// Nothing else of the same scope, nor of the app's rules, comes with a claim.
	id := claimsOf(t, h.asWiki().exchange(ada.code("scope=openid profile", `claims={"id_token":{"email":null}}`)).text("id_token"))
	if id["email"] != "ada@example.com" || id["name"] != nil || id["email_verified"] != nil || id["app_role"] != nil {
		t.Errorf("asked for one: %v", id)
	}
	// Unasked, no rule of the app gets into the ID token.
	if id = claimsOf(t, ada.tokens("openid").text("id_token")); id["app_role"] != nil || id["email"] != nil {
		t.Errorf("unasked: %v", id)
	}
}

// TestClaimsSubject: an app that asks for somebody by sub gets nobody else.
func TestClaimsSubject(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ask := func(u idp.User) string { return `claims={"id_token":{"sub":{"value":"` + string(u.ID) + `"}}}` }
	ada := h.signedIn(h.ada)
	if code := ada.code(ask(h.ada), "prompt=none"); code == "" {
		t.Error("no code for whom was asked")
	}
	if _, q := ada.authorize(ask(h.bob), "prompt=none").location(t); q.Get("error") != "login_required" || q.Get("code") != "" {
		t.Errorf("somebody else: %v", q)
	}
	to, _ := ada.authorize(ask(h.bob)).location(t)
	signin := strings.TrimPrefix(to, "/signin/")
	in, err := h.gate.SignIn(t.Context(), idp.SignInID(signin), ada.cookie("bind"))
	h.must(err)
	ada.finish(in, h.ada) // the wrong one, again
	if _, q := ada.get("/oauth/authorize/resume?signin=" + signin).location(t); q.Get("error") != "login_required" || q.Get("code") != "" {
		t.Errorf("somebody else signed in: %v", q)
	}
}

// TestMaxAgeHoldsThroughAStepUp: who proves what a session lacks, and no more, is as old
// as it was. Where that would be too old by the time that they are done, they sign in.
func TestMaxAgeHoldsThroughAStepUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	for i, whole := range []bool{false, true} {
		to, _ := ada.authorize(`claims={"id_token":{"acr":{"essential":true,"values":["2"]}}}`, "max_age=3600").location(t)
		in, err := h.gate.SignIn(t.Context(), idp.SignInID(strings.TrimPrefix(to, "/signin/")), ada.cookie("bind"))
		h.must(err)
		if anew := in.Renews == "" && !in.NotBefore.IsZero(); anew != whole {
			t.Errorf("request %d begins %+v", i, in)
		}
		h.clock.Advance(31 * time.Minute)
	}
}

// TestMF07NoClassThatWasNotReached: an essential class that nobody reaches here is
// refused, one that the person has not reached is asked of them; any other wish
// is answered with what was reached.
func TestMF07NoClassThatWasNotReached(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	_, q := ada.authorize(`claims={"id_token":{"acr":{"essential":true,"values":["3","phrh"]}}}`).location(t)
	if q.Get("error") != "unmet_authentication_requirements" || q.Get("code") != "" || q.Get("state") != "st" || q.Get("iss") != h.provider.Issuer {
		t.Errorf("essential: %v", q)
	}
	to, q := ada.authorize(`claims={"id_token":{"acr":{"essential":true,"values":["2"]}}}`).location(t)
	if !strings.HasPrefix(to, "/signin/") || q.Get("code") != "" {
		t.Errorf("a second factor is essential: %s %v", to, q)
	}
	if in, err := h.gate.SignIn(t.Context(), idp.SignInID(strings.TrimPrefix(to, "/signin/")), ada.cookie("bind")); err != nil || login.Next(in) != login.StepHelp {
		t.Errorf("it asks for %s, %v", login.Next(in), err)
	}
	if _, q := ada.authorize(`claims={"id_token":{"acr":{"essential":true,"values":["2"]}}}`, "prompt=none").location(t); q.Get("error") != "login_required" {
		t.Errorf("without asking anybody: %v", q)
	}
	// The same after a sign-in: what was asked for when it began, it has not reached.
	const bind = "a secret that binds this browser alone"
	ada.setCookie("bind", bind)
	in, err := h.gate.BeginSignIn(t.Context(), idp.SignIn{
		Protocol: idp.ProtocolOIDC, AppID: h.wiki.ID, ResumeURL: "/oauth/authorize/resume",
		Request: []byte(`{"client_id":"wiki","redirect_uri":"` + callback + `","state":"st","acr":{"acr_essential":["2"]}}`),
	}, bind)
	h.must(err)
	ada.finish(in, h.ada)
	if _, q := ada.get("/oauth/authorize/resume?signin=" + string(in.ID)).location(t); q.Get("error") != "unmet_authentication_requirements" || q.Get("code") != "" {
		t.Errorf("after a sign-in: %v", q)
	}
	for _, wish := range []string{"acr_values=2 phrh", `claims={"id_token":{"acr":{"values":["2"]}}}`, `claims={"id_token":{"acr":{"essential":true,"values":["2","1"]}}}`, `claims={"id_token":{"acr":{"essential":true}}}`} {
		a := h.asWiki().exchange(ada.code(wish, "prompt=none"))
		if acr := claimsOf(t, a.text("id_token"))["acr"]; acr != "1" {
			t.Errorf("%s: acr %v", wish, acr)
		}
		if got := h.asWiki().post("/oauth/introspect", url.Values{"token": {a.text("access_token")}}); got.text("acr") != "1" {
			t.Errorf("%s: introspection %v", wish, got.body)
		}
	}
}

// TestMF07WhoAsksForAPasskeyIsToldOfOne, and nobody else: other apps are told of the
// class that they know.
func TestMF07WhoAsksForAPasskeyIsToldOfOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const essential, asks = `claims={"id_token":{"acr":{"essential":true,"values":["phr"]}}}`, "acr_values=phr 2"
	in, err := h.gate.BeginSignIn(t.Context(), idp.SignIn{}, "a secret that binds a browser of the portal")
	h.must(err)
	byKey := h.person()
	byKey.finish(in, h.ada, "hwk", "user", "mfa")
	in, err = h.gate.BeginSignIn(t.Context(), idp.SignIn{}, "a secret that binds a browser of the portal")
	h.must(err)
	byCode := h.person()
	byCode.finish(in, h.ada, "otp", "mfa")
	for _, c := range []struct {
		p                *person
		wish, acr, proof string
	}{
		{byKey, "", "2", "hwk"},
		{byKey, essential, "phr", "pop"},
		{byKey, asks, "phr", "pop"},
		{byKey, `claims={"id_token":{"acr":{"essential":true,"values":["2"]}}}`, "2", "hwk"},
		{byCode, asks, "2", "otp"},
		{byCode, "acr_values=phr", "2", "otp"},
	} {
		wishes := []string{"prompt=none"}
		if c.wish != "" {
			wishes = append(wishes, c.wish)
		}
		a := h.asWiki().exchange(c.p.code(wishes...))
		claims := claimsOf(t, a.text("id_token"))
		amr, _ := claims["amr"].([]any)
		if claims["acr"] != c.acr || !slices.Contains(amr, any(c.proof)) || slices.Contains(amr, any("pop")) != (c.acr == "phr") {
			t.Errorf("%s: acr %v, amr %v", c.wish, claims["acr"], amr)
		}
		if got := h.asWiki().post("/oauth/introspect", url.Values{"token": {a.text("access_token")}}); got.text("acr") != c.acr {
			t.Errorf("%s: introspection %v", c.wish, got.body)
		}
	}
	// Who has proven less is asked for a passkey, where it has to be one, and is told
	// how to get one.
	if _, q := byCode.authorize(essential, "prompt=none").location(t); q.Get("error") != "login_required" {
		t.Errorf("without asking anybody: %v", q)
	}
	waits := func(p *person, step login.Step, wish string) {
		t.Helper()
		to, q := p.authorize(wish).location(t)
		in, err := h.gate.SignIn(t.Context(), idp.SignInID(strings.TrimPrefix(to, "/signin/")), p.cookie("bind"))
		if err != nil || login.Next(in) != step {
			t.Errorf("%s: the sign-in asks for %s, want %s: %v, %v", wish, login.Next(in), step, q, err)
		}
	}
	waits(byCode, login.StepHelp, essential)
	h.asks(h.wiki, idp.Demand{SecondFactor: true, Passkey: true})
	waits(byCode, login.StepHelp, "nonce=n2")
	if _, q := byKey.authorize().location(t); q.Get("code") == "" {
		t.Errorf("the policy asks for a passkey, and there was one: %v", q)
	}
}

// TestResources: a token is for the resources that were asked for, and only
// registered ones can be (RFC 8707).
func TestResources(t *testing.T) {
	t.Parallel()
	const api, files = "https://api.example/v1", "urn:example:files"
	h := newHouse(t)
	h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.Resources = []string{api, files} })
	ada := h.signedIn(h.ada)
	_, q := ada.authorize("resource=https://api.example").location(t)
	if q.Get("error") != "invalid_target" || q.Get("code") != "" {
		t.Errorf("not registered: %v", q)
	}
	aud := func(a answer) any {
		t.Helper()
		return h.asWiki().post("/oauth/introspect", url.Values{"token": {a.text("access_token")}}).body["aud"]
	}
	if got := aud(ada.tokens("openid")); got != "wiki" {
		t.Errorf("nothing asked: aud %v", got)
	}
	both := ask("scope=openid offline_access")
	both["resource"] = []string{files, api}
	_, q = ada.get("/oauth/authorize?" + both.Encode()).location(t)
	h.asWiki().exchange(q.Get("code"), "resource=https://evil.example").wants(t, http.StatusBadRequest, "invalid_target")
	first := h.asWiki().exchange(q.Get("code"))
	if got, _ := aud(first).([]any); !slices.Equal(got, []any{api, files}) {
		t.Errorf("two asked: aud %v", got)
	}
	h.asWiki().refresh(first.text("refresh_token"), "resource=https://evil.example").wants(t, http.StatusBadRequest, "invalid_target")
	less := h.asWiki().refresh(first.text("refresh_token"), "resource="+api)
	if got := aud(less); got != api {
		t.Errorf("one of two: aud %v", got)
	}
	again := h.asWiki().refresh(less.text("refresh_token"))
	if got, _ := aud(again).([]any); !slices.Equal(got, []any{api, files}) {
		t.Errorf("both again: aud %v", got)
	}
	// UserInfo goes by the scope openid alone; an API is kept out by its absence.
	if u := h.userinfo(again.text("access_token")); u.status != http.StatusOK {
		t.Errorf("userinfo with a token for an API: %d %v", u.status, u.body)
	}
	narrow := h.asWiki().refresh(again.text("refresh_token"), "resource="+api, "scope=offline_access")
	h.userinfo(narrow.text("access_token")).wants(t, http.StatusForbidden, "insufficient_scope")
}

// TestPromptsAskAnew: each of these shows the sign-in to somebody with a live
// session.
func TestPromptsAskAnew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	for _, prompt := range []string{"login", "select_account", "create", "login select_account", "login consent"} {
		if to, _ := ada.authorize("prompt=" + prompt).location(t); !strings.HasPrefix(to, "/signin/") {
			t.Errorf("prompt=%s led to %s", prompt, to)
		}
	}
	if to, q := ada.authorize("prompt=dance").location(t); to != callback || q.Get("error") != "invalid_request" {
		t.Errorf("an unknown prompt: %s %v", to, q)
	}
}

// TestNobodyIsSentForAPasskeyThatNobodyCanHave: a house without passkeys says so
// to an app that takes nothing less, and asks its people for nothing.
func TestNobodyIsSentForAPasskeyThatNobodyCanHave(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(p *oidc.Provider) { p.NoPasskeys = true })
	ada := h.signedIn(h.ada)
	const phr, either = `claims={"id_token":{"acr":{"essential":true,"value":"phr"}}}`, `claims={"id_token":{"acr":{"essential":true,"values":["phr","1"]}}}`
	for _, p := range []*person{ada, h.person()} {
		if to, q := p.authorize(phr).location(t); to != callback || q.Get("error") != "unmet_authentication_requirements" {
			t.Errorf("led to %s %v", to, q)
		}
	}
	if code := ada.code(either); code == "" {
		t.Error("the other class will do")
	}
	if code := ada.code("acr_values=phr"); code == "" {
		t.Error("what is merely liked")
	}
	b := h.newBank()
	b.proven("/oauth/par", b.asks(phr)).wants(t, http.StatusBadRequest, "unmet_authentication_requirements")
	if slices.Contains(h.listed("acr_values_supported"), "phr") {
		t.Error("discovery promises it")
	}
}
