package e2e

import (
	"bytes"
	"compress/flate"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"

	"gatehouse/idp/saml/wire/wiretest"
	"gatehouse/web/api/client"
)

// The checks of single logout: a service provider asks by the browser, and
// another of the same session is told by SOAP before the answer.

// sloChecks are asked for by both bindings alike.
func sloChecks(binding string) []samlCheck {
	return []samlCheck{
		{"slo-" + binding + "-single", "a LogoutRequest of the only service provider: Success, and the session is over", samlRun.logoutSingle, passes},
		{"slo-" + binding + "-multiple", "with a second service provider: it is told first, by the NameID and SessionIndex that it knows", samlRun.logoutMultiple, passes},
		{"slo-" + binding + "-relaystate-single", "RelayState comes back as it was", samlRun.logoutRelayState, passes},
		{"slo-" + binding + "-relaystate-multiple", "the same with a second service provider", samlRun.logoutRelayStateMultiple, passes},
		{"slo-" + binding + "-partial", "the second service provider cannot: PartialLogout, and the session is over", samlRun.logoutPartial, passes},
		{"slo-" + binding + "-sha256", "a request signed with RSA-SHA256; so is the answer", samlRun.logoutSHA256, passes},
		{"slo-" + binding + "-relaystate-long", "RelayState over 80 bytes", samlRun.logoutLongRelayState, turnedRound},
	}
}

// neighbour is a second service provider, which is told by SOAP. What it was
// asked is kept; it answers with a status.
type neighbour struct {
	provider
	URL string

	mu     sync.Mutex
	asked  []*etree.Element
	status string
	t      testing.TB
	cert   func() *x509.Certificate // of the house
}

const statusSuccess = "urn:oasis:names:tc:SAML:2.0:status:Success"

func newNeighbour(t testing.TB, host string) *neighbour {
	t.Helper()
	n := &neighbour{provider: newProvider(t, host), t: t, status: statusSuccess}
	server := httptest.NewServer(n)
	t.Cleanup(server.Close)
	n.URL = server.URL
	return n
}

func (n *neighbour) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		n.t.Error(err)
	}
	wiretest.Judge(n.t, body, n.cert())
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(body); err != nil {
		n.t.Error(err)
		return
	}
	asked := doc.FindElement("//LogoutRequest")
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, asked)
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprintf(w, `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><samlp:LogoutResponse xmlns:samlp="%s" ID="_%x" Version="2.0" IssueInstant="%s" InResponseTo="%s">`+
		`<saml:Issuer xmlns:saml="%s">%s</saml:Issuer><samlp:Status><samlp:StatusCode Value="%s"/></samlp:Status></samlp:LogoutResponse></soap:Body></soap:Envelope>`,
		nsProtocol, randomBytes(16), time.Now().UTC().Format(time.RFC3339), asked.SelectAttrValue("ID", ""), nsAssertion, n.ID, n.status)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// answers sets the status of its next answers, and forgets what it was asked.
func (n *neighbour) answers(status string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.status, n.asked = status, nil
}

func (n *neighbour) wasAsked() []*etree.Element {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.asked)
}

// leaver is the service provider of the check's binding.
func (r samlRun) leaver() provider {
	if r.post {
		return r.k.byPost
	}
	return r.k.byRedirect
}

// knows is what a service provider knows of somebody who signed in.
type knows struct{ name, format, index string }

// opens lets this browser sign on to a service provider.
func (r samlRun) opens(v *visitor, p provider) knows {
	r.Helper()
	a := p.ask(func(a *asking) { a.Destination = r.k.URL + "/saml/sso" })
	_, text, _ := samlAnswer(r, v.get(r, r.here(unsigned.redirected(r, a.xml(), ""))))
	el := document(r, text)
	name, authn := el.FindElement("./Assertion/Subject/NameID"), el.FindElement("./Assertion/AuthnStatement")
	if name == nil || authn == nil {
		r.Fatalf("no assertion in %s", text)
	}
	return knows{name.Text(), name.SelectAttrValue("Format", ""), authn.SelectAttrValue("SessionIndex", "")}
}

