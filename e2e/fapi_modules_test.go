package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/security"
)

// The modules, by the names of the suite. What each demands stands in the table.

func fapiDiscovery(r fapiRun) {
	doc := r.h.metadata
	if doc["issuer"] != r.h.URL {
		r.Errorf("issuer %v", doc["issuer"])
	}
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "pushed_authorization_request_endpoint", "introspection_endpoint", "revocation_endpoint"} {
		r.endpoint(name)
	}
	lists := func(name, value string) bool {
		all, _ := doc[name].([]any)
		return slices.Contains(all, any(value))
	}
	for name, value := range map[string]string{
		"code_challenge_methods_supported": "S256", "id_token_signing_alg_values_supported": "ES256", "token_endpoint_auth_signing_alg_values_supported": "PS256",
		"token_endpoint_auth_methods_supported": map[bool]string{true: "self_signed_tls_client_auth", false: "private_key_jwt"}[r.mtls],
		"dpop_signing_alg_values_supported":     "ES256", "grant_types_supported": "authorization_code", "response_types_supported": "code",
	} {
		if !lists(name, value) {
			r.Errorf("%s is %v, and lacks %s", name, doc[name], value)
		}
	}
	for _, bad := range []string{"none", "RS256", "HS256"} {
		if lists("dpop_signing_alg_values_supported", bad) {
			r.Errorf("proofs by %s", bad)
		}
	}
	if lists("token_endpoint_auth_methods_supported", "tls_client_auth") {
		r.Error("tls_client_auth is offered without an authority that is trusted")
	}
	if doc["authorization_response_iss_parameter_supported"] != true || doc["tls_client_certificate_bound_access_tokens"] != true {
		r.Errorf("iss: %v, certificates: %v", doc["authorization_response_iss_parameter_supported"], doc["tls_client_certificate_bound_access_tokens"])
	}
}

func fapiHappyFlow(r fapiRun) {
	for _, c := range []*fapiClient{r.one(), r.two()} {
		got := r.tokens(c, r.attempt(c), fapiCall{})
		r.served(c, got, fapiCall{})
		asked := r.post(c, "introspection_endpoint", url.Values{"token": {got.text("access_token")}}, fapiCall{})
		cnf, _ := asked.body["cnf"].(map[string]any)
		if asked.body["active"] != true || len(cnf) != 1 {
			r.Errorf("introspection: %v", asked.body)
		}
		other := r.two()
		if c == other {
			other = r.one()
		}
		r.resource(other, got.text("access_token"), r.scheme(), fapiCall{}).fails(r, "invalid_token")
	}
}

// fapiRejects has the person say no in a browser: to who they are, and to what an
// app may learn; and brings one who may not use the app.
func fapiRejects(r fapiRun) {
	b := browser(r.T)
	b.do(call(security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true}))
	other := r.h.clients[r.prefix()+"-other"]
	for c, refuse := range map[*fapiClient]func(){
		r.one(): func() {
			b.sees("Username or email")
			b.press("Cancel, back to " + r.one().id)
		},
		other: func() {
			signIn(b, "ada", adasPassword)
			b.sees("Allow " + other.id + "?")
			b.press("Cancel")
		},
	} {
		a := r.attempt(c, "redirect_uri="+r.h.rp.URL+"/cb")
		b.do(call(network.ClearBrowserCookies, cdp.Empty{}))
		b.open(r.opened(c, r.pushed(c, a, fapiCall{})))
		refuse()
		b.sees("Relying party: cb")
		q := r.h.rp.next(r, "/cb").Query
		if q.Get("error") != "access_denied" || q.Has("code") || q.Get("iss") != r.h.metadata["issuer"] || q.Get("state") != a.query.Get("state") {
			r.Errorf("%s is told %v", c.id, q)
		}
	}
	a := r.attempt(r.one())
	if q := r.answered(r.opens(r.h.bob, r.one(), r.pushed(r.one(), a, fapiCall{})), a); q.Get("error") != "access_denied" || q.Has("code") {
		r.Errorf("%v", q)
	}
}

func (r fapiRun) flows(changes ...string) {
	r.Helper()
	r.served(r.one(), r.tokens(r.one(), r.attempt(r.one(), changes...), fapiCall{}), fapiCall{})
}

