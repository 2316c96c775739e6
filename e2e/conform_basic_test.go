package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/web/api/client"
)

// The modules of the Basic and Form Post profiles, by the names of the suite
// without oidcc-. What each demands stands in the table.

func server(r conformRun) {
	r.happy(r.h.ada, r.ask("client"))
}

func responseTypeMissing(r conformRun) {
	q := r.ask("client", "response_type")
	r.refused(r.send(r.h.ada, q), q, "invalid_request", "unsupported_response_type")
}

func idTokenSignature(r conformRun) {
	got := r.happy(r.h.ada, r.ask("client"))
	_, head := r.h.verified(r, got.ID)
	if head.Algorithm != "RS256" || head.KeyID == "" {
		r.Errorf("alg %s, kid %q", head.Algorithm, head.KeyID)
	}
}

func idTokenUnsigned(r conformRun) {
	if slices.Contains(r.listed("id_token_signing_alg_values_supported"), "none") {
		r.Error("alg none is offered")
	}
	r.notRegistered(func(o *client.OIDC) { o.IDTokenAlg = "none" })
}

func userinfoGet(r conformRun) { r.userinfoBy(http.MethodGet) }

func userinfoPostHeader(r conformRun) { r.userinfoBy(http.MethodPost) }

func (r conformRun) userinfoBy(method string) {
	got := r.happy(r.h.ada, r.ask("client"))
	if info := r.userinfo(method, got.Access); info["sub"] != got.claims["sub"] {
		r.Errorf("userinfo says %v", info)
	}
}

func userinfoPostBody(r conformRun) {
	got := r.happy(r.h.ada, r.ask("client"))
	if info := r.told(r.h.visitor(r).postForm(r, r.h.URL+"/oauth/userinfo", url.Values{"access_token": {got.Access}})); info["sub"] != got.claims["sub"] {
		r.Errorf("userinfo says %v", info)
	}
}

func requestWithoutNonce(r conformRun) {
	r.happy(r.h.ada, r.ask("client", "nonce"))
}

// profileOf are the claims of a scope, as they are of Ada.
var profileOf = map[string]map[string]any{
	"profile": {"name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace", "preferred_username": "ada"},
	"email":   {"email": "ada@example.com", "email_verified": true},
}

// scope asks for these scopes: their claims come from userinfo alone, and no
// others. Scopes that are not offered are granted nothing.
func scope(asked ...string) func(conformRun) {
	return func(r conformRun) {
		r.tellsScopes(r.ask("client", "scope=openid "+strings.Join(asked, " ")), asked)
	}
}

func (r conformRun) tellsScopes(q url.Values, asked []string) {
	r.Helper()
	r.tells(r.happy(r.h.ada, q), asked)
}

func (r conformRun) tells(got granted, asked []string) {
	r.Helper()
	offered := r.listed("scopes_supported")
	for _, name := range []string{"profile", "email", "address", "phone"} {
		for claim, value := range profileOf[name] {
			if slices.Contains(asked, name) != (got.info[claim] == value) {
				r.Errorf("asked for %v: userinfo says %s is %v", asked, claim, got.info[claim])
			}
			if got.claims[claim] != nil {
				r.Errorf("%s is in the ID token", claim)
			}
		}
		var said struct{ Scope string }
		if err := json.Unmarshal([]byte(got.answer.Body), &said); err != nil {
			r.Fatal(err)
		}
		granted := slices.Contains(strings.Fields(said.Scope), name)
		if granted != (slices.Contains(asked, name) && slices.Contains(offered, name)) {
			r.Errorf("asked for %v: %s granted", asked, said.Scope)
		}
	}
	if slices.Contains(asked, "profile") != (got.info["updated_at"] != nil) {
		r.Errorf("updated_at is %v", got.info["updated_at"])
	}
	for _, claim := range []string{"address", "phone_number", "phone_number_verified"} {
		if got.info[claim] != nil || slices.Contains(r.listed("claims_supported"), claim) {
			r.Errorf("%s is told, or said to be", claim)
		}
	}
}

// listed is a list of the discovery document.
func (r conformRun) listed(name string) (values []string) {
	r.Helper()
	list, _ := r.h.metadata(r)[name].([]any)
	for _, v := range list {
		s, _ := v.(string)
		values = append(values, s)
	}
	return values
}

func alternateHappyFlow(r conformRun) {
	q := r.ask("client", "scope=email openid")
	pairs := strings.Split(q.Encode(), "&")
	slices.Reverse(pairs)
	r.tells(r.happyEnd(r.h.ada.get(r, r.h.URL+"/oauth/authorize?"+strings.Join(pairs, "&")), q), []string{"email"})
}

// tolerates sends parameters that must change nothing.
func tolerates(changes ...string) func(conformRun) {
	return func(r conformRun) { r.happy(r.h.ada, r.ask("client", changes...)) }
}