// asks sends a signed LogoutRequest by the check's binding, and follows as far as
// the service provider.
func (r samlRun) asks(v *visitor, p provider, who knows, relayState string) (id string, got *answer) {
	r.Helper()
	id = "_" + hex.EncodeToString(randomBytes(16))
	xml := fmt.Sprintf(`<samlp:LogoutRequest xmlns:samlp="%s" xmlns:saml="%s" ID="%s" Version="2.0" IssueInstant="%s" Destination="%s"><saml:Issuer>%s</saml:Issuer>`+
		`<saml:NameID Format="%s">%s</saml:NameID><samlp:SessionIndex>%s</samlp:SessionIndex></samlp:LogoutRequest>`,
		nsProtocol, nsAssertion, id, time.Now().UTC().Format(time.RFC3339), r.k.URL+"/saml/slo", p.ID, who.format, who.name, who.index)
	if r.post {
		return id, v.postForm(r, r.k.URL+"/saml/slo", posted(p.signed(r, xml), relayState)).follow(r, p.slo())
	}
	return id, v.get(r, strings.Replace(p.redirected(r, xml, relayState), ssoURL, r.k.URL+"/saml/slo", 1)).follow(r, p.slo())
}

// slo is where a provider of the kit takes logout messages.
func (p provider) slo() string { return strings.TrimSuffix(p.ACS, "/acs") + "/slo" }

// answered holds what the kit holds of every LogoutResponse.
func (r samlRun) answered(got *answer, p provider, id, relayState string, codes ...string) {
	r.Helper()
	var text string
	if r.post {
		var to string
		var state []string
		to, text, state = samlAnswer(r, got)
		if to != p.slo() || relayState == "" && state != nil || relayState != "" && !slices.Equal(state, []string{relayState}) {
			r.Errorf("the form goes to %s with RelayState %q", to, state)
		}
		wiretest.Signed(r, []byte(text), r.k.cert)
		r.signatures(document(r, text))
	} else {
		text = r.redirectedAnswer(got.location(r), p.slo(), relayState)
	}
	wiretest.Valid(r, []byte(text))
	el := document(r, text)
	for name, want := range map[string]string{"Version": "2.0", "InResponseTo": id, "Destination": p.slo()} {
		if el.Tag != "LogoutResponse" || el.SelectAttrValue(name, "") != want {
			r.Errorf("%s of %s is %q, want %q", name, el.Tag, el.SelectAttrValue(name, ""), want)
		}
	}
	if at, err := time.Parse(time.RFC3339, el.SelectAttrValue("IssueInstant", "")); err != nil || time.Since(at).Abs() > time.Minute || !isID.MatchString(el.SelectAttrValue("ID", "")) {
		r.Errorf("IssueInstant %s, ID %s", at, el.SelectAttrValue("ID", ""))
	}
	if issuer := el.FindElement("./Issuer").Text(); issuer != r.k.URL+"/saml/metadata" {
		r.Errorf("Issuer %s", issuer)
	}
	if said := statusCodes(el); !slices.Equal(said, codes) {
		r.Errorf("StatusCode %v, want %v", said, codes)
	}
}

// redirectedAnswer holds a message by HTTP-Redirect to its binding (SAML Bindings
// §3.4.4.1): DEFLATE, and a detached signature over the octets of the query.
func (r samlRun) redirectedAnswer(to *url.URL, endpoint, relayState string) string {
	r.Helper()
	if !strings.HasPrefix(to.String(), endpoint+"?SAMLResponse=") || to.Query().Get("RelayState") != relayState || to.Query().Has("RelayState") != (relayState != "") {
		r.Fatalf("it leads to %s", to)
	}
	octets, encoded, found := strings.Cut(to.RawQuery, "&Signature=")
	value, err := url.QueryUnescape(encoded)
	if err != nil || !found {
		r.Fatal("no signature", err)
	}
	signature, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		r.Fatal(err)
	}
	if alg := to.Query().Get("SigAlg"); alg != "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" || r.k.cert.CheckSignature(x509.SHA256WithRSA, []byte(octets), signature) != nil {
		sum := sha256.Sum256([]byte(octets))
		r.Errorf("the signature by %s does not verify over %x", alg, sum)
	}
	deflated, err := base64.StdEncoding.DecodeString(to.Query().Get("SAMLResponse"))
	if err != nil {
		r.Fatal(err)
	}
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(deflated)))
	if err != nil {
		r.Fatal(err)
	}
	return string(text)
}

