package oidc_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/fetch"
	"gatehouse/idp/keys"
	"gatehouse/idp/oidc"
)

func TestPrivateKeyJWTSignsIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	_, q := h.signedIn(h.ada).get("/oauth/authorize?" + b.asks("scope=openid offline_access").Encode()).location(t)
	a := b.proven("/oauth/token", exchange(q.Get("code"), "redirect_uri="+bankCallback))
	if a.status != http.StatusOK || claimsOf(t, a.text("id_token"))["sub"] != string(h.ada.ID) {
		t.Fatalf("%d %v", a.status, a.body)
	}
	refreshed := b.proven("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.text("refresh_token")}})
	if refreshed.status != http.StatusOK {
		t.Errorf("refresh: %d %v", refreshed.status, refreshed.body)
	}
	if asked := b.proven("/oauth/introspect", url.Values{"token": {refreshed.text("access_token")}}); asked.body["active"] != true {
		t.Errorf("introspection: %v", asked.body)
	}
	k := held()
	b.proves(t, "PS256", sign(t, keys.PS256, "rsa", "JWT", k.rsa, b.claims(nil), false), true)
	b.proves(t, "EdDSA", sign(t, keys.EdDSA, "ed", "client-authentication+jwt", k.ed, b.claims(nil), false), true)
	b.proves(t, "RS256", sign(t, keys.RS256, "rsa", "", k.rsa, b.claims(nil), false), true)
}

// TestCA01SecretIsNoAssertion: who is registered to sign does not come in by
// anything else.
func TestCA01SecretIsNoAssertion(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	for _, c := range []caller{{h, true, "bank", secret}, {h, false, "bank", secret}, {h, false, "bank", ""}} {
		c.exchange("x").wants(t, http.StatusUnauthorized, "invalid_client")
	}
	wiki := bank{caller{h: h}, h.wiki}
	wiki.proves(t, "an assertion of a client with a secret", wiki.assertion(nil), false)
	both := b.by(b.assertion(nil), exchange("x", "client_secret="+secret))
	b.post("/oauth/token", both).wants(t, http.StatusBadRequest, "invalid_request")
	caller{h, true, "bank", secret}.post("/oauth/token", b.by(b.assertion(nil), exchange("x"))).wants(t, http.StatusBadRequest, "invalid_request")
}

// TestCA04AssertionCountsOnce: also when it comes many times at once, and one
// of another client is not mixed up with it.
func TestCA04AssertionCountsOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b, other := h.newBank(), h.newBankOf("other bank")
	one := b.assertion(map[string]any{"jti": "one"})
	b.proves(t, "first", one, true)
	b.proves(t, "again", one, false)
	b.proves(t, "the same jti signed anew", b.assertion(map[string]any{"jti": "one"}), false)
	other.proves(t, "another client's", other.assertion(map[string]any{"jti": "one"}), true)
	h.wantEvent("oidc.client.refuse")

	raced := b.assertion(nil)
	var good atomic.Int32
	var tries sync.WaitGroup
	for range 16 {
		tries.Go(func() {
			a, err := b.try("/oauth/introspect", b.by(raced, url.Values{"token": {"x"}}))
			if err == nil && a.status == http.StatusOK {
				good.Add(1)
			}
		})
	}
	tries.Wait()
	if good.Load() != 1 {
		t.Errorf("%d of 16 got in with one assertion", good.Load())
	}

	// While it could still be believed, it is remembered; after that it has expired.
	late := b.assertion(map[string]any{"exp": h.clock.Now().Add(2 * time.Second).Unix()})
	b.proves(t, "late", late, true)
	h.clock.Advance(50 * time.Second)
	b.proves(t, "late, within the skew", late, false)
	h.clock.Advance(20 * time.Second)
	b.proves(t, "late, expired", late, false)
}