// promptLogin is about what a person sees: once by a visitor, and once in
// Chromium, which brings its answers by form.
func promptLogin(r conformRun) {
	if !r.formPost {
		r.asksAgain("prompt=login")
		return
	}
	b := r.h.browser(r.T)
	first := r.comes(b, "client")
	r.h.ahead(r, 2*time.Second)
	second := r.comesBy(b, r.ask("client", "prompt=login"))
	r.isLater(first, second)
}

func maxAge1(r conformRun) {
	r.asksAgain("max_age=1")
}

// asksAgain signs in, and a moment later again: the same person is to prove it
// anew, and auth_time says so.
func (r conformRun) asksAgain(by string) {
	r.Helper()
	v := r.h.visitor(r)
	q := r.ask("client")
	first := r.happyEnd(r.signsIn(r.send(v, q)), q)
	r.h.ahead(r, 2*time.Second)
	q = r.ask("client", by)
	page := r.send(v, q)
	if to := page.location(r); to.Host != strings.TrimPrefix(r.h.URL, "https://") || !strings.HasPrefix(to.Path, "/signin/") {
		r.Fatalf("%s led to %s", by, to)
	}
	r.isLater(first, r.happyEnd(r.signsIn(page), q))
}

// isLater holds that the same person proved anew who they are.
func (r conformRun) isLater(first, second granted) {
	r.Helper()
	if second.claims["sub"] != first.claims["sub"] || unix(second.claims["auth_time"]).Sub(unix(first.claims["auth_time"])) < 2*time.Second {
		r.Errorf("auth_time %v, and before %v; sub %v, and before %v", second.claims["auth_time"], first.claims["auth_time"], second.claims["sub"], first.claims["sub"])
	}
}

func promptNoneNotLoggedIn(r conformRun) {
	q := r.ask("client", "prompt=none")
	r.refused(r.send(r.h.visitor(r), q), q, "login_required")
}

// silently sends a second request of somebody who is signed in: it is answered
// at the authorization endpoint itself, by the sign-in of before.
func (r conformRun) silently(changes func(first granted) []string) {
	r.Helper()
	first := r.happy(r.h.ada, r.ask("client"))
	second := r.happy(r.h.ada, r.ask("client", changes(first)...))
	for _, name := range []string{"sub", "auth_time", "sid", "acr", "session_expiry"} {
		if first.claims[name] != second.claims[name] || first.claims[name] == nil {
			r.Errorf("%s was %v and is %v", name, first.claims[name], second.claims[name])
		}
	}
}

func promptNoneLoggedIn(r conformRun) {
	r.silently(func(granted) []string { return []string{"prompt=none"} })
}

func maxAge10000(r conformRun) {
	r.silently(func(granted) []string { return []string{"max_age=10000"} })
}

func idTokenHint(r conformRun) {
	r.silently(func(first granted) []string { return []string{"prompt=none", "id_token_hint=" + first.ID} })
	// Beyond the module: what is no such token names nobody, so nobody answers.
	hint := r.happy(r.h.ada, r.ask("client")).ID
	for _, bad := range []string{"garbage", hint + "x", r.happy(r.h.ada, r.ask("client2")).ID} {
		q := r.ask("client", "id_token_hint="+bad)
		r.refused(r.send(r.h.ada, q), q, "invalid_request")
		q.Set("prompt", "none")
		r.refused(r.send(r.h.ada, q), q, "login_required")
	}
}

func loginHint(r conformRun) {
	q := r.ask("client", "login_hint=ada")
	page := r.send(r.h.visitor(r), q).follow(r, r.h.rp.URL)
	if name := formTo(r, page, "/identifier").fields.Get("username"); name != "ada" {
		r.Errorf("the page begins with %q", name)
	}
	r.happyEnd(proveAda(r, page).follow(r, r.h.rp.URL), q)
}

func codeReuse(r conformRun) { r.reusesCode(0) }

func codeReuse30Seconds(r conformRun) { r.reusesCode(30 * time.Second) }

// reusesCode presents a code twice: what the first gave is dead then.
func (r conformRun) reusesCode(after time.Duration) {
	r.Helper()
	q := r.ask("client", "scope=openid offline_access")
	got := r.happy(r.h.ada, q)
	r.h.ahead(r, after)
	r.token("client", exchanging(got.Code, q)).wants(r, "invalid_grant")
	r.dead(got.Access)
	r.token("client", refreshing(got.Refresh)).wants(r, "invalid_grant")
}

