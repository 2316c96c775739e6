package wire

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"

	"github.com/beevik/etree"
)

// Content encryption algorithms, as in md:EncryptionMethod. CBC is for partners
// that know nothing better.
const (
	AES256GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
	AES192GCM = "http://www.w3.org/2009/xmlenc11#aes192-gcm"
	AES128GCM = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
	AES256CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
	AES192CBC = "http://www.w3.org/2001/04/xmlenc#aes192-cbc"
	AES128CBC = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
)

// Key transport algorithms, and what they are given: a digest, and OAEP a mask
// function, which is MGF1 with SHA-1 by definition in OAEPMGF1P (XML Encryption
// 1.1 §5.5.2).
const (
	OAEPMGF1P = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	OAEP      = "http://www.w3.org/2009/xmlenc11#rsa-oaep"

	DigestSHA1   = "http://www.w3.org/2000/09/xmldsig#sha1"
	DigestSHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
	MGF1SHA1     = "http://www.w3.org/2009/xmlenc11#mgf1sha1"
	MGF1SHA256   = "http://www.w3.org/2009/xmlenc11#mgf1sha256"

	typeElement = "http://www.w3.org/2001/04/xmlenc#Element"
)

// Encryption says how to encrypt. The zero value is AES-256-GCM with the key
// carried by RSA-OAEP-MGF1P and SHA-1, which every partner can read; SHA-1 is
// harmless there. Digest may be crypto.SHA256 for those that ask for it, and Mask
// too where Transport is OAEP.
type Encryption struct {
	Cipher    string
	Transport string
	Digest    crypto.Hash
	Mask      crypto.Hash
}

// Encrypt returns the saml:EncryptedAssertion that only the holder of cert's RSA
// key can read. Sign the assertion before. Error: ErrAlgorithm.
func Encrypt(assertion *etree.Element, cert *x509.Certificate, how Encryption) (*etree.Element, error) {
	public, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, refuse(ErrAlgorithm, "the encryption certificate is not RSA")
	}
	how.Cipher, how.Transport = cmp.Or(how.Cipher, AES256GCM), cmp.Or(how.Transport, OAEPMGF1P)
	size, err := keySize(how.Cipher)
	if err != nil {
		return nil, err
	}
	transport, err := how.transport()
	if err != nil {
		return nil, err
	}
	key := make([]byte, size)
	rand.Read(key)
	content, err := seal(how.Cipher, key, Serialize(assertion))
	if err != nil {
		return nil, err
	}
	wrapped, err := how.wrapKey(public, key)
	if err != nil {
		return nil, err
	}

	out := element("saml", NSAssertion, "EncryptedAssertion")
	data := out.CreateElement("xenc:EncryptedData")
	data.CreateAttr("xmlns:xenc", NSEncrypt)
	data.CreateAttr("Type", typeElement)
	algorithm(data, "xenc:EncryptionMethod", how.Cipher)
	info := data.CreateElement("ds:KeyInfo")
	info.CreateAttr("xmlns:ds", NSSignature)
	encrypted := info.CreateElement("xenc:EncryptedKey")
	encrypted.AddChild(transport)
	whose := encrypted.CreateElement("ds:KeyInfo").CreateElement("ds:X509Data").CreateElement("ds:X509Certificate")
	whose.SetText(base64.StdEncoding.EncodeToString(cert.Raw))
	addCipherValue(encrypted, wrapped)
	addCipherValue(data, content)
	return out, nil
}

// transport is the xenc:EncryptionMethod of the key.
func (how Encryption) transport() (*etree.Element, error) {
	el := etree.NewElement("xenc:EncryptionMethod")
	el.CreateAttr("Algorithm", how.Transport)
	switch how.Digest {
	case 0, crypto.SHA1:
		algorithm(el, "ds:DigestMethod", DigestSHA1)
	case crypto.SHA256:
		algorithm(el, "ds:DigestMethod", DigestSHA256)
	default:
		return nil, refuse(ErrAlgorithm, "unknown key transport digest")
	}
	mask := MGF1SHA1
	switch {
	case how.Mask == crypto.SHA256 && how.Transport == OAEP:
		mask = MGF1SHA256
	case how.Mask != 0 && how.Mask != crypto.SHA1:
		return nil, refuse(ErrAlgorithm, "unknown mask function")
	}
	switch how.Transport {
	case OAEP:
		algorithm(el, "xenc11:MGF", mask).CreateAttr("xmlns:xenc11", nsEncrypt11)
	case OAEPMGF1P:
	default:
		return nil, refuse(ErrAlgorithm, "unknown key transport")
	}
	return el, nil
}

func addCipherValue(el *etree.Element, octets []byte) {
	value := el.CreateElement("xenc:CipherData").CreateElement("xenc:CipherValue")
	value.SetText(base64.StdEncoding.EncodeToString(octets))
}

func (how Encryption) wrapKey(public *rsa.PublicKey, key []byte) ([]byte, error) {
	return rsa.EncryptOAEPWithOptions(rand.Reader, public, key, &rsa.OAEPOptions{
		Hash: cmp.Or(how.Digest, crypto.SHA1), MGFHash: cmp.Or(how.Mask, crypto.SHA1),
	})
}

func keySize(algorithm string) (int, error) {
	switch algorithm {
	case AES128GCM, AES128CBC:
		return 16, nil
	case AES192GCM, AES192CBC:
		return 24, nil
	case AES256GCM, AES256CBC:
		return 32, nil
	}
	return 0, refuse(ErrAlgorithm, "unknown content encryption")
}

func isCBC(algorithm string) bool {
	return algorithm == AES128CBC || algorithm == AES192CBC || algorithm == AES256CBC
}

// seal returns IV or nonce, then ciphertext.
func seal(algorithm string, key, plain []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if isCBC(algorithm) {
		pad := aes.BlockSize - len(plain)%aes.BlockSize
		plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
		out := make([]byte, aes.BlockSize+len(plain))
		rand.Read(out[:aes.BlockSize])
		cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], plain)
		return out, nil
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, plain, nil), nil
}
