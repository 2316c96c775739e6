package login

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"gatehouse/idp"
)

// cutting is a gate at which somebody is suspended who has just used their
// passkey.
type cutting struct {
	Gate
	cut func()
}

func (c *cutting) Prove(ctx context.Context, in idp.SignIn, proof idp.Proof, w idp.Witness, methods ...string) (idp.SignIn, error) {
	c.cut()
	return c.Gate.Prove(ctx, in, proof, w, methods...)
}

// readAnswers is how an answer of a browser is read, in both ceremonies.
func readAnswers(answer string) {
	if len(answer) <= maxResponse {
		_, _ = protocol.ParseCredentialRequestResponseBytes([]byte(answer))
		_, _ = protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	}
}

func TestTheLastWayInStays(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u, first, second := h.user("grace", ""), newDevice(), newDevice()
	a := h.enrol(u, first)
	h.is(h.RemovePasskey(t.Context(), h.own(u), a.ID), idp.Conflict)
	b := h.enrol(u, second)
	h.ok(h.RenamePasskey(t.Context(), h.own(u), b.ID, "  My key \u202e"))
	h.is(h.RenamePasskey(t.Context(), h.own(u), b.ID, " "), idp.Invalid)
	other := h.user("ada", "")
	h.is(h.RenamePasskey(t.Context(), h.own(other), b.ID, "Mine"), idp.NotFound)
	h.is(h.RemovePasskey(t.Context(), h.own(other), b.ID), idp.NotFound)
	h.ok(h.RemovePasskey(t.Context(), h.own(u), a.ID))
	h.is(h.RemovePasskey(t.Context(), h.own(u), a.ID), idp.NotFound)
	h.is(h.RemovePasskey(t.Context(), h.own(u), b.ID), idp.Conflict)
	if _, err := h.touch(second); err != nil {
		t.Errorf("with a new name it does not sign in: %v", err)
	}
	all, err := h.store.Credentials(t.Context(), u.ID)
	h.ok(err)
	mine, err := PasskeysOf(all)
	h.ok(err)
	if len(mine) != 1 || mine[0].Name != "My key" || mine[0].Synced || mine[0].LastUsedAt.IsZero() {
		t.Errorf("left: %+v", mine)
	}
	_, err = h.RemoveCredential(t.Context(), u.ID, b.ID) // an owner may
	h.ok(err)
	h.refused(second, "unknown passkey")
}

// between is a store in which something happens after what somebody has was
// read, once.
type between struct {
	Store
	happens func()
}

func (b *between) Credentials(ctx context.Context, id idp.UserID) ([]idp.Credential, error) {
	all, err := b.Store.Credentials(ctx, id)
	if f := b.happens; f != nil {
		b.happens = nil
		f()
	}
	return all, err
}

func TestTwoRemovalsAtOnceLeaveOne(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u := h.user("grace", "")
	a, b := h.enrol(u, newDevice()), h.enrol(u, newDevice())
	s := h.own(u)
	h.Store = &between{Store: h.Store, happens: func() { h.ok(h.RemovePasskey(t.Context(), s, b.ID)) }}
	h.is(h.RemovePasskey(t.Context(), s, a.ID), idp.Unauthenticated)
	all, err := h.store.Credentials(t.Context(), u.ID)
	h.ok(err)
	if len(all) != 1 || all[0].ID != a.ID {
		t.Errorf("left: %+v", all)
	}
}

func TestNoMoreThanTwenty(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u := h.user("grace", "")
	for range maxPasskeys {
		h.enrol(u, newDevice())
	}
	_, err := h.NewPasskey(t.Context(), h.session(u))
	h.is(err, idp.Invalid)
}

func TestAListOfAuthenticatorsExcludesTheNameless(t *testing.T) {
	t.Parallel()
	const mine = "08987058-cadc-4b81-b6e1-30de50dcbe96"
	h := passkeyHouse(t, func(s *PasskeySettings) { s.Attestation, s.Authenticators = true, []string{mine} })
	u := h.user("grace", "")
	try := func(aaguid [16]byte) error {
		d, s := newDevice(), h.session(u)
		d.Aaguid = aaguid
		c, err := h.NewPasskey(t.Context(), s)
		h.ok(err)
		_, err = h.AddPasskey(t.Context(), s, c.State, d.make(t, c), "")
		return err
	}
	h.is(try([16]byte{}), idp.Invalid)
	h.is(try([16]byte{1}), idp.Invalid)
	h.ok(try([16]byte{0x08, 0x98, 0x70, 0x58, 0xca, 0xdc, 0x4b, 0x81, 0xb6, 0xe1, 0x30, 0xde, 0x50, 0xdc, 0xbe, 0x96}))
	all, err := h.store.Credentials(t.Context(), u.ID)
	h.ok(err)
	if len(all) != 1 || all[0].Name != "Windows Hello" {
		t.Errorf("kept: %+v", all)
	}
}

func TestPasskeySettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url, domain, origin, authenticator string
		ok                                 bool
	}{
		{url: "https://id.example.com", ok: true},
		{url: "https://id.example.com", domain: "example.com", ok: true},
		{url: "https://id.example.com", domain: "com"},
		{url: "https://id.example.co.uk", domain: "co.uk"},
		{url: "https://id.example.com", domain: "d.example.com"},
		{url: "https://id.example.com", domain: "example.org"},
		{url: "http://localhost:8080", ok: true},
		{url: "https://id.example.com", origin: "https://example.de", ok: true},
		{url: "https://id.example.com", origin: "http://example.de"},
		{url: "https://id.example.com", origin: "https://example.de/path"},
		{url: "https://id.example.com", authenticator: "00000000-0000-0000-0000-000000000000"},
		{url: "https://id.example.com", authenticator: "Windows Hello"},
	} {
		u, err := url.Parse(c.url)
		if err != nil {
			t.Fatal(err)
		}
		s := PasskeySettings{URL: u, House: "Gatehouse", Domain: c.domain}
		if c.origin != "" {
			s.Origins = []string{c.origin}
		}
		if c.authenticator != "" {
			s.Authenticators = []string{c.authenticator}
		}
		if _, err := NewPasskeys(s); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for address, want := range map[string]bool{
		"http://localhost:8080": true, "http://id.localhost": true, "https://id.example.com": true,
		"http://127.0.0.1:8080": false, "https://[::1]": false, "https://idp": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := Possible(u); got != want {
			t.Errorf("passkeys at %s: %v", address, fmt.Sprint(got))
		}
	}
}

// TestRT09WhatSignedInByACredentialEndsWithIt: by whoever it is removed, every
// session of the person ends in the same transaction, with a receipt, and their
// browsers are known no more. Nothing is removed where nothing ends.
func TestRT09WhatSignedInByACredentialEndsWithIt(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(h *house, u idp.User, passkey idp.CredentialID) error{
		"a passkey, by the person": func(h *house, u idp.User, passkey idp.CredentialID) error {
			return h.RemovePasskey(h.Context(), h.own(u), passkey)
		},
		"the app, by the person": func(h *house, u idp.User, _ idp.CredentialID) error {
			return h.RemoveOwnFactors(h.Context(), h.own(u))
		},
		"a passkey, by an owner": func(h *house, u idp.User, passkey idp.CredentialID) error {
			_, err := h.RemoveCredential(h.Context(), u.ID, passkey)
			return err
		},
		"the app, by an owner": func(h *house, u idp.User, _ idp.CredentialID) error {
			_, err := h.RemoveSecondFactors(h.Context(), u.ID)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := passkeyHouse(t)
			u := h.user("ada", secret)
			passkey := h.enrol(u, newDevice())
			p, _ := h.sets(u)
			raw, _, err := h.gate.Start(t.Context(), h.full(p), "", "")
			h.ok(err)
			device := h.knownTo(u, "")
			had, err := h.store.Credentials(t.Context(), u.ID)
			h.ok(err)

			gone, cancel := context.WithCancel(t.Context())
			cancel()
			_, err = h.RemoveSecondFactors(gone, u.ID)
			if left, _ := h.store.Credentials(t.Context(), u.ID); err == nil || len(left) != len(had) {
				t.Fatalf("of a removal that failed (%v), %d of %d are left", err, len(left), len(had))
			}

			h.ok(remove(h, u, passkey.ID))
			if left, err := h.store.Credentials(t.Context(), u.ID); err != nil || len(left) >= len(had) {
				t.Errorf("%d of %d are left, %v", len(left), len(had), err)
			}
			_, err = h.gate.Session(t.Context(), raw)
			h.is(err, idp.Unauthenticated)
			_, err = h.gate.KnownDevice(t.Context(), device, u.ID)
			h.is(err, idp.Unauthenticated)
			receipt, err := h.store.LastReceipt(t.Context(), u.ID, idp.EndPasses)
			h.ok(err)
			said := false
			for _, kind := range []string{"passkey.remove", "factor.remove", "credential.remove"} {
				for _, e := range h.events(kind) {
					said = said || e.Detail["receipt"] == string(receipt.ID)
				}
			}
			if !said {
				t.Errorf("no event names the receipt %s", receipt.ID)
			}
		})
	}
}

