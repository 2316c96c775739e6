package oidc_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/idp"
	"gatehouse/idp/keys"
)

// thumbprint is that of a public key (RFC 7638).
func thumbprint(t testing.TB, public any) string {
	t.Helper()
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// proof is a DPoP proof for a call, by the key ec2: not one that is registered.
func (h *house) proof(method, path string, changes map[string]any) string {
	h.t.Helper()
	return sign(h.t, keys.ES256, "", "dpop+jwt", held().ec2, with(map[string]any{
		"jti": rand.Text(), "htm": method, "htu": h.provider.Issuer + path, "iat": h.clock.Now().Unix(),
	}, changes), true)
}

// withProof posts a form with these proofs.
func (h *house) withProof(path string, form url.Values, proofs ...string) answer {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodPost, h.server.URL+path, strings.NewReader(form.Encode()))
	h.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header["Dpop"] = proofs
	a, err := do(req)
	h.must(err)
	return a
}

// asks userinfo with these headers.
func (h *house) userinfoBy(authorization string, proofs ...string) answer {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodGet, h.server.URL+"/oauth/userinfo", nil)
	h.must(err)
	req.Header.Set("Authorization", authorization)
	req.Header["Dpop"] = proofs
	a, err := do(req)
	h.must(err)
	return a
}

// boundTokens are tokens of ada, bound to the key ec2.
func (h *house) boundTokens(b bank) answer {
	h.t.Helper()
	_, q := h.signedIn(h.ada).get("/oauth/authorize?" + b.asks("scope=openid offline_access").Encode()).location(h.t)
	form := b.by(b.assertion(nil), exchange(q.Get("code"), "redirect_uri="+bankCallback))
	a := h.withProof("/oauth/token", form, h.proof("POST", "/oauth/token", nil))
	if a.status != http.StatusOK || a.text("token_type") != "DPoP" {
		h.t.Fatalf("%d %v", a.status, a.body)
	}
	return a
}

func TestTokensAreBoundToTheKeyOfAProof(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	a := h.boundTokens(b)
	token := a.text("access_token")
	ath := map[string]any{"ath": hash(token)}
	if got := h.userinfoBy("DPoP "+token, h.proof("GET", "/oauth/userinfo", ath)); got.status != http.StatusOK || got.text("sub") != string(h.ada.ID) {
		t.Errorf("userinfo: %d %v", got.status, got.body)
	}
	asked := b.proven("/oauth/introspect", url.Values{"token": {token}})
	cnf, _ := asked.body["cnf"].(map[string]any)
	if asked.text("token_type") != "DPoP" || cnf["jkt"] != thumbprint(t, held().ec2.Public()) {
		t.Errorf("introspection: %v", asked.body)
	}
	// Whoever has the token alone has nothing.
	got := h.userinfo(token)
	got.wants(t, http.StatusUnauthorized, "invalid_token")
	if all := strings.Join(got.header.Values("WWW-Authenticate"), "; "); !strings.Contains(all, `DPoP realm="gatehouse", algs="PS256 ES256 EdDSA"`) {
		t.Errorf("challenges %s", all)
	}
	h.wantEvent("oidc.proof.refuse")
	// A client that authenticates may come with another key at a refresh.
	form := b.by(b.assertion(nil), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.text("refresh_token")}})
	fresh := h.withProof("/oauth/token", form, sign(t, keys.ES256, "", "dpop+jwt", held().ec, map[string]any{
		"jti": "x", "htm": "POST", "htu": h.provider.Issuer + "/oauth/token", "iat": h.clock.Now().Unix(),
	}, true))
	if fresh.status != http.StatusOK || fresh.text("token_type") != "DPoP" {
		t.Fatalf("refresh: %d %v", fresh.status, fresh.body)
	}
	token = fresh.text("access_token")
	h.userinfoBy("DPoP "+token, h.proof("GET", "/oauth/userinfo", map[string]any{"ath": hash(token)})).wants(t, http.StatusUnauthorized, "invalid_token")
}

