package oidc_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/keys"
)

// pushes returns the address of a request that was pushed.
func (b bank) pushes(changes ...string) string {
	b.h.t.Helper()
	a := b.proven("/oauth/par", b.asks(changes...))
	uri := a.text("request_uri")
	if a.status != http.StatusCreated || !strings.HasPrefix(uri, "urn:ietf:params:oauth:request_uri:") || a.body["expires_in"] != 90.0 {
		b.h.t.Fatalf("par: %d %v", a.status, a.body)
	}
	if a.header.Get("Cache-Control") != "no-store" {
		b.h.t.Error("the address may be stored")
	}
	return uri
}

// opens is where the browser is sent with it.
func (b bank) opens(requestURI string) string {
	return "/oauth/authorize?" + url.Values{"client_id": {b.app.Identifier}, "request_uri": {requestURI}}.Encode()
}

func TestPushedRequestIsAnswered(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank(func(o *idp.OIDCSettings) { o.RequirePAR = true })
	long := strings.Repeat("s", 1024)
	uri := b.pushes("state="+long, "nonce="+strings.Repeat("n", 1024), "scope=openid email")
	// Of what comes beside it nothing counts.
	to, q := h.signedIn(h.ada).get(b.opens(uri) + "&state=other&scope=openid+groups&redirect_uri=https://evil.example/").location(t)
	if to != bankCallback || q.Get("state") != long || q.Get("iss") != h.provider.Issuer {
		t.Fatalf("%s %v", to, q)
	}
	a := b.proven("/oauth/token", exchange(q.Get("code"), "redirect_uri="+bankCallback))
	if a.status != http.StatusOK || a.text("scope") != "openid email" || claimsOf(t, a.text("id_token"))["nonce"] != strings.Repeat("n", 1024) {
		t.Errorf("%d %v", a.status, a.body)
	}
	// Somebody who has to sign in first comes back to it.
	p := h.person()
	if to, q := p.resumes(p.get(b.opens(b.pushes())), h.ada).location(t); to != bankCallback || q.Get("code") == "" {
		t.Errorf("after a sign-in: %s %v", to, q)
	}
	// The longest that is taken still fits into the URL.
	room := 5<<10 - len(b.asks("state=").Encode())
	longest := strings.Repeat("s", room)
	if _, q := h.signedIn(h.ada).get(b.opens(b.pushes("state=" + longest))).location(t); q.Get("state") != longest {
		t.Errorf("the longest: %v", q)
	}
	b.proven("/oauth/par", b.asks("state="+longest+"s")).wants(t, http.StatusBadRequest, "invalid_request")
	// Apps with a secret, and without one, push too.
	for c, changes := range map[caller][]string{
		h.asWiki(): nil, h.asPhone(): {"client_id=phone", "redirect_uri=http://127.0.0.1:4711/cb"},
	} {
		a := c.post("/oauth/par", ask(changes...))
		_, q := h.signedIn(h.ada).get("/oauth/authorize?" + url.Values{"client_id": {c.id}, "request_uri": {a.text("request_uri")}}.Encode()).location(t)
		if q.Get("code") == "" || q.Get("state") != "st" {
			t.Errorf("%s: %v", c.id, q)
		}
	}
}

// TestPushedRequestIsUsedOnce: it may be loaded again while nobody was signed
// in by it, and not after.
func TestPushedRequestIsUsedOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	uri := b.pushes()
	p := h.person()
	first, again := p.get(b.opens(uri)), p.get(b.opens(uri))
	for _, r := range []reply{first, again} {
		if to, _ := r.location(t); !strings.Contains(to, "/signin") {
			t.Fatalf("not sent to sign in: %s", to)
		}
	}
	ada := h.signedIn(h.ada)
	if _, q := ada.get(b.opens(uri)).location(t); q.Get("code") == "" {
		t.Fatal("no code")
	}
	for name, r := range map[string]reply{
		"by the same":          ada.get(b.opens(uri)),
		"by another":           h.signedIn(h.bob).get(b.opens(uri)),
		"by a sign-in of then": p.resumes(again, h.ada),
	} {
		if r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" {
			t.Errorf("%s: %d, to %q", name, r.StatusCode, r.Header.Get("Location"))
		}
	}
	h.wantEvent("oidc.authorize.refuse")
}

