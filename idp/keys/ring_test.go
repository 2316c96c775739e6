package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/idp"
	"gatehouse/store/storetest"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// table keeps keys as the store does, and lets a test retire and spoil them.
type table struct {
	mu   sync.Mutex
	rows []idp.SigningKey
}

func (s *table) SigningKeys(context.Context) ([]idp.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.rows), nil
}

func (s *table) CreateSigningKey(_ context.Context, k idp.SigningKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.rows {
		if row.Use == k.Use && row.Algorithm == k.Algorithm && row.RetiredAt.IsZero() {
			return idp.Errorf(idp.Conflict, "there is one")
		}
	}
	s.rows = append(s.rows, k)
	return nil
}

// retire sets RetiredAt of the key with this use and algorithm.
func (s *table) retire(use, alg string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, row := range s.rows {
		if row.Use == use && row.Algorithm == alg && row.RetiredAt.IsZero() {
			s.rows[i].RetiredAt = at
		}
	}
}

func newRing(t testing.TB, store Store) *Ring {
	t.Helper()
	r := &Ring{Store: store, Box: newBox(t, rootKey(1)), Now: func() time.Time { return start }, Subject: "id.example.org"}
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func keyOf(t testing.TB, r *Ring, use, alg string) Key {
	t.Helper()
	k, err := r.Key(use, alg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestLoadMakesTheKeysAHouseNeedsOnce(t *testing.T) {
	t.Parallel()
	store := &table{}
	first := newRing(t, store)
	again := newRing(t, store)
	if len(store.rows) != 5 {
		t.Fatalf("%d keys", len(store.rows))
	}
	for _, k := range wanted() {
		if keyOf(t, first, k.use, k.alg).ID != keyOf(t, again, k.use, k.alg).ID {
			t.Errorf("another %v after the second load", k)
		}
	}
	if _, err := first.Key(UseOIDC, "HS256"); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("a key for HS256: %v", err)
	}
	if _, err := new(Ring).Key(UseOIDC, RS256); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("a key before Load: %v", err)
	}
	for _, row := range store.rows {
		if strings.Contains(row.Sealed, "PRIVATE") || row.Sealed == "" {
			t.Errorf("the private key of %s is not sealed", row.ID)
		}
	}
}

func TestNodesThatStartAtOnceEndWithTheSameKeys(t *testing.T) {
	t.Parallel()
	store := storetest.SQLite(t)
	rings := make([]*Ring, 4)
	var starting sync.WaitGroup
	for i := range rings {
		starting.Go(func() { rings[i] = newRing(t, store) })
	}
	starting.Wait()
	rows, err := store.SigningKeys(t.Context())
	if err != nil || len(rows) != 5 {
		t.Errorf("%d keys in the store, %v", len(rows), err)
	}
	token, err := rings[0].Sign(ES256, "", map[string]any{"sub": "a"})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rings {
		if string(r.JWKS()) != string(rings[0].JWKS()) {
			t.Error("nodes publish different keys")
		}
		if _, err := r.Verify(token, ""); err != nil {
			t.Error(err)
		}
	}
}

func TestSAMLCertificateIsOfTheSAMLKey(t *testing.T) {
	t.Parallel()
	r := newRing(t, &table{})
	k := keyOf(t, r, UseSAML, RS256)
	c := k.Certificate
	if c == nil || c.Subject.CommonName != "id.example.org" || c.IsCA {
		t.Fatalf("certificate %+v", c)
	}
	if err := c.CheckSignature(x509.SHA256WithRSA, c.RawTBSCertificate, c.Signature); err != nil {
		t.Errorf("not self-signed: %v", err)
	}
	if years := c.NotAfter.Sub(start).Hours() / 24 / 365; years < 9.9 || years > 10.1 {
		t.Errorf("valid for %v years", years)
	}
	digest := sha256.Sum256([]byte("x"))
	signature, err := k.Signer.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if rsa.VerifyPKCS1v15(c.PublicKey.(*rsa.PublicKey), crypto.SHA256, digest[:], signature) != nil {
		t.Error("the certificate is of another key")
	}
	if strings.Contains(string(r.JWKS()), k.ID) {
		t.Error("the SAML key is published for OIDC")
	}
}

func TestJWKSIsReadByAForeignLibrary(t *testing.T) {
	t.Parallel()
	r := newRing(t, &table{})
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(r.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 2 || set.Keys[0].Algorithm != RS256 || set.Keys[1].Algorithm != ES256 {
		t.Fatalf("keys %s", r.JWKS())
	}
	for _, k := range set.Keys {
		if !k.IsPublic() || !k.Valid() || k.Use != "sig" || k.KeyID == "" {
			t.Errorf("key %+v", k)
		}
		token, err := r.Sign(k.Algorithm, "JWT", map[string]any{"sub": "a"})
		if err != nil {
			t.Fatal(err)
		}
		jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(k.Algorithm)})
		if err != nil {
			t.Fatal(err)
		}
		if payload, err := jws.Verify(k); err != nil || string(payload) != `{"sub":"a"}` {
			t.Errorf("%s: %s, %v", k.Algorithm, payload, err)
		}
	}
}

