package e2e

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/security"
	"github.com/go-jose/go-jose/v4"

	"gatehouse/web/api/client"
)

// The modules of the logout profiles, of Config OP and of third-party-initiated
// login.

func discoveryVerification(r conformRun) {
	doc := r.h.metadata(r)
	if doc["issuer"] != r.h.URL {
		r.Errorf("issuer %v", doc["issuer"])
	}
	known := strings.Fields(`issuer authorization_endpoint token_endpoint introspection_endpoint userinfo_endpoint revocation_endpoint
		end_session_endpoint jwks_uri scopes_supported response_types_supported response_modes_supported grant_types_supported
		acr_values_supported subject_types_supported id_token_signing_alg_values_supported token_endpoint_auth_methods_supported
		revocation_endpoint_auth_methods_supported introspection_endpoint_auth_methods_supported claim_types_supported claims_supported
		claims_parameter_supported prompt_values_supported display_values_supported ui_locales_supported code_challenge_methods_supported
		request_parameter_supported request_uri_parameter_supported backchannel_logout_supported backchannel_logout_session_supported
		frontchannel_logout_supported frontchannel_logout_session_supported authorization_response_iss_parameter_supported
		token_endpoint_auth_signing_alg_values_supported revocation_endpoint_auth_signing_alg_values_supported
		introspection_endpoint_auth_signing_alg_values_supported request_object_signing_alg_values_supported
		pushed_authorization_request_endpoint dpop_signing_alg_values_supported device_authorization_endpoint`)
	for name, value := range doc {
		// RFC 8414, OIDC Discovery, RFC 9207, RFC 9126, RFC 9449, RFC 8628, the
		// logouts, Initiating User Registration.
		if !slices.Contains(known, name) {
			r.Errorf("nobody has registered the member %s", name)
		}
		if strings.HasSuffix(name, "_endpoint") || name == "jwks_uri" {
			at, _ := value.(string)
			if !strings.HasPrefix(at, r.h.URL+"/") || !strings.HasPrefix(at, "https://") {
				r.Errorf("%s is %v", name, value)
			}
		}
	}
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"} {
		if doc[name] == nil {
			r.Errorf("no %s", name)
		}
	}
	for name, must := range map[string]string{
		"response_types_supported": "code", "subject_types_supported": "public", "id_token_signing_alg_values_supported": "RS256",
		"scopes_supported": "openid", "claims_supported": "sub", "token_endpoint_auth_methods_supported": "client_secret_basic",
		"code_challenge_methods_supported": "S256", "acr_values_supported": "1", "response_modes_supported": "form_post",
		"ui_locales_supported": "en", "grant_types_supported": "authorization_code", "prompt_values_supported": "none",
	} {
		if !slices.Contains(r.listed(name), must) {
			r.Errorf("%s of %s is not there", must, name)
		}
	}
	if len(r.h.issued.Keys) < 2 {
		r.Errorf("%d keys", len(r.h.issued.Keys))
	}
	for _, k := range r.h.issued.Keys {
		if k.KeyID == "" || !k.IsPublic() || !k.Valid() || k.Use != "sig" {
			r.Errorf("key %q of use %q", k.KeyID, k.Use)
		}
	}
}

func (r conformRun) says(names ...string) {
	r.Helper()
	doc := r.h.metadata(r)
	for _, name := range names {
		if doc[name] != true {
			r.Errorf("discovery says %s %v", name, doc[name])
		}
	}
	if doc["end_session_endpoint"] != r.h.URL+"/oauth/end_session" {
		r.Errorf("end_session_endpoint %v", doc["end_session_endpoint"])
	}
}

func logoutDiscovery(r conformRun) { r.says() }

func backchannelDiscovery(r conformRun) {
	r.says("backchannel_logout_supported", "backchannel_logout_session_supported")
}

func frontchannelDiscovery(r conformRun) {
	r.says("frontchannel_logout_supported", "frontchannel_logout_session_supported")
}

// leaver is a browser of its own in which Ada has come to a client.
type leaver struct {
	*visitor
	got granted
}

