package wire_test

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

// consume does what a service provider does with a Response: it verifies the
// Response if that is signed, else its Assertion, and reads the NameID from what
// the verifier returned.
func consume(root *etree.Element, trusted []*x509.Certificate) (string, error) {
	signed := len(wire.Children(root, wire.NSSignature, "Signature")) > 0
	if signed {
		verified, err := wire.VerifyElement(root, trusted)
		if err != nil {
			return "", err
		}
		root = verified
	}
	assertion, err := wire.OnlyAssertion(root)
	if err != nil {
		return "", err
	}
	if !signed {
		if assertion, err = wire.VerifyElement(assertion, trusted); err != nil {
			return "", err
		}
	}
	subject, err := wire.Child(assertion, wire.NSAssertion, "Subject")
	if err != nil {
		return "", err
	}
	name, err := wire.ParseNameID(subject.ChildElements()[0])
	return name.Value, err
}

// forge is a copy of the signed original with an attacker's name and ID, and
// without a signature.
func forge(original *etree.Element, id string) *etree.Element {
	evil := original.Copy()
	for _, s := range wire.Children(evil, wire.NSSignature, "Signature") {
		evil.RemoveChild(s)
	}
	evil.CreateAttr("ID", id)
	wire.Children(evil, wire.NSAssertion, "Subject")[0].ChildElements()[0].SetText("admin@example.org")
	return evil
}

func signatureOf(el *etree.Element) *etree.Element {
	return wire.Children(el, wire.NSSignature, "Signature")[0]
}

func TestXSWCorpusIsRefused(t *testing.T) {
	t.Parallel()
	signedResponse := func() *etree.Element {
		assertion := mustParse(t, assertionXML)
		el := response(t, assertion)
		if err := rsaSigner().Sign(el); err != nil {
			t.Fatal(err)
		}
		return reparsed(t, el)
	}
	evilResponse := func(original *etree.Element, id string) *etree.Element {
		evil := original.Copy()
		evil.RemoveChild(signatureOf(evil))
		evil.CreateAttr("ID", id)
		a := wire.Children(evil, wire.NSAssertion, "Assertion")[0]
		a.CreateAttr("ID", "_evilassertion")
		wire.Children(a, wire.NSAssertion, "Subject")[0].ChildElements()[0].SetText("admin@example.org")
		return evil
	}
	without := func(el *etree.Element) *etree.Element {
		out := el.Copy()
		out.RemoveChild(signatureOf(out))
		return out
	}
	corpus := map[string]func() *etree.Element{
		"SA01 XSW1 original inside the signature of a forged response": func() *etree.Element {
			original := signedResponse()
			evil := evilResponse(original, "_evil")
			sig := signatureOf(original).Copy()
			sig.AddChild(without(original))
			evil.AddChild(sig)
			return evil
		},
		"SA01 XSW1 in an Object": func() *etree.Element {
			original := signedResponse()
			evil := evilResponse(original, "_evil")
			sig := signatureOf(original).Copy()
			sig.CreateElement("ds:Object").AddChild(without(original))
			evil.AddChild(sig)
			return evil
		},
		"SA01 XSW2 original beside the detached signature": func() *etree.Element {
			original := signedResponse()
			evil := evilResponse(original, "_evil")
			evil.AddChild(signatureOf(original).Copy())
			evil.AddChild(without(original))
			return evil
		},
		"SA01 XSW2 with the original's ID": func() *etree.Element {
			original := signedResponse()
			evil := evilResponse(original, "_response")
			evil.AddChild(signatureOf(original).Copy())
			evil.AddChild(without(original))
			return evil
		},
		"SA02 XSW3 forged assertion before the signed one": func() *etree.Element {
			original := signedAssertion(t, rsaSigner())
			return response(t, forge(original, "_evil"), original)
		},
		"SA02 XSW3 forged assertion after the signed one": func() *etree.Element {
			original := signedAssertion(t, rsaSigner())
			return response(t, original, forge(original, "_evil"))
		},
		"SA02 XSW4 forged assertion around the signed one": func() *etree.Element {
			original := signedAssertion(t, rsaSigner())
			evil := forge(original, "_evil")
			evil.AddChild(original)
			return response(t, evil)
		},
		"SA03 XSW5 signature moved into the forged assertion, original at the end": func() *etree.Element {
			original := signedAssertion(t, rsaSigner())
			evil := forge(original, "_evil")
			evil.InsertChildAt(1, signatureOf(original).Copy())
			return response(t, evil, without(original))
		},
		"SA03 XSW6 original inside the moved signature": func() *etree.Element {
			original := signedAssertion(t, rsaSigner())
			evil := forge(original, "_evil")
			sig := signatureOf(original).Copy()
			sig.AddChild(without(original))
			evil.InsertChildAt(1, sig)
			return response(t, evil)
		},
		"SA03 XSW7 forged assertion in Extensions": func() *etree.Element {
			original := signedAssertion(t, rsaSigner())
			el := response(t)
			el.CreateElement("samlp:Extensions").AddChild(forge(original, "_assertion"))
			el.AddChild(original)
			return el
		},
		"SA03 XSW8 original in an Object of the moved signature": func() *etree.Element {
			original := signedAssertion(t, rsaSigner())
			evil := forge(original, "_assertion")
			sig := signatureOf(original).Copy()
			sig.CreateElement("ds:Object").AddChild(without(original))
			evil.InsertChildAt(1, sig)
			return response(t, evil)
		},
		"two signatures as children": func() *etree.Element {
			original := signedAssertion(t, rsaSigner())
			original.InsertChildAt(1, signatureOf(original).Copy())
			return response(t, original)
		},
		"a second signature that refers to the same element": func() *etree.Element {
			original := signedAssertion(t, rsaSigner())
			wire.Children(original, wire.NSAssertion, "Subject")[0].AddChild(signatureOf(original).Copy())
			return response(t, original)
		},
		"forged assertion in a signed but open response": func() *etree.Element {
			el := signedResponse()
			el.AddChild(forge(wire.Children(el, wire.NSAssertion, "Assertion")[0], "_evil"))
			return el
		},
		"a prefixed ID before the real one": func() *etree.Element {
			original := signedAssertion(t, rsaSigner())
			original.Attr = append([]etree.Attr{{Space: "saml", Key: "ID", Value: "_assertion"}}, original.Attr...)
			original.CreateAttr("ID", "_other")
			return response(t, original)
		},
	}
	for name, build := range corpus {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			who, err := consume(reparsed(t, build()), certs(rsaSigner()))
			if err == nil {
				t.Fatalf("accepted as %s", who)
			}
			var refusal *wire.Error
			if !errors.As(err, &refusal) {
				t.Fatalf("error without a kind: %v", err)
			}
		})
	}
	t.Run("and the honest response is accepted", func(t *testing.T) {
		t.Parallel()
		who, err := consume(reparsed(t, response(t, signedAssertion(t, rsaSigner()))), certs(rsaSigner()))
		if err != nil || who != "ada@example.org" {
			t.Fatalf("got %q, %v", who, err)
		}
	})
}