func TestJW12RetiredKeyVerifiesDuringItsOverlap(t *testing.T) {
	t.Parallel()
	store := &table{}
	r := newRing(t, store)
	token, err := r.Sign(ES256, "", map[string]any{"sub": "a"})
	if err != nil {
		t.Fatal(err)
	}
	old := keyOf(t, r, UseOIDC, ES256).ID

	store.retire(UseOIDC, ES256, start.Add(time.Hour))
	now := start
	r.Now = func() time.Time { return now }
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if keyOf(t, r, UseOIDC, ES256).ID == old {
		t.Error("a retired key still signs")
	}
	if _, err := r.Verify(token, ""); err != nil {
		t.Errorf("inside the overlap: %v", err)
	}
	if !strings.Contains(string(r.JWKS()), old) || strings.Count(string(r.JWKS()), "kid") != 3 {
		t.Errorf("published inside the overlap: %s", r.JWKS())
	}

	now = start.Add(time.Hour)
	if _, err := r.Verify(token, ""); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("after the overlap: %v", err)
	}
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(r.JWKS()), old) {
		t.Error("published after the overlap")
	}
}

func TestKeysAreBoundToTheirRows(t *testing.T) {
	t.Parallel()
	good := &table{}
	newRing(t, good)
	row := func(use, alg string) *idp.SigningKey {
		for i := range good.rows {
			if good.rows[i].Use == use && good.rows[i].Algorithm == alg {
				return &good.rows[i]
			}
		}
		t.Fatal("no such row")
		return nil
	}
	other := &table{}
	newRing(t, other)
	for name, spoil := range map[string]func(rows []idp.SigningKey, saml, oidc int){
		"private keys swapped": func(rows []idp.SigningKey, saml, oidc int) { rows[oidc].Sealed = rows[saml].Sealed },
		"private key cut":      func(rows []idp.SigningKey, saml, oidc int) { rows[oidc].Sealed = rows[oidc].Sealed[:80] },
		"another algorithm":    func(rows []idp.SigningKey, saml, oidc int) { rows[oidc].Algorithm = ES256 },
		"no certificate":       func(rows []idp.SigningKey, saml, oidc int) { rows[saml].Certificate = "" },
		"foreign certificate": func(rows []idp.SigningKey, saml, oidc int) {
			for _, r := range other.rows {
				if r.Use == UseSAML {
					rows[saml].Certificate = r.Certificate
				}
			}
		},
	} {
		rows := slices.Clone(good.rows)
		saml := slices.Index(rows, *row(UseSAML, RS256))
		oidc := slices.Index(rows, *row(UseOIDC, RS256))
		spoil(rows, saml, oidc)
		r := &Ring{Store: &table{rows: rows}, Box: newBox(t, rootKey(1)), Now: func() time.Time { return start }}
		if err := r.Load(t.Context()); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}

func TestRingOpensUnderARotatedRootKey(t *testing.T) {
	t.Parallel()
	store := &table{}
	token, err := newRing(t, store).Sign(RS256, "", map[string]any{"sub": "a"})
	if err != nil {
		t.Fatal(err)
	}
	r := &Ring{Store: store, Box: newBox(t, rootKey(9), rootKey(1)), Now: func() time.Time { return start }}
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Verify(token, ""); err != nil {
		t.Error(err)
	}
	r.Box = newBox(t, rootKey(9))
	if err := r.Load(t.Context()); err == nil {
		t.Error("loaded without the root key")
	}
}

func BenchmarkSeal(b *testing.B) {
	box, plain := newBox(b, rootKey(1)), make([]byte, 200)
	for b.Loop() {
		box.Seal("code", plain)
	}
}

func BenchmarkOpen(b *testing.B) {
	box := newBox(b, rootKey(1))
	sealed := box.Seal("code", make([]byte, 200))
	for b.Loop() {
		if _, err := box.Open("code", sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	r := newRing(b, &table{})
	claims := map[string]any{"iss": "https://id.example.org", "sub": "usr_abc", "aud": "wiki", "exp": 1, "iat": 2, "auth_time": 3, "nonce": "n", "sid": "s", "amr": []string{"pwd"}, "azp": "wiki"}
	digest := sha256.Sum256([]byte("x"))
	for _, alg := range []string{RS256, ES256} {
		k := keyOf(b, r, UseOIDC, alg)
		b.Run(alg, func(b *testing.B) {
			for b.Loop() {
				if _, err := r.Sign(alg, "JWT", claims); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(alg+"-bare", func(b *testing.B) {
			for b.Loop() {
				var err error
				switch p := k.Signer.(type) {
				case *rsa.PrivateKey:
					_, err = rsa.SignPKCS1v15(nil, p, crypto.SHA256, digest[:])
				case *ecdsa.PrivateKey:
					_, err = ecdsa.SignASN1(nil, p, digest[:])
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	r := newRing(b, &table{})
	for _, alg := range []string{RS256, ES256} {
		token, err := r.Sign(alg, "JWT", map[string]any{"iss": "https://id.example.org", "sub": "usr_abc", "aud": "wiki"})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(alg, func(b *testing.B) {
			for b.Loop() {
				if _, err := r.Verify(token, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
