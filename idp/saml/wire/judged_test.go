package wire_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	mathrand "math/rand/v2"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

// written is one of each kind of message that this package writes, unsigned.
func written() map[string]*etree.Element {
	name := wire.NameID{Value: "ada", Format: wire.NameIDPersistent, NameQualifier: "https://idp.example", SPNameQualifier: "https://sp.example"}
	sp := sampleSP()
	return map[string]*etree.Element{
		"AuthnRequest": wire.AuthnRequest{
			ID: "_1", Issuer: "https://sp.example", Destination: "https://idp.example/saml/sso", IssueInstant: instant(), ACSURL: "https://sp.example/acs",
			ProtocolBinding: string(wire.POST), AttributeIndex: ptr(7), ForceAuthn: true, IsPassive: true,
			NameIDPolicy:          wire.NameIDPolicy{Format: wire.NameIDPersistent, SPNameQualifier: "q", AllowCreate: ptr(false)},
			RequestedAuthnContext: wire.RequestedAuthnContext{Comparison: "minimum", ClassRefs: []string{"urn:a", "urn:b"}},
			Subject:               &wire.NameID{Value: "ada", Format: wire.NameIDEmail},
		}.Element(),
		"LogoutRequest": wire.LogoutRequest{
			ID: "_1", Issuer: "https://idp.example", Destination: "https://sp.example/slo", IssueInstant: instant(), NotOnOrAfter: instant(), NameID: name,
			SessionIndexes: []string{"a", "b"}, Reason: "urn:oasis:names:tc:SAML:2.0:logout:admin",
		}.Element(),
		"LogoutResponse": wire.LogoutResponse{
			ID: "_1", InResponseTo: "_2", Issuer: "https://idp.example", Destination: "https://sp.example/slo", IssueInstant: instant(),
			Status: wire.Status{Code: wire.StatusResponder, SubCode: wire.StatusPartialLogout, Message: "Not every app has answered."},
		}.Element(),
		"SP metadata": sp.Element(),
		"IdP metadata": wire.IdP{
			Entity: sp.Entity, SSO: []wire.Endpoint{{Binding: wire.Redirect, Location: "https://idp.example/saml/sso", Index: -1}},
		}.Element(),
		"Assertion": document(assertionXML),
	}
}

func document(text string) *etree.Element {
	el, err := wire.Parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return el
}

// TestOthersJudgeWhatWeWrite: the schemas of OASIS, and xmlsec1 for each way to
// sign; bare, inside a Response, and in an envelope of SOAP.
func TestOthersJudgeWhatWeWrite(t *testing.T) {
	t.Parallel()
	for alg, s := range signers() {
		for name, el := range written() {
			t.Run(name+" "+alg, func(t *testing.T) {
				wiretest.Valid(t, wire.Serialize(el))
				if wire.Attr(el, "ID") == "" {
					el.CreateAttr("ID", wire.NewID())
				}
				if err := s.Sign(el); err != nil {
					t.Fatal(err)
				}
				wiretest.Judge(t, wire.Serialize(el), s.Certificate)
				switch el.Tag {
				case "LogoutRequest", "LogoutResponse":
					wiretest.Judge(t, wire.SOAPEnvelope(el), s.Certificate)
				case "Assertion":
					wiretest.Judge(t, wire.Serialize(response(t, wire.Status{Code: wire.StatusSuccess}.Element(), el)), s.Certificate)
				}
			})
		}
	}
}

// TestSA23WhatWeEncryptIsValid: in every way; that others open it is tested
// beside Encrypt.
func TestSA23WhatWeEncryptIsValid(t *testing.T) {
	t.Parallel()
	for name, how := range transports() {
		for _, how.Cipher = range ciphers() {
			t.Run(name+" "+how.Cipher, func(t *testing.T) {
				wiretest.Valid(t, wire.Serialize(response(t, wire.Status{Code: wire.StatusSuccess}.Element(), encrypted(t, how))))
			})
		}
	}
}

