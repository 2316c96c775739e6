package wire_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"strings"
	"testing"

	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

const idOfAssertion = "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"

// signers sign in every way that we do.
func signers() map[string]*wire.Signer {
	rsa := rsaSigner()
	return map[string]*wire.Signer{
		"rsa-sha256":   rsa,
		"rsa-sha384":   {Key: rsa.Key, Certificate: rsa.Certificate, Hash: crypto.SHA384},
		"rsa-sha512":   {Key: rsa.Key, Certificate: rsa.Certificate, Hash: crypto.SHA512},
		"ecdsa-sha256": ecSigner(),
	}
}

func TestWeVerifyXmlsec1Signatures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signer *wire.Signer
		method string
	}{
		"RSA-SHA256":   {rsaSigner(), "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"},
		"RSA-SHA512":   {rsaSigner(), "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"},
		"ECDSA-SHA256": {ecSigner(), "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			template := strings.Replace(assertionXML, "</saml:Issuer>", "</saml:Issuer>\n"+signatureTemplate(c.method), 1)
			signed := wiretest.Sign(t, []byte(template), c.signer.Key, c.signer.Certificate, idOfAssertion)
			el, err := wire.VerifyElement(mustParse(t, string(signed)), certs(otherSigner(), c.signer))
			if err != nil {
				t.Fatal(err)
			}
			if wire.Attr(el, "ID") != "_assertion" {
				t.Fatalf("verified element has ID %q", wire.Attr(el, "ID"))
			}
		})
	}
}

func signatureTemplate(method string) string {
	return `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>
  <ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
  <ds:SignatureMethod Algorithm="` + method + `"/>
  <ds:Reference URI="#_assertion"><ds:Transforms>
    <ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>
    <ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="xs"/></ds:Transform>
  </ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference>
</ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data/></ds:KeyInfo></ds:Signature>`
}

func TestSA21NoSignatureOfOursUsesSHA1(t *testing.T) {
	t.Parallel()
	digests := map[string]string{"256": "xmlenc#sha256", "384": "xmldsig-more#sha384", "512": "xmlenc#sha512"}
	for name, s := range signers() {
		text := string(wire.Serialize(signedAssertion(t, s)))
		if !strings.Contains(text, "xmldsig-more#"+name+`"`) || !strings.Contains(text, digests[name[len(name)-3:]]) {
			t.Errorf("%s is not named in %s", name, text)
		}
		if strings.Contains(text, "sha1") {
			t.Errorf("SHA-1 is named in %s", text)
		}
		query, err := s.RedirectURL("https://idp.example/", wire.ParamRequest, []byte(requestXML), "")
		if err != nil || !strings.Contains(query, "%23"+name+"&Signature=") {
			t.Errorf("%s: %v, %s", name, err, query)
		}
		m, err := wire.Decode(get(rawQuery(t, query)), wire.ParamRequest)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Verify(certs(s)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSignatureStandsRightAfterIssuer(t *testing.T) {
	t.Parallel()
	children := signedAssertion(t, rsaSigner()).ChildElements()
	if children[0].Tag != "Issuer" || children[1].Tag != "Signature" {
		t.Fatalf("order is %s, %s", children[0].Tag, children[1].Tag)
	}
}

func TestSignRefusesWhatItCannotSignWell(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, selfSigned(key).Sign(mustParse(t, assertionXML)), wire.ErrAlgorithm)
	for _, s := range []*wire.Signer{rsaSigner(), ecSigner()} {
		weak := &wire.Signer{Key: s.Key, Certificate: s.Certificate, Hash: crypto.SHA1}
		wantKind(t, weak.Sign(mustParse(t, assertionXML)), wire.ErrAlgorithm)
	}
	wantKind(t, rsaSigner().Sign(signedAssertion(t, rsaSigner())), wire.ErrMalformed)
	wantKind(t, rsaSigner().Sign(mustParse(t, `<a/>`)), wire.ErrMalformed)
}

func TestSA26BothResponseAndAssertionSigned(t *testing.T) {
	t.Parallel()
	el := response(t, signedAssertion(t, rsaSigner()))
	if err := rsaSigner().Sign(el); err != nil {
		t.Fatal(err)
	}
	verified, err := wire.VerifyElement(reparsed(t, el), certs(rsaSigner()))
	if err != nil {
		t.Fatalf("response: %v", err)
	}
	assertion, err := wire.OnlyAssertion(verified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.VerifyElement(assertion, certs(rsaSigner())); err != nil {
		t.Fatalf("assertion: %v", err)
	}
}

func TestSA31HostileAttributeValuesKeepTheSignatureValid(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"]]>", "a & b < c > d", "\x00", "\x0b", "\ufffe", "\r\n\t", `"'`, "\xff\xfe", strings.Repeat("ü", 50_000), " padded ",
	} {
		el := mustParse(t, assertionXML)
		attribute := wire.Children(wire.Children(el, wire.NSAssertion, "AttributeStatement")[0], wire.NSAssertion, "Attribute")[0]
		attribute.ChildElements()[0].SetText(value)
		attribute.CreateAttr("FriendlyName", value)
		if err := rsaSigner().Sign(el); err != nil {
			t.Fatal(err)
		}
		if _, err := wire.VerifyElement(reparsed(t, el), certs(rsaSigner())); err != nil {
			t.Errorf("value %.20q: %v", value, err)
		}
	}
}

func TestAnAssertionWithManyGroupsVerifies(t *testing.T) {
	t.Parallel()
	el := mustParse(t, assertionXML)
	attribute := wire.Children(el, wire.NSAssertion, "AttributeStatement")[0].ChildElements()[0]
	for range 2000 {
		attribute.CreateElement("saml:AttributeValue").SetText("group")
	}
	if err := rsaSigner().Sign(el); err != nil {
		t.Fatal(err)
	}
	if _, err := wire.VerifyElement(reparsed(t, response(t, el)).ChildElements()[1], certs(rsaSigner())); err != nil {
		t.Fatal(err)
	}
}