func (r conformRun) leaver(name string) leaver {
	r.Helper()
	v := r.h.visitor(r)
	q := r.ask(name)
	return leaver{v, r.happyEnd(r.signsIn(r.send(v, q)), q)}
}

// leaves calls the end_session_endpoint.
func (r conformRun) leaves(l leaver, pairs ...string) *answer {
	r.Helper()
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return l.get(r, r.h.URL+"/oauth/end_session?"+q.Encode())
}

func (r conformRun) goodbye() string { return r.h.rp.URL + "/post_logout_redirect" }

// back holds that the browser was sent to the client's address, exactly.
func (r conformRun) back(a *answer, state string) {
	r.Helper()
	want := r.goodbye()
	if state != "" {
		want += "?state=" + state
	}
	if got := a.location(r).String(); got != want {
		r.Errorf("sent to %s, want %s", got, want)
	}
}

// stays holds that a page of the house answers and leads nowhere by itself.
func (r conformRun) stays(l leaver, a *answer) *answer {
	r.Helper()
	if a.Header.Get("Location") == "/signed-out" { // our own page, which says who was told
		a = l.get(r, r.h.URL+"/signed-out")
	}
	if a.Header.Get("Location") != "" || a.Header.Get("Refresh") != "" || strings.Contains(a.Body, r.h.rp.URL) ||
		!strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") || a.Status >= 500 {
		r.Errorf("%d to %q:\n%s", a.Status, a.Header.Get("Location"), a.Body)
	}
	return a
}

// asks holds that somebody is asked first, is signed in still, and is out after
// their yes, on a page that says so.
func (r conformRun) asks(l leaver, a *answer) {
	r.Helper()
	page := formTo(r, a, "/oauth/end_session")
	q := r.ask("client", "prompt=none")
	if a.Status != http.StatusOK || page.fields.Get("csrf") == "" || r.answered(r.send(l.visitor, q), q).Get("code") == "" {
		r.Errorf("%d: nobody was asked", a.Status)
	}
	r.out(l, submit(r, a, "/oauth/end_session", nil))
}

// out holds that the session is over, and that a page says so.
func (r conformRun) out(l leaver, a *answer) {
	r.Helper()
	a = r.stays(l, a)
	if !strings.Contains(a.Body, "signed out") {
		r.Errorf("the page does not say so:\n%s", a.Body)
	}
	r.nobodyIn(l.visitor)
}

func rpLogout(r conformRun) {
	l := r.leaver("client")
	r.back(r.leaves(l, "id_token_hint", l.got.ID, "post_logout_redirect_uri", r.goodbye(), "state", "s1"), "s1")
	r.nobodyIn(l.visitor)
}

func rpLogoutNoState(r conformRun) {
	l := r.leaver("client")
	r.back(r.leaves(l, "id_token_hint", l.got.ID, "post_logout_redirect_uri", r.goodbye()), "")
	r.nobodyIn(l.visitor)
}

func rpLogoutBadURI(r conformRun) { r.leavesFor(r.goodbye() + "/elsewhere") }

func rpLogoutQueryAdded(r conformRun) { r.leavesFor(r.goodbye() + "?foo=bar") }

// leavesFor names an address that is not registered.
func (r conformRun) leavesFor(uri string) {
	r.Helper()
	l := r.leaver("client")
	r.stays(l, r.leaves(l, "id_token_hint", l.got.ID, "post_logout_redirect_uri", uri, "state", "s1"))
}

func rpLogoutModifiedHint(r conformRun) {
	r.hints(func(l leaver) string {
		parts := strings.Split(l.got.ID, ".")
		return unsignedHead + "." + parts[1] + "."
	})
}

const unsignedHead = "eyJhbGciOiJub25lIn0" // {"alg":"none"}

