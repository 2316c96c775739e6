package e2e

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"gatehouse/web/api/client"
)

const (
	ssoURL       = securedURL + "/saml/sso"
	nsProtocol   = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion  = "urn:oasis:names:tc:SAML:2.0:assertion"
	statusDenied = "urn:oasis:names:tc:SAML:2.0:status:RequestDenied"
)

// provider is a registered service provider.
type provider struct {
	ID, ACS string
	key     *rsa.PrivateKey
	cert    *x509.Certificate
	sha1    bool // signs as nobody should any more
}

func newProvider(t testing.TB, host string) provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return provider{ID: "https://" + host + "/saml", ACS: "https://" + host + "/acs", key: key, cert: cert}
}

func (p provider) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw}))
}

// samlHouse has an app that may ask unsigned, one that must sign, and one
// whose key was never registered for either.
type samlHouse struct {
	*secured
	ada          somebody
	crm, hr, foe provider
	v            *visitor // of ada
}

func newSAMLHouse(t *testing.T, more ...map[string]string) samlHouse {
	t.Helper()
	h := samlHouse{secured: newSecured(t, more...), crm: newProvider(t, "crm.example"), hr: newProvider(t, "hr.example"), foe: newProvider(t, "foe.example")}
	h.ada = h.staff(t, "ada")[0]
	for name, app := range map[string]client.App{
		"crm": {Identifier: h.crm.ID, SAML: &client.SAML{ACS: []client.ACS{{URL: h.crm.ACS, Index: 7, Default: true}, {URL: h.crm.ACS + "/old", Index: 3}}, SigningCerts: []string{h.crm.pem()}}},
		"hr":  {Identifier: h.hr.ID, SAML: &client.SAML{ACS: []client.ACS{{URL: h.hr.ACS, Index: 0}}, SigningCerts: []string{h.hr.pem()}, RequireSigned: true, Sign: "both"}},
	} {
		app.Name, app.Protocol = name, "saml"
		if _, err := h.admin.AddApp(t.Context(), app); err != nil {
			t.Fatal(err)
		}
		if _, err := h.admin.AddGrant(t.Context(), client.Grant{App: name, Group: "staff"}); err != nil {
			t.Fatal(err)
		}
	}
	h.v = h.signedIn(t, h.ada)
	return h
}

// asking is an AuthnRequest.
type asking struct {
	ID, Issuer, Instant, Destination string
	attributes, inside               string // more of the element's, as they are
}

func (p provider) ask(change ...func(*asking)) asking {
	id := make([]byte, 16)
	rand.Read(id)
	a := asking{ID: "_" + hex.EncodeToString(id), Issuer: p.ID, Instant: time.Now().UTC().Format(time.RFC3339), Destination: ssoURL}
	for _, c := range change {
		c(&a)
	}
	return a
}

func (a asking) xml() string {
	destination := ""
	if a.Destination != "" {
		destination = ` Destination="` + a.Destination + `"`
	}
	return `<samlp:AuthnRequest xmlns:samlp="` + nsProtocol + `" xmlns:saml="` + nsAssertion + `" ID="` + a.ID + `" Version="2.0" IssueInstant="` + a.Instant + `"` +
		destination + a.attributes + `><saml:Issuer>` + a.Issuer + `</saml:Issuer>` + a.inside + `</samlp:AuthnRequest>`
}

func document(t testing.TB, xml string) *etree.Element {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(xml); err != nil {
		t.Fatal(err)
	}
	return doc.Root()
}

func serialized(t testing.TB, el *etree.Element) string {
	t.Helper()
	doc := etree.NewDocument()
	doc.SetRoot(el.Copy())
	doc.WriteSettings = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true, CanonicalEndTags: true}
	text, err := doc.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// signed puts the provider's enveloped signature after the Issuer.
