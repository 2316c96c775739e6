package wire

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"

	"github.com/beevik/etree"
)

// Content encryption algorithms, as in md:EncryptionMethod.
const (
	AES256GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
	AES128GCM = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
	AES256CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
)

const (
	oaepMGF1P = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	oaep11    = "http://www.w3.org/2009/xmlenc11#rsa-oaep"

	mgf1SHA1   = "http://www.w3.org/2009/xmlenc11#mgf1sha1"
	mgf1SHA256 = "http://www.w3.org/2009/xmlenc11#mgf1sha256"

	typeElement = "http://www.w3.org/2001/04/xmlenc#Element"
)

// Encryption says how to encrypt. The zero value is AES-256-GCM with the key
// carried by RSA-OAEP-MGF1P and SHA-1, which every partner can read; SHA-1 is
// harmless there. AES256CBC is for old partners only. Digest may be
// crypto.SHA256 for those that ask for it.
type Encryption struct {
	Cipher string
	Digest crypto.Hash
}

// Encrypt returns the saml:EncryptedAssertion that only the holder of cert's RSA
// key can read. Sign the assertion before. Error: ErrAlgorithm.
func Encrypt(assertion *etree.Element, cert *x509.Certificate, how Encryption) (*etree.Element, error) {
	public, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, refuse(ErrAlgorithm, "the encryption certificate is not RSA")
	}
	if how.Cipher == "" {
		how.Cipher = AES256GCM
	}
	size, err := keySize(how.Cipher)
	if err != nil {
		return nil, err
	}
	key := make([]byte, size)
	rand.Read(key)
	content, err := seal(how.Cipher, key, Serialize(assertion))
	if err != nil {
		return nil, err
	}
	wrapped, digest, err := wrapKey(public, key, how.Digest)
	if err != nil {
		return nil, err
	}

	out := element("saml", NSAssertion, "EncryptedAssertion")
	data := out.CreateElement("xenc:EncryptedData")
	data.CreateAttr("xmlns:xenc", NSEncrypt)
	data.CreateAttr("Type", typeElement)
	data.CreateElement("xenc:EncryptionMethod").CreateAttr("Algorithm", how.Cipher)
	info := data.CreateElement("ds:KeyInfo")
	info.CreateAttr("xmlns:ds", NSSignature)
	encrypted := info.CreateElement("xenc:EncryptedKey")
	transport := encrypted.CreateElement("xenc:EncryptionMethod")
	transport.CreateAttr("Algorithm", oaepMGF1P)
	transport.CreateElement("ds:DigestMethod").CreateAttr("Algorithm", digest)
	whose := encrypted.CreateElement("ds:KeyInfo").CreateElement("ds:X509Data").CreateElement("ds:X509Certificate")
	whose.SetText(base64.StdEncoding.EncodeToString(cert.Raw))
	addCipherValue(encrypted, wrapped)
	addCipherValue(data, content)
	return out, nil
}

func addCipherValue(el *etree.Element, octets []byte) {
	value := el.CreateElement("xenc:CipherData").CreateElement("xenc:CipherValue")
	value.SetText(base64.StdEncoding.EncodeToString(octets))
}

// wrapKey encrypts key by rsa-oaep-mgf1p, whose mask function is SHA-1 whatever
// the digest (XML Encryption §5.5.2).
func wrapKey(public *rsa.PublicKey, key []byte, digest crypto.Hash) (wrapped []byte, uri string, err error) {
	switch digest {
	case 0, crypto.SHA1:
		digest, uri = crypto.SHA1, digestSHA1
	case crypto.SHA256:
		uri = digestSHA256
	default:
		return nil, "", refuse(ErrAlgorithm, "unknown key transport digest")
	}
	opts := &rsa.OAEPOptions{Hash: digest, MGFHash: crypto.SHA1}
	wrapped, err = rsa.EncryptOAEPWithOptions(rand.Reader, public, key, opts)
	return wrapped, uri, err
}

func keySize(algorithm string) (int, error) {
	switch algorithm {
	case AES128GCM:
		return 16, nil
	case AES256GCM, AES256CBC:
		return 32, nil
	}
	return 0, refuse(ErrAlgorithm, "unknown content encryption")
}

// seal returns IV or nonce, then ciphertext.
func seal(algorithm string, key, plain []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if algorithm == AES256CBC {
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
