package e2e

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// conformModule is one module of the OpenID Foundation's conformance suite
// (v5.2.4), as a test here.
type conformModule struct {
	name    string // without oidcc-
	demands string // what it demands of a provider
	test    func(conformRun)
	result  string // when it passes here: what that means
}

type conformPlan struct {
	profile, plan string
	modules       []conformModule
	formPost      bool
}

// What a passed test means.
const (
	passes     = "passes"
	notOffered = "not offered, and refused by name; the suite skips it"
	refuses    = "passes: refused by name, as it may be"
)

// conformPlans is the table of docs/conformance.md and of TestConformance.
var conformPlans = []conformPlan{
	{"Basic OP", "oidcc-basic-certification-test-plan", basicModules, false},
	{"Form Post OP", "oidcc-formpost-basic-certification-test-plan", basicModules, true},
	{"Config OP", "oidcc-config-certification-test-plan", []conformModule{
		{"discovery-endpoint-verification", "200 and JSON at the issuer's well-known path; the issuer as it is; only registered members; every endpoint https; keys with `kid`", discoveryVerification, passes},
	}, false},
	{"RP-Initiated Logout OP", "oidcc-rp-initiated-logout-certification-test-plan", []conformModule{
		{"rp-initiated-logout-discovery-endpoint-verification", "`end_session_endpoint`, https", logoutDiscovery, passes},
		{"rp-initiated-logout", "back at `post_logout_redirect_uri` with `state`; prompt=none fails afterwards", rpLogout, passes},
		{"rp-initiated-logout-bad-post-logout-redirect-uri", "an address that is not registered is not followed", rpLogoutBadURI, passes},
		{"rp-initiated-logout-modified-id-token-hint", "a hint with alg none is not believed: no way back, a person is asked", rpLogoutModifiedHint, passes},
		{"rp-initiated-logout-bad-id-token-hint", "nor one with somebody else's signature", rpLogoutBadHint, passes},
		{"rp-initiated-logout-no-id-token-hint", "without a hint: no way back, a person is asked", rpLogoutNoHint, passes},
		{"rp-initiated-logout-query-added-to-post-logout-redirect-uri", "a registered address with a query added is not followed", rpLogoutQueryAdded, passes},
		{"rp-initiated-logout-no-params", "nothing at all: a person is asked, and then reads that they are signed out", rpLogoutNoParams, passes},
		{"rp-initiated-logout-no-post-logout-redirect-uri", "signed out at once, on a page that says so", rpLogoutNoURI, passes},
		{"rp-initiated-logout-only-state", "`state` alone is as nothing", rpLogoutOnlyState, passes},
		{"rp-initiated-logout-no-state", "back without `state`; prompt=none fails afterwards", rpLogoutNoState, passes},
	}, false},
	{"Back-Channel OP", "oidcc-backchannel-rp-initiated-logout-certification-test-plan", []conformModule{
		{"backchannel-logout-discovery-endpoint-verification", "`backchannel_logout_supported` and `backchannel_logout_session_supported`", backchannelDiscovery, passes},
		{"backchannel-rp-initiated-logout", "a POST with `logout_token` alone, over TLS 1.2 or later: signed, `typ` logout+jwt, the ID token's `iss`, `aud`, `sub` and `sid`, `iat`, `jti`, the event, no `nonce`; then back, and prompt=none fails", backchannelLogout, passes},
	}, false},
	{"Front-Channel OP", "oidcc-frontchannel-rp-initiated-logout-certification-test-plan", []conformModule{
		{"frontchannel-logout-discovery-endpoint-verification", "`frontchannel_logout_supported` and `frontchannel_logout_session_supported`", frontchannelDiscovery, passes},
		{"frontchannel-rp-initiated-logout", "a frame loads `frontchannel_logout_uri` with `iss` and `sid`; then back, and prompt=none fails", frontchannelLogout, passes},
	}, false},
	{"3rd Party-Initiated Login OP", "oidcc-3rdparty-init-login-certification-test-plan", []conformModule{
		{"3rd_party-init-login", "the person starts at the portal; the app's `initiate_login_uri` is opened with `iss` and `target_link_uri`, and the app's own request succeeds", thirdPartyLogin, passes},
		{"3rd_party-init-login-nohttps", "an `initiate_login_uri` that is not https is not registered", thirdPartyLoginNoHTTPS, passes},
	}, false},
}

