package wire_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp/saml/wire"
)

func sampleSP() wire.SP {
	return wire.SP{
		Entity: wire.Entity{
			EntityID:      "https://sp.example/metadata",
			SLO:           []wire.Endpoint{{Binding: wire.SOAP, Location: "https://sp.example/slo", ResponseLocation: "https://sp.example/slo/answer", Index: -1}},
			SigningCerts:  certs(rsaSigner(), ecSigner()),
			NameIDFormats: []string{wire.NameIDPersistent, wire.NameIDEmail},
			ValidUntil:    instant().Add(time.Hour),
		},
		ACS: []wire.Endpoint{
			{Binding: wire.POST, Location: "https://sp.example/acs", Index: 0, Default: true},
			{Binding: wire.Redirect, Location: "http://127.0.0.1:8082/acs", Index: 1},
		},
		EncryptionKeys:       []wire.EncryptionKey{{Certificate: otherSigner().Certificate, Methods: []string{wire.AES128GCM, "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"}}},
		AuthnRequestsSigned:  true,
		WantAssertionsSigned: true,
	}
}

func TestSPMetadataRoundTrip(t *testing.T) {
	t.Parallel()
	want := sampleSP()
	got, err := wire.ParseSPMetadata(wire.Serialize(want.Element()), instant())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestIdPMetadataRoundTrip(t *testing.T) {
	t.Parallel()
	want := wire.IdP{
		Entity: wire.Entity{EntityID: "https://idp.example/saml/metadata", SigningCerts: certs(rsaSigner()), NameIDFormats: []string{wire.NameIDEmail},
			SLO: []wire.Endpoint{{Binding: wire.Redirect, Location: "https://idp.example/saml/slo", Index: -1}, {Binding: wire.SOAP, Location: "https://idp.example/saml/slo", Index: -1}}},
		SSO:                     []wire.Endpoint{{Binding: wire.Redirect, Location: "https://idp.example/saml/sso", Index: -1}},
		WantAuthnRequestsSigned: true,
	}
	got, err := wire.ParseIdPMetadata(wire.Serialize(want.Element()), instant())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	want.SigningCerts = nil
	_, err = wire.ParseIdPMetadata(wire.Serialize(want.Element()), instant())
	wantKind(t, err, wire.ErrMalformed)
}

// shibboleth has comments, extensions, a key without a use, PAOS and artifact
// endpoints, and no namespace prefix.
const shibboleth = `<?xml version="1.0" encoding="UTF-8"?>
<!-- written by hand -->
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://sp.example/shibboleth" ID="_1" cacheDuration="P1D">
  <Extensions xmlns:alg="urn:oasis:names:tc:SAML:metadata:algsupport"><alg:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/></Extensions>
  <SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol urn:oasis:names:tc:SAML:2.0:protocol">
    <KeyDescriptor><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:KeyName>sp</ds:KeyName><ds:X509Data>
      <ds:X509SubjectName>CN=sp</ds:X509SubjectName><ds:X509Certificate>
        %s
      </ds:X509Certificate></ds:X509Data></ds:KeyInfo>
      <EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes128-gcm"/></KeyDescriptor>
    <!-- endpoints -->
    <AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp.example/SAML2/POST" index="1"/>
    <AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:PAOS" Location="https://sp.example/SAML2/ECP" index="2"/>
    <AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp.example/other"/>
  </SPSSODescriptor>
</EntityDescriptor>`

func TestMetadataAsShibbolethWritesIt(t *testing.T) {
	t.Parallel()
	wrapped := strings.Join(strings.SplitAfter(pemBody(rsaSigner()), "\n"), "        ")
	sp, err := wire.ParseSPMetadata(fmt.Appendf(nil, shibboleth, wrapped), instant())
	if err != nil {
		t.Fatal(err)
	}
	if sp.EntityID != "https://sp.example/shibboleth" || len(sp.ACS) != 3 || sp.ACS[2].Index != -1 ||
		len(sp.SigningCerts) != 1 || len(sp.EncryptionKeys) != 1 || sp.EncryptionKeys[0].Methods[0] != wire.AES128GCM {
		t.Fatalf("got %+v", sp)
	}
}

func TestMetadataIsReadStrictly(t *testing.T) {
	t.Parallel()
	sp := sampleSP()
	text := string(wire.Serialize(sp.Element()))
	for name, c := range map[string]struct {
		old, new string
		kind     error
	}{
		"XS02 ACS is a script":           {"https://sp.example/acs", "javascript:alert(1)", wire.ErrMalformed},
		"XS02 redirect ACS is a script":  {"http://127.0.0.1:8082/acs", "javascript:alert(1)", wire.ErrMalformed},
		"XS02 script with a tab":         {"https://sp.example/acs", "java&#x9;script:alert(1)", wire.ErrMalformed},
		"XS02 data URL":                  {"https://sp.example/acs", "data:text/html,x", wire.ErrMalformed},
		"XS02 SLO is a script":           {"https://sp.example/slo/answer", "javascript:alert(1)", wire.ErrMalformed},
		"relative ACS":                   {"https://sp.example/acs", "/acs", wire.ErrMalformed},
		"ACS with user information":      {"https://sp.example/acs", "https://a@sp.example/acs", wire.ErrMalformed},
		"no ACS location":                {`Location="https://sp.example/acs"`, "", wire.ErrMalformed},
		"repeated index":                 {`index="1"`, `index="0"`, wire.ErrMalformed},
		"bad index":                      {`index="1"`, `index="x"`, wire.ErrMalformed},
		"no entityID":                    {`entityID="https://sp.example/metadata"`, "", wire.ErrMalformed},
		"SAML 1.1 only":                  {`Enumeration="urn:oasis:names:tc:SAML:2.0:protocol"`, `Enumeration="urn:oasis:names:tc:SAML:1.1:protocol"`, wire.ErrMalformed},
		"encryption key without KeyInfo": {`use="encryption"><ds:KeyInfo`, `use="encryption"/><md:KeyDescriptor use="signing"><ds:KeyInfo`, wire.ErrMalformed},
		"empty certificate":              {"<ds:X509Certificate>", "<ds:X509Certificate/><ds:X509Certificate>", wire.ErrMalformed},
		"damaged certificate":            {"<ds:X509Certificate>MII", "<ds:X509Certificate>AAA", wire.ErrMalformed},
		"unknown use":                    {`use="signing"`, `use="both"`, wire.ErrMalformed},
		"SA27 expired":                   {"11:00:00.000Z", "09:00:00.000Z", wire.ErrExpired},
		"SA27 expires now":               {"11:00:00.000Z", "10:00:00.000Z", wire.ErrExpired},
		"validUntil without zone":        {"11:00:00.000Z", "11:00:00", wire.ErrMalformed},
		"doctype":                        {"<md:EntityDescriptor", "<!DOCTYPE x><md:EntityDescriptor", wire.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(text, c.old) {
				t.Fatalf("%q is not in the document", c.old)
			}
			_, err := wire.ParseSPMetadata([]byte(strings.Replace(text, c.old, c.new, 1)), instant())
			wantKind(t, err, c.kind)
		})
	}
	sp.ACS = nil
	_, err := wire.ParseSPMetadata(wire.Serialize(sp.Element()), instant())
	wantKind(t, err, wire.ErrMalformed)
	_, err = wire.ParseSPMetadata([]byte(text+strings.Repeat(" ", wire.MaxMessage)), instant())
	wantKind(t, err, wire.ErrTooLarge)
	_, err = wire.ParseIdPMetadata([]byte(text), instant())
	wantKind(t, err, wire.ErrMalformed)
}