func fapiWithoutState(r fapiRun) { r.flows("state") }
func fapiWithoutNonce(r fapiRun) { r.flows("nonce") }
func fapiNonce64(r fapiRun)      { r.flows("nonce=" + strings.Repeat("n", 64)) }
func fapiLongNonce(r fapiRun)    { r.flows("nonce=" + strings.Repeat("n", 384)) }
func fapiLongState(r fapiRun)    { r.flows("state=" + strings.Repeat("s", 1000)) }
func fapiScopeOrder(r fapiRun)   { r.flows("scope=offline_access profile openid") }
func fapiBare(r fapiRun)         { r.flows() }

func fapiSchemeCase(r fapiRun) {
	got := r.tokens(r.one(), r.attempt(r.one()), fapiCall{})
	for _, scheme := range []string{strings.ToLower(r.scheme()), strings.ToUpper(r.scheme())} {
		if a := r.resource(r.one(), got.text("access_token"), scheme, fapiCall{}); a.status != http.StatusOK {
			r.Errorf("%s: %d %v", scheme, a.status, a.body)
		}
	}
}

func (r fapiRun) flowsWith(call fapiCall, changes ...string) {
	r.Helper()
	r.served(r.one(), r.tokens(r.one(), r.attempt(r.one(), changes...), call), call)
}