func (p provider) signed(t testing.TB, xml string) string {
	t.Helper()
	ctx, err := dsig.NewSigningContext(p.key, [][]byte{p.cert.Raw})
	if err != nil {
		t.Fatal(err)
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	method := dsig.RSASHA256SignatureMethod
	if p.sha1 {
		method = dsig.RSASHA1SignatureMethod
	}
	if err := ctx.SetSignatureMethod(method); err != nil {
		t.Fatal(err)
	}
	el := document(t, xml)
	signature, err := ctx.ConstructSignature(el.Copy(), true)
	if err != nil {
		t.Fatal(err)
	}
	el.InsertChildAt(1, signature)
	return serialized(t, el)
}

func posted(xml, relayState string) url.Values {
	form := url.Values{"SAMLRequest": {base64.StdEncoding.EncodeToString([]byte(xml))}}
	if relayState != "" {
		form.Set("RelayState", relayState)
	}
	return form
}

func deflated(t testing.TB, octets []byte) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(octets); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return url.QueryEscape(base64.StdEncoding.EncodeToString(b.Bytes()))
}

// redirected is the request by HTTP-Redirect, signed over the query by p; a
// provider without a key does not sign.
func (p provider) redirected(t testing.TB, xml, relayState string) string {
	t.Helper()
	q := "SAMLRequest=" + deflated(t, []byte(xml))
	if relayState != "" {
		q += "&RelayState=" + url.QueryEscape(relayState)
	}
	if p.key == nil {
		return ssoURL + "?" + q
	}
	method, hash := dsig.RSASHA256SignatureMethod, crypto.SHA256
	if p.sha1 {
		method, hash = dsig.RSASHA1SignatureMethod, crypto.SHA1
	}
	q += "&SigAlg=" + url.QueryEscape(method)
	sum := hash.New()
	sum.Write([]byte(q))
	signature, err := rsa.SignPKCS1v15(rand.Reader, p.key, hash, sum.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	return ssoURL + "?" + q + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature))
}

var unsigned provider

func (h samlHouse) byGet(t testing.TB, to string) func() *answer {
	return func() *answer { t.Helper(); return h.v.get(t, to) }
}

// byPost posts from the app's site, and goes on where it leads.
func (h samlHouse) byPost(t testing.TB, xml string) func() *answer {
	return func() *answer { t.Helper(); return h.v.postForm(t, ssoURL, posted(xml, "")).follow(t) }
}

// refuses: nothing is asserted, the reason is in exactly one audit line, the
// answer is a page for the person or a status at the app's registered address.
func (h samlHouse) refuses(t *testing.T, name, rules string, send func() *answer) {
	t.Helper()
	var got *answer
	var may []string
	if rules == "replay" {
		may = []string{"spent"} // to ask who took the request leaves a line that is over at once
	}
	h.leaves(t, []string{"saml.request.refuse"}, may, func() { got = send() })
	event := h.events(t)[0]
	if rule := event.Detail["rule"]; !strings.Contains(" "+rules+" ", " "+rule+" ") {
		t.Errorf("%s: refused by the rule %q (%s), want %q", name, rule, event.Detail["reason"], rules)
	}
	if got.Status == http.StatusOK {
		to, response, _ := samlAnswer(t, got)
		if (to != h.crm.ACS && to != h.hr.ACS) || !strings.Contains(response, statusDenied) || strings.Contains(response, "Assertion ") || strings.Contains(response, "AttributeStatement") {
			t.Errorf("%s: the app is told at %s: %s", name, to, response)
		}
		return
	}
	got.wantsPage(t, http.StatusBadRequest)
	if t.Failed() {
		t.Logf("it was %s", name)
	}
}

// samlAnswer reads the page that posts to the app.
func samlAnswer(t testing.TB, page *answer) (to, response string, relayState []string) {
	t.Helper()
	all := forms(t, page.Body)
	if page.Status != http.StatusOK || len(all) != 1 || len(all[0].fields["SAMLResponse"]) != 1 {
		t.Fatalf("%s answered %d, not with one SAML response:\n%s", page.URL.Path, page.Status, page.Body)
	}
	raw, err := base64.StdEncoding.DecodeString(all[0].fields.Get("SAMLResponse"))
	if err != nil {
		t.Fatal(err)
	}
	return all[0].action, string(raw), all[0].fields["RelayState"]
}

// asserts is the one right acceptance.
func (h samlHouse) asserts(t testing.TB, want string, page *answer) string {
	t.Helper()
	to, response, _ := samlAnswer(t, page)
	if to != want || !strings.Contains(response, "status:Success") || strings.Count(response, "<saml:Assertion ") != 1 {
		t.Fatalf("the answer to %s is %s", to, response)
	}
	return response
}
