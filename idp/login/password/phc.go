package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// encoded is a hash as stored: a PHC string,
// $argon2id$v=19$m=19456,t=2,p=1$SALT$KEY.
type encoded struct {
	Cost
	salt, key []byte
}

// What is read is bounded.
const (
	maxPHC  = 512
	minSalt = 8
	minKey  = 16
	maxPart = 64 // bytes of salt or key
)

func (e encoded) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$%s$%s$%s", argon2.Version, e.Cost, b64(e.salt), b64(e.key))
}

// parsePHC reads what String writes and nothing else.
func parsePHC(s string) (encoded, error) {
	parts := strings.Split(s, "$")
	if len(s) > maxPHC || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return encoded{}, errors.New("the stored hash is not argon2id")
	}
	var e encoded
	var errC, errS, errK error
	e.Cost, errC = readCost(parts[3])
	e.salt, errS = part(parts[4], minSalt)
	e.key, errK = part(parts[5], minKey)
	if err := errors.Join(errC, errS, errK); err != nil {
		return encoded{}, fmt.Errorf("read the stored hash: %w", err)
	}
	return e, nil
}

func part(s string, least int) ([]byte, error) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < least || len(b) > maxPart || strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("salt or key is not base64 of the right length")
	}
	return b, nil
}
