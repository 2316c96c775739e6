package saml

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"gatehouse/idp"
)

// transient names a person to one app during one session (SAML Core §8.3.8). It
// is the same in every answer of that session: the app sees by the SessionIndex
// that they belong together anyway, and a logout then names whatever it was
// told. It is the session's ID, enciphered for that app alone: nobody else can
// tell anything by it.
func transient(salt []byte, s idp.SessionID, app idp.AppID) string {
	raw, ok := s.Bytes()
	if !ok {
		raw = [16]byte(sum([]byte(s), "session")) // none of ours
	}
	transientCipher(salt, app).Encrypt(raw[:], raw[:])
	return "_" + base64.RawURLEncoding.EncodeToString(raw[:])
}

// transientCipher permutes IDs under a key of the app's own.
func transientCipher(salt []byte, app idp.AppID) cipher.Block {
	block, err := aes.NewCipher(sum(salt, "transient|"+string(app)))
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	return block
}

func sum(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
