package saas

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// secretLen is the length of a secret as text.
const secretLen = 43

// newSecret returns 256 random bits, safe in a URL, a cookie and an unescaped RelayState.
func newSecret() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails: crypto/rand ends the process instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// digest is how secrets are kept and looked up: a map key that gives nothing away by its timing.
func digest(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }
