package saas

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"gatehouse/idp/saml/wire"
)

// Rules are what a vendor says that its service provider takes. What is empty
// is not demanded.
type Rules struct {
	Vendor        string // as it calls itself
	EntityID, ACS string // as it is registered
	// EntityIDForm and ACSForm are what every EntityID and ACS of the vendor's
	// looks like.
	EntityIDForm, ACSForm Form
	Binding               wire.Binding // by which its requests come; empty: HTTP-Redirect
	NameIDFormat          string       // URN
	NameIDMaxBytes        int
	Signed                string   // assertion or response
	SigAlgs               []string // rsa-sha256 ...
	Attributes            []AttributeDemand
	TotalBytes            int // of all attributes, names and values
	ASCII                 bool
	MakesAccounts         bool // at a sign-in
	Terms                 Terms
}

// Form is a pattern that a value matches; Words shows it to people.
type Form struct {
	Matches func(string) bool // nil: anything does
	Words   string
}

// AttributeDemand is what is known of one attribute.
type AttributeDemand struct {
	Name, NameFormat string // NameFormat: URN
	Required         bool
	MaxBytes         int
	Holds            Form
	Admin            string // the value that makes an administrator
}

// Terms are the vendor's names of things.
type Terms struct{ EntityID, ACS, NameID, Refused string }

// Check is one rule held against an answer. Path is where the rule stands in
// the vendor's description, like nameid; empty for what SAML itself demands.
type Check struct {
	Path, Name string
	OK         bool
	Words      string
}

// Simulator is one sign-on at a vendor's service provider, played by its rules.
// It trusts the identity provider of the metadata it was made with and no
// other.
type Simulator struct {
	rules     Rules
	idp       wire.IdP
	signer    *wire.Signer
	opens     crypto.Decrypter // assertions; nil: none was asked for
	requestID string
	now       func() time.Time
	checks    []Check
	notes     []string
}

// simulatedRelay is what the simulator gives along and wants back.
const simulatedRelay = "simulated"

// NewSimulator reads the identity provider's metadata.
func NewSimulator(rules Rules, metadata []byte, now func() time.Time) (*Simulator, error) {
	partner, err := wire.ParseIdPMetadata(metadata, now())
	if err != nil {
		return nil, fmt.Errorf("read the metadata: %w", err)
	}
	key, cert, err := newKey("simulator", now())
	if err != nil {
		return nil, err
	}
	return &Simulator{
		rules: rules, idp: partner, signer: &wire.Signer{Key: key, Certificate: cert}, requestID: wire.NewID(), now: now,
	}, nil
}

// Certificate is the one that signs the simulator's request, as PEM.
func (s *Simulator) Certificate() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.signer.Certificate.Raw}))
}

// EncryptionCertificate is of a key to encrypt to, made for this sign-on, as PEM.
func (s *Simulator) EncryptionCertificate() (string, error) {
	key, cert, err := newDecrypter("simulator", s.now())
	if err != nil {
		return "", err
	}
	s.opens = key
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})), nil
}

