package wire

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestARedactedMessageSaysNothingOfAPerson, nor anything that could be used again.
func TestARedactedMessageSaysNothingOfAPerson(t *testing.T) {
	t.Parallel()
	const secret = "GRACE"
	root, err := Parse([]byte(`<samlp:LogoutRequest xmlns:samlp="` + NSProtocol + `" xmlns:saml="` + NSAssertion + `" xmlns:ds="` + NSSignature + `" xmlns:x="urn:x"
		ID="_1" Version="2.0" IssueInstant="2026-11-28T20:00:00Z" Destination="https://id.example/saml/slo" x:who="GRACE">
		<saml:Issuer>https://crm.example/saml</saml:Issuer>
		<ds:Signature><ds:SignedInfo><ds:SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1"/></ds:SignedInfo><ds:SignatureValue>GRACE</ds:SignatureValue></ds:Signature>
		<samlp:Extensions><x:secret x:of="GRACE">GRACE</x:secret></samlp:Extensions>
		<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">GRACE</saml:NameID>
		<samlp:SessionIndex>GRACE</samlp:SessionIndex>
		<saml:Attribute Name="GRACE"><saml:AttributeValue>GRACE</saml:AttributeValue></saml:Attribute>
		<x:other>GRACE<x:deeper>GRACE</x:deeper></x:other>
	</samlp:LogoutRequest>`))
	if err != nil {
		t.Fatal(err)
	}
	told := Redacted(root)
	if strings.Contains(told, secret) {
		t.Errorf("it says %q:\n%s", secret, told)
	}
	for _, want := range []string{
		`ID="_1"`, "<saml:Issuer>https://crm.example/saml</saml:Issuer>", "rsa-sha1", "nameid-format:persistent", "(5 bytes left out)</saml:NameID>", "\n  <samlp:SessionIndex>",
	} {
		if !strings.Contains(told, want) {
			t.Errorf("it lacks %q:\n%s", want, told)
		}
	}
	if _, err := Parse([]byte(strings.ReplaceAll(told, "<!-- left out -->", ""))); err != nil {
		t.Errorf("it is no XML: %v", err)
	}
}

// FuzzRedacted: whatever can be read is redacted within the bound.
func FuzzRedacted(f *testing.F) {
	f.Add([]byte(`<a xmlns="urn:a" b="c">d</a>`))
	f.Add([]byte(`<a>` + strings.Repeat(`<b c="`+strings.Repeat("d", 400)+`"/>`, 60) + `</a>`))
	f.Add([]byte(strings.Repeat(`<a>`, 60) + strings.Repeat(`</a>`, 60)))
	f.Fuzz(func(t *testing.T, b []byte) {
		root, err := Parse(b)
		if err != nil {
			return
		}
		if told := Redacted(root); len(told) > 2*MaxRedacted || !utf8.ValidString(told) {
			t.Errorf("%d bytes", len(told))
		}
	})
}
