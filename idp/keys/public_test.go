package keys

import (
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
)

func TestReceiptKeysStandApartAndStay(t *testing.T) {
	t.Parallel()
	store := &table{}
	r := newRing(t, store)
	old := keyOf(t, r, UseReceipt, ES256).ID
	receipt, err := r.SignReceipt("test+jws", map[string]any{"a": 1})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(r.JWKS()), old) {
		t.Error("the receipt key is in the key set of the provider")
	}
	if _, err := r.Verify(receipt, "test+jws"); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("a receipt was taken for a token: %v", err)
	}
	verify := func(token, typ string) error {
		t.Helper()
		set, err := ParseReceiptKeys(r.ReceiptJWKS())
		if err != nil {
			t.Fatal(err)
		}
		claims, kid, err := set.Verify(token, typ)
		if err == nil && (string(claims) != `{"a":1}` || kid == "") {
			t.Errorf("%q signed %s", kid, claims)
		}
		return err
	}
	if err := verify(receipt, "test+jws"); err != nil {
		t.Error(err)
	}
	if err := verify(receipt, "other+jws"); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("another typ: %v", err)
	}
	token, err := r.Sign(ES256, "test+jws", map[string]any{"a": 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(token, "test+jws"); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("a token was taken for a receipt: %v", err)
	}
	if _, err := ParseReceiptKeys([]byte(`{"keys":[{"kty":"RSA","kid":"a"}]}`)); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("a set without a receipt key: %v", err)
	}

	// Long after it was rotated out, an old receipt is verified still.
	store.retire(UseReceipt, ES256, start.Add(-365*24*time.Hour))
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if keyOf(t, r, UseReceipt, ES256).ID == old {
		t.Error("a retired key signs")
	}
	if err := verify(receipt, "test+jws"); err != nil {
		t.Errorf("signed by a key that has retired: %v", err)
	}
	// Revoked is another matter: anybody may have signed it.
	for i := range store.rows {
		if string(store.rows[i].ID) == old {
			store.rows[i].RevokedAt = start
		}
	}
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := verify(receipt, "test+jws"); err == nil || !strings.Contains(err.Error(), "revoked at 2026-03-01") {
		t.Errorf("signed by a key that was revoked: %v", err)
	}
}

// TestOneFlippedByteIsRefused flips every bit of a signed text, one at a time,
// and cuts it at every length.
func TestOneFlippedByteIsRefused(t *testing.T) {
	t.Parallel()
	r := newRing(t, &table{})
	whole, err := r.SignReceipt("test+jws", map[string]any{"some": "claims", "n": 7})
	if err != nil {
		t.Fatal(err)
	}
	set, err := ParseReceiptKeys(r.ReceiptJWKS())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := set.Verify(whole, "test+jws"); err != nil {
		t.Fatal(err)
	}
	for i := range len(whole) {
		if _, _, err := set.Verify(whole[:i], "test+jws"); !idp.IsKind(err, idp.Invalid) {
			t.Fatalf("taken when cut at %d: %v", i, err)
		}
		for bit := range 8 {
			changed := []byte(whole)
			changed[i] ^= 1 << bit
			if _, _, err := set.Verify(string(changed), "test+jws"); !idp.IsKind(err, idp.Invalid) {
				t.Fatalf("taken with bit %d of byte %d flipped: %v", bit, i, err)
			}
		}
	}
}
