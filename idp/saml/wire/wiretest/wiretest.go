// Package wiretest has what we write in SAML judged, and what we read written, by
// programs that we did not write: xmllint, with the schemas of OASIS and W3C, and
// xmlsec1. It knows none of our own code, so that a mistake of ours cannot pass for
// a rule. Tests of every room that writes SAML hand it each message that they make;
// only tests import it.
package wiretest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/beevik/etree"
)

//go:embed saml.xsd
var schema []byte

//go:embed catalog.xml
var catalog []byte

const nsSignature = "http://www.w3.org/2000/09/xmldsig#"

// Valid fails t unless document is valid by the schemas of SAML 2.0, XML
// Signature, XML Encryption and SOAP 1.1. Nothing is fetched from anywhere.
func Valid(t testing.TB, document []byte) {
	t.Helper()
	out, err := judge(t, map[string][]byte{"saml.xsd": schema, "catalog.xml": catalog, "document.xml": document},
		"xmllint", "--nonet", "--noout", "--schema", "saml.xsd", "document.xml")
	if err != nil {
		t.Errorf("xmllint: %v\n%s\n%s", err, out, document)
	}
}

// Signed fails t unless document holds at least one signature and xmlsec1
// verifies every one of them with the key of cert, each as the signature of the
// element that it stands in.
func Signed(t testing.TB, document []byte, cert *x509.Certificate) {
	t.Helper()
	read := etree.NewDocument()
	if err := read.ReadFromBytes(document); err != nil {
		t.Errorf("%v\n%s", err, document)
		return
	}
	signed := 0
	for _, at := range read.FindElements("//Signature") {
		parent := at.Parent()
		if at.NamespaceURI() != nsSignature || parent == nil {
			continue
		}
		signed++
		if err := Verify(t, document, cert, parent.NamespaceURI()+":"+parent.Tag, parent.SelectAttrValue("ID", "")); err != nil {
			t.Errorf("the signature of %s: %v\n%s", parent.Tag, err, document)
		}
	}
	if signed == 0 {
		t.Errorf("nothing is signed in %s", document)
	}
}

// Verify has xmlsec1 verify the signature that stands in one element of document,
// namespace:name and ID, as the signature of that element, with the key of cert;
// an error is what it said. With an empty ID it is the root's, which may also be
// over the whole document.
func Verify(t testing.TB, document []byte, cert *x509.Certificate, element, id string) error {
	t.Helper()
	at, over := "/*", "empty,same-doc"
	if id != "" {
		at, over = "//*[@ID='"+id+"']", "same-doc"
	}
	out, err := judge(t, map[string][]byte{"cert.pem": certificate(cert), "document.xml": document},
		"xmlsec1", "--verify", "--pubkey-cert-pem", "cert.pem", "--enabled-reference-uris", over,
		"--id-attr:ID", element, "--node-xpath", at+"/*[local-name()='Signature']", "document.xml")
	return said("xmlsec1 --verify", out, err)
}

// Sign has xmlsec1 fill in the first signature template of document, whose
// reference is to an element, namespace:name, by its ID, or to the whole.
func Sign(t testing.TB, document []byte, key crypto.Signer, cert *x509.Certificate, element string) []byte {
	t.Helper()
	out, err := judge(t, map[string][]byte{"key.pem": private(t, key), "cert.pem": certificate(cert), "document.xml": document},
		"xmlsec1", "--sign", "--id-attr:ID", element, "--privkey-pem", "key.pem,cert.pem", "document.xml")
	if err := said("xmlsec1 --sign", out, err); err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	return out
}

// Unsigned is a signature template that Sign fills in: RSA-SHA256, enveloped and in
// exclusive canonical form, of what uri refers to.
func Unsigned(uri string) string {
	const exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
	return `<ds:Signature xmlns:ds="` + nsSignature + `"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="` + exclusive + `"/>` +
		`<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><ds:Reference URI="` + uri + `"><ds:Transforms>` +
		`<ds:Transform Algorithm="` + nsSignature + `enveloped-signature"/><ds:Transform Algorithm="` + exclusive + `"/></ds:Transforms>` +
		`<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>`
}

// Key is a new RSA key, with a certificate of its own that is good for a month.
func Key(t testing.TB) (crypto.Signer, *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "federation"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

// Decrypt has xmlsec1 decrypt what is encrypted in document, with key.
func Decrypt(t testing.TB, document []byte, key crypto.Signer) []byte {
	t.Helper()
	out, err := judge(t, map[string][]byte{"key.pem": private(t, key), "document.xml": document},
		"xmlsec1", "--decrypt", "--privkey-pem", "key.pem", "document.xml")
	if err := said("xmlsec1 --decrypt", out, err); err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	return out
}

// Canonical is what xmllint writes as the exclusive canonical form of document.
func Canonical(t testing.TB, document []byte) ([]byte, error) {
	t.Helper()
	out, err := judge(t, map[string][]byte{"document.xml": document}, "xmllint", "--nonet", "--exc-c14n", "document.xml")
	return out, said("xmllint --exc-c14n", out, err)
}

func said(program string, out []byte, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w\n%s", program, err, out)
}

func certificate(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func private(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// Judge is Valid and Signed.
func Judge(t testing.TB, document []byte, cert *x509.Certificate) {
	t.Helper()
	Valid(t, document)
	Signed(t, document, cert)
}

// judge runs a program in a directory with these files, and returns what it
// said. It has the names without their directory: xmlsec1 takes no comma in one,
// and names of tests have them.
func judge(t testing.TB, files map[string][]byte, program string, args ...string) ([]byte, error) {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return nil, err
		}
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = dir, []string{"XML_CATALOG_FILES=catalog.xml"}
	out, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		out = append(out, failed.Stderr...)
	}
	return out, err
}
