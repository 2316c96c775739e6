package saml_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/idp/saml"
	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

// decrypts is the key to which answers to the CRM are encrypted here.
func decrypts(t *testing.T) crypto.Decrypter {
	t.Helper()
	key, ok := hrKey().Key.(crypto.Decrypter)
	if !ok {
		t.Fatal("the key does not decrypt")
	}
	return key
}

// encrypted turns encryption on for the CRM.
func (h *house) encrypted(change func(*idp.SAMLSettings)) {
	h.changeApp(h.crm.ID, func(a *idp.App) {
		a.SAML.EncryptAssertion, a.SAML.EncryptionCert = true, pemOf(hrKey())
		change(a.SAML)
	})
}

// decrypted has xmlsec1 decrypt a document, and returns the Assertion in it.
func decrypted(t *testing.T, document []byte) []byte {
	t.Helper()
	out := wiretest.Decrypt(t, document, hrKey().Key)
	inside := elements(t, out, "//EncryptedAssertion/Assertion")
	if len(inside) != 1 {
		t.Fatalf("no assertion in %s", out)
	}
	return wire.Serialize(inside[0])
}

// TestSA23EncryptionIsAroundTheSignature: what is signed for the app alone is
// inside, what is signed for everybody outside; xmlsec1 opens and verifies both.
func TestSA23EncryptionIsAroundTheSignature(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	for _, alg := range []string{"", idp.EncryptAES256GCM, idp.EncryptAES128GCM, idp.EncryptAES256CBC, idp.EncryptAES128CBC} {
		for _, sign := range []string{idp.SignAssertion, idp.SignResponse, idp.SignBoth} {
			h.encrypted(func(s *idp.SAMLSettings) { s.Sign, s.EncryptionAlg = sign, alg })
			message := p.get(h.redirect(h.ask(), nil, "")).form().message
			if strings.Contains(string(message), "ada@example.com") || len(elements(t, message, "/Response/EncryptedAssertion")) != 1 || len(elements(t, message, "//Assertion")) != 0 {
				t.Fatalf("%s, %s: not one EncryptedAssertion alone", alg, sign)
			}
			wiretest.Valid(t, message)
			if sign != idp.SignAssertion {
				wiretest.Signed(t, message, h.ourCert("RS256"))
			} else if parts := signedParts(t, message); len(parts) != 0 {
				t.Errorf("%s: signed are %q", sign, parts)
			}
			inside := decrypted(t, message)
			wiretest.Valid(t, inside)
			if sign != idp.SignResponse {
				wiretest.Signed(t, inside, h.ourCert("RS256"))
			} else if parts := signedParts(t, inside); len(parts) != 0 {
				t.Errorf("%s: signed inside are %q", sign, parts)
			}
			method := wire.Attr(elements(t, message, "//EncryptedData/EncryptionMethod")[0], "Algorithm")
			if want := alg; want != "" && !strings.HasSuffix(method, "#"+want) || want == "" && method != wire.AES256GCM {
				t.Errorf("%q: encrypted with %s", alg, method)
			}
		}
	}
	// A refusal tells nothing that would have to be hidden.
	h.signedIn(h.bob).get(h.redirect(h.ask(), nil, "")).wantStatus(wire.StatusRequestDenied)
}