// TestProofsThatProveNothing at a protected resource: each differs in one thing
// from the one that is good.
func TestProofsThatProveNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	token := h.boundTokens(b).text("access_token")
	k, issuer := held(), h.provider.Issuer
	at := func(d time.Duration) map[string]any { return map[string]any{"iat": h.clock.Now().Add(d).Unix()} }
	claims := func(changes map[string]any) map[string]any {
		return with(map[string]any{
			"jti": rand.Text(), "htm": "GET", "htu": issuer + "/oauth/userinfo", "iat": h.clock.Now().Unix(), "ath": hash(token),
		}, changes)
	}
	by := func(changes map[string]any) string {
		return sign(t, keys.ES256, "", "dpop+jwt", k.ec2, claims(changes), true)
	}
	private, _ := json.Marshal(jose.JSONWebKey{Key: k.ec2})
	for name, proof := range map[string]string{
		"no jti":             by(map[string]any{"jti": nil}),
		"no htm":             by(map[string]any{"htm": nil}),
		"no htu":             by(map[string]any{"htu": nil}),
		"no iat":             by(map[string]any{"iat": nil}),
		"no ath":             by(map[string]any{"ath": nil}),
		"ath of another":     by(map[string]any{"ath": hash("x")}),
		"another method":     by(map[string]any{"htm": "PUT"}),
		"lower case":         by(map[string]any{"htm": "get"}),
		"another path":       by(map[string]any{"htu": issuer + "/oauth/token"}),
		"another host":       by(map[string]any{"htu": "https://other.example/oauth/userinfo"}),
		"no host":            by(map[string]any{"htu": "/oauth/userinfo"}),
		"an hour ahead":      by(at(time.Hour)),
		"65 s ahead":         by(at(65 * time.Second)),
		"65 s ago":           by(at(-65 * time.Second)),
		"expired":            by(map[string]any{"exp": h.clock.Now().Add(-2 * time.Minute).Unix()}),
		"not yet":            by(map[string]any{"nbf": h.clock.Now().Add(2 * time.Minute).Unix()}),
		"another typ":        sign(t, keys.ES256, "", "JWT", k.ec2, claims(nil), true),
		"no typ":             sign(t, keys.ES256, "", "", k.ec2, claims(nil), true),
		"no key":             sign(t, keys.ES256, "", "dpop+jwt", k.ec2, claims(nil), false),
		"RS256":              sign(t, keys.RS256, "", "dpop+jwt", k.rsa, claims(nil), true),
		"JW-01 none":         "eyJhbGciOiJub25lIiwidHlwIjoiZHBvcCtqd3QifQ." + strings.Split(by(nil), ".")[1] + ".",
		"changed":            swap(by(nil)),
		"no JWT":             "x",
		"empty":              "",
		"with a private key": withHeader(t, by(nil), `{"alg":"ES256","typ":"dpop+jwt","jwk":`+string(private)+`}`),
		"jti without end":    by(map[string]any{"jti": strings.Repeat("j", 600)}),
	} {
		got := h.userinfoBy("DPoP "+token, proof)
		if got.status != http.StatusUnauthorized || got.text("error") != "invalid_dpop_proof" {
			t.Errorf("%s: %d %v", name, got.status, got.body)
		}
		if c := got.header.Get("WWW-Authenticate"); c != `DPoP realm="gatehouse", algs="PS256 ES256 EdDSA", error="invalid_dpop_proof"` {
			t.Errorf("%s: challenge %s", name, c)
		}
	}
	another := sign(t, keys.ES256, "", "dpop+jwt", k.ec, claims(nil), true)
	h.userinfoBy("DPoP "+token, another).wants(t, http.StatusUnauthorized, "invalid_token")
	h.userinfoBy("DPoP "+token, by(nil), by(nil)).wants(t, http.StatusUnauthorized, "invalid_dpop_proof")
	h.userinfoBy("DPoP "+token).wants(t, http.StatusUnauthorized, "invalid_dpop_proof")
	unbound := h.signedIn(h.ada).tokens("openid").text("access_token")
	h.userinfoBy("DPoP "+unbound, by(map[string]any{"ath": hash(unbound)})).wants(t, http.StatusUnauthorized, "invalid_token")

	once := by(nil)
	for i, want := range []int{http.StatusOK, http.StatusUnauthorized} {
		if got := h.userinfoBy("DPoP "+token, once); got.status != want {
			t.Errorf("use %d of one proof: %d", i+1, got.status)
		}
	}
	for name, good := range map[string]string{
		"as it is":            by(nil),
		"10 s ago":            by(at(-10 * time.Second)),
		"10 s ahead":          by(at(10 * time.Second)),
		"a query":             by(map[string]any{"htu": issuer + "/oauth/userinfo?a=b#c"}),
		"another spelling":    by(map[string]any{"htu": strings.Replace(issuer, "http", "HTTP", 1) + "/%6fauth/./userinfo"}),
		"exp and nbf":         by(map[string]any{"nbf": h.clock.Now().Unix(), "exp": h.clock.Now().Add(5 * time.Minute).Unix()}),
		"claims of the app's": by(map[string]any{"extra": []int{1}}),
	} {
		if got := h.userinfoBy("dpop "+token, good); got.status != http.StatusOK {
			t.Errorf("%s: %d %v", name, got.status, got.body)
		}
	}
}

