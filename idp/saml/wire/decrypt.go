package wire

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"

	"github.com/beevik/etree"
)

// Decryption says what to accept beyond AES-GCM. CBC is not authenticated, so
// that a sender who can ask often may read a message by its padding: allow it
// only for a partner that knows nothing better.
type Decryption struct {
	AllowCBC bool
}

// Decrypt opens a saml:EncryptedAssertion with key, an RSA key, and returns the
// Assertion as a document of its own, parsed by the rules of Parse. What it
// returns is not verified. RSA 1.5 and 3DES are refused with ErrAlgorithm; every
// failure of the cryptography is the same ErrDecrypt and says nothing more.
func Decrypt(encrypted *etree.Element, key crypto.Decrypter, how Decryption) (*etree.Element, error) {
	if !Is(encrypted, NSAssertion, "EncryptedAssertion") {
		return nil, refuse(ErrMalformed, "not an EncryptedAssertion")
	}
	data, err := demand(encrypted, NSEncrypt, "EncryptedData")
	if err != nil {
		return nil, err
	}
	algorithm, err := contentAlgorithm(data, how)
	if err != nil {
		return nil, err
	}
	encryptedKey, err := findKey(encrypted, data)
	if err != nil {
		return nil, err
	}
	transport, err := keyTransport(encryptedKey)
	if err != nil {
		return nil, err
	}
	wrapped, err := cipherValue(encryptedKey)
	if err != nil {
		return nil, err
	}
	content, err := cipherValue(data)
	if err != nil {
		return nil, err
	}
	plain, ok := open(algorithm, key, transport, wrapped, content)
	if !ok {
		return nil, refuse(ErrDecrypt, "wrong key or damaged content")
	}
	assertion, err := Parse(plain)
	if err != nil || !Is(assertion, NSAssertion, "Assertion") {
		return nil, refuse(ErrDecrypt, "wrong key or damaged content")
	}
	return assertion, nil
}

// open unwraps the key and opens the content.
func open(algorithm string, key crypto.Decrypter, transport *rsa.OAEPOptions, wrapped, content []byte) ([]byte, bool) {
	secret, err := key.Decrypt(rand.Reader, wrapped, transport)
	if err != nil {
		return nil, false
	}
	if size, err := keySize(algorithm); err != nil || len(secret) != size {
		return nil, false
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, false
	}
	if isCBC(algorithm) {
		return openCBC(block, content)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, false
	}
	plain, err := aead.Open(nil, nil, content, nil)
	return plain, err == nil
}

// openCBC takes any padding whose last octet is its length (XML Encryption §5.2).
func openCBC(block cipher.Block, content []byte) ([]byte, bool) {
	if len(content) < 2*aes.BlockSize || len(content)%aes.BlockSize != 0 {
		return nil, false
	}
	plain := make([]byte, len(content)-aes.BlockSize)
	cipher.NewCBCDecrypter(block, content[:aes.BlockSize]).CryptBlocks(plain, content[aes.BlockSize:])
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > aes.BlockSize {
		return nil, false
	}
	return plain[:len(plain)-pad], true
}

func contentAlgorithm(data *etree.Element, how Decryption) (string, error) {
	method, err := demand(data, NSEncrypt, "EncryptionMethod")
	if err != nil {
		return "", err
	}
	algorithm := Attr(method, "Algorithm")
	if _, err := keySize(algorithm); err != nil {
		return "", err
	}
	if isCBC(algorithm) && !how.AllowCBC {
		return "", refuse(ErrAlgorithm, "content encryption by CBC")
	}
	return algorithm, nil
}

// findKey finds the EncryptedKey where partners put it: in the KeyInfo of the
// data, or beside the data.
func findKey(encrypted, data *etree.Element) (*etree.Element, error) {
	keys := Children(encrypted, NSEncrypt, "EncryptedKey")
	for _, info := range Children(data, NSSignature, "KeyInfo") {
		keys = append(keys, Children(info, NSEncrypt, "EncryptedKey")...)
	}
	if len(keys) != 1 {
		return nil, refuse(ErrMalformed, "not exactly one EncryptedKey")
	}
	return keys[0], nil
}

// keyTransport reads how the content key was encrypted: OAEP only.
func keyTransport(el *etree.Element) (*rsa.OAEPOptions, error) {
	method, err := demand(el, NSEncrypt, "EncryptionMethod")
	if err != nil {
		return nil, err
	}
	opts := &rsa.OAEPOptions{Hash: crypto.SHA1, MGFHash: crypto.SHA1}
	digest, err := Child(method, NSSignature, "DigestMethod")
	if err != nil {
		return nil, err
	}
	if digest != nil {
		switch Attr(digest, "Algorithm") {
		case DigestSHA1:
		case DigestSHA256:
			opts.Hash = crypto.SHA256
		default:
			return nil, refuse(ErrAlgorithm, "unknown key transport digest")
		}
	}
	switch Attr(method, "Algorithm") {
	case OAEPMGF1P:
		return opts, nil
	case OAEP:
		return opts, readMask(method, opts)
	}
	return nil, refuse(ErrAlgorithm, "the key transport is not RSA-OAEP")
}

// readMask reads the mask function, SHA-1 unless said (XML Encryption 1.1 §5.5.2).
func readMask(method *etree.Element, opts *rsa.OAEPOptions) error {
	mask, err := Child(method, nsEncrypt11, "MGF")
	if err != nil || mask == nil {
		return err
	}
	switch Attr(mask, "Algorithm") {
	case MGF1SHA1:
	case MGF1SHA256:
		opts.MGFHash = crypto.SHA256
	default:
		return refuse(ErrAlgorithm, "unknown mask function")
	}
	return nil
}

func cipherValue(el *etree.Element) ([]byte, error) {
	data, err := demand(el, NSEncrypt, "CipherData")
	if err != nil {
		return nil, err
	}
	value, err := demand(data, NSEncrypt, "CipherValue")
	if err != nil {
		return nil, err
	}
	octets, err := base64Text(value)
	if err != nil {
		return nil, refuse(ErrMalformed, "a CipherValue is empty or not base64")
	}
	return octets, nil
}

// demand is Child for what must be there.
func demand(el *etree.Element, ns, tag string) (*etree.Element, error) {
	child, err := Child(el, ns, tag)
	if err != nil {
		return nil, err
	}
	if child == nil {
		return nil, refuse(ErrMalformed, tag+" is missing")
	}
	return child, nil
}
