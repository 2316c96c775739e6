package saas

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/crewjam/saml"
	"github.com/go-jose/go-jose/v4"
	dsig "github.com/russellhaering/goxmldsig"

	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

// samlIdP is a small identity provider that signs in one person without asking: messages built by
// crewjam's types, signed by goxmldsig, apart from what the app itself uses.
type samlIdP struct {
	t    *testing.T
	URL  string
	key  crypto.Signer
	cert *x509.Certificate

	mu       sync.Mutex
	spCerts  []*x509.Certificate
	nameID   saml.NameID
	index    string
	end      *time.Time
	signKey  crypto.Signer        // other than key: a stranger's
	change   func(*saml.Response) // before anything is signed
	tamper   func(*etree.Element) // after signing
	signWhat string               // "assertion" (default), "response", "nothing"
	method   string               // signature method; default RSA-SHA256

	takesLogouts bool             // it has a single logout service
	signer       *wire.Signer     // signs instead, where goxmldsig writes what nobody reads
	encrypt      *wire.Encryption // nil: not at all
	spKeys       []wire.EncryptionKey
}

// Making RSA keys is slow: one for the provider of every test, one for strangers.
var (
	ourKey      = sync.OnceValue(makeRSA)
	strangerKey = sync.OnceValue(makeRSA)
)

func makeRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// rsaPair returns key with a certificate of its own.
func rsaPair(t *testing.T, key *rsa.PrivateKey) (crypto.Signer, *x509.Certificate) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

func startSAMLIdP(t *testing.T) *samlIdP {
	key, cert := rsaPair(t, ourKey())
	idp := &samlIdP{
		t: t, key: key, cert: cert, signKey: key, index: "index-1", signWhat: "assertion", method: dsig.RSASHA256SignatureMethod,
		nameID: saml.NameID{Format: wire.NameIDPersistent, Value: "p-1"},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /saml/metadata", func(w http.ResponseWriter, _ *http.Request) {
		idp.mu.Lock()
		defer idp.mu.Unlock()
		entity := wire.Entity{EntityID: idp.entityID(), SigningCerts: []*x509.Certificate{idp.cert}}
		if idp.takesLogouts {
			entity.SLO = []wire.Endpoint{{Binding: wire.Redirect, Location: idp.URL + "/saml/slo", Index: -1}}
		}
		_, _ = w.Write(wire.Serialize(wire.IdP{
			Entity:                  entity,
			SSO:                     []wire.Endpoint{{Binding: wire.Redirect, Location: idp.URL + "/saml/sso", Index: -1}},
			WantAuthnRequestsSigned: true,
		}.Element()))
	})
	mux.HandleFunc("GET /oauth/keys", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: oidc.RS256}}})
	})
	mux.HandleFunc("GET /saml/sso", idp.sso)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	idp.URL = server.URL
	return idp
}

func (i *samlIdP) entityID() string { return i.URL + "/saml/metadata" }

func (i *samlIdP) set(change func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change()
}

// sso checks the signed request and answers it with the fields of the form to post, as a query for the
// test to read.
func (i *samlIdP) sso(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	m, err := wire.Decode(r, wire.ParamRequest)
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	wiretest.Valid(i.t, m.XML)
	el, err := m.Verify(i.spCerts)
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	req, err := wire.ParseAuthnRequest(el)
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	answer := i.respond(req)
	http.Redirect(w, r, "/answer?"+url.Values{"acs": {req.ACSURL}, "SAMLResponse": {answer}, "RelayState": {m.RelayState}}.Encode(), http.StatusFound)
}

func (i *samlIdP) respond(req wire.AuthnRequest) string {
	now := time.Now().UTC()
	assertion := &saml.Assertion{
		ID: wire.NewID(), IssueInstant: now, Version: "2.0", Issuer: saml.Issuer{Value: i.entityID()},
		Subject: &saml.Subject{NameID: &i.nameID, SubjectConfirmations: []saml.SubjectConfirmation{{
			Method: bearer, SubjectConfirmationData: &saml.SubjectConfirmationData{
				InResponseTo: req.ID, Recipient: req.ACSURL, NotOnOrAfter: now.Add(time.Minute),
			},
		}}},
		Conditions: &saml.Conditions{
			NotBefore: now.Add(-time.Minute), NotOnOrAfter: now.Add(time.Minute),
			AudienceRestrictions: []saml.AudienceRestriction{{Audience: saml.Audience{Value: req.Issuer}}},
		},
		AuthnStatements: []saml.AuthnStatement{{AuthnInstant: now, SessionIndex: i.index, SessionNotOnOrAfter: i.end}},
		AttributeStatements: []saml.AttributeStatement{{Attributes: []saml.Attribute{
			{Name: "urn:oid:0.9.2342.19200300.100.1.3", FriendlyName: "mail", Values: []saml.AttributeValue{{Type: "xs:string", Value: "grace@example.com"}}},
			{Name: "displayName", Values: []saml.AttributeValue{{Type: "xs:string", Value: "Grace Hopper"}}},
			{Name: "groups", Values: []saml.AttributeValue{{Type: "xs:string", Value: "crew"}, {Type: "xs:string", Value: "admirals"}}},
		}}},
	}
	response := &saml.Response{
		ID: wire.NewID(), InResponseTo: req.ID, Version: "2.0", IssueInstant: now, Destination: req.ACSURL,
		Issuer: &saml.Issuer{Value: i.entityID()}, Status: saml.Status{StatusCode: saml.StatusCode{Value: saml.StatusSuccess}},
		Assertion: assertion,
	}
	if i.change != nil {
		i.change(response)
	}
	var said *etree.Element
	if response.Assertion != nil {
		said, response.Assertion = response.Assertion.Element(), nil
	}
	el := response.Element()
	if said != nil && i.signWhat == "assertion" {
		said = i.sign(said)
	}
	if said != nil && i.encrypt != nil {
		said = i.encrypted(said)
	}
	if said != nil {
		el.AddChild(said)
	}
	if i.signWhat == "response" {
		el = i.sign(el)
	}
	if i.tamper != nil {
		i.tamper(el)
	}
	return base64.StdEncoding.EncodeToString(i.serialize(el))
}