var basicModules = []conformModule{
	{"server", "code flow: `state` echoed, ID token valid, with `kid` of a published key, `nonce`, `at_hash`, `auth_time`, `acr`, `amr`, `sid`; UserInfo 200 with the same `sub`", server, passes},
	{"response-type-missing", "unsupported_response_type or invalid_request", responseTypeMissing, passes},
	{"idtoken-signature", "RS256 by default, with `kid`", idTokenSignature, passes},
	{"idtoken-unsigned", "alg none, where it is offered", idTokenUnsigned, notOffered},
	{"userinfo-get", "UserInfo by GET, token in the header", userinfoGet, passes},
	{"userinfo-post-header", "UserInfo by POST, token in the header", userinfoPostHeader, passes},
	{"userinfo-post-body", "UserInfo by POST, token in the body (may be refused)", userinfoPostBody, passes},
	{"ensure-request-without-nonce-succeeds-for-code-flow", "no `nonce` is no error, and none is in the ID token", requestWithoutNonce, passes},
	{"scope-profile", "the scope's claims from UserInfo, not in the ID token", scope("profile"), passes},
	{"scope-email", "the same", scope("email"), passes},
	{"scope-address", "the same, where it is offered; else no error", scope("address"), "not offered: ignored, and not in `scopes_supported`; the suite skips it"},
	{"scope-phone", "the same, where it is offered; else no error", scope("phone"), "not offered: ignored, and not in `scopes_supported`; the suite skips it"},
	{"scope-all", "all of them at once", scope("profile", "email", "address", "phone"), "passes with those that are offered"},
	{"alternate-happy-flow", "the order of scopes and parameters does not matter", alternateHappyFlow, passes},
	{"display-page", "display=page is no error", tolerates("display=page"), passes},
	{"display-popup", "display=popup is no error", tolerates("display=popup"), passes},
	{"prompt-login", "somebody who is signed in signs in again; `auth_time` grows", promptLogin, passes},
	{"prompt-none-not-logged-in", "login_required", promptNoneNotLoggedIn, passes},
	{"prompt-none-logged-in", "answered at once; same `sub` and `auth_time`", promptNoneLoggedIn, passes},
	{"max-age-1", "after more than a second, sign in again; `auth_time` grows", maxAge1, passes},
	{"max-age-10000", "no new sign-in; `auth_time` there and the same", maxAge10000, passes},
	{"ensure-request-with-unknown-parameter-succeeds", "an unknown parameter is ignored", tolerates("extra=foobar"), passes},
	{"id-token-hint", "with prompt=none, the hinted person is answered at once; a hint that names nobody is refused", idTokenHint, passes},
	{"login-hint", "no error; the sign-in page begins with it", loginHint, passes},
	{"ui-locales", "no error", tolerates("ui_locales=se"), passes},
	{"claims-locales", "no error", tolerates("claims_locales=se"), passes},
	{"ensure-request-with-acr-values-succeeds", "no error; `acr` in the ID token, and true", tolerates("acr_values=phr 1"), passes},
	{"codereuse", "invalid_grant at the second use; what the first gave is revoked", codeReuse, passes},
	{"codereuse-30seconds", "the same after 30 seconds (of the house's own clock, set forward)", codeReuse30Seconds, passes},
	{"ensure-registered-redirect-uri", "an address that is not registered gets nothing: a page of the house says why", registeredRedirectURI, passes},
	{"ensure-post-request-succeeds", "the authorization request by POST", postRequest, passes},
	{"server-client-secret-post", "the client authenticates by client_secret_post", clientSecretPost, passes},
	{"request-uri-unsigned-supported-correctly-or-rejected-as-unsupported", "done right, or request_uri_not_supported", requestURIUnsigned, refuses},
	{"unsigned-request-object-supported-correctly-or-rejected-as-unsupported", "done right, or request_not_supported", unsignedRequestObject, refuses},
	{"claims-essential", "`name`, essential, asked for by `claims`: UserInfo tells it", claimsEssential, passes},
	{"ensure-request-object-with-redirect-uri", "the object's address wins, or request_not_supported", requestObjectWithRedirectURI, refuses},
	{"refresh-token", "new tokens of the same sign-in; bound to its client; legal characters; in the metadata", refreshToken, passes},
	{"ensure-request-with-valid-pkce-succeeds", "S256 is verified", validPKCE, passes},
}

// TestConformance runs every module of these plans, by name, against one house
// over https.
func TestConformance(t *testing.T) {
	t.Parallel()
	h := newConformHouse(t)
	h.openChrome(t)
	for _, p := range conformPlans {
		t.Run(p.plan, func(t *testing.T) {
			for _, m := range p.modules {
				t.Run("oidcc-"+m.name, func(t *testing.T) { m.test(conformRun{t, h, p.formPost}) })
			}
		})
	}
	t.Run("refused by name", func(t *testing.T) { insecureOnesAreAbsent(conformRun{t, h, false}) })
	t.Run("pages and answers", func(t *testing.T) { pagesForPeople(conformRun{t, h, false}) })
}