// alter signs the assertion, changes the text and parses it again.
func alter(t *testing.T, old, new string) *etree.Element {
	t.Helper()
	text := string(wire.Serialize(signedAssertion(t, rsaSigner())))
	if !strings.Contains(text, old) {
		t.Fatalf("%q is not in the document", old)
	}
	return mustParse(t, strings.Replace(text, old, new, 1))
}

func TestSA06SignatureExclusion(t *testing.T) {
	t.Parallel()
	trusted := certs(rsaSigner())

	_, err := wire.VerifyElement(mustParse(t, assertionXML), trusted)
	wantKind(t, err, wire.ErrUnsigned)

	empty := strings.Replace(assertionXML, "</saml:Issuer>", `</saml:Issuer><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>`, 1)
	_, err = wire.VerifyElement(mustParse(t, empty), trusted)
	wantKind(t, err, wire.ErrSignature)

	// Signed by the attacker, whose certificate is in KeyInfo.
	_, err = wire.VerifyElement(signedAssertion(t, otherSigner()), trusted)
	wantKind(t, err, wire.ErrSignature)

	_, err = wire.VerifyElement(signedAssertion(t, rsaSigner()), nil)
	wantKind(t, err, wire.ErrSignature)

	// Only an ECDSA certificate is registered.
	_, err = wire.VerifyElement(signedAssertion(t, rsaSigner()), certs(ecSigner()))
	wantKind(t, err, wire.ErrSignature)
}

func TestKeyInfoCountsForNothing(t *testing.T) {
	t.Parallel()
	el := signedAssertion(t, rsaSigner())
	sig := signatureOf(el)
	sig.RemoveChild(wire.Children(sig, wire.NSSignature, "KeyInfo")[0])
	if _, err := wire.VerifyElement(reparsed(t, el), certs(otherSigner(), rsaSigner())); err != nil {
		t.Fatalf("without KeyInfo and with two certificates: %v", err)
	}
}

func TestCertificatesOutsideTheirTimeAreRefused(t *testing.T) {
	t.Parallel()
	el := signedAssertion(t, rsaSigner())
	for _, at := range []time.Time{time.Now().Add(-48 * time.Hour), time.Now().Add(48 * time.Hour)} {
		_, err := wire.VerifyElement(el, certs(rsaSigner()), wire.At(at))
		wantKind(t, err, wire.ErrSignature)
	}
}

