package password

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// maxTaken bounds what is read of a hash of others, in bytes.
const maxTaken = 2048

// TakeOver reads a hash that another program made, and returns it as it is kept until
// its person signs in: argon2id or argon2i in PHC form, bcrypt, PBKDF2 as passlib
// ($pbkdf2-sha256$...), Django (pbkdf2_sha256$...) and Keycloak (the credential
// as JSON, with argon2 too) write it, and {SSHA}, {SSHA256}, {SSHA512}. Its error says
// why the hash cannot be read or would cost too much to check, and does not repeat it;
// idp.Unavailable as [Hasher.Hash] has it.
func (h *Hasher) TakeOver(ctx context.Context, s string) (stored string, err error) {
	if len(s) > maxTaken {
		return "", errors.New("it is too long")
	}
	if strings.HasPrefix(s, "{S") {
		return h.takeSalted(ctx, s)
	}
	if strings.HasPrefix(s, "$argon2id$") {
		e, err := parsePHC(s)
		return e.String(), err
	}
	f, err := readForeign(s)
	if err != nil {
		return "", err
	}
	if stored := f.String(); len(stored) <= maxPHC {
		return stored, nil
	}
	return "", errors.New("it is too long")
}

// readForeign reads a hash as other programs write it.
func readForeign(s string) (foreign, error) {
	parts := strings.Split(s, "$")
	switch {
	case strings.HasPrefix(s, "{"):
		return readKeycloak(s)
	case strings.HasPrefix(s, "pbkdf2_") && len(parts) == 4: // Django
		key, err := base64.StdEncoding.DecodeString(parts[3])
		if err != nil {
			return nil, errors.New("its key is no base64")
		}
		name := strings.Replace(parts[0], "_", "-", 1)
		if name == "pbkdf2-sha1" {
			name = "pbkdf2"
		}
		return newDerived(name, parts[1], []byte(parts[2]), key)
	case strings.HasPrefix(s, "$pbkdf2") && len(parts) == 5: // passlib: base64 with a dot for the plus
		salt, errS := base64.RawStdEncoding.DecodeString(strings.ReplaceAll(parts[3], ".", "+"))
		key, errK := base64.RawStdEncoding.DecodeString(strings.ReplaceAll(parts[4], ".", "+"))
		if errS != nil || errK != nil {
			return nil, errors.New("its salt or key is no base64")
		}
		return newDerived(parts[1], strings.TrimPrefix(parts[2], "i="), salt, key)
	}
	return parseForeign(s)
}

// takeSalted reads {SSHA} and its kin: base64 of the hash with its salt behind it.
func (h *Hasher) takeSalted(ctx context.Context, s string) (string, error) {
	scheme, text, _ := strings.Cut(s[1:], "}")
	name := map[string]string{"SSHA": "sha1", "SSHA256": "sha256", "SSHA512": "sha512"}[strings.ToUpper(scheme)]
	raw, err := base64.StdEncoding.DecodeString(text)
	if name == "" || err != nil {
		return "", errors.New("of plain hashes, {SSHA}, {SSHA256} and {SSHA512} are taken")
	}
	size := digests(name)().Size()
	if len(raw) <= size || len(raw) > size+maxForeignPart {
		return "", errors.New("its salt is missing or too long")
	}
	phc, err := h.Hash(ctx, string(raw[:size]))
	if err != nil {
		return "", err
	}
	e, err := parsePHC(phc)
	return salted{name, raw[size:], e}.String(), err
}

// keycloak is a credential as Keycloak exports it: two JSON texts, or objects.
type keycloak struct {
	Credential nested `json:"credentialData"`
	Secret     nested `json:"secretData"`
}

type nested json.RawMessage

// UnmarshalJSON takes an object, or a string that holds one.
func (n *nested) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		b = []byte(text)
	}
	*n = append((*n)[:0], b...)
	return nil
}

func readKeycloak(s string) (foreign, error) {
	var k keycloak
	var how struct {
		Iterations int                 `json:"hashIterations"`
		Algorithm  string              `json:"algorithm"`
		More       map[string][]string `json:"additionalParameters"`
	}
	var secret struct {
		Value, Salt []byte
	}
	if json.Unmarshal([]byte(s), &k) != nil || json.Unmarshal(k.Credential, &how) != nil || json.Unmarshal(k.Secret, &secret) != nil {
		return nil, errors.New("it is no credential of Keycloak: an object with credentialData and secretData")
	}
	if how.Algorithm != "argon2" {
		return newDerived(how.Algorithm, strconv.Itoa(how.Iterations), secret.Salt, secret.Value)
	}
	said := func(name string) string {
		if v := how.More[name]; len(v) == 1 {
			return v[0]
		}
		return ""
	}
	if v := said("version"); v != "1.3" {
		return nil, errors.New("of argon2, version 1.3 is taken")
	}
	kind := map[string]string{"id": "argon2id", "i": "argon2i"}[said("type")]
	b64 := base64.RawStdEncoding.EncodeToString
	phc := "$" + kind + "$v=" + strconv.Itoa(argon2.Version) + "$m=" + said("memory") + ",t=" + strconv.Itoa(how.Iterations) + ",p=" + said("parallelism") +
		"$" + b64(secret.Salt) + "$" + b64(secret.Value)
	if kind == "argon2id" {
		e, err := parsePHC(phc)
		return ours{e}, err
	}
	return parseForeign(phc)
}

// ours is argon2id, in another program's dress.
type ours struct{ encoded }

func (ours) matches(memory, string) bool { return false } // it is checked as any of ours