// pagesForPeople: a method that is none gets a page with its reference where a
// browser comes, and JSON where an app does.
func pagesForPeople(r conformRun) {
	v := r.h.visitor(r)
	for path, allowed := range map[string]string{
		"/oauth/authorize": "GET, HEAD, POST", "/oauth/authorize/resume": "GET, HEAD", "/oauth/consent": "GET, HEAD, POST",
		"/oauth/end_session": "GET, HEAD, POST", "/saml/sso": "GET, HEAD, POST", "/saml/slo": "GET, HEAD, POST", "/device": "GET, HEAD, POST", "/signed-out": "GET, HEAD",
	} {
		a := v.send(r, http.MethodPut, r.h.URL+path, "", "")
		id := a.Header.Get("X-Correlation-Id")
		if a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") != allowed || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") ||
			a.Header.Get("Cache-Control") != "no-store" || id == "" || !strings.Contains(a.Body, id) {
			r.Errorf("PUT %s: %d, Allow %q, %s", path, a.Status, a.Header.Get("Allow"), a.Header.Get("Content-Type"))
		}
	}
	for path, allowed := range map[string]string{
		"/oauth/token": "POST", "/oauth/par": "POST", "/oauth/introspect": "POST", "/oauth/revoke": "POST", "/oauth/device_authorization": "POST",
		"/oauth/userinfo": "GET, POST", "/oauth/keys": "GET, HEAD", "/.well-known/openid-configuration": "GET, HEAD",
	} {
		a := v.send(r, http.MethodPut, r.h.URL+path, "", "")
		if a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") != allowed || a.Header.Get("Content-Type") != "application/json" ||
			a.Header.Get("Cache-Control") != "no-store" || !strings.Contains(a.Body, `"invalid_request"`) {
			r.Errorf("PUT %s: %d, Allow %q, %s %s", path, a.Status, a.Header.Get("Allow"), a.Header.Get("Content-Type"), a.Body)
		}
	}
}

// insecureOnesAreAbsent: what OAuth 2.1 and RFC 9700 have left behind is refused
// by its name, and discovery does not know of it.
func insecureOnesAreAbsent(r conformRun) {
	for _, kind := range []string{"token", "id_token", "id_token token", "code token", "code id_token", "code id_token token", "none"} {
		for _, mode := range []string{"response_mode", "response_mode=query", "response_mode=form_post"} {
			q := r.ask("client", "response_type="+kind, mode)
			r.formPost = q.Get("response_mode") == "form_post"
			r.refused(r.send(r.h.ada, q), q, "unsupported_response_type")
		}
	}
	r.formPost = false
	for _, mode := range []string{"fragment", "jwt", "query.jwt", "web_message"} {
		q := r.ask("client", "response_mode="+mode)
		r.refused(r.send(r.h.ada, q), q, "invalid_request")
	}
	for _, grant := range []string{"password", "implicit", "urn:ietf:params:oauth:grant-type:saml2-bearer"} {
		form := url.Values{"grant_type": {grant}, "username": {"ada"}, "password": {adasPassword}, "scope": {"openid"}, "assertion": {"PHNhbWw+"}}
		r.token("client", form).wants(r, "unsupported_grant_type")
	}
	for name, only := range map[string][]string{
		"response_types_supported": {"code"}, "response_modes_supported": {"query", "form_post"}, "code_challenge_methods_supported": {"S256"},
	} {
		if got := r.listed(name); !slices.Equal(got, only) {
			r.Errorf("%s says %v", name, got)
		}
	}
	for _, grant := range []string{"password", "implicit"} {
		if slices.Contains(r.listed("grant_types_supported"), grant) {
			r.Errorf("discovery knows of %s", grant)
		}
	}
	r.saysNo("request_parameter_supported")
	r.saysNo("request_uri_parameter_supported")
	if value, there := r.h.metadata(r)["check_session_iframe"]; there {
		r.Errorf("discovery says check_session_iframe %v", value)
	}
}

var writeConformance = flag.Bool("write-conformance", false, "write docs/conformance.md anew")

