package login

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"gatehouse/idp"
)

// made are hashes of a password that other programs make in this very moment.
func made(t *testing.T, password string) map[string]string {
	t.Helper()
	run := func(stdin, name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Stdin = strings.NewReader(stdin)
		var complaint bytes.Buffer
		cmd.Stderr = &complaint
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s (make install puts it there): %v\n%s", name, err, complaint.String())
		}
		return strings.TrimSpace(string(out))
	}
	script := `
import sys, json, base64, os, hashlib, bcrypt
from passlib.hash import pbkdf2_sha1, pbkdf2_sha256, pbkdf2_sha512, django_pbkdf2_sha256, django_pbkdf2_sha1, ldap_salted_sha1, ldap_salted_sha256, ldap_salted_sha512
p = sys.stdin.read()
b = lambda x: base64.b64encode(x).decode()
salt = os.urandom(16)
def keycloak(algorithm, name, n, size):
    return json.dumps({"type": "password", "userLabel": "x", "credentialData": json.dumps({"hashIterations": n, "algorithm": algorithm, "additionalParameters": {}}),
        "secretData": json.dumps({"value": b(hashlib.pbkdf2_hmac(name, p.encode(), salt, n, size)), "salt": b(salt), "additionalParameters": {}})})
crypt = lambda prefix: bcrypt.hashpw(p.encode()[:72], bcrypt.gensalt(5, prefix=b"2b")).decode().replace("$2b$", prefix)
print(json.dumps({
    "bcrypt 2a": crypt("$2a$"), "bcrypt 2b": crypt("$2b$"), "bcrypt 2y": crypt("$2y$"),
    "passlib sha1": pbkdf2_sha1.using(rounds=1000).hash(p), "passlib sha256": pbkdf2_sha256.using(rounds=1000).hash(p), "passlib sha512": pbkdf2_sha512.using(rounds=1000).hash(p),
    "Django": django_pbkdf2_sha256.using(rounds=1000).hash(p), "Django sha1": django_pbkdf2_sha1.using(rounds=1000).hash(p),
    "SSHA": ldap_salted_sha1.hash(p), "SSHA256": ldap_salted_sha256.hash(p), "SSHA512": ldap_salted_sha512.hash(p),
    "Keycloak": keycloak("pbkdf2-sha256", "sha256", 27500, 64), "Keycloak sha512": keycloak("pbkdf2-sha512", "sha512", 2100, 64), "Keycloak old": keycloak("pbkdf2", "sha1", 2000, 64),
}))`
	hashes := map[string]string{}
	if err := json.Unmarshal([]byte(run(password, "/usr/bin/python3", "-c", script)), &hashes); err != nil {
		t.Fatal(err)
	}
	hashes["argon2id"] = run(password, "argon2", "saltsaltsalt", "-id", "-t", "3", "-m", "12", "-p", "2", "-e")
	hashes["argon2i"] = run(password, "argon2", "saltsaltsalt", "-i", "-t", "3", "-m", "12", "-p", "1", "-e")
	for _, kind := range []string{"id", "i"} {
		parts := strings.Split(run(password, "argon2", "saltsaltsaltsalt", "-"+kind, "-t", "5", "-k", "7168", "-p", "1", "-e"), "$")
		padded := func(s string) string { return s + strings.Repeat("=", (4-len(s)%4)%4) }
		hashes["Keycloak argon2"+kind] = `{"credentialData":{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"hashLength":["32"],"memory":["7168"],"type":["` + kind + `"],"version":["1.3"],"parallelism":["1"]}},` +
			`"secretData":{"value":"` + padded(parts[5]) + `","salt":"` + padded(parts[4]) + `"}}`
	}
	return hashes
}