func TestSA07CommentInSignatureValues(t *testing.T) {
	t.Parallel()
	text := string(wire.Serialize(signedAssertion(t, rsaSigner())))
	for _, tag := range []string{"<ds:DigestValue>", "<ds:SignatureValue>"} {
		_, err := wire.Parse([]byte(strings.Replace(text, tag, tag+"<!-- x -->", 1)))
		wantKind(t, err, wire.ErrMalformed)

		// Past the parser, in a tree built by hand.
		el := signedAssertion(t, rsaSigner())
		path := map[string]string{"<ds:DigestValue>": "//DigestValue", "<ds:SignatureValue>": "//SignatureValue"}
		el.FindElement(path[tag]).CreateComment("x")
		_, err = wire.VerifyElement(el, certs(rsaSigner()))
		wantKind(t, err, wire.ErrSignature)
	}
}

func TestSignatureProfileIsStrict(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		old, new string
		kind     error
	}{
		"RSA-SHA1":            {"2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1", wire.ErrAlgorithm},
		"HMAC":                {"2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#hmac-sha1", wire.ErrAlgorithm},
		"digest SHA-1":        {"http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1", wire.ErrAlgorithm},
		"inclusive C14N":      {`CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"`, `CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"`, wire.ErrAlgorithm},
		"XSLT transform":      {"http://www.w3.org/2000/09/xmldsig#enveloped-signature", "http://www.w3.org/TR/1999/REC-xslt-19991116", wire.ErrAlgorithm},
		"whole document":      {`URI="#_assertion"`, `URI=""`, wire.ErrSignature},
		"no URI":              {` URI="#_assertion"`, ``, wire.ErrSignature},
		"another element":     {`URI="#_assertion"`, `URI="#_other"`, wire.ErrSignature},
		"external reference":  {`URI="#_assertion"`, `URI="http://evil.example/#_assertion"`, wire.ErrSignature},
		"two references":      {"</ds:Reference>", `</ds:Reference><ds:Reference URI="#_x"/>`, wire.ErrSignature},
		"object":              {"</ds:Signature>", "<ds:Object/></ds:Signature>", wire.ErrSignature},
		"empty digest":        {"<ds:DigestValue>", "<ds:DigestValue/><ds:DigestValue>", wire.ErrSignature},
		"changed content":     {"ada@example.org", "eve@example.org", wire.ErrSignature},
		"changed ID":          {`ID="_assertion"`, `ID="_changed"`, wire.ErrSignature},
		"lower-case id added": {`Version="2.0"`, `Version="2.0" id="_assertion"`, wire.ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := wire.VerifyElement(alter(t, c.old, c.new), certs(rsaSigner()))
			wantKind(t, err, c.kind)
		})
	}
}

func TestSHA1OnlyByOption(t *testing.T) {
	t.Parallel()
	template := strings.Replace(assertionXML, "</saml:Issuer>", "</saml:Issuer>"+signatureTemplate("http://www.w3.org/2000/09/xmldsig#rsa-sha1"), 1)
	signed := mustParse(t, string(wiretest.Sign(t, []byte(template), rsaSigner().Key, rsaSigner().Certificate, idOfAssertion)))
	_, err := wire.VerifyElement(signed, certs(rsaSigner()))
	wantKind(t, err, wire.ErrAlgorithm)
	if _, err := wire.VerifyElement(signed, certs(rsaSigner()), wire.AllowSHA1()); err != nil {
		t.Fatal(err)
	}
}

func TestSA08WholeTextOrRefusal(t *testing.T) {
	t.Parallel()
	whole := mustParse(t, `<a>admin<![CDATA[@evil]]>.example</a>`)
	if text, err := wire.Text(whole); err != nil || text != "admin@evil.example" {
		t.Fatalf("got %q, %v", text, err)
	}
	for _, text := range []string{`<a>admin<!-- -->@corp</a>`, `<a>admin<?x y?>@corp</a>`} {
		_, err := wire.Parse([]byte(text))
		wantKind(t, err, wire.ErrMalformed)
	}
	for _, add := range []func(*etree.Element){
		func(el *etree.Element) { el.CreateComment("x") },
		func(el *etree.Element) { el.CreateProcInst("x", "y") },
		func(el *etree.Element) { el.CreateElement("b") },
	} {
		el := etree.NewElement("a")
		el.CreateText("admin")
		add(el)
		el.CreateText("@corp")
		_, err := wire.Text(el)
		wantKind(t, err, wire.ErrMalformed)
	}
}