// isOver: the house asks this browser to sign in.
func (r samlRun) isOver(v *visitor) {
	r.Helper()
	if home := v.get(r, r.k.URL+"/").follow(r); !strings.HasPrefix(home.URL.Path, "/signin") {
		r.Errorf("the session lives: it stands on %s", home.URL)
	}
}

// leaves is one whole logout, with a second service provider or without.
func (r samlRun) leaves(second bool, relayState string, codes ...string) {
	r.Helper()
	v := comesIn(r, r.k.URL, "ada", adasPassword)
	who := r.opens(v, r.leaver())
	var other knows
	if second {
		other = r.opens(v, r.k.second.provider)
	}
	id, got := r.asks(v, r.leaver(), who, relayState)
	r.answered(got, r.leaver(), id, relayState, codes...)
	r.isOver(v)
	if !second {
		return
	}
	// What an earlier run left unanswered is told again meanwhile.
	asked := r.k.second.wasAsked()
	if !slices.ContainsFunc(asked, func(el *etree.Element) bool {
		name, index := el.FindElement("./NameID"), el.FindElement("./SessionIndex")
		return name.Text() == other.name && name.SelectAttrValue("Format", "") == other.format && index != nil && index.Text() == other.index
	}) {
		r.Errorf("the second service provider, which knows %+v, was not told before the answer, but of %d others", other, len(asked))
	}
}

func (r samlRun) logoutSingle()   { r.leaves(false, "", "Success") }
func (r samlRun) logoutMultiple() { r.k.second.answers(statusSuccess); r.leaves(true, "", "Success") }

const leavingState = `https://sp1.example/?a=b&c="d" <é>`

func (r samlRun) logoutRelayState() { r.leaves(false, leavingState, "Success") }

func (r samlRun) logoutRelayStateMultiple() {
	r.k.second.answers(statusSuccess)
	r.leaves(true, leavingState, "Success")
}

func (r samlRun) logoutPartial() {
	r.k.second.answers("urn:oasis:names:tc:SAML:2.0:status:Responder")
	r.leaves(true, "", "Success", "PartialLogout")
}

// logoutSHA256: every request here is signed so, and answered has looked at the
// answer's algorithm; another algorithm is refused.
func (r samlRun) logoutSHA256() {
	r.leaves(false, "state", "Success")
	v := comesIn(r, r.k.URL, "ada", adasPassword)
	who := r.opens(v, r.leaver())
	old := r.leaver()
	old.sha1 = true
	if _, got := r.asks(v, old, who, ""); got.Status != http.StatusBadRequest || strings.Contains(got.Body, "SAMLResponse") {
		r.Errorf("RSA-SHA1 is answered %d:\n%s", got.Status, got.Body)
	}
	if home := v.get(r, r.k.URL+"/"); home.Status != http.StatusOK {
		r.Errorf("a refused request has ended the session: %d", home.Status)
	}
}

func (r samlRun) logoutLongRelayState() {
	long := strings.Repeat("é", 512) // 1 KiB
	r.leaves(false, long, "Success")
	v := comesIn(r, r.k.URL, "ada", adasPassword)
	id, got := r.asks(v, r.leaver(), r.opens(v, r.leaver()), long+"x")
	r.answered(got, r.leaver(), id, "", "Requester", "RequestDenied")
	if home := v.get(r, r.k.URL+"/"); home.Status != http.StatusOK {
		r.Errorf("a refused request has ended the session: %d", home.Status)
	}
}

// leavers are the registrations of those who ask for a logout.
func (k *samlKit) leavers() []client.App {
	app := func(name string, p provider, s client.SAML) client.App {
		s.ACS, s.SigningCerts = []client.ACS{{URL: p.ACS, Default: true}}, []string{p.pem()}
		return client.App{Name: name, Protocol: "saml", Identifier: p.ID, SAML: &s}
	}
	return []client.App{
		app("by-post", k.byPost, client.SAML{FrontLogoutURL: k.byPost.slo(), FrontLogoutBinding: "post"}),
		app("by-redirect", k.byRedirect, client.SAML{FrontLogoutURL: k.byRedirect.slo(), FrontLogoutBinding: "redirect"}),
		app("second", k.second.provider, client.SAML{SOAPLogoutURL: k.second.URL}),
	}
}
