package password

import (
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // what directories of others were filled with
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// foreign is a hash that another program made, until its person signs in and it
// becomes one of ours.
type foreign interface {
	// matches computes the hash of password, in m where it can, and compares, in
	// constant time.
	matches(m memory, password string) bool
	// String is how it is stored.
	String() string
}

// What a hash of others may cost, so that none makes a sign-in cost many times
// ours. It is refused when it is taken over.
const (
	maxBcryptCost   = 14
	maxIterations   = 2_000_000
	maxForeignPart  = 128 // bytes of salt or key
	leastForeignKey = 16
)

// digests are the hash functions of foreign hashes, by their names there.
func digests(name string) func() hash.Hash {
	switch name {
	case "sha1", "pbkdf2":
		return sha1.New
	case "sha256", "pbkdf2-sha256":
		return sha256.New
	case "sha512", "pbkdf2-sha512":
		return sha512.New
	}
	return nil
}

// bcrypted is a bcrypt hash as it is written everywhere: $2b$12$...
type bcrypted string

func (b bcrypted) matches(_ memory, password string) bool {
	return bcrypt.CompareHashAndPassword([]byte(b), []byte(password[:min(len(password), 72)])) == nil
}

func (b bcrypted) String() string { return string(b) }

func parseBcrypt(s string) (foreign, error) {
	cost, err := bcrypt.Cost([]byte(s))
	switch {
	case err != nil || len(s) != 60:
		return nil, errors.New("this is no bcrypt hash")
	case cost > maxBcryptCost:
		return nil, fmt.Errorf("a bcrypt hash of cost %d is too dear; at most %d", cost, maxBcryptCost)
	}
	return bcrypted(s), nil
}

// derived is PBKDF2 (RFC 8018 §5.2), stored as $pbkdf2-sha256$i=600000$SALT$KEY.
type derived struct {
	name       string
	iterations int
	salt, key  []byte
}

func (d derived) matches(_ memory, password string) bool {
	got, err := pbkdf2.Key(digests(d.name), password, d.salt, d.iterations, len(d.key))
	return err == nil && subtle.ConstantTimeCompare(got, d.key) == 1
}

func (d derived) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$%s$i=%d$%s$%s", d.name, d.iterations, b64(d.salt), b64(d.key))
}

// newDerived checks what is said of a PBKDF2 hash.
func newDerived(name, iterations string, salt, key []byte) (foreign, error) {
	n, err := strconv.Atoi(iterations)
	switch {
	case digests(name) == nil || !strings.HasPrefix(name, "pbkdf2"):
		return nil, fmt.Errorf("%q is not taken over; PBKDF2 with SHA-1, SHA-256 and SHA-512 is", name)
	case err != nil || n < 1 || n > maxIterations:
		return nil, fmt.Errorf("a PBKDF2 hash has 1 to %d iterations here", maxIterations)
	case len(salt) == 0 || len(salt) > maxForeignPart || len(key) < leastForeignKey || len(key) > maxForeignPart:
		return nil, errors.New("salt or key of the PBKDF2 hash is too short or too long")
	}
	return derived{name, n, salt, key}, nil
}

// argoned is argon2i, which is not ours; argon2id of others is read as ours.
type argoned struct{ encoded }

func (a argoned) matches(_ memory, password string) bool {
	got := argon2.Key([]byte(password), a.salt, a.Passes, a.Memory, a.Lanes, uint32(len(a.key)))
	return subtle.ConstantTimeCompare(got, a.key) == 1
}

func (a argoned) String() string {
	return strings.Replace(a.encoded.String(), "$argon2id$", "$argon2i$", 1)
}

// salted is a plain hash of password and salt (RFC 2307's SSHA and its kin),
// stored as $ssha256$SALT and a PHC string: our argon2id of the hash, so that
// it is as dear to guess, and takes as long, as any of ours.
type salted struct {
	name string
	salt []byte
	phc  encoded
}

func (s salted) String() string {
	return "$s" + s.name + "$" + base64.RawStdEncoding.EncodeToString(s.salt) + s.phc.String()
}

func (s salted) matches(m memory, password string) bool {
	got := m.key(s.phc, string(digest(s.name, password, s.salt)))
	return subtle.ConstantTimeCompare(got, s.phc.key) == 1
}

func digest(name, password string, salt []byte) []byte {
	h := digests(name)()
	h.Write([]byte(password))
	h.Write(salt)
	return h.Sum(nil)
}

// parseForeign reads what String writes and nothing else.
func parseForeign(s string) (foreign, error) {
	parts := strings.Split(s, "$")
	if len(s) > maxPHC || len(parts) < 4 || parts[0] != "" {
		return nil, errors.New("the stored hash is of no kind that is known")
	}
	switch kind := parts[1]; {
	case kind == "2a" || kind == "2b" || kind == "2y":
		return parseBcrypt(s)
	case strings.HasPrefix(kind, "pbkdf2") && len(parts) == 5:
		salt, errS := base64.RawStdEncoding.Strict().DecodeString(parts[3])
		key, errK := base64.RawStdEncoding.Strict().DecodeString(parts[4])
		if err := errors.Join(errS, errK); err != nil {
			return nil, err
		}
		return newDerived(kind, strings.TrimPrefix(parts[2], "i="), salt, key)
	case kind == "argon2i":
		e, err := parsePHC(strings.Replace(s, "$argon2i$", "$argon2id$", 1))
		return argoned{e}, err
	case strings.HasPrefix(kind, "ssha") && digests(kind[1:]) != nil:
		salt, errS := base64.RawStdEncoding.Strict().DecodeString(parts[2])
		phc, errP := parsePHC("$" + strings.Join(parts[3:], "$"))
		return salted{kind[1:], salt, phc}, errors.Join(errS, errP)
	}
	return nil, errors.New("the stored hash is of no kind that is known")
}