// TestEncryptionIsChosenFromTheMethodsOfTheApp, and a setting wins over them.
func TestEncryptionIsChosenFromTheMethodsOfTheApp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	for _, c := range []struct {
		name              string
		methods           []string
		alg, travels      string
		cipher, transport string
		digest, mask      string
	}{
		{name: "none", cipher: wire.AES256GCM, transport: wire.OAEPMGF1P, digest: wire.DigestSHA1},
		{name: "the first", methods: []string{wire.AES128GCM, wire.AES256GCM, wire.OAEPMGF1P}, cipher: wire.AES128GCM, transport: wire.OAEPMGF1P, digest: wire.DigestSHA1},
		{name: "GCM before CBC", methods: []string{wire.AES256CBC, wire.AES192GCM}, cipher: wire.AES192GCM, transport: wire.OAEPMGF1P, digest: wire.DigestSHA1},
		{name: "CBC where there is nothing else", methods: []string{"urn:x", wire.AES192CBC, wire.AES128CBC}, cipher: wire.AES192CBC, transport: wire.OAEPMGF1P, digest: wire.DigestSHA1},
		{name: "the digest that it names", methods: []string{wire.OAEPMGF1P, wire.DigestSHA256, wire.AES256GCM}, cipher: wire.AES256GCM, transport: wire.OAEPMGF1P, digest: wire.DigestSHA256},
		{name: "the first of two", methods: []string{wire.OAEPMGF1P, wire.OAEPMGF1P, wire.DigestSHA256}, cipher: wire.AES256GCM, transport: wire.OAEPMGF1P, digest: wire.DigestSHA1},
		{name: "what all have before 1.1", methods: []string{wire.OAEP, wire.DigestSHA256, wire.OAEPMGF1P}, cipher: wire.AES256GCM, transport: wire.OAEPMGF1P, digest: wire.DigestSHA1},
		{name: "1.1", methods: []string{wire.OAEP, wire.DigestSHA256, wire.MGF1SHA256}, cipher: wire.AES256GCM, transport: wire.OAEP, digest: wire.DigestSHA256, mask: wire.MGF1SHA256},
		{name: "1.1 without a word", methods: []string{wire.OAEP, wire.AES128GCM}, cipher: wire.AES128GCM, transport: wire.OAEP, digest: wire.DigestSHA1, mask: wire.MGF1SHA1},
		{name: "a setting", methods: []string{wire.AES128GCM, wire.OAEPMGF1P}, alg: idp.EncryptAES256CBC, travels: idp.TransportOAEPSHA256, cipher: wire.AES256CBC, transport: wire.OAEP, digest: wire.DigestSHA256, mask: wire.MGF1SHA256},
		{name: "another setting", methods: []string{wire.OAEP}, travels: idp.TransportMGF1PSHA256, cipher: wire.AES256GCM, transport: wire.OAEPMGF1P, digest: wire.DigestSHA256},
		{name: "the plainest setting", methods: []string{wire.OAEP}, travels: idp.TransportMGF1P, cipher: wire.AES256GCM, transport: wire.OAEPMGF1P, digest: wire.DigestSHA1},
	} {
		h.encrypted(func(s *idp.SAMLSettings) {
			s.EncryptionMethods, s.EncryptionAlg, s.KeyTransport = c.methods, c.alg, c.travels
		})
		message := p.get(h.redirect(h.ask(), nil, "")).form().message
		for path, want := range map[string]string{
			"//EncryptedData/EncryptionMethod": c.cipher, "//EncryptedKey/EncryptionMethod": c.transport,
			"//EncryptedKey/EncryptionMethod/DigestMethod": c.digest, "//EncryptedKey/EncryptionMethod/MGF": c.mask,
		} {
			got := ""
			if found := elements(t, message, path); len(found) > 0 {
				got = wire.Attr(found[0], "Algorithm")
			}
			if got != want {
				t.Errorf("%s: %s is %q, want %q", c.name, path, got, want)
			}
		}
		el := elements(t, message, "//EncryptedAssertion")[0]
		opened, err := wire.Decrypt(el, decrypts(t), wire.Decryption{AllowCBC: true})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if _, err := wire.VerifyElement(opened, ourCerts(t)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestImportKeepsTheEncryptionCertificate and what its holder takes: the first of
// RSA that has not expired.
func TestImportKeepsTheEncryptionCertificate(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sp := wire.SP{
		Entity: wire.Entity{EntityID: crmID},
		ACS:    []wire.Endpoint{{Binding: wire.POST, Location: crmACS}},
		EncryptionKeys: []wire.EncryptionKey{
			{Certificate: h.ourCert(keys.ES256), Methods: []string{wire.AES256CBC}},
			{Certificate: expired(t, crmKey()), Methods: []string{wire.AES256CBC}},
			{Certificate: hrKey().Certificate, Methods: []string{wire.AES128GCM, wire.OAEP, wire.DigestSHA256, wire.MGF1SHA256, wire.OAEPMGF1P}},
			{Certificate: crmKey().Certificate},
		},
	}
	_, s, err := saml.Import(wire.Serialize(sp.Element()))
	h.must(err)
	if s.EncryptionCert != pemOf(hrKey()) || !slices.Equal(s.EncryptionMethods, sp.EncryptionKeys[2].Methods) || s.EncryptAssertion {
		t.Errorf("%+v", s)
	}
	all := sp.EncryptionKeys
	for n, methods := range map[int][]string{1: nil, 2: {wire.AES256CBC}} {
		sp.EncryptionKeys = all[:n]
		if _, s, err = saml.Import(wire.Serialize(sp.Element())); err != nil || (s.EncryptionCert != "") != (methods != nil) || !slices.Equal(s.EncryptionMethods, methods) {
			t.Errorf("of %d keys was kept %q %q, %v", n, s.EncryptionCert, s.EncryptionMethods, err)
		}
	}
}

// expired is another certificate of that key.
func expired(t *testing.T, s *wire.Signer) *x509.Certificate {
	t.Helper()
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, s.Key.Public(), s.Key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
