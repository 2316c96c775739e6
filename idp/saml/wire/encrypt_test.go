package wire_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

func decrypter(t testing.TB, s *wire.Signer) crypto.Decrypter {
	t.Helper()
	key, ok := s.Key.(crypto.Decrypter)
	if !ok {
		t.Fatal("the key does not decrypt")
	}
	return key
}

func encrypted(t testing.TB, how wire.Encryption) *etree.Element {
	t.Helper()
	el, err := wire.Encrypt(signedAssertion(t, rsaSigner()), otherSigner().Certificate, how)
	if err != nil {
		t.Fatal(err)
	}
	return reparsed(t, el)
}

// ciphers are all that we encrypt with.
func ciphers() []string {
	return []string{"", wire.AES256GCM, wire.AES192GCM, wire.AES128GCM, wire.AES256CBC, wire.AES192CBC, wire.AES128CBC}
}

// transports are all ways of a key. Debian's xmlsec1 1.2.37 has the first alone.
func transports() map[string]wire.Encryption {
	return map[string]wire.Encryption{
		"default":                     {},
		"mgf1p SHA-256":               {Transport: wire.OAEPMGF1P, Digest: crypto.SHA256},
		"rsa-oaep SHA-1":              {Transport: wire.OAEP},
		"rsa-oaep SHA-256 mask SHA-1": {Transport: wire.OAEP, Digest: crypto.SHA256},
		"rsa-oaep SHA-1 mask SHA-256": {Transport: wire.OAEP, Mask: crypto.SHA256},
		"rsa-oaep SHA-256":            {Transport: wire.OAEP, Digest: crypto.SHA256, Mask: crypto.SHA256},
	}
}

// xmlsec1Opens has xmlsec1 decrypt an EncryptedAssertion, and checks that the
// signature in it survives the way through the other implementation.
func xmlsec1Opens(t *testing.T, el *etree.Element) {
	t.Helper()
	opened := mustParse(t, string(wiretest.Decrypt(t, wire.Serialize(response(t, el)), otherSigner().Key)))
	wrapper := wire.Children(opened, wire.NSAssertion, "EncryptedAssertion")[0]
	inner := mustParse(t, string(wire.Serialize(wrapper.ChildElements()[0])))
	if _, err := wire.VerifyElement(inner, certs(rsaSigner())); err != nil {
		t.Fatal(err)
	}
}

func TestXmlsec1DecryptsOurEncryption(t *testing.T) {
	t.Parallel()
	for _, cipher := range ciphers() {
		t.Run(cipher, func(t *testing.T) {
			t.Parallel()
			xmlsec1Opens(t, encrypted(t, wire.Encryption{Cipher: cipher}))
		})
	}
}

// TestOpenSSLOpensEveryTransport: what xmlsec1 cannot unwrap, openssl does by the
// parameters that the message names, and xmlsec1 the rest.
func TestOpenSSLOpensEveryTransport(t *testing.T) {
	t.Parallel()
	hashes := map[string]string{wire.DigestSHA1: "sha1", wire.DigestSHA256: "sha256", wire.MGF1SHA1: "sha1", wire.MGF1SHA256: "sha256", "": "sha1"}
	for name, how := range transports() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			el := encrypted(t, how)
			method, value := el.FindElement("//EncryptedKey/EncryptionMethod"), el.FindElement("//EncryptedKey/CipherData/CipherValue")
			wrapped, err := base64.StdEncoding.DecodeString(value.Text())
			if err != nil {
				t.Fatal(err)
			}
			mask := ""
			if mgf := method.FindElement("./MGF"); mgf != nil {
				mask = wire.Attr(mgf, "Algorithm")
			}
			key, in := files(t, otherSigner(), wrapped)
			secret, err := exec.Command("openssl", "pkeyutl", "-decrypt", "-inkey", key, "-in", in, "-pkeyopt", "rsa_padding_mode:oaep",
				"-pkeyopt", "rsa_oaep_md:"+hashes[wire.Attr(method.FindElement("./DigestMethod"), "Algorithm")],
				"-pkeyopt", "rsa_mgf1_md:"+hashes[mask]).Output()
			if err != nil || len(secret) != 32 {
				t.Fatalf("openssl: %v, %d octets", err, len(secret))
			}
			public, ok := otherSigner().Certificate.PublicKey.(*rsa.PublicKey)
			if !ok {
				t.Fatal("not an RSA key")
			}
			wrapped, err = rsa.EncryptOAEP(sha1.New(), rand.Reader, public, secret, nil)
			if err != nil {
				t.Fatal(err)
			}
			value.SetText(base64.StdEncoding.EncodeToString(wrapped))
			for _, given := range method.ChildElements() {
				method.RemoveChild(given)
			}
			method.CreateAttr("Algorithm", wire.OAEPMGF1P)
			xmlsec1Opens(t, el)
		})
	}
}