func registeredRedirectURI(r conformRun) {
	q := r.ask("client", "redirect_uri="+r.h.rp.URL+"/cb/unregistered")
	got := r.send(r.h.ada, q)
	if got.Status != http.StatusBadRequest || got.Header.Get("Location") != "" || strings.Contains(got.Body, "<form") ||
		!strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") || !strings.Contains(got.Body, "not registered") {
		r.Errorf("%d to %q:\n%s", got.Status, got.Header.Get("Location"), got.Body)
	}
	if r.formPost {
		return
	}
	b := r.h.browser(r.T) // it is a person's page
	b.expect("status of 400")
	b.open(got.URL.String())
	b.sees("The app wants the answer at an address that is not registered for it.")
	b.shot("conform-unregistered")
}

func postRequest(r conformRun) {
	q := r.ask("client")
	again := r.h.ada.postForm(r, r.h.URL+"/oauth/authorize", q)
	r.happyEnd(r.h.ada.get(r, again.location(r).String()), q)
}

func clientSecretPost(r conformRun) {
	r.happy(r.h.ada, r.ask("client_secret_post"))
}

func requestURIUnsigned(r conformRun) {
	r.saysNo("request_uri_parameter_supported")
	q := r.ask("client", "request_uri="+r.h.rp.URL+"/requests/1")
	r.refused(r.send(r.h.ada, q), q, "request_uri_not_supported")
}

func unsignedRequestObject(r conformRun) {
	r.saysNo("request_parameter_supported")
	q := r.ask("client", "state=another")
	object := unsignedObject(q)
	q = r.ask("client", "request="+object)
	r.refused(r.send(r.h.ada, q), q, "request_not_supported")
}

func requestObjectWithRedirectURI(r conformRun) {
	object := unsignedObject(r.ask("client", "redirect_uri="+r.h.rp.URL+"/cb/of-the-object"))
	q := r.ask("client", "request="+object)
	r.refused(r.send(r.h.ada, q), q, "request_not_supported")
}

// unsignedObject is a request object of alg none (OIDC Core §6.1).
func unsignedObject(q url.Values) string {
	claims := map[string]string{}
	for name := range q {
		claims[name] = q.Get(name)
	}
	text, _ := json.Marshal(claims) // of strings, never fails
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(text) + "."
}

func (r conformRun) saysNo(name string) {
	r.Helper()
	if said, ok := r.h.metadata(r)[name].(bool); !ok || said {
		r.Errorf("discovery says %s %v", name, r.h.metadata(r)[name])
	}
}

func claimsEssential(r conformRun) {
	got := r.happy(r.h.ada, r.ask("client", `claims={"userinfo":{"name":{"essential":true}}}`))
	if got.info["name"] != "Ada Lovelace" || got.info["email"] != nil || got.info["given_name"] != nil || got.claims["name"] != nil {
		r.Errorf("userinfo %v, ID token %v", got.info, got.claims)
	}
	if r.h.metadata(r)["claims_parameter_supported"] != true {
		r.Error("discovery does not say so")
	}
}

func refreshToken(r conformRun) {
	if !slices.Contains(r.listed("grant_types_supported"), "refresh_token") {
		r.Error("discovery does not say so")
	}
	q := r.ask("client", "scope=openid offline_access")
	first := r.happy(r.h.ada, q)
	if !regexp.MustCompile(`^[\x20-\x7e]{32,}$`).MatchString(first.Refresh) { // RFC 6749 appendix A.17
		r.Fatalf("refresh token %q", first.Refresh)
	}
	r.token("client2", refreshing(first.Refresh)).wants(r, "invalid_grant")
	r.h.ahead(r, time.Second)
	second := r.token("client", refreshing(first.Refresh))
	if second.Access == "" || second.Access == first.Access || second.Refresh == "" || second.Refresh == first.Refresh {
		r.Fatalf("refreshed: %d %s", second.answer.Status, second.answer.Body)
	}
	claims, _ := r.h.verified(r, second.ID)
	for _, name := range []string{"iss", "sub", "aud", "auth_time", "acr", "sid"} { // OIDC Core §12.2
		if claims[name] != first.claims[name] || claims[name] == nil {
			r.Errorf("%s was %v and is %v", name, first.claims[name], claims[name])
		}
	}
	if !unix(claims["iat"]).After(unix(first.claims["iat"])) || claims["nonce"] != nil || claims["at_hash"] != leftHalf(second.Access) {
		r.Errorf("the ID token of the refresh says %v", claims)
	}
	if r.userinfo(http.MethodGet, second.Access)["sub"] != claims["sub"] {
		r.Error("the new access token is another's")
	}
}

func validPKCE(r conformRun) {
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636 appendix B
	pkce := []string{"code_challenge=" + challenge, "code_challenge_method=S256"}
	r.happy(r.h.ada, r.ask("client", pkce...), "code_verifier="+verifier)
	q := r.ask("client", pkce...)
	code := r.answered(r.send(r.h.ada, q), q).Get("code")
	r.token("client", exchanging(code, q)).wants(r, "invalid_grant") // without the verifier
}