// FuzzOthersVerifyWhatWeSign: whatever stands in a value, xmlsec1 reads the same
// octets as we signed.
func FuzzOthersVerifyWhatWeSign(f *testing.F) {
	for _, value := range []string{"ada", "]]>", "a & b < c > d", "\r\n\t", `"'`, "é 漢 😀", "\x00\x0b\ufffe", "\xff", " padded ", "&#xD;", strings.Repeat("ü", 500)} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		el := document(assertionXML)
		attribute := el.FindElement("./AttributeStatement/Attribute")
		attribute.ChildElements()[0].SetText(value)
		attribute.CreateAttr("FriendlyName", value)
		if err := fixedSigner().Sign(el); err != nil {
			t.Fatal(err)
		}
		b := wire.Serialize(el)
		wiretest.Signed(t, b, fixedSigner().Certificate)
		again, err := wire.Parse(b)
		if err != nil {
			return // too large to be read here
		}
		if _, err := wire.VerifyElement(again, certs(fixedSigner())); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSA23NoOracleInDecryption: whoever asks with messages of their own making
// learns neither whether the padding was right (CBC), nor whether the key came
// out of its transport (RSA): each gets the same words, and no cause.
func TestSA23NoOracleInDecryption(t *testing.T) {
	t.Parallel()
	said := map[string]string{} // words: what caused them
	refused := func(what string, el *etree.Element) {
		t.Helper()
		_, err := wire.Decrypt(el, decrypter(t, otherSigner()), wire.Decryption{AllowCBC: true})
		wantKind(t, err, wire.ErrDecrypt)
		said[err.Error()] = what
	}
	damaged := func(cipher, path string, damage func([]byte) []byte) *etree.Element {
		el := encrypted(t, wire.Encryption{Cipher: cipher})
		value := el.FindElement(path)
		octets, err := base64.StdEncoding.DecodeString(value.Text())
		if err != nil {
			t.Fatal(err)
		}
		value.SetText(base64.StdEncoding.EncodeToString(damage(octets)))
		return el
	}
	const content, key = "./EncryptedData/CipherData/CipherValue", "//EncryptedKey/CipherData/CipherValue"
	for at := range 16 { // of the last block but one: what they do to the padding
		refused("padding", damaged(wire.AES256CBC, content, func(b []byte) []byte { b[len(b)-32+at] ^= 0x55; return b }))
	}
	for _, cipher := range []string{wire.AES256CBC, wire.AES256GCM} {
		refused("the first block", damaged(cipher, content, func(b []byte) []byte { b[3] ^= 1; return b }))
		refused("the last octet", damaged(cipher, content, func(b []byte) []byte { b[len(b)-1] ^= 1; return b }))
		refused("half a block", damaged(cipher, content, func(b []byte) []byte { return b[:len(b)-7] }))
		refused("two blocks", damaged(cipher, content, func(b []byte) []byte { return b[:32] }))
		refused("the key's first octet", damaged(cipher, key, func(b []byte) []byte { b[0] ^= 1; return b }))
		refused("the key's last octet", damaged(cipher, key, func(b []byte) []byte { b[len(b)-1] ^= 1; return b }))
		refused("a shorter key", damaged(cipher, key, func(b []byte) []byte { return b[:len(b)-1] }))
		refused("a number above the modulus", damaged(cipher, key, func(b []byte) []byte { return bytes.Repeat([]byte{0xff}, len(b)) }))
		for _, size := range []int{0, 1, 16, 24, 31, 33} { // well wrapped, and no key of this cipher
			if size == 32 || size == 16 && cipher == wire.AES128GCM {
				continue
			}
			refused("a key of another size", damaged(cipher, key, func([]byte) []byte { return wrapped(t, make([]byte, size)) }))
		}
		refused("another key", damaged(cipher, key, func([]byte) []byte { return wrapped(t, make([]byte, 32)) }))
	}
	for _, plain := range []string{"", "no XML", "<a/>", `<saml:Assertion`, strings.Replace(assertionXML, "saml:Assertion", "saml:Advice", 2)} {
		refused("well encrypted: "+plain, sealed(t, plain))
	}
	if len(said) != 1 {
		t.Errorf("the words tell them apart: %v", said)
	}
}

// wrapped carries a content key to the other signer by RSA-OAEP-MGF1P.
func wrapped(t testing.TB, key []byte) []byte {
	t.Helper()
	public, ok := otherSigner().Certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		t.Fatal("no RSA key")
	}
	out, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, public, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sealed is an EncryptedAssertion whose content is any text.
func sealed(t testing.TB, plain string) *etree.Element {
	t.Helper()
	el := encrypted(t, wire.Encryption{})
	key := bytes.Repeat([]byte{7}, 32)
	el.FindElement("//EncryptedKey/CipherData/CipherValue").SetText(base64.StdEncoding.EncodeToString(wrapped(t, key)))
	el.FindElement("./EncryptedData/CipherData/CipherValue").SetText(base64.StdEncoding.EncodeToString(gcm(t, key, plain)))
	return el
}

// most is what one message may have us allocate, from its first octet to the
// last word of its refusal or acceptance.
const most = 8 << 20

// TestNoMessageAllocatesMuch: of messages that fill every limit, of bombs, and
// of what the parser is worst at. Nobody has to be known to send one.
func TestNoMessageAllocatesMuch(t *testing.T) {
	for name, xml := range greedy(t) {
		redirect := get(url.Values{"SAMLRequest": {deflated(t, xml)}}.Encode())
		form := post(url.Values{"SAMLRequest": {wire.EncodePOST([]byte(xml))}})
		soap := strings.NewReader(envelope(xml))
		for way, read := range map[string]func() (*wire.Message, error){
			"redirect": func() (*wire.Message, error) { return wire.Decode(redirect, wire.ParamRequest) },
			"POST":     func() (*wire.Message, error) { return wire.Decode(form, wire.ParamRequest) },
			"SOAP":     func() (*wire.Message, error) { return wire.DecodeSOAP(soap) },
		} {
			got := allocated(func() {
				m, err := read()
				if err != nil {
					return
				}
				_, _ = wire.ParseAuthnRequest(m.Root)
				_, _ = wire.ParseLogoutRequest(m.Root)
				_, _ = m.Verify(certs(rsaSigner()))
			})
			t.Logf("%s by %s: %d KiB", name, way, got>>10)
			if got > most {
				t.Errorf("%s by %s: %d bytes", name, way, got)
			}
		}
	}
}

func envelope(xml string) string {
	return `<soap:Envelope xmlns:soap="` + wire.NSSOAP + `"><soap:Body>` + xml + `</soap:Body></soap:Envelope>`
}

// greedy are messages that take as much as they can.
func greedy(t testing.TB) map[string]string {
	t.Helper()
	filled := func(part string, most int) string {
		n := min(most, (wire.MaxMessage*3/4-len(requestXML)-2500)/len(part))
		el := document(strings.Replace(requestXML, "</samlp:AuthnRequest>", "<a>"+strings.Repeat(part, n)+"</a></samlp:AuthnRequest>", 1))
		if err := rsaSigner().Sign(el); err != nil {
			t.Fatal(err)
		}
		return string(wire.Serialize(el))
	}
	attributes := strings.Builder{}
	for i := range 60 {
		fmt.Fprintf(&attributes, ` a%d=""`, i)
	}
	declarations := strings.Builder{}
	for i := range 60 {
		fmt.Fprintf(&declarations, ` xmlns:a%d="x"`, i)
	}
	nested := func(open string, depth int) string {
		return strings.Repeat("<a"+open+">", depth) + strings.Repeat("</a>", depth)
	}
	random := mathrand.New(mathrand.NewPCG(8, 8))
	noise := make([]byte, 60_000)
	for i := range noise {
		noise[i] = "abcdefghijklmnopqrstuvwxyz"[random.IntN(26)]
	}
	return map[string]string{
		"many elements":                 filled("<a></a>", 2950),
		"many attributes":               filled("<a"+attributes.String()+"></a>", 65),
		"many declarations":             filled("<a"+declarations.String()+"></a>", 65),
		"deep, with declarations":       filled(nested(declarations.String(), 55), 1),
		"an attribute for each element": filled(`<a b=""></a>`, 2950),
		"more elements than allowed":    strings.Replace(requestXML, "</samlp:AuthnRequest>", strings.Repeat("<a/>", 40_000)+"</samlp:AuthnRequest>", 1),
		"more attributes than allowed":  "<a>" + strings.Repeat("<a"+attributes.String()+"/>", 500) + "</a>",
		"uncommon names":                "<a>" + strings.Repeat("<é/>", 20_000) + "</a>",
		"one long text":                 filled("<a>"+string(noise)+"</a>", 3),
		"one long attribute":            filled(`<a b="`+string(noise)+`"></a>`, 3),
		"text of references":            filled("<a>"+strings.Repeat("&#38;", 10_000)+"</a>", 3),
		"an inflate bomb":               strings.Repeat(" ", 10<<20),
		"an inflate bomb of elements":   strings.Repeat("<a>", 4<<20),
		"entities":                      `<!DOCTYPE a [<!ENTITY b "` + strings.Repeat("b", 50_000) + `"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;&c;</a>`,
		"processing instructions":       strings.Repeat("<?a?>", 30_000) + "<a/>",
		"signatures inside a signature": filled(`<ds:Signature xmlns:ds="`+wire.NSSignature+`"><ds:SignedInfo><ds:Reference URI="#x"></ds:Reference></ds:SignedInfo></ds:Signature>`, 730),
	}
}

// allocated is what f allocates, garbage included.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
