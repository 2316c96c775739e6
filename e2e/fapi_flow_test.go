package e2e

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// fapiRun is a module being run, in one variant of the plan.
type fapiRun struct {
	*testing.T
	h    *fapiHouse
	mtls bool // client authentication and sender constraint by certificate; else private_key_jwt and DPoP
}

// one and two are the clients of the plan.
func (r fapiRun) one() *fapiClient { return r.h.clients[r.prefix()] }
func (r fapiRun) two() *fapiClient { return r.h.clients[r.prefix()+"2"] }

func (r fapiRun) prefix() string {
	if r.mtls {
		return "mtls"
	}
	return "dpop"
}

// endpoint is where this variant finds one, as discovery says.
func (r fapiRun) endpoint(name string) string {
	r.Helper()
	doc := r.h.metadata
	if aliases, ok := doc["mtls_endpoint_aliases"].(map[string]any); ok && r.mtls && aliases[name] != nil {
		doc = aliases
	}
	at, _ := doc[name].(string)
	if !strings.HasPrefix(at, "https://") {
		r.Fatalf("%s is %q", name, at)
	}
	return at
}

// fapiCall is what a module changes in a call.
type fapiCall struct {
	assertion map[string]any // claims of the client assertion; nil values leave one out
	alg       string         // of the client assertion
	proof     map[string]any // claims of the proof
	signer    any            // of the proof, in place of the client's key
	bind      bool           // send a proof where it may be left out
	without   string         // assertion, proof or certificate
	as        *fapiClient    // who authenticates in place of the client
}

// fapiReply is a JSON answer.
type fapiReply struct {
	status int
	header http.Header
	body   map[string]any
}

func (a fapiReply) text(name string) string { s, _ := a.body[name].(string); return s }

// fails wants a refusal by one of these codes.
func (a fapiReply) fails(r fapiRun, codes ...string) {
	r.Helper()
	if a.status != http.StatusBadRequest && a.status != http.StatusUnauthorized || !slices.Contains(codes, a.text("error")) {
		r.Errorf("answered %d %v, want one of %v", a.status, a.body, codes)
	}
	if a.status == http.StatusUnauthorized && a.header.Get("WWW-Authenticate") == "" {
		r.Error("401 without WWW-Authenticate")
	}
}

func changed(claims, changes map[string]any) map[string]any {
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}

func (r fapiRun) assertion(c *fapiClient, call fapiCall) string {
	r.Helper()
	now := r.h.now().Unix()
	claims := changed(map[string]any{
		"iss": c.id, "sub": c.id, "aud": r.h.metadata["issuer"], "jti": rand.Text(), "iat": now, "exp": now + 60,
	}, call.assertion)
	if call.alg != "" {
		return signJWT(r, call.alg, "rsa", "JWT", c.rsa, claims, false)
	}
	return signJWT(r, "ES256", "ec", "JWT", c.key, claims, false)
}

func (r fapiRun) proof(c *fapiClient, method, uri string, call fapiCall) string {
	r.Helper()
	claims := changed(map[string]any{"jti": rand.Text(), "htm": method, "htu": uri, "iat": r.h.now().Unix()}, call.proof)
	if call.signer != nil {
		return signJWT(r, "ES256", "", "dpop+jwt", call.signer, claims, true)
	}
	return signJWT(r, "ES256", "", "dpop+jwt", c.dpop, claims, true)
}

// post calls an endpoint as a client, which authenticates and proves as its
// variant does.
func (r fapiRun) post(c *fapiClient, endpoint string, form url.Values, call fapiCall) fapiReply {
	r.Helper()
	at, form, header := r.endpoint(endpoint), maps.Clone(form), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	who := c
	if call.as != nil {
		who = call.as
	}
	if !form.Has("client_id") {
		form.Set("client_id", c.id)
	}
	if !r.mtls && call.without != "assertion" {
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", r.assertion(who, call))
	}
	if !r.mtls && call.without != "proof" && (endpoint == "token_endpoint" || call.bind) {
		header.Set("DPoP", r.proof(c, http.MethodPost, at, call))
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		r.Fatal(err)
	}
	req.Header = header
	return r.do(who, req, call)
}

// do sends a request with the client's certificate, where the variant has one.
func (r fapiRun) do(c *fapiClient, req *http.Request, call fapiCall) fapiReply {
	r.Helper()
	web := r.h.caller(nil)
	if r.mtls && call.without != "certificate" {
		web = r.h.caller(&c.cert)
	}
	res, err := web.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		r.Fatal(err)
	}
	a := fapiReply{status: res.StatusCode, header: res.Header}
	if err := json.Unmarshal(raw, &a.body); err != nil && len(raw) > 0 {
		r.Fatalf("%s answered %d, no JSON: %s", req.URL.Path, res.StatusCode, raw)
	}
	return a
}

// fapiAttempt is one authorization: what was asked, and the verifier for it.
type fapiAttempt struct {
	query    url.Values
	verifier string
}