// withHeader puts another header before a JWT, whose signature then is none.
func withHeader(t *testing.T, token, header string) string {
	t.Helper()
	_, rest, _ := strings.Cut(token, ".")
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + rest
}

// TestAProofIsNotReplayedAcrossClocks: one that was used is remembered for as
// long as any node takes it, also when the clock of the one that sweeps is ahead.
func TestAProofIsNotReplayedAcrossClocks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	token := h.boundTokens(b).text("access_token")
	proof := h.proof("GET", "/oauth/userinfo", map[string]any{"ath": hash(token)})
	if got := h.userinfoBy("DPoP "+token, proof); got.status != http.StatusOK {
		t.Fatal(got.status, got.body)
	}
	h.clock.Advance(58 * time.Second)
	h.must(h.store.Purge(t.Context(), h.clock.Now().Add(4*time.Minute))) // another node's sweep
	h.userinfoBy("DPoP "+token, proof).wants(t, http.StatusUnauthorized, "invalid_dpop_proof")
}

// TestAStrangersProofIsNotWrittenDown: whoever has nothing but a key of their own
// and the client_id of a public app costs no statement that writes for a proof.
func TestAStrangersProofIsNotWrittenDown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.phone.ID, func(a *idp.App) { a.OIDC.DeviceGrant = true })
	device := url.Values{"client_id": {"phone"}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {"x"}}
	token := func(form url.Values) func(string) answer {
		return func(jti string) answer {
			return h.withProof("/oauth/token", form, h.proof("POST", "/oauth/token", map[string]any{"jti": jti}))
		}
	}
	for name, c := range map[string]struct {
		call  func(jti string) answer
		error string
	}{
		"userinfo": {func(jti string) answer {
			return h.userinfoBy("DPoP nonsense", h.proof("GET", "/oauth/userinfo", map[string]any{"ath": hash("nonsense"), "jti": jti}))
		}, "invalid_token"},
		"a code":          {token(exchange("x", "client_id=phone")), "invalid_grant"},
		"a refresh token": {token(url.Values{"client_id": {"phone"}, "grant_type": {"refresh_token"}, "refresh_token": {"x"}}), "invalid_grant"},
		"a device code":   {token(device), "invalid_grant"},
		"a pushed request": {func(jti string) answer {
			return h.withProof("/oauth/par", ask("client_id=phone", "redirect_uri=http://127.0.0.1:4711/cb"), h.proof("POST", "/oauth/par", map[string]any{"jti": jti}))
		}, ""},
	} {
		if got := c.call(name); got.text("error") != c.error {
			t.Errorf("%s: %d %v, want %s", name, got.status, got.body, c.error)
		}
		err := h.gate.SpendOnce(t.Context(), "oidc.dpop", thumbprint(t, held().ec2.Public())+"|"+name, h.clock.Now().Add(time.Minute))
		if err != nil {
			t.Errorf("%s: a stranger's proof was written down: %v", name, err)
		}
	}
}

