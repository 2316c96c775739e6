package saas

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func endWith(t *testing.T, base, token string) page {
	t.Helper()
	res, err := http.PostForm(base+BackchannelLogoutPath, url.Values{"logout_token": {token}})
	if err != nil {
		t.Fatal(err)
	}
	return read(t, res)
}

func TestLogoutTokenEndsTheSessionAndThePageSaysSo(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"", "JWT", "logout+jwt"} {
		is := startIssuer(t)
		_, base := startWiki(t, is, new(clock))
		b := newBrowser(t)
		b.open(base + "/login")
		token := is.logoutToken(time.Now())
		if p := endWith(t, base, is.sign(token, typ)); p.StatusCode != 200 || p.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("typ %q: %d %s", typ, p.StatusCode, p.body)
		}
		who := b.mustBe(base, false)
		if who.EndedAt == nil || who.EndedKind != EndedByIdP || who.EndedBy != "logout token jti="+token["jti"].(string) {
			t.Errorf("ended %+v", who)
		}
		wantText(t, b.open(base+"/"), "You were signed out by Gatehouse at <time", who.EndedBy)
		wantText(t, b.open(base+"/account"), "You were signed out by Gatehouse at <time")
	}
}

func TestLogoutTokenEndsWhatItNames(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change      func(claims)
		first, both bool // what ends: the first session only, or both of the subject
	}{
		"sid and sub":                 {func(c claims) {}, true, false},
		"sid only":                    {func(c claims) { delete(c, "sub") }, true, false},
		"sub only":                    {func(c claims) { delete(c, "sid") }, true, true},
		"sid of nobody":               {func(c claims) { c["sid"] = "other" }, false, false},
		"sub of somebody else":        {func(c claims) { c["sub"] = "u-2"; delete(c, "sid") }, false, false},
		"our sid, another's sub":      {func(c claims) { c["sub"] = "u-2" }, false, false},
		"several audiences, ours too": {func(c claims) { c["aud"] = []string{"other", clientID} }, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			is := startIssuer(t)
			_, base := startWiki(t, is, new(clock))
			one, two := newBrowser(t), newBrowser(t)
			one.open(base + "/login")
			token := is.logoutToken(time.Now())
			is.set(func() { is.sid = "sid-2" })
			two.open(base + "/login")
			test.change(token)
			if p := endWith(t, base, is.sign(token, "logout+jwt")); p.StatusCode != 200 {
				t.Fatalf("%d %s", p.StatusCode, p.body)
			}
			one.mustBe(base, !test.first)
			two.mustBe(base, !test.both)
		})
	}
}