func (r fapiRun) attempt(c *fapiClient, changes ...string) fapiAttempt {
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"client_id": {c.id}, "redirect_uri": {fapiCallback}, "response_type": {"code"}, "scope": {"openid profile offline_access"},
		"state": {rand.Text()}, "nonce": {rand.Text()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for _, change := range changes {
		name, value, set := strings.Cut(change, "=")
		if q.Del(name); set {
			q.Set(name, value)
		}
	}
	return fapiAttempt{q, verifier}
}

func (r fapiRun) push(c *fapiClient, a fapiAttempt, call fapiCall) fapiReply {
	r.Helper()
	return r.post(c, "pushed_authorization_request_endpoint", a.query, call)
}

// pushed wants a request to be taken, and returns its address.
func (r fapiRun) pushed(c *fapiClient, a fapiAttempt, call fapiCall) string {
	r.Helper()
	got := r.push(c, a, call)
	if got.status != http.StatusCreated || got.text("request_uri") == "" || got.body["expires_in"] != 90.0 {
		r.Fatalf("par: %d %v", got.status, got.body)
	}
	return got.text("request_uri")
}

// opens brings the browser to the authorization endpoint with nothing but
// client_id and request_uri, and what beside adds.
func (r fapiRun) opens(v *visitor, c *fapiClient, requestURI string, beside ...string) *answer {
	r.Helper()
	return v.get(r, r.opened(c, requestURI, beside...))
}

func (r fapiRun) opened(c *fapiClient, requestURI string, beside ...string) string {
	r.Helper()
	q := url.Values{"client_id": {c.id}, "request_uri": {requestURI}}
	for _, pair := range beside {
		name, value, _ := strings.Cut(pair, "=")
		q.Set(name, value)
	}
	return r.endpoint("authorization_endpoint") + "?" + q.Encode()
}

// answered reads the answer to the app: at its address, with the state as it
// was sent, and with the issuer.
func (r fapiRun) answered(got *answer, a fapiAttempt) url.Values {
	r.Helper()
	to := got.location(r)
	q := to.Query()
	to.RawQuery = ""
	if to.String() != fapiCallback || q.Get("state") != a.query.Get("state") || q.Has("state") != a.query.Has("state") || q.Get("iss") != r.h.metadata["issuer"] {
		r.Fatalf("answered at %s with %v", to, q)
	}
	return q
}

// pageOf wants a page of the house that says no, and no redirect.
func (r fapiRun) pageOf(got *answer) {
	r.Helper()
	if got.Status != http.StatusBadRequest || got.Header.Get("Location") != "" || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
		r.Errorf("answered %d, %s, to %q", got.Status, got.Header.Get("Content-Type"), got.Header.Get("Location"))
	}
}

func (r fapiRun) code(c *fapiClient, a fapiAttempt, call fapiCall) string {
	r.Helper()
	q := r.answered(r.opens(r.h.ada, c, r.pushed(c, a, call)), a)
	if q.Get("code") == "" {
		r.Fatalf("no code: %v", q)
	}
	return q.Get("code")
}

func (r fapiRun) exchange(c *fapiClient, code string, a fapiAttempt, call fapiCall) fapiReply {
	r.Helper()
	return r.post(c, "token_endpoint", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {fapiCallback}, "code_verifier": {a.verifier},
	}, call)
}

// tokens goes all the way.
func (r fapiRun) tokens(c *fapiClient, a fapiAttempt, call fapiCall) fapiReply {
	r.Helper()
	return r.good(r.exchange(c, r.code(c, a, call), a, call), c, a)
}

// good wants tokens that are bound as the variant binds them, and an ID token
// that is right.
func (r fapiRun) good(got fapiReply, c *fapiClient, a fapiAttempt) fapiReply {
	r.Helper()
	kind := "DPoP"
	if r.mtls {
		kind = "Bearer"
	}
	if got.status != http.StatusOK || got.text("token_type") != kind || got.text("access_token") == "" || got.header.Get("Cache-Control") != "no-store" {
		r.Fatalf("tokens: %d %v", got.status, got.body)
	}
	var set jose.JSONWebKeySet
	keys := r.h.visitor(r).get(r, r.endpoint("jwks_uri"))
	if err := json.Unmarshal([]byte(keys.Body), &set); err != nil {
		r.Fatal(err)
	}
	id, err := jose.ParseSignedCompact(got.text("id_token"), []jose.SignatureAlgorithm{"ES256", "PS256"})
	if err != nil {
		r.Fatal(err)
	}
	raw, err := id.Verify(set.Key(id.Signatures[0].Header.KeyID)[0])
	if err != nil {
		r.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		r.Fatal(err)
	}
	nonce, _ := claims["nonce"].(string)
	if claims["iss"] != r.h.metadata["issuer"] || claims["aud"] != c.id || nonce != a.query.Get("nonce") {
		r.Errorf("ID token %v", claims)
	}
	return got
}

// resource calls userinfo with a token, as its holder or as somebody else.
func (r fapiRun) resource(c *fapiClient, token, scheme string, call fapiCall) fapiReply {
	r.Helper()
	at := r.endpoint("userinfo_endpoint")
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, at, nil)
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Authorization", scheme+" "+token)
	if !r.mtls && call.without != "proof" {
		sum := sha256.Sum256([]byte(token))
		claims := map[string]any{"ath": base64.RawURLEncoding.EncodeToString(sum[:])}
		maps.Copy(claims, call.proof) // nil leaves one out, also this one
		call.proof = claims
		req.Header.Set("DPoP", r.proof(c, http.MethodGet, at, call))
	}
	return r.do(c, req, call)
}

// scheme is how a token of this variant is shown.
func (r fapiRun) scheme() string {
	if r.mtls {
		return "Bearer"
	}
	return "DPoP"
}

// served wants the resource to answer.
func (r fapiRun) served(c *fapiClient, got fapiReply, call fapiCall) {
	r.Helper()
	if a := r.resource(c, got.text("access_token"), r.scheme(), call); a.status != http.StatusOK || a.text("sub") == "" {
		r.Errorf("resource: %d %v", a.status, a.body)
	}
}

// thumbprintOf is what dpop_jkt says of a key.
func thumbprintOf(t testing.TB, public any) string {
	t.Helper()
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}