// resumes finishes the sign-in to which an answer has sent the browser.
func (p *person) resumes(r reply, u idp.User) reply {
	p.h.t.Helper()
	to, _ := r.location(p.h.t)
	in, err := p.h.gate.SignIn(p.h.t.Context(), idp.SignInID(strings.TrimPrefix(to, "/signin/")), p.cookie("bind"))
	p.h.must(err)
	p.finish(in, u)
	return p.get(in.ResumeURL + "?signin=" + string(in.ID))
}

func TestPushedRequestsThatAreRefusedLater(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b, other := h.newBank(), h.newBankOf("other bank")
	ada := h.signedIn(h.ada)
	refused := func(name, path string) {
		t.Helper()
		if r := ada.get(path); r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" {
			t.Errorf("%s: %d, to %q", name, r.StatusCode, r.Header.Get("Location"))
		}
	}
	uri := b.pushes()
	refused("another client's", other.opens(uri))
	refused("no client", "/oauth/authorize?request_uri="+url.QueryEscape(uri))
	refused("changed", b.opens(swap(uri)))
	refused("longer", b.opens(uri+"A"))
	refused("made up", b.opens("urn:ietf:params:oauth:request_uri:x"))
	refused("a code in its place", b.opens("urn:ietf:params:oauth:request_uri:"+ada.code()))
	h.clock.Advance(89 * time.Second)
	if _, q := ada.get(b.opens(uri)).location(t); q.Get("code") == "" {
		t.Error("no code after 89 s")
	}
	late := b.pushes()
	h.clock.Advance(90 * time.Second)
	refused("too late", b.opens(late))

	// SS-01: an address of any other kind is not supported, and not fetched.
	_, q := ada.get("/oauth/authorize?" + b.asks("request_uri=http://127.0.0.1:9/x").Encode()).location(t)
	if q.Get("error") != "request_uri_not_supported" {
		t.Errorf("a request_uri by URL: %v", q)
	}
	h.changeApp(b.app.ID, func(a *idp.App) { a.OIDC.RequirePAR = true })
	_, q = ada.get("/oauth/authorize?" + b.asks().Encode()).location(t)
	if q.Get("error") != "invalid_request" || q.Get("code") != "" {
		t.Errorf("not pushed, where it must be: %v", q)
	}
}

func TestPushedRequestsThatAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	for name, c := range map[string]struct {
		change string
		code   string
	}{
		"a request_uri":                 {"request_uri=urn:ietf:params:oauth:request_uri:x", "invalid_request"},
		"no redirect_uri":               {"redirect_uri", "invalid_request"},
		"another redirect_uri":          {"redirect_uri=https://evil.example/cb", "invalid_request"},
		"PK-01 no challenge":            {"code_challenge", "invalid_request"},
		"PK-02 a plain challenge":       {"code_challenge_method=plain", "invalid_request"},
		"a token":                       {"response_type=token", "unsupported_response_type"},
		"code id_token":                 {"response_type=code id_token", "unsupported_response_type"},
		"no openid":                     {"scope=email", "invalid_scope"},
		"too long":                      {"state=" + strings.Repeat("s", 6<<10), "invalid_request"},
		"a request object that is none": {"request=x", "invalid_request_object"},
	} {
		t.Run(name, func(t *testing.T) {
			b.proven("/oauth/par", b.asks(c.change)).wants(t, http.StatusBadRequest, c.code)
		})
	}
	b.proven("/oauth/par", b.asks("client_id=wiki")).wants(t, http.StatusUnauthorized, "invalid_client")
	b.post("/oauth/par", b.asks()).wants(t, http.StatusUnauthorized, "invalid_client")
	used := b.assertion(nil)
	b.post("/oauth/par", b.by(used, b.asks())) // which spends it
	b.post("/oauth/par", b.by(used, b.asks())).wants(t, http.StatusUnauthorized, "invalid_client")
	res, err := http.Get(h.server.URL + "/oauth/par?" + b.asks().Encode())
	if r := read(t, res, err); r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != http.MethodPost {
		t.Errorf("GET: %d", r.StatusCode)
	}
	h.wantEvent("oidc.par.refuse")
}