func TestBadLogoutTokenIsRefused(t *testing.T) {
	t.Parallel()
	is := startIssuer(t)
	_, base := startWiki(t, is, new(clock))
	b := newBrowser(t)
	b.open(base + "/login")
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(change func(claims)) string {
		c := is.logoutToken(time.Now())
		change(c)
		return is.sign(c, "logout+jwt")
	}
	good := is.sign(is.logoutToken(time.Now()), "logout+jwt")
	part := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	public, err := x509.MarshalPKIXPublicKey(is.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	event := func(v any) func(claims) {
		return func(c claims) { c["events"] = claims{"http://schemas.openid.net/event/backchannel-logout": v} }
	}
	for name, token := range map[string]string{
		"empty":                        "",
		"no token":                     "not.a.token",
		"alg none":                     none + "." + part[1] + ".",
		"signature cut off":            part[0] + "." + part[1] + ".",
		"payload of another token":     part[0] + "." + strings.Split(changed(func(c claims) { c["sub"] = "u-2" }), ".")[1] + "." + part[2],
		"key of somebody else":         signWith(t, other, jose.ES256, is.logoutToken(time.Now()), "logout+jwt"),
		"HMAC with the public key":     signWith(t, public, jose.HS256, is.logoutToken(time.Now()), "logout+jwt"),
		"typ of a probe":               is.sign(is.logoutToken(time.Now()), probeTyp),
		"typ of an access token":       is.sign(is.logoutToken(time.Now()), "at+jwt"),
		"iss of somebody else":         changed(func(c claims) { c["iss"] = "https://evil.example" }),
		"no iss":                       changed(func(c claims) { delete(c, "iss") }),
		"aud of another app":           changed(func(c claims) { c["aud"] = "crm" }),
		"no aud":                       changed(func(c claims) { delete(c, "aud") }),
		"no iat":                       changed(func(c claims) { delete(c, "iat") }),
		"iat in the future":            changed(func(c claims) { c["iat"] = time.Now().Add(time.Hour).Unix() }),
		"iat long ago":                 changed(func(c claims) { c["iat"] = time.Now().Add(-time.Hour).Unix() }),
		"expired":                      changed(func(c claims) { c["exp"] = time.Now().Add(-time.Minute).Unix() }),
		"no exp":                       changed(func(c claims) { delete(c, "exp") }),
		"no jti":                       changed(func(c claims) { delete(c, "jti") }),
		"endless jti":                  changed(func(c claims) { c["jti"] = strings.Repeat("x", 300) }),
		"no events":                    changed(func(c claims) { delete(c, "events") }),
		"another event":                changed(func(c claims) { c["events"] = claims{"urn:other": claims{}} }),
		"event is null":                changed(event(nil)),
		"event is a text":              changed(event("yes")),
		"nonce":                        changed(func(c claims) { c["nonce"] = "n" }),
		"nonce that is null":           changed(func(c claims) { c["nonce"] = nil }),
		"neither sub nor sid":          changed(func(c claims) { delete(c, "sub"); delete(c, "sid") }),
		"an ID token":                  is.sign(claims{"iss": is.URL, "aud": clientID, "sub": is.sub, "sid": is.sid, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "nonce": "n"}, ""),
		"a body larger than the limit": strings.Repeat("x", maxForm+1),
	} {
		p := endWith(t, base, token)
		if p.StatusCode != http.StatusBadRequest || !strings.Contains(p.body, `"invalid_request"`) {
			t.Errorf("%s: %d %s", name, p.StatusCode, p.body)
		}
	}
	res, err := http.PostForm(base+BackchannelLogoutPath, url.Values{"logout_token": {good, good}})
	if err != nil {
		t.Fatal(err)
	}
	if p := read(t, res); p.StatusCode != http.StatusBadRequest {
		t.Errorf("two tokens: %d", p.StatusCode)
	}
	b.mustBe(base, true)
}

func TestLogoutTokenIsGoodOnce(t *testing.T) {
	t.Parallel()
	is, c := startIssuer(t), new(clock)
	_, base := startWiki(t, is, c)
	b := newBrowser(t)
	b.open(base + "/login")
	token := is.sign(is.logoutToken(time.Now()), "logout+jwt")
	if p := endWith(t, base, token); p.StatusCode != 200 {
		t.Fatal(p.body)
	}
	b.open(base + "/login")
	if p := endWith(t, base, token); p.StatusCode != http.StatusBadRequest {
		t.Errorf("replay: %d", p.StatusCode)
	}
	b.mustBe(base, true)
	c.forward(30 * time.Minute)
	if p := endWith(t, base, token); p.StatusCode != http.StatusBadRequest {
		t.Errorf("replay after the memory is gone: %d", p.StatusCode)
	}
	b.mustBe(base, true)
}

func TestProbeCountsLiveSessions(t *testing.T) {
	t.Parallel()
	is, c := startIssuer(t), new(clock)
	_, base := startWiki(t, is, c)
	probe := func() claims {
		now := c.now()
		return claims{"iss": is.URL, "aud": clientID, "sub": "u-1", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	}
	ask := func(token string) page {
		t.Helper()
		res, err := http.PostForm(base+ProbePath, url.Values{"token": {token}})
		if err != nil {
			t.Fatal(err)
		}
		return read(t, res)
	}
	want := func(n string) {
		t.Helper()
		if p := ask(is.sign(probe(), probeTyp)); p.StatusCode != 200 || strings.TrimSpace(p.body) != `{"sessions":`+n+`}` {
			t.Errorf("%d %s, want %s", p.StatusCode, p.body, n)
		}
	}
	want("0")
	newBrowser(t).open(base + "/login")
	newBrowser(t).open(base + "/login")
	want("2")
	res, err := http.Post(base+ProbePath, "application/jwt", strings.NewReader(is.sign(probe(), probeTyp)))
	if err != nil {
		t.Fatal(err)
	}
	if p := read(t, res); strings.TrimSpace(p.body) != `{"sessions":2}` {
		t.Errorf("as the body: %s", p.body)
	}
	for name, change := range map[string]func(claims){
		"another audience": func(c claims) { c["aud"] = "crm" },
		"another issuer":   func(c claims) { c["iss"] = "https://evil.example" },
		"expired":          func(c claims) { c["exp"] = time.Now().Add(-time.Hour).Unix() },
		"no expiry":        func(c claims) { delete(c, "exp") },
		"a long life":      func(c claims) { c["exp"] = time.Now().Add(time.Hour).Unix() },
		"nobody":           func(c claims) { delete(c, "sub") },
	} {
		cl := probe()
		change(cl)
		if p := ask(is.sign(cl, probeTyp)); p.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, p.StatusCode, p.body)
		}
	}
	for _, typ := range []string{"", "JWT", "logout+jwt"} {
		if p := ask(is.sign(probe(), typ)); p.StatusCode != http.StatusUnauthorized {
			t.Errorf("typ %q: %d", typ, p.StatusCode)
		}
	}
	all := is.logoutToken(time.Now())
	delete(all, "sid")
	endWith(t, base, is.sign(all, "logout+jwt"))
	want("0")
	c.forward(13 * time.Hour)
	want("0")
}
