package keys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/idp"
)

// maxSet bounds a key set, maxReceipt a signed text: the receipt of a whole app
// has a line for everybody.
const (
	maxSet     = 1 << 20
	maxReceipt = 256 << 20
)

var errRevoked = errors.New("was revoked")

// ReceiptKeys verifies what receipt keys have signed, without a ring, a store
// or a network.
type ReceiptKeys struct{ byID map[string]publicKey }

type publicKey struct {
	*ecdsa.PublicKey
	revokedAt time.Time
}

// ParseReceiptKeys reads a JWK set, or a single JWK, of ES256 keys, each with
// its kid. Keys of other kinds are passed over; none at all is idp.Invalid.
func ParseReceiptKeys(raw []byte) (ReceiptKeys, error) {
	keys, err := parseReceiptKeys(raw)
	if err != nil {
		return ReceiptKeys{}, idp.Errorf(idp.Invalid, "This is no set of receipt keys: %s. Take it from /.well-known/gatehouse-receipts.", err)
	}
	return keys, nil
}

func parseReceiptKeys(raw []byte) (ReceiptKeys, error) {
	if len(raw) > maxSet {
		return ReceiptKeys{}, errors.New("it is too long")
	}
	var set struct {
		Keys []jwk `json:"keys"`
		jwk
	}
	if err := json.Unmarshal(raw, &set); err != nil {
		return ReceiptKeys{}, errors.New("it is no JSON")
	}
	if set.Keys == nil {
		set.Keys = []jwk{set.jwk}
	}
	keys := ReceiptKeys{map[string]publicKey{}}
	for _, j := range set.Keys {
		if j.Type != "EC" || j.Curve != "P-256" || j.Algorithm != "" && j.Algorithm != ES256 || j.ID == "" {
			continue
		}
		x, err := decodeExact(j.X, maxToken)
		if err != nil || len(x) != scalarSize {
			return ReceiptKeys{}, fmt.Errorf("the x of %q is none", clip(j.ID))
		}
		y, err := decodeExact(j.Y, maxToken)
		if err != nil || len(y) != scalarSize {
			return ReceiptKeys{}, fmt.Errorf("the y of %q is none", clip(j.ID))
		}
		point := append(append([]byte{4}, x...), y...) // SEC 1 §2.3.3
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		if err != nil {
			return ReceiptKeys{}, fmt.Errorf("%q is not on its curve", clip(j.ID))
		}
		k := publicKey{PublicKey: public}
		if j.RevokedAt != nil {
			k.revokedAt = *j.RevokedAt
		}
		keys.byID[j.ID] = k
	}
	if len(keys.byID) == 0 {
		return ReceiptKeys{}, errors.New("it has no ES256 key with a kid")
	}
	return keys, nil
}

// Verify returns the claims of a compact JWS that one of the keys signed with
// exactly this typ, and the kid of that key. Anything else that [Ring.Verify]
// would refuse is idp.Invalid, what a revoked key signed idp.Denied; both say
// why.
func (k ReceiptKeys) Verify(token, typ string) (claims []byte, kid string, err error) {
	claims, kid, err = k.verify(token, typ)
	switch {
	case errors.Is(err, errRevoked):
		return nil, "", idp.Errorf(idp.Denied, "It is not proven: %s.", err)
	case err != nil:
		return nil, "", idp.Errorf(idp.Invalid, "It is not proven: %s.", err)
	}
	return claims, kid, nil
}

func (k ReceiptKeys) verify(token, typ string) (claims []byte, kid string, err error) {
	if len(token) > maxReceipt {
		return nil, "", errors.New("it is too long")
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, "", errors.New("it does not have the three parts of a JWS: it was cut short or changed, or is something else")
	}
	raw, err := decodeExact(parts[0], maxToken)
	if err != nil {
		return nil, "", errors.New("its header is not base64url: it was changed")
	}
	h, err := parseHeader(raw)
	if err != nil {
		return nil, "", errors.New("its header is none of ours: it was changed, or is something else")
	}
	key, known := k.byID[h.KeyID]
	switch {
	case h.Algorithm != ES256:
		return nil, "", fmt.Errorf("it says that it is signed by %q, and receipts are signed by ES256", clip(h.Algorithm))
	case h.Type != typ:
		return nil, "", fmt.Errorf("it says that it is %q and not %q", clip(h.Type), typ)
	case !known:
		return nil, "", fmt.Errorf("it says that it is signed by the key %q, which is not among those to verify with", clip(h.KeyID))
	}
	signature, err := decodeExact(parts[2], maxToken)
	if err != nil {
		return nil, "", errors.New("its signature is not base64url: it was cut short or changed")
	}
	if !signedBy(key.PublicKey, []byte(token[:len(parts[0])+1+len(parts[1])]), signature) {
		return nil, "", errors.New("the signature does not match: something was changed, or another key made it")
	}
	if !key.revokedAt.IsZero() {
		return nil, "", fmt.Errorf("it is signed by the key %s, which %w at %s: whoever took the key could have signed the same; compare its hash with the audit log", h.KeyID, errRevoked, key.revokedAt.UTC().Format(time.RFC3339))
	}
	if claims, err = decodeExact(parts[1], maxReceipt); err == nil {
		err = unambiguous(claims)
	}
	if err != nil {
		return nil, "", fmt.Errorf("what is signed cannot be read: %w", err)
	}
	return claims, h.KeyID, nil
}