func rpLogoutBadHint(r conformRun) {
	r.hints(func(l leaver) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: newKey(r)}, (&jose.SignerOptions{}).WithHeader("kid", r.h.issued.Keys[0].KeyID))
		if err != nil {
			r.Fatal(err)
		}
		jws, err := jose.ParseSignedCompact(l.got.ID, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			r.Fatal(err)
		}
		foreign, err := signer.Sign(jws.UnsafePayloadWithoutVerification())
		if err != nil {
			r.Fatal(err)
		}
		text, err := foreign.CompactSerialize()
		if err != nil {
			r.Fatal(err)
		}
		return text
	})
}

// hints shows an ID token that the house has not signed so.
func (r conformRun) hints(forge func(leaver) string) {
	r.Helper()
	l := r.leaver("client")
	a := r.leaves(l, "id_token_hint", forge(l), "post_logout_redirect_uri", r.goodbye(), "state", "s1")
	if a.Header.Get("Location") != "" {
		r.Errorf("sent to %s", a.Header.Get("Location"))
	}
	r.asks(l, a)
}

func rpLogoutNoHint(r conformRun) {
	l := r.leaver("client")
	a := r.leaves(l, "post_logout_redirect_uri", r.goodbye(), "state", "s1")
	if a.Header.Get("Location") != "" {
		r.Errorf("sent to %s", a.Header.Get("Location"))
	}
	r.asks(l, a)
}

func rpLogoutNoParams(r conformRun) {
	l := r.leaver("client")
	r.asks(l, r.leaves(l))
}

func rpLogoutOnlyState(r conformRun) {
	l := r.leaver("client")
	r.asks(l, r.leaves(l, "state", "s1"))
}

func rpLogoutNoURI(r conformRun) {
	l := r.leaver("client")
	r.out(l, r.leaves(l, "id_token_hint", l.got.ID, "state", "s1"))
}

func backchannelLogout(r conformRun) {
	l := r.leaver("backchannel")
	r.back(r.leaves(l, "id_token_hint", l.got.ID, "post_logout_redirect_uri", r.goodbye(), "state", "s1"), "s1")
	b := r.h.rp.next(r, "/backchannel_logout")
	if b.Method != http.MethodPost || b.ContentType != "application/x-www-form-urlencoded" || len(b.Form) != 1 || len(b.Query) != 0 || b.TLS < tls.VersionTLS12 {
		r.Fatalf("called by %s, %s, with %v and %v, TLS %x", b.Method, b.ContentType, b.Query, b.Form, b.TLS)
	}
	claims, head := r.h.verified(r, b.Form.Get("logout_token"))
	if head.Algorithm != "RS256" || head.ExtraHeaders[jose.HeaderType] != "logout+jwt" {
		r.Errorf("alg %s, typ %v", head.Algorithm, head.ExtraHeaders[jose.HeaderType])
	}
	for _, name := range []string{"iss", "aud", "sub", "sid"} {
		if claims[name] != l.got.claims[name] || claims[name] == nil {
			r.Errorf("%s is %v, and in the ID token %v", name, claims[name], l.got.claims[name])
		}
	}
	events, _ := claims["events"].(map[string]any)
	event, there := events["http://schemas.openid.net/event/backchannel-logout"].(map[string]any)
	life := unix(claims["exp"]).Sub(unix(claims["iat"]))
	if jti, _ := claims["jti"].(string); jti == "" || len(events) != 1 || !there || len(event) != 0 || claims["nonce"] != nil || life <= 0 || life.Seconds() > 120 {
		r.Errorf("the logout token says %v", claims)
	}
	r.nobodyIn(l.visitor)
}