// TestCA05AssertionIsForTheIssuerAlone (also JW-09: no claim of another type).
func TestCA05AssertionIsForTheIssuerAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	issuer := h.provider.Issuer
	for name, changes := range map[string]map[string]any{
		"the token endpoint":     {"aud": issuer + "/oauth/token"},
		"another issuer":         {"aud": "https://other.example"},
		"a trailing slash":       {"aud": issuer + "/"},
		"ours and another":       {"aud": []string{issuer, "https://other.example"}},
		"ours in an array":       {"aud": []string{issuer}},
		"no audience":            {"aud": nil},
		"a number":               {"aud": 1},
		"no iss":                 {"iss": nil},
		"another iss":            {"iss": issuer},
		"JW-09 iss as array":     {"iss": []string{"bank", "evil"}},
		"JW-09 sub as number":    {"sub": 7},
		"another client's sub":   {"sub": "wiki"},
		"no sub":                 {"sub": nil},
		"no jti":                 {"jti": nil},
		"an empty jti":           {"jti": ""},
		"a jti without end":      {"jti": strings.Repeat("j", 600)},
		"a jti that is a number": {"jti": 1},
	} {
		b.proves(t, name, b.assertion(changes), false)
	}
	b.proves(t, "the issuer", b.assertion(nil), true)
}

// TestCL01TimesOfAssertions: a minute for its clock, and five to live.
func TestCL01TimesOfAssertions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	in := func(d time.Duration) int64 { return h.clock.Now().Add(d).Unix() }
	for name, c := range map[string]struct {
		changes map[string]any
		want    bool
	}{
		"no exp":                   {map[string]any{"exp": nil}, false},
		"exp as text":              {map[string]any{"exp": "9999999999"}, false},
		"exp 63 s ago":             {map[string]any{"exp": in(-63 * time.Second)}, false},
		"exp five minutes ago":     {map[string]any{"exp": in(-5 * time.Minute)}, false},
		"exp 55 s ago":             {map[string]any{"exp": in(-55 * time.Second)}, true},
		"exp in five minutes":      {map[string]any{"exp": in(5 * time.Minute)}, true},
		"exp in seven minutes":     {map[string]any{"exp": in(7 * time.Minute)}, false},
		"exp in the far future":    {map[string]any{"exp": 1e300}, false},
		"iat 8 s ahead":            {map[string]any{"iat": in(8 * time.Second)}, true},
		"iat 55 s ahead":           {map[string]any{"iat": in(55 * time.Second)}, true},
		"iat 65 s ahead":           {map[string]any{"iat": in(65 * time.Second)}, false},
		"nbf 8 s ahead":            {map[string]any{"nbf": in(8 * time.Second)}, true},
		"nbf 65 s ahead":           {map[string]any{"nbf": in(65 * time.Second)}, false},
		"no iat":                   {map[string]any{"iat": nil}, true},
		"times with a fraction":    {map[string]any{"iat": float64(in(0)) + 0.5}, true},
		"exp in the distant past":  {map[string]any{"exp": -1e300}, false},
		"exp that says not at all": {map[string]any{"exp": 0}, false},
	} {
		b.proves(t, name, b.assertion(c.changes), c.want)
	}
}

// TestJW01AssertionOfNobody: what proves nothing of a key of its own.
func TestJW01AssertionOfNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	k := held()
	good := b.assertion(nil)
	parts := strings.Split(good, ".")
	for name, bad := range map[string]string{
		"alg none":               "eyJhbGciOiJub25lIn0." + parts[1] + ".",
		"JW-02 HS256":            sign(t, "HS256", "ec", "", []byte(b.app.OIDC.JWKS), b.claims(nil), false),
		"another key":            sign(t, keys.ES256, "ec", "", k.ec2, b.claims(nil), false),
		"another key, no kid":    sign(t, keys.ES256, "", "", k.ec2, b.claims(nil), false),
		"JW-03 its own key":      sign(t, keys.ES256, "", "", k.ec2, b.claims(nil), true),
		"JW-05 unknown kid":      sign(t, keys.ES256, "'; --", "", k.ec, b.claims(nil), false),
		"signature changed":      swap(good),
		"no signature":           parts[0] + "." + parts[1] + ".",
		"a proof":                sign(t, keys.ES256, "ec", "dpop+jwt", k.ec, b.claims(nil), false),
		"JW-07 a million dots":   strings.Repeat(".", 60_000),
		"an app that has no key": sign(t, keys.ES256, "ec", "", k.ec, b.claims(map[string]any{"iss": "other", "sub": "other"}), false),
	} {
		b.proves(t, name, bad, false)
	}
	b.proves(t, "and a good one", good, true)
}