// object is a request object of the bank.
func (b bank) object(changes map[string]any) map[string]any {
	now := b.h.clock.Now()
	claims := map[string]any{"iss": b.app.Identifier, "aud": b.h.provider.Issuer, "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
	for name, values := range b.asks("state=inside") {
		claims[name] = values[0]
	}
	return with(claims, changes)
}

func (b bank) pushesObject(object string, beside ...string) answer {
	b.h.t.Helper()
	form := url.Values{"client_id": {b.app.Identifier}, "request": {object}}
	for _, pair := range beside {
		name, value, _ := strings.Cut(pair, "=")
		form.Set(name, value)
	}
	return b.proven("/oauth/par", form)
}

func (b bank) signed(claims map[string]any) string {
	return sign(b.h.t, keys.ES256, "ec", "oauth-authz-req+jwt", held().ec, claims, false)
}

func TestRequestObjectsArePushed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	for name, changes := range map[string]map[string]any{
		"as it is":              nil,
		"also for others":       {"aud": []string{"https://other.example", h.provider.Issuer}},
		"nbf 8 s ahead":         {"nbf": h.clock.Now().Add(8 * time.Second).Unix()},
		"numbers as numbers":    {"max_age": 3600},
		"what we do not know":   {"authorization_details": []any{map[string]any{"type": "x"}}, "jti": "x"},
		"good for a whole hour": {"exp": h.clock.Now().Add(time.Hour).Unix()},
	} {
		a := b.pushesObject(b.signed(b.object(changes)), "state=outside", "redirect_uri=https://evil.example/", "response_type=token")
		if a.status != http.StatusCreated {
			t.Errorf("%s: %d %v", name, a.status, a.body)
			continue
		}
		if to, q := h.signedIn(h.ada).get(b.opens(a.text("request_uri"))).location(t); to != bankCallback || q.Get("code") == "" || q.Get("state") != "inside" {
			t.Errorf("%s: %s %v", name, to, q)
		}
	}
	a := b.pushesObject(b.signed(b.object(map[string]any{"state": nil})), "state=outside")
	if _, q := h.signedIn(h.ada).get(b.opens(a.text("request_uri"))).location(t); q.Has("state") || q.Get("code") == "" {
		t.Errorf("a state outside alone: %v", q)
	}
}

func TestRequestObjectsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	k := held()
	in := func(d time.Duration) int64 { return h.clock.Now().Add(d).Unix() }
	for name, changes := range map[string]map[string]any{
		"no exp":                {"exp": nil},
		"no nbf":                {"nbf": nil},
		"expired":               {"nbf": in(-10 * time.Minute), "exp": in(-5 * time.Minute)},
		"nbf over an hour ago":  {"nbf": in(-61 * time.Minute), "exp": in(-2 * time.Minute)},
		"good for over an hour": {"exp": in(62 * time.Minute)},
		"nbf ahead":             {"nbf": in(65 * time.Second)},
		"for another":           {"aud": "https://other.example"},
		"for nobody":            {"aud": nil},
		"another iss":           {"iss": "wiki"},
		"another client":        {"client_id": "wiki"},
		"an assertion":          {"sub": "bank"},
		"another in it":         {"request": "x"},
		"an address in it":      {"request_uri": "https://bank.example/x"},
		"a scope that is one":   {"iss": []string{"bank"}},
	} {
		t.Run(name, func(t *testing.T) {
			b.pushesObject(b.signed(b.object(changes))).wants(t, http.StatusBadRequest, "invalid_request_object")
		})
	}
	claims := b.object(nil)
	for name, object := range map[string]string{
		"JW-01 none":   "eyJhbGciOiJub25lIn0." + strings.Split(b.signed(claims), ".")[1] + ".",
		"another key":  sign(t, keys.ES256, "ec", "", k.ec2, claims, false),
		"changed":      swap(b.signed(claims)),
		"a proof":      sign(t, keys.ES256, "ec", "dpop+jwt", k.ec, claims, false),
		"an assertion": b.assertion(nil),
		"JW-02 HS256":  sign(t, "HS256", "ec", "", []byte(b.app.OIDC.JWKS), claims, false),
	} {
		t.Run(name, func(t *testing.T) {
			b.pushesObject(object).wants(t, http.StatusBadRequest, "invalid_request_object")
		})
	}
	// What the object asks for is judged like any request.
	b.pushesObject(b.signed(b.object(map[string]any{"redirect_uri": nil})), "redirect_uri="+bankCallback).wants(t, http.StatusBadRequest, "invalid_request")
	h.asWiki().post("/oauth/par", url.Values{"request": {b.signed(claims)}}).wants(t, http.StatusBadRequest, "invalid_request_object")

	// At the authorization endpoint there are none.
	q := maps.Clone(b.asks())
	q.Set("request", b.signed(claims))
	if _, got := h.signedIn(h.ada).get("/oauth/authorize?" + q.Encode()).location(t); got.Get("error") != "request_not_supported" {
		t.Errorf("a request object in the browser: %v", got)
	}
}