// Whoever had a password elsewhere signs in with it, once by the old hash and
// from then on by ours.
func TestHashesOfOtherProgramsAreTakenOver(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	password := "pässword of before, and more than seventy-two bytes in all that it says"
	n := 0
	for name, hash := range made(t, password) {
		n++
		u := h.user("user"+strings.ToLower(strings.ReplaceAll(name, " ", "-")), "")
		c, err := h.TakeOver(t.Context(), u.ID, hash)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.Data == hash && strings.Contains(name, "SSHA") {
			t.Errorf("%s is stored as it came", name)
		}
		_, err = h.store.Commit(t.Context(), idp.Change{Passwords: []idp.Credential{c}})
		h.ok(err)
		before := h.computed()
		h.is(h.tries(u, "pässword of before"), idp.Unauthenticated)
		if n := h.computed() - before; n != 1 {
			t.Errorf("%s: a wrong password cost %d hashes", name, n)
		}
		h.is(h.tries(u, ""), idp.Unauthenticated)
		if err := h.tries(u, password); err != nil {
			t.Errorf("%s: the right password is refused: %v (stored as %.20s)", name, err, c.Data)
			continue
		}
		stored, err := h.store.Credential(t.Context(), u.ID, idp.CredentialPassword)
		h.ok(err)
		if !strings.HasPrefix(stored.Data, todays) {
			t.Errorf("%s: after the first sign-in it is stored as %.30s", name, stored.Data)
		}
		h.ok(h.tries(u, password))
	}
	if n < 18 {
		t.Errorf("%d kinds of hashes were tried", n)
	}
}

// tries signs in with a password.
func (h *house) tries(u idp.User, password string) error {
	h.Helper()
	in, err := h.Begin(h.Context(), idp.SignIn{}, bind)
	h.ok(err)
	_, err = h.Password(h.Context(), in, u.Username, password)
	return err
}

func TestHashesThatCostTooMuchAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := h.user("anna", "")
	k16, s8 := "MDEyMzQ1Njc4OWFiY2RlZg", "c2FsdHNhbHQ"
	for name, hash := range map[string]string{
		"empty":                  "",
		"clear text":             "correct horse battery",
		"md5":                    "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
		"sha512crypt":            "$6$salt$" + strings.Repeat("a", 86),
		"SHA without salt":       "{SHA}" + k16 + "aaaaaa==",
		"bcrypt of cost 20":      "$2b$20$" + strings.Repeat("a", 53),
		"bcrypt, cut":            "$2b$10$" + strings.Repeat("a", 40),
		"too many iterations":    "$pbkdf2-sha256$2000001$" + s8 + "$" + k16,
		"no iterations":          "$pbkdf2-sha256$0$" + s8 + "$" + k16,
		"iterations below none":  "pbkdf2_sha256$-5$salt$" + k16 + "==",
		"md5 inside":             "$pbkdf2-md5$1000$" + s8 + "$" + k16,
		"a key of one byte":      "$pbkdf2-sha256$1000$" + s8 + "$YQ",
		"a gigabyte":             "$argon2id$v=19$m=1048576,t=2,p=1$" + s8 + "$" + k16,
		"a hundred passes":       "$argon2i$v=19$m=4096,t=100,p=1$" + s8 + "$" + k16,
		"Keycloak, a gigabyte":   `{"credentialData":{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"memory":["1048576"],"type":["id"],"version":["1.3"],"parallelism":["1"]}},"secretData":{"value":"` + k16 + `==","salt":"` + k16 + `=="}}`,
		"Keycloak, nothing":      `{}`,
		"Keycloak, another kind": `{"credentialData":{"hashIterations":5,"algorithm":"scrypt"},"secretData":{"value":"` + k16 + `==","salt":"` + k16 + `=="}}`,
		"a long salt":            "$pbkdf2-sha256$1000$" + strings.Repeat("c2Fs", 60) + "$" + k16,
		"a long text":            "$pbkdf2-sha256$1000$" + strings.Repeat("c2Fs", 1000) + "$" + k16,
	} {
		_, err := h.TakeOver(t.Context(), u.ID, hash)
		if !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%s: %v", name, err)
		} else if len(hash) > 12 && strings.Contains(err.Error(), hash[len(hash)-12:]) {
			t.Errorf("%s: the error repeats the hash: %v", name, err)
		}
	}
}