func TestSA23EncryptionRoundTrip(t *testing.T) {
	t.Parallel()
	for name, how := range transports() {
		for _, cipher := range ciphers() {
			how.Cipher = cipher
			el := encrypted(t, how)
			opened, err := wire.Decrypt(el, decrypter(t, otherSigner()), wire.Decryption{AllowCBC: true})
			if err != nil {
				t.Fatalf("%s, %s: %v", name, cipher, err)
			}
			if _, err := wire.VerifyElement(opened, certs(rsaSigner())); err != nil {
				t.Fatalf("%s, %s: %v", name, cipher, err)
			}
			_, err = wire.Decrypt(el, decrypter(t, rsaSigner()), wire.Decryption{AllowCBC: true})
			wantKind(t, err, wire.ErrDecrypt)
		}
	}
	text := string(wire.Serialize(encrypted(t, wire.Encryption{})))
	if !strings.Contains(text, wire.AES256GCM) || strings.Contains(text, "ada@example.org") {
		t.Fatalf("default encryption: %s", text)
	}
}

func TestEncryptRefusesWhatNobodyCouldRead(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]wire.Encryption{
		"a cipher":                 {Cipher: "urn:x"},
		"RSA 1.5":                  {Transport: "http://www.w3.org/2001/04/xmlenc#rsa-1_5"},
		"a digest":                 {Digest: crypto.MD5},
		"a mask":                   {Transport: wire.OAEP, Mask: crypto.SHA512},
		"a mask that has no place": {Transport: wire.OAEPMGF1P, Mask: crypto.SHA256},
	} {
		if _, err := wire.Encrypt(mustParse(t, assertionXML), otherSigner().Certificate, how); !errors.Is(err, wire.ErrAlgorithm) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := wire.Encrypt(mustParse(t, assertionXML), ecSigner().Certificate, wire.Encryption{})
	wantKind(t, err, wire.ErrAlgorithm)
}

func TestDecryptRefusesWeakAlgorithms(t *testing.T) {
	t.Parallel()
	const mgf1p = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	for name, change := range map[string][2]string{
		"RSA 1.5":         {mgf1p, "http://www.w3.org/2001/04/xmlenc#rsa-1_5"},
		"3DES":            {wire.AES256GCM, "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"},
		"CBC unasked":     {wire.AES256GCM, wire.AES256CBC},
		"CBC of 128 bits": {wire.AES256GCM, wire.AES128CBC},
		"digest MD5":      {"http://www.w3.org/2000/09/xmldsig#sha1", "http://www.w3.org/2001/04/xmldsig-more#md5"},
		"unknown content": {wire.AES256GCM, "urn:x"},
	} {
		text := strings.Replace(string(wire.Serialize(encrypted(t, wire.Encryption{}))), change[0], change[1], 1)
		_, err := wire.Decrypt(mustParse(t, text), decrypter(t, otherSigner()), wire.Decryption{})
		if err == nil {
			t.Errorf("%s was accepted", name)
			continue
		}
		wantKind(t, err, wire.ErrAlgorithm)
	}
}

func TestDecryptSurvivesShortAndDamagedContent(t *testing.T) {
	t.Parallel()
	for _, cipher := range []string{wire.AES256GCM, wire.AES256CBC} {
		for _, content := range []string{"AA==", "AAAAAAAAAAAAAAAAAAAAAA==", strings.Repeat("AAAA", 11) + "AA==", strings.Repeat("AAAA", 16)} {
			el := encrypted(t, wire.Encryption{Cipher: cipher})
			el.FindElement("./EncryptedData/CipherData/CipherValue").SetText(content)
			_, err := wire.Decrypt(el, decrypter(t, otherSigner()), wire.Decryption{AllowCBC: true})
			wantKind(t, err, wire.ErrDecrypt)
		}
	}
	for _, path := range []string{"//EncryptedKey", "//CipherData", "./EncryptedData/EncryptionMethod", "./EncryptedData", "//EncryptedKey/CipherData/CipherValue"} {
		el := encrypted(t, wire.Encryption{})
		child := el.FindElement(path)
		child.Parent().RemoveChild(child)
		_, err := wire.Decrypt(el, decrypter(t, otherSigner()), wire.Decryption{})
		wantKind(t, err, wire.ErrMalformed)
	}
}

func TestDecryptFindsTheKeyBesideTheData(t *testing.T) {
	t.Parallel()
	el := encrypted(t, wire.Encryption{})
	key := el.FindElement("//EncryptedKey").Copy()
	key.CreateAttr("xmlns:xenc", wire.NSEncrypt)
	key.CreateAttr("xmlns:ds", wire.NSSignature)
	data := el.FindElement("./EncryptedData")
	data.RemoveChild(data.FindElement("./KeyInfo"))
	el.AddChild(key)
	if _, err := wire.Decrypt(reparsed(t, el), decrypter(t, otherSigner()), wire.Decryption{}); err != nil {
		t.Fatal(err)
	}
}

// A peer that names no digest or mask function means SHA-1, and one that names
// another than we know is refused.
func TestDecryptReadsTheTransport(t *testing.T) {
	t.Parallel()
	bare := encrypted(t, wire.Encryption{Transport: wire.OAEP})
	method := bare.FindElement("//EncryptedKey/EncryptionMethod")
	for _, given := range method.ChildElements() {
		method.RemoveChild(given)
	}
	if _, err := wire.Decrypt(bare, decrypter(t, otherSigner()), wire.Decryption{}); err != nil {
		t.Error(err)
	}
	unknown := encrypted(t, wire.Encryption{Transport: wire.OAEP})
	unknown.FindElement("//MGF").CreateAttr("Algorithm", "urn:x")
	_, err := wire.Decrypt(unknown, decrypter(t, otherSigner()), wire.Decryption{})
	wantKind(t, err, wire.ErrAlgorithm)
}
