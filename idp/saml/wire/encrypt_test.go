package wire_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"gatehouse/idp/saml/wire"
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

func TestSA23EncryptionRoundTrip(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]wire.Encryption{
		"default":      {},
		"AES-128-GCM":  {Cipher: wire.AES128GCM},
		"AES-256-CBC":  {Cipher: wire.AES256CBC},
		"OAEP SHA-256": {Digest: crypto.SHA256},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			el := encrypted(t, how)
			opened, err := wire.Decrypt(el, decrypter(t, otherSigner()), wire.Decryption{AllowCBC: true})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := wire.VerifyElement(opened, certs(rsaSigner())); err != nil {
				t.Fatal(err)
			}
			_, err = wire.Decrypt(el, decrypter(t, rsaSigner()), wire.Decryption{AllowCBC: true})
			wantKind(t, err, wire.ErrDecrypt)
		})
	}
	text := string(wire.Serialize(encrypted(t, wire.Encryption{})))
	if !strings.Contains(text, wire.AES256GCM) || strings.Contains(text, "ada@example.org") {
		t.Fatalf("default encryption: %s", text)
	}
}

func TestDecryptRefusesWeakAlgorithms(t *testing.T) {
	t.Parallel()
	const mgf1p = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	for name, change := range map[string][2]string{
		"RSA 1.5":         {mgf1p, "http://www.w3.org/2001/04/xmlenc#rsa-1_5"},
		"3DES":            {wire.AES256GCM, "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"},
		"CBC unasked":     {wire.AES256GCM, wire.AES256CBC},
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
	_, err := wire.Encrypt(mustParse(t, assertionXML), ecSigner().Certificate, wire.Encryption{})
	wantKind(t, err, wire.ErrAlgorithm)
	_, err = wire.Encrypt(mustParse(t, assertionXML), rsaSigner().Certificate, wire.Encryption{Cipher: "urn:x"})
	wantKind(t, err, wire.ErrAlgorithm)
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

// Peers with XML Encryption 1.1 name the mask function by itself.
func TestDecryptReadsTheMaskFunction(t *testing.T) {
	t.Parallel()
	rewrap := func(mask string, hash crypto.Hash) *etree.Element {
		el := encrypted(t, wire.Encryption{})
		key := el.FindElement("//EncryptedKey")
		value := key.FindElement("./CipherData/CipherValue")
		wrapped, err := base64.StdEncoding.DecodeString(value.Text())
		if err != nil {
			t.Fatal(err)
		}
		secret, err := decrypter(t, otherSigner()).Decrypt(nil, wrapped, &rsa.OAEPOptions{Hash: crypto.SHA1})
		if err != nil {
			t.Fatal(err)
		}
		public, ok := otherSigner().Certificate.PublicKey.(*rsa.PublicKey)
		if !ok {
			t.Fatal("not an RSA key")
		}
		wrapped, err = rsa.EncryptOAEPWithOptions(rand.Reader, public, secret, &rsa.OAEPOptions{Hash: crypto.SHA256, MGFHash: hash})
		if err != nil {
			t.Fatal(err)
		}
		value.SetText(base64.StdEncoding.EncodeToString(wrapped))
		method := key.FindElement("./EncryptionMethod")
		method.CreateAttr("Algorithm", "http://www.w3.org/2009/xmlenc11#rsa-oaep")
		method.FindElement("./DigestMethod").CreateAttr("Algorithm", "http://www.w3.org/2001/04/xmlenc#sha256")
		if mask != "" {
			mgf := method.CreateElement("xenc11:MGF")
			mgf.CreateAttr("xmlns:xenc11", "http://www.w3.org/2009/xmlenc11#")
			mgf.CreateAttr("Algorithm", mask)
		}
		return reparsed(t, el)
	}
	for mask, hash := range map[string]crypto.Hash{
		"": crypto.SHA1,
		"http://www.w3.org/2009/xmlenc11#mgf1sha1":   crypto.SHA1,
		"http://www.w3.org/2009/xmlenc11#mgf1sha256": crypto.SHA256,
	} {
		if _, err := wire.Decrypt(rewrap(mask, hash), decrypter(t, otherSigner()), wire.Decryption{}); err != nil {
			t.Errorf("mask %q: %v", mask, err)
		}
	}
	_, err := wire.Decrypt(rewrap("urn:x", crypto.SHA1), decrypter(t, otherSigner()), wire.Decryption{})
	wantKind(t, err, wire.ErrAlgorithm)
}
