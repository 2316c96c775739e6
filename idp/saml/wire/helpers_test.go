package wire_test

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"

	"gatehouse/idp/saml/wire"
)

var (
	rsaSigner   = sync.OnceValue(func() *wire.Signer { return selfSigned(newRSA()) })
	otherSigner = sync.OnceValue(func() *wire.Signer { return selfSigned(newRSA()) })
	ecSigner    = sync.OnceValue(func() *wire.Signer {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return selfSigned(key)
	})
)

// fixedSigner has the same key in every process, as fuzzing workers need it.
var fixedSigner = sync.OnceValue(func() *wire.Signer {
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{0x42}, 32))
	if err != nil {
		panic(err)
	}
	return selfSigned(key)
})

func newRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func selfSigned(key crypto.Signer) *wire.Signer {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "wire test"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &wire.Signer{Key: key, Certificate: cert}
}

func certs(signers ...*wire.Signer) []*x509.Certificate {
	var out []*x509.Certificate
	for _, s := range signers {
		out = append(out, s.Certificate)
	}
	return out
}

const assertionXML = `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="_assertion" Version="2.0" IssueInstant="2026-11-22T10:00:00Z">` +
	`<saml:Issuer>https://idp.example/saml/metadata</saml:Issuer>` +
	`<saml:Subject><saml:NameID>ada@example.org</saml:NameID></saml:Subject>` +
	`<saml:AttributeStatement><saml:Attribute Name="mail"><saml:AttributeValue xsi:type="xs:string">ada@example.org</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>` +
	`</saml:Assertion>`

const requestXML = `<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_request" Version="2.0" IssueInstant="2026-11-22T10:00:00Z" Destination="https://idp.example/saml/sso" AssertionConsumerServiceURL="https://sp.example/acs">` +
	`<saml:Issuer>https://sp.example/metadata</saml:Issuer>` +
	`<samlp:NameIDPolicy AllowCreate="true" Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"/>` +
	`</samlp:AuthnRequest>`

func mustParse(t testing.TB, text string) *etree.Element {
	t.Helper()
	el, err := wire.Parse([]byte(text))
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	return el
}

// signedAssertion is a signed Assertion as a document of its own.
func signedAssertion(t testing.TB, s *wire.Signer) *etree.Element {
	t.Helper()
	el := mustParse(t, assertionXML)
	if err := s.Sign(el); err != nil {
		t.Fatalf("sign: %v", err)
	}
	return mustParse(t, string(wire.Serialize(el)))
}

// response wraps parts in a Response.
func response(t testing.TB, parts ...*etree.Element) *etree.Element {
	t.Helper()
	el := mustParse(t, `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_response" Version="2.0" IssueInstant="2026-11-22T10:00:00Z"><saml:Issuer>https://idp.example/saml/metadata</saml:Issuer></samlp:Response>`)
	for _, part := range parts {
		el.AddChild(part)
	}
	return el
}

// reparsed sends el over the wire.
func reparsed(t testing.TB, el *etree.Element) *etree.Element {
	t.Helper()
	return mustParse(t, string(wire.Serialize(el)))
}

func wantKind(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got error %v, want %v", err, kind)
	}
	var refusal *wire.Error
	if !errors.As(err, &refusal) || refusal.Reason == "" {
		t.Fatalf("error %v gives no reason", err)
	}
}

func get(rawQuery string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://idp.example/saml/sso", nil)
	r.URL.RawQuery = rawQuery
	return r
}

func post(form url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://idp.example/saml/sso", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// rawQuery is what follows the question mark.
func rawQuery(t testing.TB, address string) string {
	t.Helper()
	_, query, ok := strings.Cut(address, "?")
	if !ok {
		t.Fatalf("no query in %s", address)
	}
	return query
}

// files writes the key and a file for openssl.
func files(t *testing.T, s *wire.Signer, text []byte) (key, in string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("key.pem", pemKey(t, s)), write("in", text)
}

func pemKey(t testing.TB, s *wire.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(s.Key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// gcm is AES-GCM with a nonce before the content.
func gcm(t testing.TB, key []byte, plain string) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead.Seal(nil, nil, []byte(plain), nil)
}

// signQuery appends a Signature over query as it stands.
func signQuery(t testing.TB, s *wire.Signer, query string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(query))
	signature, err := s.Key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return query + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature))
}

// pemBody is the certificate in base64, wrapped at 64 columns.
func pemBody(s *wire.Signer) string {
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate.Raw}))
	text = strings.TrimPrefix(text, "-----BEGIN CERTIFICATE-----\n")
	return strings.TrimSuffix(text, "-----END CERTIFICATE-----\n")
}
