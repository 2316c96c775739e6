// Package wiretest has what we write in SAML judged by programs that we did not
// write: xmllint, with the schemas of OASIS and W3C, and xmlsec1. It knows none
// of our own code, so that a mistake of ours cannot pass for a rule. Tests of
// every room that writes SAML hand it each message that they make; only tests
// import it.
package wiretest

import (
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

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
	key := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	for _, at := range read.FindElements("//Signature") {
		parent := at.Parent()
		if at.NamespaceURI() != nsSignature || parent == nil {
			continue
		}
		signed++
		out, err := judge(t, map[string][]byte{"cert.pem": key, "document.xml": document},
			"xmlsec1", "--verify", "--pubkey-cert-pem", "cert.pem", "--enabled-reference-uris", "same-doc",
			"--id-attr:ID", parent.NamespaceURI()+":"+parent.Tag,
			"--node-xpath", "//*[@ID='"+parent.SelectAttrValue("ID", "")+"']/*[local-name()='Signature']", "document.xml")
		if err != nil {
			t.Errorf("xmlsec1 on the signature of %s: %v\n%s\n%s", parent.Tag, err, out, document)
		}
	}
	if signed == 0 {
		t.Errorf("nothing is signed in %s", document)
	}
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
