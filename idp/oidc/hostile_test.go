package oidc_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/keys"
)

// crowd is how many come at once.
const crowd = 64

// atOnce has a crowd try, and demands that one of them wins.
func atOnce(t *testing.T, what string, try func() (won bool, err error)) {
	t.Helper()
	var won atomic.Int64
	var all sync.WaitGroup
	begin := make(chan struct{})
	for range crowd {
		all.Go(func() {
			<-begin
			ok, err := try()
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
			if ok {
				won.Add(1)
			}
		})
	}
	close(begin)
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%s: %d of %d at once have it", what, won.Load(), crowd)
	}
}

// TestWhatIsSpentOnceIsSpentOnceByACrowd: also that which is no code and no refresh
// token (CO-02, RT-02 and CA-04 are theirs).
func TestWhatIsSpentOnceIsSpentOnceByACrowd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	ada := h.signedIn(h.ada)
	opened := func(path string) (bool, error) {
		res, err := ada.client.Get(h.server.URL + path)
		if err != nil {
			return false, err
		}
		defer res.Body.Close()
		return strings.Contains(res.Header.Get("Location"), "code="), nil
	}
	uri := b.pushes()
	atOnce(t, "a pushed request", func() (bool, error) { return opened(b.opens(uri)) })

	stranger := h.person()
	to, _ := stranger.authorize().location(t)
	in, err := h.gate.SignIn(t.Context(), idp.SignInID(strings.TrimPrefix(to, "/signin/")), stranger.cookie("bind"))
	h.must(err)
	stranger.finish(in, h.ada)
	ada = stranger
	atOnce(t, "a sign-in that is done", func() (bool, error) { return opened("/oauth/authorize/resume?signin=" + string(in.ID)) })

	token := h.boundTokens(b).text("access_token")
	proof := h.proof("GET", "/oauth/userinfo", map[string]any{"ath": hash(token)})
	atOnce(t, "a proof", func() (bool, error) {
		req, err := http.NewRequest(http.MethodGet, h.server.URL+"/oauth/userinfo", nil)
		if err != nil {
			return false, err
		}
		req.Header.Set("Authorization", "DPoP "+token)
		req.Header.Set("DPoP", proof)
		a, err := do(req)
		return a.status == http.StatusOK, err
	})

	assertion := b.assertion(nil)
	atOnce(t, "a client assertion", func() (bool, error) {
		a, err := b.try("/oauth/introspect", b.by(assertion, url.Values{"token": {"x"}}))
		return a.status == http.StatusOK, err
	})

	d := h.tv()
	h.must(d.decide(h.person().newSession(h.ada), true))
	h.clock.Advance(time.Minute)
	atOnce(t, "a device code", func() (bool, error) {
		a, err := h.asPhone().try("/oauth/token", d.form())
		return a.status == http.StatusOK, err
	})
}

