package e2e

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"gatehouse/idp/saml/wire/wiretest"
	"gatehouse/web/api/client"
)

// samlCheck is one check of the SAML conformance kit for an identity provider
// (codice CTK), as a test here.
type samlCheck struct {
	name    string
	demands string // what it demands
	test    func(samlRun)
	result  string // when it passes here: what that means
}

type samlPlan struct {
	profile string
	checks  []samlCheck
}

const turnedRound = "turned round: up to 1 KiB is echoed unchanged, more is answered RequestDenied and not echoed"

// samlPlans is the second table of docs/conformance.md and of TestSAMLConformance.
var samlPlans = []samlPlan{
	{"Web Browser SSO, request by HTTP-POST", ssoChecks("post")},
	{"Web Browser SSO, request by HTTP-Redirect", append(ssoChecks("redirect"),
		samlCheck{"sso-redirect-dsa-sha1", "a request signed with DSA-SHA1", samlRun.refusesDSA, "refused: SHA-1 and DSA are not taken"})},
	{"Web Browser SSO, errors", []samlCheck{
		{"sso-post-relaystate-long", "RelayState over 80 bytes", samlRun.longRelayState, turnedRound},
		{"sso-redirect-relaystate-long", "the same", samlRun.longRelayState, turnedRound},
		{"sso-redirect-incomplete-query", "a signed query that lacks a part", samlRun.incompleteQuery, "passes: a page, 400, as nothing proves who asks"},
		{"sso-post-empty", "no request, or one that cannot be decoded", samlRun.nothingAsked, "passes: a page, 400"},
		{"sso-redirect-empty", "the same", samlRun.nothingAsked, "passes: a page, 400"},
		{"sso-post-subject", "a Subject whom nobody is", samlRun.unknownSubject, passes},
		{"sso-redirect-subject", "the same", samlRun.unknownSubject, passes},
		{"sso-post-destination", "a Destination that is not ours", samlRun.otherDestination, passes},
		{"sso-redirect-destination", "the same", samlRun.otherDestination, passes},
	}},
	{"Single Logout, request by HTTP-POST", sloChecks("post")},
	{"Single Logout, request by HTTP-Redirect", sloChecks("redirect")},
}

// ssoChecks are asked for by both bindings alike.
func ssoChecks(binding string) []samlCheck {
	return []samlCheck{
		{"sso-" + binding + "-authnrequest", "an AuthnRequest is answered by a Response that passes every rule below", samlRun.plain, passes},
		{"sso-" + binding + "-relaystate", "RelayState comes back as it was", samlRun.relayState, passes},
		{"sso-" + binding + "-without-acs", "without AssertionConsumerServiceURL or Index: to the default one", samlRun.defaultACS, passes},
		{"sso-" + binding + "-emailaddress", "NameIDPolicy emailAddress", samlRun.emailAddress, passes},
		{"sso-" + binding + "-sha256", "a request signed with RSA-SHA256; so is the answer", samlRun.sha256, passes},
		{"sso-" + binding + "-authncontext", "RequestedAuthnContext: one that is reached, and NoAuthnContext for one that is not", samlRun.authnContext, passes},
	}
}

// samlKit is a house, Ada signed in there, and the service providers of the kit.
type samlKit struct {
	*proc
	ada                *visitor
	sp                 provider
	byPost, byRedirect provider // they ask for logouts
	second             *neighbour
	cert               *x509.Certificate // of the house
}