// TestConformanceDocumentIsTheTable holds docs/conformance.md to what
// TestConformance runs: go test ./e2e -run ConformanceDocument -write-conformance
func TestConformanceDocumentIsTheTable(t *testing.T) {
	t.Parallel()
	file, want := filepath.Join("..", "docs", "conformance.md"), conformanceDocument()
	if *writeConformance {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil || string(have) != want {
		t.Errorf("docs/conformance.md is not the table (%v): write it anew with -write-conformance", err)
	}
	names := map[string]bool{}
	for _, p := range conformPlans {
		for _, m := range p.modules {
			if names[p.plan+m.name] || m.test == nil || m.demands == "" || m.result == "" {
				t.Errorf("%s stands there twice or in part", m.name)
			}
			names[p.plan+m.name] = true
		}
	}
	if len(names) != 38+38+1+11+2+2+2 {
		t.Errorf("%d modules", len(names))
	}
	clear(names)
	for _, p := range samlPlans {
		for _, c := range p.checks {
			if names[c.name] || c.test == nil || c.demands == "" || c.result == "" {
				t.Errorf("%s stands there twice or in part", c.name)
			}
			names[c.name] = true
		}
	}
	if len(names) != 36 {
		t.Errorf("%d checks of SAML", len(names))
	}
}

func conformanceDocument() string {
	var b strings.Builder
	b.WriteString(`# Conformance

The OpenID Foundation certifies providers by its conformance suite. **That suite
(it is Java) has not been run against Gatehouse, and Gatehouse is not certified.**
What stands here are tests of our own, named after the suite's modules (version
5.2.4), each written to check what the module demands, its warnings included. They
run over https against the built binary, in every run of the tests (` + "`TestConformance` in `e2e`" + `);
a module that does not pass fails the build. Frames, posted forms and the pages a
person reads are looked at in Chromium.

The clients are registered as the suite's are: confidential, with
` + "`pkce_exempt`" + `, since its modules send no PKCE but for the one that says so.
Without that, Gatehouse insists on PKCE with S256.

Not aimed at: the Implicit, Hybrid and Dynamic profiles (they demand response types
and request objects by reference that are refused here by name), and Session
Management (its frame needs third-party cookies, which browsers no longer send).

Beside the modules, ` + "`TestConformance/refused_by_name`" + ` holds that implicit and hybrid
response types, the response modes fragment and jwt, and the password grant are
refused by name, and that discovery does not know of them. Request
objects are taken from apps that push them, and nowhere else: [fapi.md](fapi.md).
` + "`TestConformance/pages_and_answers`" + ` holds that a method that is none gets a page with
its reference where a person comes, and JSON where an app does.

This file is generated from the table that the tests run.
`)
	for _, p := range conformPlans {
		fmt.Fprintf(&b, "\n## %s\n\nPlan `%s`, %d %s", p.profile, p.plan, len(p.modules), map[bool]string{true: "module", false: "modules"}[len(p.modules) == 1])
		if p.formPost {
			b.WriteString(", with `response_mode=form_post`: every answer, errors too, is a form that posts itself to the\nregistered address, with nothing in the URL")
		}
		b.WriteString(".\n\n| module | what it demands | our test | result |\n|---|---|---|---|\n")
		for _, m := range p.modules {
			fmt.Fprintf(&b, "| oidcc-%s | %s | `TestConformance/%s/oidcc-%s` | %s |\n", m.name, m.demands, p.plan, m.name, m.result)
		}
	}
	samlDocument(&b)
	return b.String()
}

func samlDocument(b *strings.Builder) {
	b.WriteString(`
# SAML

For SAML there is no certification. The checks are those of the SAML conformance
kit for identity providers (codice CTK); the kit itself has not been run, and the
tests (` + "`TestSAMLConformance` in `e2e`" + `) are our own, one for each check.

The kit expects a Response with an error status for everything that is wrong.
Gatehouse gives one where it knows the app and the address of its answer, and
nothing speaks against the request being the app's; the person sees a page (400)
where it does not.

Of every Response it is held: xmllint finds it valid by the schemas of OASIS and
xmlsec1 verifies each signature, which has one reference, to the element it stands
in, by the enveloped and exclusive C14N transforms alone; ID, IssueInstant, Version,
InResponseTo, Issuer, Destination and StatusCode are as they must be; the form posts
it to the registered address, with RelayState exactly as it came. Of every
assertion: an AuthnStatement with a SessionIndex, one bearer confirmation with
Recipient, InResponseTo, NotOnOrAfter and no NotBefore, and an AudienceRestriction
to the app. Of every LogoutResponse: the same, and by HTTP-Redirect that it is deflated
and that the detached signature verifies over the octets of the query. A logout is
asked for by the browser at one service provider; the second is told by SOAP.
`)
	for _, p := range samlPlans {
		fmt.Fprintf(b, "\n## %s\n\n| check | what it demands | our test | result |\n|---|---|---|---|\n", p.profile)
		for _, c := range p.checks {
			fmt.Fprintf(b, "| %s | %s | `TestSAMLConformance/%s` | %s |\n", c.name, c.demands, c.name, c.result)
		}
	}
}