// TestAProofCountsOnceAtTheTokenEndpoint, and using it again costs no code.
func TestAProofCountsOnceAtTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const at = "redirect_uri=http://127.0.0.1:4711/cb"
	code := func() string { return h.signedIn(h.ada).code("client_id=phone", at, "scope=openid offline_access") }
	proof := h.proof("POST", "/oauth/token", nil)
	first := h.withProof("/oauth/token", exchange(code(), at, "client_id=phone"), proof)
	if first.status != http.StatusOK {
		t.Fatalf("%d %v", first.status, first.body)
	}
	again := exchange(code(), at, "client_id=phone")
	h.withProof("/oauth/token", again, proof).wants(t, http.StatusBadRequest, "invalid_dpop_proof")
	if got := h.withProof("/oauth/token", again, h.proof("POST", "/oauth/token", nil)); got.status != http.StatusOK {
		t.Errorf("the code, with another proof: %d %v", got.status, got.body)
	}
	refresh := url.Values{"client_id": {"phone"}, "grant_type": {"refresh_token"}, "refresh_token": {first.text("refresh_token")}}
	h.withProof("/oauth/token", refresh, proof).wants(t, http.StatusBadRequest, "invalid_dpop_proof")
}

func TestAppWhoseTokensAreBoundMustProve(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank(func(o *idp.OIDCSettings) { o.DPoPBound = true })
	code := func() string {
		_, q := h.signedIn(h.ada).get("/oauth/authorize?" + b.asks("scope=openid offline_access").Encode()).location(t)
		return q.Get("code")
	}
	c := code()
	form := func() url.Values { return b.by(b.assertion(nil), exchange(c, "redirect_uri="+bankCallback)) }
	h.withProof("/oauth/token", form()).wants(t, http.StatusBadRequest, "invalid_request")
	h.withProof("/oauth/token", form(), "x").wants(t, http.StatusBadRequest, "invalid_dpop_proof")
	h.withProof("/oauth/token", form(), h.proof("POST", "/oauth/par", nil)).wants(t, http.StatusBadRequest, "invalid_dpop_proof")
	// None of these has cost the code.
	a := h.withProof("/oauth/token", form(), h.proof("POST", "/oauth/token", nil))
	if a.status != http.StatusOK || a.text("token_type") != "DPoP" {
		t.Fatalf("%d %v", a.status, a.body)
	}
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.text("refresh_token")}}
	b.proven("/oauth/token", refresh).wants(t, http.StatusBadRequest, "invalid_request")
	if a := h.withProof("/oauth/token", b.by(b.assertion(nil), refresh), h.proof("POST", "/oauth/token", nil)); a.status != http.StatusOK {
		t.Errorf("refresh with a proof: %d %v", a.status, a.body)
	}
}

// TestRefreshTokenOfAPublicClientIsBound: it has nothing else that a thief
// could not have (RFC 9449 §5).
func TestRefreshTokenOfAPublicClientIsBound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.phone.ID, func(a *idp.App) { a.OIDC.DPoPBound = true })
	const at = "redirect_uri=http://127.0.0.1:4711/cb"
	code := h.signedIn(h.ada).code("client_id=phone", at, "scope=openid offline_access")
	a := h.withProof("/oauth/token", exchange(code, at, "client_id=phone"), h.proof("POST", "/oauth/token", nil))
	if a.status != http.StatusOK {
		t.Fatalf("%d %v", a.status, a.body)
	}
	form := url.Values{"client_id": {"phone"}, "grant_type": {"refresh_token"}, "refresh_token": {a.text("refresh_token")}}
	other := sign(t, keys.ES256, "", "dpop+jwt", held().ec, map[string]any{
		"jti": "x", "htm": "POST", "htu": h.provider.Issuer + "/oauth/token", "iat": h.clock.Now().Unix(),
	}, true)
	h.withProof("/oauth/token", form, other).wants(t, http.StatusBadRequest, "invalid_grant")
	again := h.withProof("/oauth/token", form, h.proof("POST", "/oauth/token", nil))
	if again.status != http.StatusOK {
		t.Fatalf("by its own key: %d %v", again.status, again.body)
	}
	form.Set("refresh_token", again.text("refresh_token"))
	h.changeApp(h.phone.ID, func(a *idp.App) { a.OIDC.DPoPBound = false })
	h.withProof("/oauth/token", form).wants(t, http.StatusBadRequest, "invalid_grant")
}

