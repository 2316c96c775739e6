package saml_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/idp/saml/wire"
)

// allSchemas has xmllint look into what the metadata schema itself takes
// unseen: the names that people are shown. It takes from this machine what the
// others would take from the web.
const allSchemas = `<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:gatehouse:all">
<import namespace="http://www.w3.org/XML/1998/namespace" schemaLocation="/usr/share/xml/xmltooling/xml.xsd"/>
<import namespace="http://www.w3.org/2000/09/xmldsig#" schemaLocation="/usr/share/xml/xmltooling/xmldsig-core-schema.xsd"/>
<import namespace="http://www.w3.org/2001/04/xmlenc#" schemaLocation="/usr/share/xml/xmltooling/xenc-schema.xsd"/>
<import namespace="urn:oasis:names:tc:SAML:2.0:assertion" schemaLocation="/usr/share/xml/opensaml/saml-schema-assertion-2.0.xsd"/>
<import namespace="urn:oasis:names:tc:SAML:2.0:metadata" schemaLocation="/usr/share/xml/opensaml/saml-schema-metadata-2.0.xsd"/>
<import namespace="urn:oasis:names:tc:SAML:metadata:ui" schemaLocation="/usr/share/xml/opensaml/sstc-saml-metadata-ui-v1.0.xsd"/>
</schema>`

// mustBeValid has the schemas of OASIS judge a document of metadata.
func mustBeValid(t *testing.T, document string) {
	t.Helper()
	if out, err := xmllint(t, document); err != nil {
		t.Errorf("xmllint: %v\n%s\n%s", err, out, document)
	}
}

func xmllint(t *testing.T, document string) ([]byte, error) {
	t.Helper()
	dir := t.TempDir()
	schema, file := filepath.Join(dir, "all.xsd"), filepath.Join(dir, "metadata.xml")
	for name, text := range map[string]string{schema: allSchemas, file: document} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return exec.CommandContext(t.Context(), "xmllint", "--nonet", "--noout", "--schema", schema, file).CombinedOutput()
}

// mustBeSignedBy has xmlsec1 verify a document's own signature.
func mustBeSignedBy(t *testing.T, document string, by *x509.Certificate) {
	t.Helper()
	dir := t.TempDir()
	cert, file := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "metadata.xml")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: by.Raw})
	for name, text := range map[string][]byte{cert: block, file: []byte(document)} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "xmlsec1", "--verify", "--pubkey-cert-pem", cert,
		"--id-attr:ID", wire.NSMetadata+":EntityDescriptor", file).CombinedOutput()
	if err != nil {
		t.Errorf("xmlsec1: %v\n%s", err, out)
	}
}

func (h *house) samlKey() keys.Key {
	h.t.Helper()
	key, err := h.ring.Key(keys.UseSAML, keys.RS256)
	h.must(err)
	return key
}

// read returns the document at a path, judged.
func (h *house) read(path string) (answer reply, told wire.IdP) {
	h.t.Helper()
	answer = h.person().get(path)
	if answer.StatusCode != http.StatusOK {
		h.t.Fatalf("%s: %d %s", path, answer.StatusCode, answer.body)
	}
	mustBeValid(h.t.(*testing.T), answer.body)
	told, err := wire.ParseIdPMetadata([]byte(answer.body), h.clock.Now())
	h.must(err)
	return answer, told
}

func TestMetadataAreSignedAndSayWhoRunsTheHouse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.provider.About = wire.About{
		Language: "en", DisplayName: "Example & Sons", Organization: "Example & Sons", OrganizationURL: "https://example.com",
		Contacts: []wire.Contact{{Type: "technical", Email: "it@example.com"}, {Type: "support", Email: "help@example.com"}},
	}
	answer, told := h.read("/saml/metadata")
	mustBeSignedBy(t, answer.body, h.samlKey().Certificate)
	if !told.ValidUntil.IsZero() {
		t.Errorf("good until %s; whoever reads them once must not stop by itself", told.ValidUntil)
	}
	for _, want := range []string{
		`<mdui:DisplayName xml:lang="en">Example &amp; Sons</mdui:DisplayName>`,
		`<md:OrganizationURL xml:lang="en">https://example.com</md:OrganizationURL>`,
		`contactType="technical"><md:EmailAddress>mailto:it@example.com</md:EmailAddress>`,
		`cacheDuration="PT6H"`,
	} {
		if !strings.Contains(answer.body, want) {
			t.Errorf("not there: %s", want)
		}
	}
	if out, err := xmllint(t, strings.Replace(answer.body, "mdui:DisplayName", "mdui:Displayed", 2)); err == nil {
		t.Errorf("xmllint takes anything: %s", out)
	}
}

func TestMetadataForOneApp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	of := "/saml/metadata/" + string(h.hr.ID)
	answer, told := h.read(of)
	if told.EntityID != h.provider.EntityID || len(told.NameIDFormats) != 1 || told.NameIDFormats[0] != wire.NameIDEmail {
		t.Errorf("%+v", told.Entity)
	}
	mustBeSignedBy(t, answer.body, h.samlKey().Certificate)
	// Not made again while the keys and the app are as they were.
	if again, _ := h.read(of); again.body != answer.body {
		t.Error("another document for the same state")
	}
	h.changeApp(h.hr.ID, func(a *idp.App) { a.SAML.NameIDFormat = wire.NameIDPersistent })
	if _, told = h.read(of); told.NameIDFormats[0] != wire.NameIDPersistent {
		t.Errorf("still %s", told.NameIDFormats)
	}
	for _, none := range []string{"/saml/metadata/app_none", "/saml/metadata/" + strings.Repeat("x", 4000)} {
		if answer := h.person().get(none); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%.40s: %d", none, answer.StatusCode)
		}
	}
}

func TestMetadataWithAnEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.provider.Validity = 8 * 24 * time.Hour
	first, told := h.read("/saml/metadata")
	mustBeSignedBy(t, first.body, h.samlKey().Certificate)
	for _, later := range []time.Duration{0, 23 * time.Hour, 3 * 24 * time.Hour, 40 * 24 * time.Hour} {
		h.clock.Advance(later)
		_, told = h.read("/saml/metadata")
		if left := told.ValidUntil.Sub(h.clock.Now()); left < 8*24*time.Hour || left > 9*24*time.Hour+time.Second {
			t.Errorf("good for another %s", left)
		}
	}
}
