package e2e

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
)

// forger holds the key of a passkey that Chromium has made, and answers with it as no
// browser would.
type forger struct {
	key    crypto.Signer
	hash   crypto.Hash
	id     []byte
	handle []byte
	count  uint32
}

// forgerOf takes the key out of the browser's authenticator.
func forgerOf(t testing.TB, c *webauthn.Credential) *forger {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	hash := crypto.SHA256
	if _, ok := key.(ed25519.PrivateKey); ok {
		hash = 0 // RFC 8032: it hashes by itself
	}
	return &forger{key.(crypto.Signer), hash, c.CredentialID, c.UserHandle, uint32(c.SignCount)}
}

// forged is what an answer says: honest, but for what a test changes.
type forged struct {
	origin, party, kind string
	challenge           string
	flags               byte
	handle              []byte
}

const present, verified = 0x01, 0x04 // WebAuthn L3 §6.1

// response is the answer as a browser would send it (WebAuthn L3 §5.5).
func (f *forger) response(t testing.TB, said forged) string {
	t.Helper()
	f.count++
	client, err := json.Marshal(map[string]any{"type": said.kind, "challenge": said.challenge, "origin": said.origin, "crossOrigin": false})
	if err != nil {
		t.Fatal(err)
	}
	party, hashed := sha256.Sum256([]byte(said.party)), sha256.Sum256(client)
	data := append(slices.Clone(party[:]), said.flags, byte(f.count>>24), byte(f.count>>16), byte(f.count>>8), byte(f.count))
	signature, err := crypto.SignMessage(f.key, rand.Reader, slices.Concat(data, hashed[:]), f.hash)
	if err != nil {
		t.Fatal(err)
	}
	based := base64.RawURLEncoding.EncodeToString
	b, err := json.Marshal(map[string]any{
		"id": based(f.id), "rawId": based(f.id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]string{"clientDataJSON": based(client), "authenticatorData": based(data), "signature": based(signature), "userHandle": based(said.handle)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var challengeOn = regexp.MustCompile(`"challenge":"([^"]+)"`)

// forgeries is WA-01, WA-02, WA-03, WA-04 and WA-05 over HTTP: of what is signed by a
// true passkey, only the honest signs in; each try begins at one node and ends at the
// other.
func (f *forger) forgeries(t *testing.T, issuer string, addrs []string) {
	turn := 0
	node := func(path string) string {
		turn++
		return "http://" + addrs[turn%2] + path
	}
	try := func(change func(*forged)) *answer {
		t.Helper()
		v := newVisitor(t)
		page := v.get(t, node("/signin"))
		page = v.get(t, node(page.location(t).RequestURI()))
		form := formTo(t, page, "/passkey")
		m := challengeOn.FindStringSubmatch(html.UnescapeString(page.Body))
		if m == nil {
			t.Fatalf("no challenge on the page:\n%s", page.Body)
		}
		said := forged{origin: issuer, party: "localhost", kind: "webauthn.get", challenge: m[1], flags: present | verified, handle: f.handle}
		change(&said)
		form.fields.Set("response", f.response(t, said))
		return v.postForm(t, node(form.action), form.fields)
	}
	honest := func(*forged) {}
	signsIn := func(got *answer) bool { return got.Status == http.StatusSeeOther }
	if got := try(honest); !signsIn(got) {
		t.Fatalf("what is honest answered %d\n%s", got.Status, got.Body)
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(issuer, "http://"), ":")
	var first string
	for number, changes := range map[string][]func(*forged){
		"WA-01": {
			func(s *forged) { s.origin = "https://evil.example" }, func(s *forged) { s.origin = "https://localhost:" + port }, func(s *forged) { s.origin = "http://localhost:1" },
			func(s *forged) { s.origin = "http://sub.localhost:" + port }, func(s *forged) { s.origin = "http://xn--loclhost-9za:" + port }, func(s *forged) { s.origin = issuer + ".evil.example" },
			func(s *forged) { s.origin = "null" }, func(s *forged) { s.origin = "" },
		},
		"WA-02": {
			func(s *forged) { s.party = "evil.example" }, func(s *forged) { s.party = "sub.localhost" }, func(s *forged) { s.party = "" }, func(s *forged) { s.party = issuer },
		},
		"WA-03": {
			func(s *forged) { s.challenge = base64.RawURLEncoding.EncodeToString(make([]byte, 32)) }, func(s *forged) { s.challenge = "" }, func(s *forged) { s.kind = "webauthn.create" },
		},
		"WA-04": {func(s *forged) { s.flags = present }, func(s *forged) { s.flags = verified }, func(s *forged) { s.flags = 0 }},
		"WA-05": {func(s *forged) { s.handle = make([]byte, 64) }, func(s *forged) { s.handle = nil }},
	} {
		for i, change := range changes {
			got := try(change)
			words := "This passkey does not sign you in here. Try it once more, or use your password."
			if got.Status != http.StatusUnauthorized || !strings.Contains(got.Body, words) || slices.ContainsFunc(got.Header.Values("Set-Cookie"), func(c string) bool { return strings.HasPrefix(c, "gatehouse=") }) {
				t.Errorf("%s, %d: answered %d", number, i, got.Status)
			}
			seen := plain(got, "ada")
			if first == "" {
				first = seen
			}
			if d := differ(seen, first); d != "" {
				t.Errorf("%s, %d is told apart: %s", number, i, d)
			}
		}
	}
	if got := try(honest); !signsIn(got) {
		t.Errorf("after all that, what is honest answered %d", got.Status)
	}
}