// TestCodeIsBoundToAKey: by dpop_jkt, or by the proof with which it was pushed
// (RFC 9449 §10).
func TestCodeIsBoundToAKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	ours, theirs := thumbprint(t, held().ec2.Public()), thumbprint(t, held().ec.Public())
	push := func(changes []string, proofs ...string) answer {
		return h.withProof("/oauth/par", b.by(b.assertion(nil), b.asks(changes...)), proofs...)
	}
	pushProof := func() string { return h.proof("POST", "/oauth/par", nil) }
	push([]string{"dpop_jkt=" + theirs}, pushProof()).wants(t, http.StatusBadRequest, "invalid_request")
	push([]string{"dpop_jkt=x"}).wants(t, http.StatusBadRequest, "invalid_request")
	push(nil, "x").wants(t, http.StatusBadRequest, "invalid_dpop_proof")
	push(nil, h.proof("POST", "/oauth/token", nil)).wants(t, http.StatusBadRequest, "invalid_dpop_proof")
	for name, c := range map[string]struct {
		pushed answer
		good   bool
	}{
		"named":             {push([]string{"dpop_jkt=" + ours}), true},
		"proven":            {push(nil, pushProof()), true},
		"named and proven":  {push([]string{"dpop_jkt=" + ours}, pushProof()), true},
		"named another key": {push([]string{"dpop_jkt=" + theirs}), false},
	} {
		_, q := h.signedIn(h.ada).get(b.opens(c.pushed.text("request_uri"))).location(t)
		form := exchange(q.Get("code"), "redirect_uri="+bankCallback)
		a := h.withProof("/oauth/token", b.by(b.assertion(nil), form), h.proof("POST", "/oauth/token", nil))
		if c.good != (a.status == http.StatusOK) || !c.good && a.text("error") != "invalid_grant" {
			t.Errorf("%s: %d %v", name, a.status, a.body)
		}
	}
	_, q := h.signedIn(h.ada).get("/oauth/authorize?" + b.asks("dpop_jkt="+ours).Encode()).location(t)
	b.proven("/oauth/token", exchange(q.Get("code"), "redirect_uri="+bankCallback)).wants(t, http.StatusBadRequest, "invalid_grant")
	h.wantEvent("oidc.code.burn")
}

// TestRefusalsSayWhatCame: whoever explains one sees the request, and nothing
// that anybody could use.
func TestRefusalsSayWhatCame(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b, robot := h.newBank(func(o *idp.OIDCSettings) { o.DPoPBound = true }), h.machine()
	h.asRobot().forItself("scope=stock.burn").wants(t, http.StatusBadRequest, "invalid_scope")
	b.proven("/oauth/par", b.asks("redirect_uri=https://evil.example/cb")).wants(t, http.StatusBadRequest, "invalid_request")
	b.proven("/oauth/par", url.Values{"request": {"x.y.z"}}).wants(t, http.StatusBadRequest, "invalid_request_object")
	b.proven("/oauth/token", exchange("c0de")).wants(t, http.StatusBadRequest, "invalid_request")
	caller{h, true, robot.Identifier, "wr0ng"}.forItself().wants(t, http.StatusUnauthorized, "invalid_client")
	h.userinfoBy("DPoP t0ken", "x").wants(t, http.StatusUnauthorized, "invalid_dpop_proof")
	all, _, err := h.store.Events(t.Context(), idp.EventQuery{Limit: 50})
	h.must(err)
	said, proofs := map[string]bool{}, 0
	for _, e := range all {
		if !strings.HasSuffix(e.Kind, ".refuse") {
			continue
		}
		if e.Kind == "oidc.proof.refuse" {
			proofs++
		}
		got := e.Detail["received"]
		if strings.Contains(got, "c0de") || strings.Contains(got, "wr0ng") || strings.Contains(got, "t0ken") {
			t.Errorf("%s: received %q", e.Kind, got)
		}
		said[e.Kind+" "+got] = true
	}
	for _, want := range []string{
		"oidc.app.refuse grant_type=client_credentials scope=stock.burn", "oidc.client.refuse grant_type=client_credentials",
		"oidc.par.refuse client_assertion=(", "redirect_uri=https://evil.example/cb", "request=(5 bytes)",
		"oidc.proof.refuse client_assertion=(", "code=(4 bytes)",
	} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(said)), func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("nothing says %q: %v", want, said)
		}
	}
	if proofs != 2 { // also that of a call to userinfo, which sends no form
		t.Errorf("%d proofs were refused", proofs)
	}
}