// Request is the signed AuthnRequest as a browser brings it, by the binding that
// the vendor uses.
func (s *Simulator) Request(ctx context.Context) (*http.Request, error) {
	binding := s.rules.Binding
	if binding == "" {
		binding = wire.Redirect
	}
	at := slices.IndexFunc(s.idp.SSO, func(e wire.Endpoint) bool { return e.Binding == binding })
	if at < 0 {
		return nil, fmt.Errorf("%s sends its requests by %s, which the identity provider does not take", s.rules.Vendor, binding)
	}
	to := s.idp.SSO[at].Location
	el := wire.AuthnRequest{
		ID: s.requestID, Issuer: s.rules.EntityID, Destination: to, IssueInstant: s.now(), ACSURL: s.rules.ACS,
		ProtocolBinding: string(wire.POST),
	}.Element()
	if binding == wire.Redirect {
		there, err := s.signer.RedirectURL(to, wire.ParamRequest, wire.Serialize(el), simulatedRelay)
		if err != nil {
			return nil, err
		}
		return http.NewRequestWithContext(ctx, http.MethodGet, there, nil)
	}
	if err := s.signer.Sign(el); err != nil {
		return nil, err
	}
	form := url.Values{wire.ParamRequest: {wire.EncodePOST(wire.Serialize(el))}, "RelayState": {simulatedRelay}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewBufferString(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r, err
}

// Judge holds the Response that came to the address to against the rules, in
// the order in which a service provider does. It is called once. Notes are what
// would happen beyond the sign-in.
func (s *Simulator) Judge(response []byte, to, relayState string) (checks []Check, notes []string) {
	s.check("entity_id", s.rules.EntityIDForm.match(s.rules.EntityID),
		"the "+cmp.Or(s.rules.Terms.EntityID, "entityID")+" is "+s.rules.EntityID, "it calls itself "+s.rules.EntityIDForm.Words+", and is registered as "+s.rules.EntityID)
	s.check("acs", s.rules.ACSForm.match(s.rules.ACS) && to == s.rules.ACS,
		"the answer comes to the "+s.acs()+" "+to, "its "+s.acs()+" is "+s.rules.ACSForm.Words+", and the answer goes to "+to)
	s.check("", relayState == simulatedRelay, "RelayState comes back as it was sent", "RelayState did not come back as it was sent")
	root, err := wire.Parse(response)
	if err != nil || !wire.Is(root, wire.NSProtocol, "Response") {
		s.check("", false, "", "the answer is no SAML Response")
		return s.checks, s.notes
	}
	if a := s.opened(root); a != nil {
		s.judgeSubject(a)
		s.judgeAttributes(attributesOf(a))
		s.account()
	}
	return s.checks, s.notes
}

// opened checks status and signatures, and returns the assertion of the octets
// that were verified; nil where there is none.
func (s *Simulator) opened(root *etree.Element) *saml.Assertion {
	status, err := wire.ParseStatus(root)
	if !s.check("", err == nil && status.OK(), "the status is Success", "the identity provider answered without a sign-in: "+status.SubCode+" "+status.Message) {
		return nil
	}
	s.check("", wire.Attr(root, "InResponseTo") == s.requestID, "the answer is to this request", "the answer is not to this request (InResponseTo)")
	assertion, err := s.assertion(root)
	if !s.check("", err == nil, "it holds exactly one assertion, which can be read", "it does not hold exactly one assertion that can be read") {
		return nil
	}
	verified, err := s.verify(root, assertion)
	if !s.check("", err == nil, "the signature is the identity provider's", "the signature cannot be verified with the certificate of the metadata") {
		return nil
	}
	a, err := readAssertion(verified)
	if !s.check("", err == nil, "the assertion has a Subject and Conditions", "the assertion has no Subject or no Conditions") {
		return nil
	}
	return a
}

// assertion is the only one of a Response, decrypted where it was encrypted.
func (s *Simulator) assertion(response *etree.Element) (*etree.Element, error) {
	encrypted := wire.Children(response, wire.NSAssertion, "EncryptedAssertion")
	if len(encrypted) == 0 {
		return wire.OnlyAssertion(response)
	}
	if len(encrypted) > 1 || len(wire.Children(response, wire.NSAssertion, "Assertion")) > 0 || s.opens == nil {
		return nil, errors.New("not exactly one assertion that can be read")
	}
	return wire.Decrypt(encrypted[0], s.opens, wire.Decryption{AllowCBC: true})
}

// verify verifies what is signed, in the part that the vendor wants signed, and
// returns the assertion of the octets that were verified.
func (s *Simulator) verify(root, assertion *etree.Element) (*etree.Element, error) {
	parts := map[string]*etree.Element{"response": root, "assertion": assertion}
	signed := func(part string) bool { return len(wire.Children(parts[part], wire.NSSignature, "Signature")) > 0 }
	if want := s.rules.Signed; want != "" && !s.check("limits", signed(want), "the "+want+" is signed", "the "+want+" must be signed, and is not") {
		return nil, errors.New("not signed")
	}
	part := "response"
	if !signed(part) || s.rules.Signed == "assertion" {
		part = "assertion"
	}
	if algs := s.rules.SigAlgs; len(algs) > 0 {
		alg := algorithmOf(parts[part])
		s.check("limits", slices.Contains(algs, alg), "it is signed with "+alg, "it takes signatures with "+strings.Join(algs, " or ")+", and this one is "+alg)
	}
	verified, err := wire.VerifyElement(parts[part], s.idp.SigningCerts, wire.At(s.now()))
	if err != nil || part == "assertion" {
		return verified, err
	}
	return s.assertion(verified)
}

// algorithmOf names the algorithm of an element's signature.
func algorithmOf(el *etree.Element) string {
	for _, tag := range []string{"Signature", "SignedInfo", "SignatureMethod"} {
		var err error
		if el, err = wire.Child(el, wire.NSSignature, tag); err != nil || el == nil {
			return "none"
		}
	}
	uri := wire.Attr(el, "Algorithm")
	return cmp.Or(map[string]string{
		dsig.RSASHA256SignatureMethod: "rsa-sha256", dsig.RSASHA384SignatureMethod: "rsa-sha384", dsig.RSASHA512SignatureMethod: "rsa-sha512",
		dsig.ECDSASHA256SignatureMethod: "ecdsa-sha256", dsig.RSASHA1SignatureMethod: "rsa-sha1",
	}[uri], uri)
}

// judgeSubject checks audience, confirmation and NameID (SAML Profiles §4.1.4.3).
func (s *Simulator) judgeSubject(a *saml.Assertion) {
	audience := slices.ContainsFunc(a.Conditions.AudienceRestrictions, func(r saml.AudienceRestriction) bool {
		return r.Audience.Value == s.rules.EntityID
	})
	s.check("entity_id", audience, "the audience is "+s.rules.EntityID, "the audience is not its "+cmp.Or(s.rules.Terms.EntityID, "entityID"))
	confirmed := slices.ContainsFunc(a.Subject.SubjectConfirmations, func(c saml.SubjectConfirmation) bool {
		data := c.SubjectConfirmationData
		return c.Method == bearer && data != nil && data.Recipient == s.rules.ACS && data.InResponseTo == s.requestID && s.now().Before(data.NotOnOrAfter)
	})
	s.check("acs", confirmed, "the Recipient is its "+s.acs(), "no bearer confirmation for its "+s.acs()+" and this request")
	name, called := a.Subject.NameID, cmp.Or(s.rules.Terms.NameID, "NameID")
	if !s.check("nameid", name != nil && name.Value != "", "there is a "+called, "the "+called+" is missing") {
		return
	}
	if want := s.rules.NameIDFormat; want != "" && want != wire.NameIDUnspecified {
		s.check("nameid", name.Format == want, "the "+called+" has the format "+shortFormat(want), "it knows people by their "+called+" of the format "+shortFormat(want)+", and this one is "+shortFormat(name.Format))
		if want == wire.NameIDEmail {
			s.check("nameid", strings.Count(name.Value, "@") == 1, "the "+called+" is an e-mail address", "the "+called+" must be an e-mail address, and is "+name.Value)
		}
	}
	if limit := s.rules.NameIDMaxBytes; limit > 0 {
		s.check("nameid", len(name.Value) <= limit, fmt.Sprintf("the %s is at most %d bytes", called, limit), fmt.Sprintf("the %s is at most %d bytes, and this one has %d", called, limit, len(name.Value)))
	}
}

func shortFormat(urn string) string { return urn[strings.LastIndex(urn, ":")+1:] }

// sent is an attribute as it came.
type sent struct {
	name, format string
	values       []string
}

func attributesOf(a *saml.Assertion) []sent {
	var all []sent
	for _, statement := range a.AttributeStatements {
		for _, at := range statement.Attributes {
			one := sent{name: at.Name, format: at.NameFormat}
			for _, v := range at.Values {
				one.values = append(one.values, v.Value)
			}
			all = append(all, one)
		}
	}
	return all
}

// judgeAttributes holds the attributes against what the vendor says of each,
// and all of them against its limits.
func (s *Simulator) judgeAttributes(all []sent) {
	for _, want := range s.rules.Attributes {
		at := slices.IndexFunc(all, func(a sent) bool { return a.name == want.Name })
		if at < 0 {
			if want.Required {
				s.check("attributes/"+want.Name, false, "", "the attribute "+want.Name+" is required, and missing")
			}
			continue
		}
		s.judgeAttribute(want, all[at])
	}
	total, ascii := 0, true
	for _, a := range all {
		total += len(a.name)
		for _, v := range a.values {
			total += len(v)
			ascii = ascii && !strings.ContainsFunc(v, func(r rune) bool { return r > 0x7e })
		}
	}
	if limit := s.rules.TotalBytes; limit > 0 {
		s.check("limits", total <= limit, fmt.Sprintf("the attributes have %d of at most %d bytes", total, limit), fmt.Sprintf("the attributes have %d bytes, and it takes at most %d", total, limit))
	}
	if s.rules.ASCII {
		s.check("limits", ascii, "all values are ASCII", "a value has characters beyond ASCII")
	}
}

func (s *Simulator) judgeAttribute(want AttributeDemand, got sent) {
	path := "attributes/" + want.Name
	if want.NameFormat != "" {
		s.check(path, got.format == want.NameFormat, want.Name+" has its NameFormat", want.Name+" has the NameFormat "+shortFormat(want.NameFormat)+", and came as "+shortFormat(got.format))
	}
	filled := len(got.values) > 0 && got.values[0] != ""
	if want.Required {
		s.check(path, filled, want.Name+" is there", "the attribute "+want.Name+" is required, and empty")
	}
	for _, v := range got.values {
		if want.MaxBytes > 0 {
			s.check(path, len(v) <= want.MaxBytes, fmt.Sprintf("%s is at most %d bytes", want.Name, want.MaxBytes), fmt.Sprintf("%s is at most %d bytes, and has %d", want.Name, want.MaxBytes, len(v)))
		}
		if want.Holds.Matches != nil {
			s.check(path, want.Holds.match(v), want.Name+" is "+want.Holds.Words, want.Name+" is "+want.Holds.Words+", and this value is not")
		}
		if want.Admin != "" && v == want.Admin {
			s.notes = append(s.notes, s.rules.Vendor+" would make this person an administrator ("+want.Name+"="+v+").")
		}
	}
}

// account says what would become of the account.
func (s *Simulator) account() {
	words := "No account is made at a sign-in: it must be there before."
	if s.rules.MakesAccounts {
		words = "An account would be made, if it has none yet."
	}
	s.notes = append(s.notes, words)
}

// check writes down one rule.
func (s *Simulator) check(path string, ok bool, words, refused string) bool {
	name := path
	if name == "" {
		name = "saml"
	}
	if !ok {
		words = refused
	}
	s.checks = append(s.checks, Check{Path: path, Name: name, OK: ok, Words: s.rules.Vendor + ": " + words})
	return ok
}

func (s *Simulator) acs() string { return cmp.Or(s.rules.Terms.ACS, "AssertionConsumerService") }

func (f Form) match(v string) bool { return f.Matches == nil || f.Matches(v) }