func newSAMLKit(t *testing.T) *samlKit {
	t.Helper()
	token := rand.Text()
	k := &samlKit{
		sp: newProvider(t, "sp1.example"), second: newNeighbour(t, "sp2.example"),
		byPost: newProvider(t, "post.example"), byRedirect: newProvider(t, "redirect.example"),
	}
	k.second.cert = func() *x509.Certificate { return k.cert }
	k.proc = start(t, []string{"serve"}, map[string]string{"GATEHOUSE_ADMIN_TOKEN": token, "GATEHOUSE_OUTBOUND_ALLOW": "127.0.0.0/8"})
	api := &client.Client{URL: k.URL, Token: token}
	want := client.Desired{
		Users: []client.DesiredUser{{Person: client.Person{Username: "ada", Email: "ada@example.com", DisplayName: "Ada Lovelace"}}},
		Apps: append(k.leavers(), client.App{Name: "sp1", Protocol: "saml", Identifier: k.sp.ID, SAML: &client.SAML{
			ACS: []client.ACS{{URL: k.sp.ACS + "/other", Index: 1}, {URL: k.sp.ACS, Index: 2, Default: true}}, SigningCerts: []string{k.sp.pem()},
		}}),
	}
	for _, a := range want.Apps {
		want.Grants = append(want.Grants, client.Grant{App: a.Name, User: "ada"})
	}
	done, err := api.Apply(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range done.Changes {
		if c.Link != "" {
			choosesPassword(t, c.Link, url.Values{"password": {adasPassword}})
		}
	}
	k.ada = comesIn(t, k.URL, "ada", adasPassword)
	metadata := []byte(newVisitor(t).get(t, k.URL+"/saml/metadata").Body)
	k.cert = signingCertificate(t, metadata)
	wiretest.Valid(t, metadata)
	return k
}

// signingCertificate is the one of our metadata.
func signingCertificate(t testing.TB, metadata []byte) *x509.Certificate {
	t.Helper()
	el := document(t, string(metadata)).FindElement("//IDPSSODescriptor/KeyDescriptor[@use='signing']//X509Certificate")
	if el == nil {
		t.Fatalf("no certificate in %s", metadata)
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(el.Text()), ""))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// TestSAMLConformance runs the kit's checks by name against one house.
func TestSAMLConformance(t *testing.T) {
	t.Parallel()
	k := newSAMLKit(t)
	for _, p := range samlPlans {
		for _, c := range p.checks {
			t.Run(c.name, func(t *testing.T) { c.test(samlRun{t, k, strings.Contains(c.name, "-post-")}) })
		}
	}
}

// samlRun is one check that runs, by one of the two bindings.
type samlRun struct {
	*testing.T
	k    *samlKit
	post bool
}

func (r samlRun) ask(change ...func(*asking)) asking {
	a := r.k.sp.ask(change...)
	if a.Destination == ssoURL {
		a.Destination = r.k.URL + "/saml/sso"
	}
	return a
}

// sends the request by the check's binding, unsigned, and goes on to the answer.
func (r samlRun) sends(xml, relayState string) *answer {
	r.Helper()
	if r.post {
		return r.k.ada.postForm(r, r.k.URL+"/saml/sso", posted(xml, relayState)).follow(r)
	}
	return r.k.ada.get(r, r.here(unsigned.redirected(r, xml, relayState)))
}

func (r samlRun) here(rawURL string) string {
	return strings.Replace(rawURL, ssoURL, r.k.URL+"/saml/sso", 1)
}

// isID is an xs:ID that nobody guesses (SAML Core §1.3.4).
var isID = regexp.MustCompile(`^_[0-9A-Za-z_-]{21,}$`)

// says holds what the kit holds of every Response, and returns it.
func (r samlRun) says(page *answer, a asking, relayState, acs string, codes ...string) *etree.Element {
	r.Helper()
	to, text, state := samlAnswer(r, page)
	if form := forms(r, page.Body)[0]; to != acs || !strings.Contains(page.Body, `method="post"`) || len(form.fields) != 1+len(state) {
		r.Errorf("the form goes to %s with %v", to, form.fields)
	}
	if relayState == "" && state != nil || relayState != "" && !slices.Equal(state, []string{relayState}) {
		r.Errorf("RelayState %q became %q", relayState, state)
	}
	wiretest.Judge(r, []byte(text), r.k.cert)
	el := document(r, text)
	r.signatures(el)
	for name, want := range map[string]string{"Version": "2.0", "InResponseTo": a.ID, "Destination": acs} {
		if got := el.SelectAttrValue(name, ""); got != want {
			r.Errorf("%s %q, want %q", name, got, want)
		}
	}
	if at, err := time.Parse(time.RFC3339, el.SelectAttrValue("IssueInstant", "")); err != nil || !strings.HasSuffix(el.SelectAttrValue("IssueInstant", ""), "Z") || time.Since(at).Abs() > time.Minute {
		r.Errorf("IssueInstant %s", at)
	}
	if id := el.SelectAttrValue("ID", ""); !isID.MatchString(id) {
		r.Errorf("ID %q", id)
	}
	if got := el.FindElement("./Issuer").Text(); got != r.k.URL+"/saml/metadata" {
		r.Errorf("Issuer %q", got)
	}
	if said := statusCodes(el); !slices.Equal(said, codes) {
		r.Errorf("StatusCode %v, want %v", said, codes)
	}
	if all := el.FindElements("//Assertion"); codes[0] != "Success" && len(all) != 0 || codes[0] == "Success" && len(all) != 1 {
		r.Errorf("%d assertions beside %v", len(all), codes)
	}
	return el
}

// statusCodes are those of a response, the first and what stands below it.
func statusCodes(el *etree.Element) (said []string) {
	for code := el.FindElement("./Status/StatusCode"); code != nil; code = code.FindElement("./StatusCode") {
		said = append(said, strings.TrimPrefix(code.SelectAttrValue("Value", ""), "urn:oasis:names:tc:SAML:2.0:status:"))
	}
	return said
}

// signatures holds the profile of SAML Core §5.4: one reference, to the element
// that holds the signature, by enveloped and exclusive C14N alone.
func (r samlRun) signatures(el *etree.Element) {
	r.Helper()
	for _, s := range el.FindElements("//Signature") {
		refs, transforms := s.FindElements(".//Reference"), []string{}
		for _, transform := range s.FindElements(".//Transform") {
			transforms = append(transforms, transform.SelectAttrValue("Algorithm", ""))
		}
		if len(refs) != 1 || refs[0].SelectAttrValue("URI", "") != "#"+s.Parent().SelectAttrValue("ID", "none") ||
			!slices.Equal(transforms, []string{"http://www.w3.org/2000/09/xmldsig#enveloped-signature", "http://www.w3.org/2001/10/xml-exc-c14n#"}) ||
			s.FindElement(".//SignatureMethod").SelectAttrValue("Algorithm", "") != "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" {
			r.Errorf("the signature of %s: %d references, %v", s.Parent().Tag, len(refs), transforms)
		}
	}
}

// asserts holds what the kit holds of every assertion, and returns it.
func (r samlRun) asserts(page *answer, a asking, relayState, acs string) *etree.Element {
	r.Helper()
	el := r.says(page, a, relayState, acs, "Success").FindElement("./Assertion")
	data := el.FindElement("./Subject/SubjectConfirmation/SubjectConfirmationData")
	until, err := time.Parse(time.RFC3339, data.SelectAttrValue("NotOnOrAfter", ""))
	if err != nil || until.Before(time.Now()) || until.After(time.Now().Add(5*time.Minute)) {
		r.Errorf("confirmed until %s", until)
	}
	for what, got := range map[string][2]string{
		"Recipient":    {data.SelectAttrValue("Recipient", ""), acs},
		"InResponseTo": {data.SelectAttrValue("InResponseTo", ""), a.ID},
		"NotBefore":    {data.SelectAttrValue("NotBefore", ""), ""},
		"Method":       {data.Parent().SelectAttrValue("Method", ""), "urn:oasis:names:tc:SAML:2.0:cm:bearer"},
		"Audience":     {el.FindElement("./Conditions/AudienceRestriction/Audience").Text(), r.k.sp.ID},
		"Issuer":       {el.FindElement("./Issuer").Text(), r.k.URL + "/saml/metadata"},
	} {
		if got[0] != got[1] {
			r.Errorf("%s %q, want %q", what, got[0], got[1])
		}
	}
	authn := el.FindElement("./AuthnStatement")
	if at, err := time.Parse(time.RFC3339, authn.SelectAttrValue("AuthnInstant", "")); err != nil || at.After(time.Now().Add(time.Second)) || authn.SelectAttrValue("SessionIndex", "") == "" {
		r.Errorf("AuthnInstant %s, SessionIndex %q", at, authn.SelectAttrValue("SessionIndex", ""))
	}
	return el
}

// refusedByAPage: nothing goes to the app.
func (r samlRun) refusedByAPage(page *answer) {
	r.Helper()
	page.wantsPage(r, http.StatusBadRequest)
	if strings.Contains(page.Body, "SAMLResponse") || page.Header.Get("Location") != "" {
		r.Errorf("it goes on: %s", page.Body)
	}
}

func acsURL(to string) func(*asking) {
	return func(a *asking) { a.attributes = ` AssertionConsumerServiceURL="` + to + `"` }
}

func (r samlRun) plain() {
	a := r.ask(acsURL(r.k.sp.ACS))
	name := r.asserts(r.sends(a.xml(), ""), a, "", r.k.sp.ACS).FindElement("./Subject/NameID")
	if name.SelectAttrValue("Format", "") != "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" || name.Text() == "" || name.Text() == "ada" || strings.Contains(name.Text(), "@") {
		r.Errorf("NameID %s", name.Text())
	}
}

func (r samlRun) relayState() {
	a := r.ask(acsURL(r.k.sp.ACS + "/other"))
	const state = `https://sp1.example/?a=b&c="d" <é>`
	r.asserts(r.sends(a.xml(), state), a, state, r.k.sp.ACS+"/other")
}

func (r samlRun) defaultACS() {
	a := r.ask()
	r.asserts(r.sends(a.xml(), ""), a, "", r.k.sp.ACS)
}

func (r samlRun) emailAddress() {
	const format = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	a := r.ask(func(a *asking) { a.inside = `<samlp:NameIDPolicy Format="` + format + `" AllowCreate="true"/>` })
	name := r.asserts(r.sends(a.xml(), ""), a, "", r.k.sp.ACS).FindElement("./Subject/NameID")
	if name.SelectAttrValue("Format", "") != format || name.Text() != "ada@example.com" {
		r.Errorf("NameID %s", name.Text())
	}
}

func (r samlRun) sha256() {
	a := r.ask()
	page := (*answer)(nil)
	if r.post {
		page = r.sends(r.k.sp.signed(r, a.xml()), "state")
	} else {
		page = r.k.ada.get(r, r.here(r.k.sp.redirected(r, a.xml(), "state")))
	}
	r.asserts(page, a, "state", r.k.sp.ACS)
}

func (r samlRun) authnContext() {
	class := func(name string) asking {
		return r.ask(func(a *asking) {
			a.inside = `<samlp:RequestedAuthnContext Comparison="exact"><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:` + name + `</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>`
		})
	}
	a := class("PasswordProtectedTransport")
	got := r.asserts(r.sends(a.xml(), ""), a, "", r.k.sp.ACS).FindElement("./AuthnStatement/AuthnContext/AuthnContextClassRef").Text()
	if got != "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport" {
		r.Errorf("AuthnContextClassRef %s", got)
	}
	a = class("Kerberos")
	r.says(r.sends(a.xml(), ""), a, "", r.k.sp.ACS, "Responder", "NoAuthnContext")
}

func (r samlRun) refusesDSA() {
	q := "SAMLRequest=" + deflated(r, []byte(r.ask().xml())) + "&SigAlg=" + url.QueryEscape("http://www.w3.org/2000/09/xmldsig#dsa-sha1")
	r.refusedByAPage(r.k.ada.get(r, r.k.URL+"/saml/sso?"+q+"&Signature="+url.QueryEscape("MC4CFQCFtVAvbmLJZTtDsSbVTdDz8mBP8QIVAJmC3N3dPXG0zg0y3uZCXcIT2Tkn")))
}

func (r samlRun) longRelayState() {
	long := strings.Repeat("é", 512) // 1 KiB
	a := r.ask()
	r.asserts(r.sends(a.xml(), long), a, long, r.k.sp.ACS)
	a = r.ask()
	r.says(r.sends(a.xml(), long+"x"), a, "", r.k.sp.ACS, "Requester", "RequestDenied")
}

func (r samlRun) incompleteQuery() {
	good := r.here(r.k.sp.redirected(r, r.ask().xml(), "state"))
	for _, part := range []string{"SAMLRequest", "SigAlg", "Signature", "RelayState"} {
		to, err := url.Parse(good)
		if err != nil {
			r.Fatal(err)
		}
		kept := slices.DeleteFunc(strings.Split(to.RawQuery, "&"), func(pair string) bool { return strings.HasPrefix(pair, part+"=") })
		if len(kept) != 3 {
			r.Fatalf("%s is not in the query", part)
		}
		to.RawQuery = strings.Join(kept, "&")
		r.refusedByAPage(r.k.ada.get(r, to.String()))
	}
}

func (r samlRun) nothingAsked() {
	for _, broken := range []string{"", "=", "%%", "AAAA", "PGE+"} {
		if r.post {
			r.refusedByAPage(r.k.ada.postForm(r, r.k.URL+"/saml/sso", url.Values{"SAMLRequest": {broken}}))
			continue
		}
		r.refusedByAPage(r.k.ada.get(r, r.k.URL+"/saml/sso?SAMLRequest="+url.QueryEscape(broken)))
	}
	if r.post {
		r.refusedByAPage(r.k.ada.postForm(r, r.k.URL+"/saml/sso", nil))
		return
	}
	r.refusedByAPage(r.k.ada.get(r, r.k.URL+"/saml/sso"))
}

func (r samlRun) unknownSubject() {
	a := r.ask(func(a *asking) {
		a.inside = `<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">nobody</saml:NameID></saml:Subject>`
	})
	r.says(r.sends(a.xml(), "state"), a, "state", r.k.sp.ACS, "Responder", "UnknownPrincipal")
}

func (r samlRun) otherDestination() {
	a := r.ask(func(a *asking) { a.Destination = "https://other.example/saml/sso" })
	r.says(r.sends(a.xml(), "state"), a, "state", r.k.sp.ACS, "Requester", "RequestDenied")
}