func (i *samlIdP) encrypted(assertion *etree.Element) *etree.Element {
	el, err := wire.Encrypt(assertion, i.spKeys[0].Certificate, *i.encrypt)
	if err != nil {
		i.t.Error(err)
	}
	return el
}

func (i *samlIdP) serialize(el *etree.Element) []byte {
	doc := etree.NewDocument()
	doc.SetRoot(el)
	b, err := doc.WriteToBytes()
	if err != nil {
		i.t.Error(err)
	}
	return b
}

// sign puts the signature after the Issuer, where the schema wants it.
func (i *samlIdP) sign(el *etree.Element) *etree.Element {
	if i.signer != nil {
		if err := i.signer.Sign(el); err != nil {
			i.t.Error(err)
		}
		return el
	}
	ctx, err := dsig.NewSigningContext(i.signKey, [][]byte{i.cert.Raw})
	if err != nil {
		i.t.Error(err)
		return el
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := ctx.SetSignatureMethod(i.method); err != nil {
		i.t.Error(err)
	}
	signed, err := ctx.SignEnveloped(el)
	if err != nil {
		i.t.Error(err)
		return el
	}
	last := len(signed.Child) - 1
	signature := signed.Child[last]
	signed.Child = signed.Child[:last]
	signed.InsertChildAt(1, signature)
	return signed
}

// logoutRequest is a good one for the person and session that the provider signs in.
func (i *samlIdP) logoutRequest(base string) wire.LogoutRequest {
	now := time.Now()
	return wire.LogoutRequest{
		ID: wire.NewID(), Issuer: i.entityID(), Destination: base + SLOPath, IssueInstant: now, NotOnOrAfter: now.Add(time.Minute),
		NameID: wire.NameID{Value: i.nameID.Value, Format: i.nameID.Format}, SessionIndexes: []string{i.index},
	}
}

// postSOAP sends raw XML to the app's logout endpoint.
func postSOAP(t *testing.T, base string, envelope []byte) page {
	t.Helper()
	res, err := http.Post(base+SLOPath, "text/xml; charset=utf-8", bytes.NewReader(envelope))
	if err != nil {
		t.Fatal(err)
	}
	return read(t, res)
}

// startCRM serves an app that trusts idp, and gives idp its certificate from its metadata.
func startCRM(t *testing.T, idp *samlIdP, c *clock, change func(*SAML)) (*App, string) {
	cfg := &SAML{EntityID: idp.entityID(), ProbeIssuer: idp.URL}
	if change != nil {
		change(cfg)
	}
	app, base := startApp(t, Config{SAML: cfg, Inspect: true, Now: c.now})
	res, err := http.Get(base + MetadataPath)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	sp, err := wire.ParseSPMetadata(body, time.Now())
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if sp.EntityID != base+MetadataPath || len(sp.EncryptionKeys) == 0 == cfg.Encrypted || len(sp.ACS) != 1 || sp.ACS[0].Location != base+ACSPath {
		t.Fatalf("metadata: %+v", sp)
	}
	idp.set(func() { idp.spCerts, idp.spKeys = sp.SigningCerts, sp.EncryptionKeys })
	return app, base
}

// answerOf begins a sign-in and returns the form that the provider wants posted.
func (b *browser) answerOf(base, query string) (acs string, form url.Values) {
	b.t.Helper()
	there := b.stay().open(base + "/login" + query).Header.Get("Location")
	p := b.stay().open(there)
	u, err := url.Parse(p.Header.Get("Location"))
	if err != nil || u.Path != "/answer" {
		b.t.Fatalf("the provider answered %d %s", p.StatusCode, p.body)
	}
	q := u.Query()
	return q.Get("acs"), url.Values{"SAMLResponse": q["SAMLResponse"], "RelayState": q["RelayState"]}
}

// samlSignIn posts the answer without the browser's cookies, as a cross-site POST comes, and follows
// the redirect with them.
func (b *browser) samlSignIn(base, query string) page {
	b.t.Helper()
	acs, form := b.answerOf(base, query)
	return b.deliver(base, acs, form)
}

func (b *browser) deliver(base, acs string, form url.Values) page {
	b.t.Helper()
	p := newBrowser(b.t).stay().post(acs, form)
	if p.StatusCode != http.StatusSeeOther {
		return p
	}
	return b.open(base + p.Header.Get("Location"))
}