// frontchannelLogout needs eyes: frames are loaded by a browser alone.
func frontchannelLogout(r conformRun) {
	b := r.h.browser(r.T)
	got := r.comes(b, "frontchannel")
	b.open(r.h.URL + "/oauth/end_session?" + url.Values{"id_token_hint": {got.ID}, "post_logout_redirect_uri": {r.goodbye()}, "state": {"s1"}}.Encode())
	framed := r.h.rp.next(r, "/frontchannel_logout")
	if framed.Method != http.MethodGet || framed.Query.Get("iss") != r.h.URL || framed.Query.Get("sid") != got.claims["sid"] || len(framed.Query) != 2 {
		r.Errorf("the frame was loaded by %s with %v", framed.Method, framed.Query)
	}
	if back := r.h.rp.next(r, "/post_logout_redirect"); back.Query.Get("state") != "s1" || len(back.Query) != 1 {
		r.Errorf("back with %v", back.Query)
	}
	b.sees("Relying party: post_logout_redirect")
	q := r.ask("frontchannel", "prompt=none")
	b.open(r.h.URL + "/oauth/authorize?" + q.Encode())
	b.sees("Relying party: cb")
	if now := r.h.rp.next(r, "/cb"); now.Query.Get("error") != "login_required" || now.Query.Has("code") {
		r.Errorf("prompt=none says %v", now.Query)
	}
}

// brought is the rest of a flow of which Chromium brought the answer.
func (r conformRun) brought(b brought, q url.Values) granted {
	r.Helper()
	params := b.Query
	if r.formPost {
		params = b.Form
		if b.Method != http.MethodPost || b.ContentType != "application/x-www-form-urlencoded" || len(b.Query) != 0 {
			r.Errorf("brought by %s, %s, with %v in the URL", b.Method, b.ContentType, b.Query)
		}
	}
	if params.Get("state") != q.Get("state") || params.Get("iss") != r.h.URL || params.Get("code") == "" {
		r.Fatalf("brought %v", params)
	}
	got := granted{Code: params.Get("code"), tokens: r.token(q.Get("client_id"), exchanging(params.Get("code"), q))}
	got.claims = r.idToken(got.ID, q)
	return got
}

// thirdPartyLogin: the person opens the app from the portal, which is the third
// party here; the app begins the sign-on itself.
func thirdPartyLogin(r conformRun) {
	q := r.ask("initiated")
	r.h.rp.begs = func(req *http.Request) string {
		return req.URL.Query().Get("iss") + "/oauth/authorize?" + q.Encode()
	}
	home := r.h.ada.get(r, r.h.URL+"/")
	want := r.h.rp.URL + "/initiate_login?" + "iss=" + url.QueryEscape(r.h.URL) + "&target_link_uri=" + url.QueryEscape(r.h.rp.URL+"/reports?of=june")
	if !strings.Contains(home.Body, `href="`+strings.ReplaceAll(want, "&", "&amp;")+`"`) {
		r.Fatalf("no tile leads to %s:\n%s", want, home.Body)
	}
	a := r.h.ada.get(r, want)
	if b := r.h.rp.next(r, "/initiate_login"); b.Query.Get("iss") != r.h.URL || b.Query.Get("target_link_uri") != r.h.rp.URL+"/reports?of=june" || b.Method != http.MethodGet || len(b.Query) != 2 {
		r.Errorf("opened with %v", b.Query)
	}
	r.happyEnd(r.h.ada.get(r, a.location(r).String()), q)
}

func thirdPartyLoginNoHTTPS(r conformRun) {
	r.notRegistered(func(o *client.OIDC) { o.InitiateLoginURI = "http://app.example/initiate_login" })
}

// openChrome starts the Chromium of all modules; it takes the house's
// certificate as it is.
func (h *conformHouse) openChrome(t *testing.T) {
	t.Helper()
	h.chrome = browser(t)
	h.chrome.do(call(security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true}))
}

// comes signs Ada in by that browser, which has forgotten her, on the way to a
// client.
func (r conformRun) comes(b *tab, name string) granted {
	r.Helper()
	b.do(call(network.ClearBrowserCookies, cdp.Empty{}))
	return r.comesBy(b, r.ask(name))
}

// comesBy brings a request that shows the sign-in pages.
func (r conformRun) comesBy(b *tab, q url.Values) granted {
	r.Helper()
	b.open(r.h.URL + "/oauth/authorize?" + q.Encode())
	signIn(b, "ada", adasPassword)
	b.sees("Relying party: cb")
	return r.brought(r.h.rp.next(r, "/cb"), q)
}