func TestSA27SeveralEntities(t *testing.T) {
	t.Parallel()
	entity := string(wire.Serialize(sampleSP().Element()))
	idp := string(wire.Serialize(wire.IdP{
		Entity: wire.Entity{EntityID: "https://idp.example", SigningCerts: certs(rsaSigner())},
		SSO:    []wire.Endpoint{{Binding: wire.Redirect, Location: "https://idp.example/sso"}},
	}.Element()))
	group := func(attr string, entities ...string) []byte {
		return []byte(`<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"` + attr + `>` + strings.Join(entities, "") + `</md:EntitiesDescriptor>`)
	}
	if sp, err := wire.ParseSPMetadata(group("", idp, entity), instant()); err != nil || sp.EntityID != "https://sp.example/metadata" {
		t.Fatalf("one provider among others: %+v, %v", sp, err)
	}
	_, err := wire.ParseSPMetadata(group("", entity, entity), instant())
	wantKind(t, err, wire.ErrMalformed)
	_, err = wire.ParseSPMetadata(group("", entity, strings.Replace(idp, "https://idp.example", "https://sp.example/metadata", 1)), instant())
	wantKind(t, err, wire.ErrMalformed)
	_, err = wire.ParseSPMetadata(group("", entity, strings.Replace(entity, "https://sp.example/metadata", "https://sp.example/2", 1)), instant())
	wantKind(t, err, wire.ErrMalformed)
	_, err = wire.ParseSPMetadata(group(` validUntil="2026-11-22T09:00:00Z"`, entity), instant())
	wantKind(t, err, wire.ErrExpired)
}