func fapiProofNbfExp(r fapiRun) {
	now := r.h.now()
	r.flowsWith(fapiCall{proof: map[string]any{"nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}})
}

func fapiProofBefore(r fapiRun) { r.proofsOff(-10 * time.Second) }
func fapiProofAfter(r fapiRun)  { r.proofsOff(10 * time.Second) }

func (r fapiRun) proofsOff(by time.Duration) {
	r.Helper()
	r.flowsWith(fapiCall{bind: true, proof: map[string]any{"iat": r.h.now().Add(by).Unix()}})
}

func fapiMismatchedJkt(r fapiRun) {
	a := r.attempt(r.one(), "dpop_jkt="+thumbprintOf(r, r.two().dpop.Public()))
	r.push(r.one(), a, fapiCall{bind: true}).fails(r, "invalid_request", "invalid_dpop_proof")
}

func fapiMismatchedProof(r fapiRun) {
	a := r.attempt(r.one())
	code := r.code(r.one(), a, fapiCall{bind: true})
	r.exchange(r.one(), code, a, fapiCall{signer: r.two().dpop}).fails(r, "invalid_grant")
}

func fapiMismatchedTokenJkt(r fapiRun) {
	a := r.attempt(r.one(), "dpop_jkt="+thumbprintOf(r, r.two().dpop.Public()))
	r.exchange(r.one(), r.code(r.one(), a, fapiCall{}), a, fapiCall{}).fails(r, "invalid_grant")
}

func fapiProofAtPAR(r fapiRun) { r.flowsWith(fapiCall{bind: true}) }

func fapiCodeBinding(r fapiRun) {
	r.flowsWith(fapiCall{bind: true}, "dpop_jkt="+thumbprintOf(r, r.one().dpop.Public()))
}

// beside goes all the way with a parameter beside the pushed request.
func (r fapiRun) beside(beside string, changes ...string) {
	r.Helper()
	a := r.attempt(r.one(), changes...)
	q := r.answered(r.opens(r.h.ada, r.one(), r.pushed(r.one(), a, fapiCall{}), beside), a)
	r.good(r.exchange(r.one(), q.Get("code"), a, fapiCall{}), r.one(), a)
}

func fapiNonceOutside(r fapiRun)     { r.beside("nonce=outside") }
func fapiStateOutside(r fapiRun)     { r.beside("state=outside") }
func fapiStateOnlyOutside(r fapiRun) { r.beside("state=outside", "state") }

func fapiWithoutRedirect(r fapiRun) {
	r.push(r.one(), r.attempt(r.one(), "redirect_uri"), fapiCall{}).fails(r, "invalid_request")
}

func fapiRedirectOutside(r fapiRun) {
	r.push(r.one(), r.attempt(r.one(), "redirect_uri="), fapiCall{}).fails(r, "invalid_request")
	a := r.attempt(r.one())
	r.answered(r.opens(r.h.ada, r.one(), r.pushed(r.one(), a, fapiCall{}), "redirect_uri=https://evil.example/cb"), a)
}

func fapiUnregistered(r fapiRun) {
	r.push(r.one(), r.attempt(r.one(), "redirect_uri="+fapiCallback+"/other"), fapiCall{}).fails(r, "invalid_request")
}

func fapiWithoutPAR(r fapiRun) {
	a := r.attempt(r.one())
	if q := r.answered(r.h.ada.get(r, r.endpoint("authorization_endpoint")+"?"+a.query.Encode()), a); q.Get("error") != "invalid_request" || q.Has("code") {
		r.Errorf("%v", q)
	}
}

func fapiCodeIDToken(r fapiRun) {
	r.push(r.one(), r.attempt(r.one(), "response_type=code id_token"), fapiCall{}).fails(r, "unsupported_response_type")
}

func fapiToken(r fapiRun) {
	r.push(r.one(), r.attempt(r.one(), "response_type=token"), fapiCall{}).fails(r, "unsupported_response_type")
}

func fapiClientID(r fapiRun) {
	a := r.attempt(r.one())
	code := r.code(r.one(), a, fapiCall{})
	form := url.Values{
		"client_id": {r.two().id}, "grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {fapiCallback}, "code_verifier": {a.verifier},
	}
	r.post(r.one(), "token_endpoint", form, fapiCall{as: r.one()}).fails(r, "invalid_client")
	// It has cost the code nothing.
	r.good(r.exchange(r.one(), code, a, fapiCall{}), r.one(), a)
}

// holderless is what the suite takes for a call without a proof or certificate.
func (r fapiRun) holderless(a fapiReply) {
	r.Helper()
	if r.mtls {
		a.fails(r, "invalid_client")
		return
	}
	a.fails(r, "invalid_request")
}

func (r fapiRun) withoutKey() fapiCall {
	if r.mtls {
		return fapiCall{without: "certificate"}
	}
	return fapiCall{without: "proof"}
}

func fapiHolderOfKey(r fapiRun) {
	a := r.attempt(r.one())
	code := r.code(r.one(), a, fapiCall{})
	r.holderless(r.exchange(r.one(), code, a, r.withoutKey()))
	got := r.good(r.exchange(r.one(), code, a, fapiCall{}), r.one(), a)
	r.resource(r.one(), got.text("access_token"), "Bearer", r.withoutKey()).fails(r, "invalid_token")
}

func fapiCodeOfClient(r fapiRun) {
	a := r.attempt(r.one())
	code := r.code(r.one(), a, fapiCall{})
	r.exchange(r.two(), code, a, fapiCall{}).fails(r, "invalid_grant")
}

func fapiCodeReuse(r fapiRun) {
	a := r.attempt(r.one())
	code := r.code(r.one(), a, fapiCall{})
	got := r.good(r.exchange(r.one(), code, a, fapiCall{}), r.one(), a)
	r.h.ahead(r, time.Second)
	r.exchange(r.one(), code, a, fapiCall{}).fails(r, "invalid_grant")
	r.resource(r.one(), got.text("access_token"), r.scheme(), fapiCall{}).fails(r, "invalid_token")
}

func fapiCodeExpired(r fapiRun) {
	a := r.attempt(r.one())
	code := r.code(r.one(), a, fapiCall{})
	r.h.ahead(r, 62*time.Second)
	r.exchange(r.one(), code, a, fapiCall{}).fails(r, "invalid_grant")
}

// refusesAssertion tries an assertion where a client pushes, and where it
// exchanges a code.
func (r fapiRun) refusesAssertion(call fapiCall) {
	r.Helper()
	r.push(r.one(), r.attempt(r.one()), call).fails(r, "invalid_client")
	r.exchange(r.one(), "x", r.attempt(r.one()), call).fails(r, "invalid_client")
}

func (r fapiRun) claim(name string, value any) fapiCall {
	return fapiCall{assertion: map[string]any{name: value}}
}

func (r fapiRun) in(d time.Duration) int64 { return r.h.now().Add(d).Unix() }

func fapiRS256(r fapiRun) {
	r.refusesAssertion(fapiCall{alg: "RS256"})
	r.pushed(r.one(), r.attempt(r.one()), fapiCall{alg: "PS256"})
}

func fapiNoAssertion(r fapiRun)      { r.refusesAssertion(fapiCall{without: "assertion"}) }
func fapiAssertionExpired(r fapiRun) { r.refusesAssertion(r.claim("exp", r.in(-5*time.Minute))) }
func fapiAssertionAud(r fapiRun)     { r.refusesAssertion(r.claim("aud", "https://other.example")) }
func fapiAssertionNoSub(r fapiRun)   { r.refusesAssertion(r.claim("sub", nil)) }
func fapiAudArray(r fapiRun) {
	r.refusesAssertion(r.claim("aud", []any{r.h.metadata["issuer"], "https://other.example"}))
}
func fapiAudPAR(r fapiRun) {
	r.refusesAssertion(r.claim("aud", r.endpoint("pushed_authorization_request_endpoint")))
}
func fapiAudToken(r fapiRun) { r.refusesAssertion(r.claim("aud", r.endpoint("token_endpoint"))) }

func fapiNbf8(r fapiRun) {
	ahead := r.in(8 * time.Second)
	r.pushed(r.one(), r.attempt(r.one()), fapiCall{assertion: map[string]any{"nbf": ahead, "iat": ahead}})
}

func fapiNbf60(r fapiRun) {
	// Further ahead than the suite's, for a machine that is slow to sign.
	ahead := r.in(120 * time.Second)
	r.refusesAssertion(fapiCall{assertion: map[string]any{"nbf": ahead, "exp": r.in(4 * time.Minute)}})
	r.refusesAssertion(fapiCall{assertion: map[string]any{"iat": ahead, "exp": r.in(4 * time.Minute)}})
}

func fapiAssertions(r fapiRun) {
	for _, name := range []string{"iss", "sub", "aud", "exp", "jti"} {
		r.refusesAssertion(r.claim(name, nil))
	}
	r.refusesAssertion(r.claim("iss", r.two().id))
	r.refusesAssertion(r.claim("exp", r.in(time.Hour)))
	once := r.claim("jti", "once "+r.prefix())
	r.pushed(r.one(), r.attempt(r.one()), once)
	r.refusesAssertion(once)
}

func fapiDPoPNegative(r fapiRun) {
	c := r.one()
	token := r.tokens(c, r.attempt(c), fapiCall{}).text("access_token")
	for name, claims := range map[string]map[string]any{
		"no jti": {"jti": nil}, "no htm": {"htm": nil}, "no htu": {"htu": nil}, "no iat": {"iat": nil}, "no ath": {"ath": nil},
		"another ath": {"ath": "x"}, "another htm": {"htm": "PUT"}, "another htu": {"htu": r.endpoint("token_endpoint")},
		"an hour ahead": {"iat": r.in(time.Hour)}, "an hour ago": {"iat": r.in(-time.Hour)},
	} {
		r.Log(name)
		r.resource(c, token, "DPoP", fapiCall{proof: claims}).fails(r, "invalid_dpop_proof")
	}
	r.resource(c, token, "DPoP", fapiCall{signer: r.two().dpop}).fails(r, "invalid_token")
	r.resource(c, token, "DPoP", fapiCall{without: "proof"}).fails(r, "invalid_dpop_proof")
	r.resource(c, token, "Bearer", fapiCall{}).fails(r, "invalid_token")
	once := fapiCall{proof: map[string]any{"jti": "once"}}
	if a := r.resource(c, token, "DPoP", once); a.status != http.StatusOK {
		r.Errorf("first use: %d %v", a.status, a.body)
	}
	r.resource(c, token, "DPoP", once).fails(r, "invalid_dpop_proof")
	at := r.endpoint("userinfo_endpoint")
	for _, htu := range []string{at + "?a=b#c", strings.Replace(at, "https://localhost", "HTTPS://LOCALHOST", 1), strings.Replace(at, "/oauth/", "/%6Fauth/", 1)} {
		if a := r.resource(c, token, "DPoP", fapiCall{proof: map[string]any{"htu": htu, "extra": 1}}); a.status != http.StatusOK {
			r.Errorf("htu %s: %d %v", htu, a.status, a.body)
		}
	}
}

func fapiRefresh(r fapiRun) {
	refresh := func(c *fapiClient, token string, call fapiCall) fapiReply {
		return r.post(c, "token_endpoint", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}, call)
	}
	for _, c := range []*fapiClient{r.one(), r.two()} {
		got := r.tokens(c, r.attempt(c), fapiCall{})
		token := got.text("refresh_token")
		without := r.attempt(c, "nonce")
		r.served(c, r.good(refresh(c, token, fapiCall{}), c, without), fapiCall{})
		r.h.ahead(r, 31*time.Second)
		r.good(refresh(c, token, fapiCall{}), c, without)
		r.holderless(refresh(c, token, r.withoutKey()))
		other := r.one()
		if c == other {
			other = r.two()
		}
		refresh(other, token, fapiCall{}).fails(r, "invalid_grant")
		r.good(refresh(c, token, fapiCall{}), c, without)
	}
}

func fapiReusedBefore(r fapiRun) {
	a := r.attempt(r.one())
	uri := r.pushed(r.one(), a, fapiCall{})
	nobody := r.h.visitor(r)
	for range 2 {
		if got := r.opens(nobody, r.one(), uri).follow(r); got.Status != http.StatusOK || !strings.Contains(got.Body, `name="username"`) {
			r.Fatalf("no sign-in page: %d\n%s", got.Status, got.Body)
		}
	}
	if q := r.answered(r.opens(r.h.ada, r.one(), uri), a); !q.Has("code") {
		r.Errorf("%v", q)
	}
}

func fapiReuse(r fapiRun) {
	a := r.attempt(r.one())
	uri := r.pushed(r.one(), a, fapiCall{})
	r.answered(r.opens(r.h.ada, r.one(), uri), a)
	r.pageOf(r.opens(r.h.ada, r.one(), uri))
}

func fapiExpired(r fapiRun) {
	uri := r.pushed(r.one(), r.attempt(r.one()), fapiCall{})
	r.h.ahead(r, 91*time.Second)
	r.pageOf(r.opens(r.h.ada, r.one(), uri))
}

func fapiForeignURI(r fapiRun) {
	uri := r.pushed(r.one(), r.attempt(r.one()), fapiCall{})
	r.pageOf(r.opens(r.h.ada, r.two(), uri))
}

func fapiURIPushed(r fapiRun) {
	uri := r.pushed(r.one(), r.attempt(r.one()), fapiCall{})
	r.push(r.one(), r.attempt(r.one(), "request_uri="+uri), fapiCall{}).fails(r, "invalid_request")
}

func fapiVerb(r fapiRun) {
	for _, method := range []string{http.MethodPut, http.MethodGet} {
		req, err := http.NewRequestWithContext(r.Context(), method, r.endpoint("pushed_authorization_request_endpoint"), nil)
		if err != nil {
			r.Fatal(err)
		}
		if a := r.do(r.one(), req, fapiCall{}); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != http.MethodPost {
			r.Errorf("%s: %d", method, a.status)
		}
	}
}

func fapiNoPKCE(r fapiRun) {
	r.push(r.one(), r.attempt(r.one(), "code_challenge", "code_challenge_method"), fapiCall{}).fails(r, "invalid_request")
}

func fapiPlainPKCE(r fapiRun) {
	r.push(r.one(), r.attempt(r.one(), "code_challenge_method=plain"), fapiCall{}).fails(r, "invalid_request")
}

func (r fapiRun) refusesVerifier(verifier string) {
	r.Helper()
	a := r.attempt(r.one())
	code := r.code(r.one(), a, fapiCall{})
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {fapiCallback}}
	if verifier != "" {
		form.Set("code_verifier", verifier)
	}
	r.post(r.one(), "token_endpoint", form, fapiCall{}).fails(r, "invalid_grant")
}

func fapiNoVerifier(r fapiRun)    { r.refusesVerifier("") }
func fapiWrongVerifier(r fapiRun) { r.refusesVerifier(strings.Repeat("w", 43)) }