// TestNoPassStandsForAnother: everything that is handed out or signed, at every
// place where something is taken. Only what belongs there is taken.
func TestNoPassStandsForAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.exchanging()
	h.jwts()
	b := h.newBank()
	ada := h.signedIn(h.ada)
	k := held()
	a := ada.tokens("openid offline_access")
	h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.AccessTokenFormat = "" })
	opaque := ada.tokens("openid").text("access_token")
	idToken := a.text("id_token")
	logout, err := h.provider.Ring.Sign(keys.ES256, "logout+jwt", with(claimsOf(t, idToken), map[string]any{"nonce": nil, "events": map[string]any{}}))
	h.must(err)
	robot := h.asRobot()
	d := h.tv()
	passes := map[string]func() string{
		"a code":                  func() string { return ada.code() },
		"an ID token":             func() string { return idToken },
		"a JWT access token":      func() string { return a.text("access_token") },
		"an opaque access token":  func() string { return opaque },
		"a refresh token":         func() string { return a.text("refresh_token") },
		"a machine's token":       func() string { return robot.forItself().text("access_token") },
		"an exchanged token":      func() string { return robot.trade(opaque).text("access_token") },
		"a device code":           func() string { return d.form().Get("device_code") },
		"a logout token":          func() string { return logout },
		"a client assertion":      func() string { return b.assertion(nil) },
		"a request object":        func() string { return b.signed(b.object(nil)) },
		"a proof":                 func() string { return h.proof("POST", "/oauth/token", nil) },
		"a pushed request":        func() string { return strings.TrimPrefix(b.pushes(), "urn:ietf:params:oauth:request_uri:") },
		"a proof as an assertion": func() string { return sign(t, keys.ES256, "ec", "dpop+jwt", k.ec, b.claims(nil), false) },
	}
	wiki := h.asWiki()
	places := map[string]struct {
		takes func(pass string) bool
		only  string // names of the passes that belong there
	}{
		"userinfo": {func(s string) bool { return h.userinfo(s).status == http.StatusOK }, "a JWT access token, an opaque access token"},
		"introspection": {func(s string) bool {
			return wiki.post("/oauth/introspect", url.Values{"token": {s}}).body["active"] == true
		}, "a JWT access token, an opaque access token, a refresh token, a machine's token"},
		"a refresh":         {func(s string) bool { return wiki.refresh(s).status == http.StatusOK }, "a refresh token"},
		"a code's exchange": {func(s string) bool { return wiki.exchange(s).status == http.StatusOK }, "a code"},
		"a token exchange":  {func(s string) bool { return robot.trade(s).status == http.StatusOK }, "a JWT access token, an opaque access token, an exchanged token"},
		"a device's poll": {func(s string) bool {
			form := d.form()
			form.Set("device_code", s)
			return h.asPhone().post("/oauth/token", form).text("error") != "invalid_grant"
		}, "a device code"},
		"the hint of a request": {func(s string) bool {
			_, q := ada.authorize("prompt=none", "id_token_hint="+s).location(t)
			return q.Has("code")
		}, "an ID token"},
		"the hint of a sign-out": {func(s string) bool {
			return !strings.Contains(h.signedIn(h.bob).leave("id_token_hint="+s).body, "confirm sign-out  ") // without the app's name
		}, "an ID token"},
		"an assertion": {func(s string) bool {
			return b.post("/oauth/introspect", b.by(s, url.Values{"token": {"x"}})).status == http.StatusOK
		}, "a client assertion"},
		"a request object": {func(s string) bool { return b.pushesObject(s).status == http.StatusCreated }, "a request object"},
		"a pushed request": {func(s string) bool {
			r := ada.get(b.opens("urn:ietf:params:oauth:request_uri:" + s))
			return r.StatusCode == http.StatusSeeOther
		}, "a pushed request"},
		"a proof": {func(s string) bool {
			return h.withProof("/oauth/token", b.by(b.assertion(nil), exchange("x")), s).text("error") != "invalid_dpop_proof"
		}, "a proof"},
		"a question": {func(s string) bool {
			return ada.get("/oauth/consent?ticket="+url.QueryEscape(s)).StatusCode != http.StatusBadRequest
		}, ""},
	}
	for place, p := range places {
		for pass, made := range passes {
			belongs := false
			for name := range strings.SplitSeq(p.only, ", ") {
				belongs = belongs || name == pass
			}
			if place == "a refresh" && belongs {
				continue // it is used up by that; below
			}
			if taken := p.takes(made()); taken != belongs {
				t.Errorf("%s is taken for %s: %v, want %v", pass, place, taken, belongs)
			}
		}
	}
	if !places["a refresh"].takes(a.text("refresh_token")) {
		t.Error("after all of that the refresh token is dead")
	}
}

// TestNoPassServesAnotherClient: what one client was given is nothing in the hands
// of another that authenticates well (CO-03, RT-04, JW-11).
func TestNoPassServesAnotherClient(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.exchanging()
	b, other := h.newBank(), h.newBankOf("other bank")
	a := h.boundTokens(b)
	access, refresh := a.text("access_token"), a.text("refresh_token")
	form := url.Values{"token": {access}}
	if got := other.proven("/oauth/introspect", form); got.body["active"] != false || len(got.body) != 1 {
		t.Errorf("introspection: %v", got.body)
	}
	other.proven("/oauth/revoke", form).wants(t, http.StatusBadRequest, "invalid_grant")
	other.proven("/oauth/revoke", url.Values{"token": {refresh}}).wants(t, http.StatusBadRequest, "invalid_grant")
	refreshing := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}
	h.withProof("/oauth/token", other.by(other.assertion(nil), refreshing), h.proof("POST", "/oauth/token", nil)).wants(t, http.StatusBadRequest, "invalid_grant")
	// With the key of one and the name of the other.
	mixed := sign(t, keys.ES256, "ec", "", held().ec2, other.claims(nil), false)
	other.proves(t, "a key that is not its own", mixed, false)
	b.post("/oauth/introspect", other.by(b.assertion(nil), url.Values{"token": {"x"}, "client_id": {"other bank"}})).wants(t, http.StatusUnauthorized, "invalid_client")
	// A request that one has pushed, opened in the name of the other.
	uri := b.pushes()
	if r := h.signedIn(h.ada).get("/oauth/authorize?" + url.Values{"client_id": {"other bank"}, "request_uri": {uri}}.Encode()); r.StatusCode != http.StatusBadRequest {
		t.Errorf("opened by another: %d %s", r.StatusCode, r.Header.Get("Location"))
	}
	// A proof for one address, at another; the token of one person with the proof for another's.
	elsewhere := h.proof("POST", "/oauth/par", nil)
	h.withProof("/oauth/token", b.by(b.assertion(nil), refreshing), elsewhere).wants(t, http.StatusBadRequest, "invalid_dpop_proof")
	h.userinfoBy("DPoP "+access, h.proof("GET", "/oauth/userinfo", map[string]any{"ath": hash(refresh)})).wants(t, http.StatusUnauthorized, "invalid_dpop_proof")
	// Of all of that nothing died: the client itself goes on.
	if got := h.withProof("/oauth/token", b.by(b.assertion(nil), refreshing), h.proof("POST", "/oauth/token", map[string]any{"jti": rand.Text()})); got.status != http.StatusOK {
		t.Errorf("the client itself: %d %v", got.status, got.body)
	}
}