// TestRT09AStaleSessionRemovesNothing: one that ended after it was looked at.
func TestRT09AStaleSessionRemovesNothing(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u := h.user("ada", secret)
	passkey := h.enrol(u, newDevice())
	s := h.own(u)
	h.Store = &between{Store: h.Store, happens: func() { h.suspend(u) }}
	h.is(h.RemovePasskey(t.Context(), s, passkey.ID), idp.Unauthenticated)
	if left, err := h.store.Credentials(t.Context(), u.ID); err != nil || len(left) != 2 {
		t.Errorf("%d are left, %v", len(left), err)
	}
}

// maker is who builds authenticators, and the certificate of one model of theirs.
type maker struct {
	root *x509.Certificate
	leaf []byte
	key  *ecdsa.PrivateKey
}

func newMaker(t *testing.T) maker {
	t.Helper()
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	about := func(unit, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
			Subject:               pkix.Name{Country: []string{"SE"}, Organization: []string{"Keys"}, OrganizationalUnit: []string{unit}, CommonName: name},
			BasicConstraintsValid: true,
		}
	}
	rootKey, leafKey := key(), key()
	root := about("Root", "Root")
	root.IsCA = true
	der, err := x509.CreateCertificate(rand.Reader, root, root, &rootKey.PublicKey, rootKey)
	if err != nil {
		t.Fatal(err)
	}
	if root, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.CreateCertificate(rand.Reader, about("Authenticator Attestation", "Model"), root, &leafKey.PublicKey, rootKey)
	if err != nil {
		t.Fatal(err)
	}
	return maker{root, leaf, leafKey}
}

// attests has the maker vouch for what an authenticator answered (WebAuthn L3 §8.2).
func (m maker) attests(t *testing.T, answer string) string {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var said struct {
		Response struct {
			ClientDataJSON    protocol.URLEncodedBase64 `json:"clientDataJSON"`
			AttestationObject protocol.URLEncodedBase64 `json:"attestationObject"`
		} `json:"response"`
	}
	must(json.Unmarshal([]byte(answer), &said))
	var object map[string]any
	must(webauthncbor.Unmarshal(said.Response.AttestationObject, &object))
	client := sha256.Sum256(said.Response.ClientDataJSON)
	digest := sha256.Sum256(slices.Concat(object["authData"].([]byte), client[:]))
	signature, err := ecdsa.SignASN1(rand.Reader, m.key, digest[:])
	must(err)
	object["fmt"], object["attStmt"] = "packed", map[string]any{"alg": -7, "sig": signature, "x5c": []any{m.leaf}}
	attested, err := webauthncbor.Marshal(object)
	must(err)
	var whole map[string]any
	must(json.Unmarshal([]byte(answer), &whole))
	whole["response"].(map[string]any)["attestationObject"] = base64.RawURLEncoding.EncodeToString(attested)
	b, err := json.Marshal(whole)
	must(err)
	return string(b)
}

// TestAMakerVouchesForAnAuthenticator, where the house has certificates of makers: one
// that says what it is and has nobody to say so, one of another maker, and one whose
// certificate has run out are not taken.
func TestAMakerVouchesForAnAuthenticator(t *testing.T) {
	t.Parallel()
	known, other := newMaker(t), newMaker(t)
	roots := x509.NewCertPool()
	roots.AddCert(known.root)
	h := passkeyHouse(t, func(s *PasskeySettings) { s.Attestation, s.Roots = true, roots })
	ada := h.user("ada", secret)
	add := func(by func(answer string) string) error {
		s, d := h.own(ada), newDevice()
		c, err := h.NewPasskey(t.Context(), s)
		h.ok(err)
		if !strings.Contains(c.Options, `"attestation":"direct"`) {
			t.Errorf("nobody is asked to attest: %s", c.Options)
		}
		_, err = h.AddPasskey(t.Context(), s, c.State, by(d.make(t, c)), "")
		return err
	}
	for name, by := range map[string]func(string) string{
		"nobody":        func(answer string) string { return answer },
		"another maker": func(answer string) string { return other.attests(t, answer) },
		"a maker with another's certificate": func(answer string) string {
			return maker{known.root, known.leaf, other.key}.attests(t, answer)
		},
	} {
		if err := add(by); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%s vouches: %v", name, err)
		}
	}
	reasons := map[string]int{}
	for _, e := range h.events("passkey.refuse") {
		reasons[e.Detail["reason"]]++
	}
	if reasons[reasonUnvouched] != 2 {
		t.Errorf("refused for %v", reasons)
	}
	h.ok(add(func(answer string) string { return known.attests(t, answer) }))
	if len(h.events("passkey.add")) != 1 {
		t.Error("the one that the maker vouches for is not kept")
	}
	h.clock.pass(80 * 365 * 24 * time.Hour)
	if err := add(func(answer string) string { return known.attests(t, answer) }); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("a certificate that has run out: %v", err)
	}
}