// TestKeysOfAnAppAreReplacedInTurn: with two keys registered either counts,
// and one that is registered no more does not.
func TestKeysOfAnAppAreReplacedInTurn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	k := held()
	next := func() string { return sign(t, keys.ES256, "next", "", k.ec2, b.claims(nil), false) }
	b.proves(t, "a key to come", next(), false)
	h.changeApp(b.app.ID, func(a *idp.App) {
		a.OIDC.JWKS = setOf(t, map[string]any{"ec": k.ec.Public(), "next": k.ec2.Public()})
	})
	b.proves(t, "the old key", b.assertion(nil), true)
	b.proves(t, "the next key", next(), true)
	h.changeApp(b.app.ID, func(a *idp.App) { a.OIDC.JWKS = setOf(t, map[string]any{"next": k.ec2.Public()}) })
	b.proves(t, "the old key, gone", b.assertion(nil), false)
	b.proves(t, "the next key, alone", next(), true)
}

// TestAnAssertionIsNotReplayedAcrossClocks: as for a proof.
func TestAnAssertionIsNotReplayedAcrossClocks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	assertion := b.assertion(nil)
	b.proves(t, "first", assertion, true)
	h.clock.Advance(118 * time.Second)
	h.must(h.store.Purge(t.Context(), h.clock.Now().Add(4*time.Minute))) // another node's sweep
	b.proves(t, "again", assertion, false)
}

// TestPublishedKeysAreReadWhenNeeded: from jwks_uri, seldom, and again when a
// signature names a key that is not known.
func TestPublishedKeysAreReadWhenNeeded(t *testing.T) {
	t.Parallel()
	k := held()
	var set atomic.Value
	var reads atomic.Int32
	set.Store(setOf(t, map[string]any{"ec": k.ec.Public()}))
	publisher := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads.Add(1)
		if text := set.Load().(string); text != "" {
			_, _ = w.Write([]byte(text))
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(publisher.Close)
	out, err := fetch.New([]string{strings.TrimPrefix(publisher.URL, "http://")})
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, func(p *oidc.Provider) { p.Fetch = out })
	b := h.newBank(func(o *idp.OIDCSettings) { o.JWKS, o.JWKSURI = "", publisher.URL })
	read := func(name string, want int32) {
		t.Helper()
		if got := reads.Swap(0); got != want {
			t.Errorf("%s: read %d times, want %d", name, got, want)
		}
	}
	next := func() string { return sign(t, keys.ES256, "next", "", k.ec2, b.claims(nil), false) }

	for range 3 {
		b.proves(t, "known", b.assertion(nil), true)
	}
	read("known", 1)
	set.Store(setOf(t, map[string]any{"ec": k.ec.Public(), "next": k.ec2.Public()}))
	h.clock.Advance(time.Minute)
	b.proves(t, "a new key", next(), true)
	read("a new key", 1)
	for range 3 {
		b.proves(t, "a key that nobody has", sign(t, keys.ES256, "none", "", k.ec, b.claims(nil), false), false)
	}
	read("a key that nobody has, within half a minute", 0)
	set.Store(setOf(t, map[string]any{"next": k.ec2.Public()}))
	h.clock.Advance(5 * time.Minute)
	b.proves(t, "a key withdrawn", b.assertion(nil), false)
	read("after five minutes", 1)
	set.Store("")
	h.clock.Advance(10 * time.Minute)
	b.proves(t, "while they cannot be read", next(), true)
	read("while they cannot be read", 1)
	b.proves(t, "and not asked for at once again", next(), true)
	read("and not asked for at once again", 0)

	never := h.newBankOf("never", func(o *idp.OIDCSettings) { o.JWKS, o.JWKSURI = "", "http://127.0.0.1:1/keys" })
	// SS-02: an address that is not allowed is not called; the answer is the
	// one of keys that cannot be read.
	a := never.proven("/oauth/introspect", url.Values{"token": {"x"}})
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("keys that were never read: %d %v", a.status, a.body)
	}
}

// publisher publishes the key ec at an address, as answer says; it returns a
// bank whose keys are read there.
func publisher(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, set string)) bank {
	t.Helper()
	set := setOf(t, map[string]any{"ec": held().ec.Public()})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r, set) }))
	t.Cleanup(srv.Close)
	out, err := fetch.New([]string{strings.TrimPrefix(srv.URL, "http://")})
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, func(p *oidc.Provider) { p.Fetch = out })
	return h.newBank(func(o *idp.OIDCSettings) { o.JWKS, o.JWKSURI = "", srv.URL })
}

// TestPublishedKeysAreNotBelievedForEver: whoever can keep the address from
// answering would keep a key alive that the app has withdrawn.
func TestPublishedKeysAreNotBelievedForEver(t *testing.T) {
	t.Parallel()
	var gone atomic.Bool
	b := publisher(t, func(w http.ResponseWriter, _ *http.Request, set string) {
		if gone.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = w.Write([]byte(set))
	})
	b.proves(t, "known", b.assertion(nil), true)
	gone.Store(true)
	for range 5 {
		b.h.clock.Advance(11 * time.Minute)
		b.proves(t, "within the hour", b.assertion(nil), true)
	}
	b.h.clock.Advance(11 * time.Minute)
	asked := func() answer { return b.proven("/oauth/introspect", url.Values{"token": {"x"}}) }
	if a := asked(); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("last seen published more than an hour ago: %d %v", a.status, a.body)
	}
	gone.Store(false)
	b.h.clock.Advance(time.Minute)
	if a := asked(); a.status != http.StatusOK {
		t.Errorf("published again: %d %v", a.status, a.body)
	}
}

// TestASlowAddressOfKeysHoldsUpNobody whose key is known: it is read ahead of
// time, and again while it fails, and nobody waits for that.
func TestASlowAddressOfKeysHoldsUpNobody(t *testing.T) {
	t.Parallel()
	var slow atomic.Bool
	asked, answers := make(chan struct{}, 8), make(chan struct{}, 8)
	b := publisher(t, func(w http.ResponseWriter, r *http.Request, set string) {
		if slow.Load() {
			asked <- struct{}{}
			select {
			case <-answers:
				w.WriteHeader(http.StatusInternalServerError)
			case <-r.Context().Done(): // whoever asked has given up
				t.Error("somebody waited until the call was given up, or the test did")
			}
			return
		}
		_, _ = w.Write([]byte(set))
	})
	b.proves(t, "known", b.assertion(nil), true)
	slow.Store(true)
	for _, after := range []time.Duration{4*time.Minute + 30*time.Second, 2 * time.Minute, 2 * time.Minute} {
		b.h.clock.Advance(after)
		for reading, deadline := false, time.Now().Add(time.Minute); !reading; {
			if time.Now().After(deadline) {
				t.Fatalf("%s later it is not read again", after)
			}
			b.proves(t, "while it is about to be read", b.assertion(nil), true)
			select {
			case <-asked:
				reading = true
			case <-time.After(10 * time.Millisecond): // the read before may not have ended
			}
		}
		b.proves(t, "while it is being read", b.assertion(nil), true)
		answers <- struct{}{}
	}
}
