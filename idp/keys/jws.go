package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/idp"
)

const (
	// maxToken bounds what Verify looks at.
	maxToken = 16 << 10
	// scalarSize is the width of R and S in an ES256 signature, RFC 7518 §3.4.
	scalarSize = 32
)

// header is all that a token of ours says in front. Sign writes nothing else,
// so Verify takes nothing else: crit, jwk, jku, x5c, x5u and b64 are refused
// like any stranger.
type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ,omitempty"`
}

// Sign returns claims, encoded as a JSON object, as a compact JWS (RFC 7515
// §7.1) of the oidc key with this algorithm. The header has alg, kid and,
// unless empty, typ. It answers idp.NotFound for an algorithm without a key.
func (r *Ring) Sign(alg, typ string, claims any) (string, error) {
	return r.signFor(UseOIDC, alg, typ, claims)
}

// SignReceipt does the same with the receipt key.
func (r *Ring) SignReceipt(typ string, claims any) (string, error) {
	return r.signFor(UseReceipt, ES256, typ, claims)
}

func (r *Ring) signFor(use, alg, typ string, claims any) (string, error) {
	k, err := r.Key(use, alg)
	if err != nil {
		return "", err
	}
	head, err := json.Marshal(header{Algorithm: alg, KeyID: k.ID, Type: typ})
	if err != nil {
		return "", fmt.Errorf("encode the header: %w", err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode the claims: %w", err)
	}
	const longestSignature = rsaBits / 8
	token := make([]byte, 0, base64url.EncodedLen(len(head))+base64url.EncodedLen(len(body))+base64url.EncodedLen(longestSignature)+2)
	token = base64url.AppendEncode(token, head)
	token = append(token, '.')
	token = base64url.AppendEncode(token, body)
	signature, err := k.sign(token)
	if err != nil {
		return "", fmt.Errorf("sign with %s: %w", k.ID, err)
	}
	token = append(token, '.')
	return string(base64url.AppendEncode(token, signature)), nil
}

func (k *Key) sign(input []byte) ([]byte, error) {
	digest := sha256.Sum256(input)
	signature, err := k.Signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil || k.Algorithm != ES256 {
		return signature, err
	}
	return fixedWidth(signature)
}

// fixedWidth rewrites an ECDSA signature from ASN.1 (SEC 1 §C.8) to R and S
// side by side (RFC 7518 §3.4).
func fixedWidth(der []byte) ([]byte, error) {
	var r, s []byte
	outer, inner := cryptobyte.String(der), cryptobyte.String(nil)
	if !outer.ReadASN1(&inner, asn1.SEQUENCE) || !inner.ReadASN1Integer(&r) || !inner.ReadASN1Integer(&s) ||
		len(r) > scalarSize || len(s) > scalarSize {
		return nil, errors.New("the signer gave no ECDSA signature")
	}
	out := make([]byte, 2*scalarSize)
	copy(out[scalarSize-len(r):], r)
	copy(out[2*scalarSize-len(s):], s)
	return out, nil
}

// Verify returns the claims, a JSON object, of a JWS that an oidc key of the
// house signed with exactly this typ; "" accepts none and JWT. Anything else
// is idp.Invalid: another or no algorithm, an unknown or retired key, any
// other header, a member named twice (also in another case) at any depth, one
// bit changed, more than 16 KiB. Times, issuer and audience are the caller's
// to judge. idp.Unavailable while it is not known which keys stand.
func (r *Ring) Verify(token, typ string) ([]byte, error) {
	claims, err := r.verify(token, typ)
	switch {
	case idp.IsKind(err, idp.Unavailable):
		return nil, err
	case err != nil:
		return nil, idp.Errorf(idp.Invalid, "This token was not signed here, or was changed on the way.").Because(err)
	}
	return claims, nil
}

func (r *Ring) verify(token, typ string) ([]byte, error) {
	if len(token) > maxToken {
		return nil, errors.New("token too long")
	}
	head, rest, _ := strings.Cut(token, ".")
	body, tail, ok := strings.Cut(rest, ".")
	if !ok || strings.Contains(tail, ".") {
		return nil, errors.New("not three parts")
	}
	k, err := r.keyFor(head, typ)
	if err != nil {
		return nil, err
	}
	signature, err := decodeExact(tail, maxToken)
	if err != nil {
		return nil, fmt.Errorf("decode the signature: %w", err)
	}
	if !k.verified([]byte(token[:len(head)+1+len(body)]), signature) {
		return nil, errors.New("the signature does not match")
	}
	claims, err := decodeExact(body, maxToken)
	if err != nil {
		return nil, fmt.Errorf("decode the claims: %w", err)
	}
	return claims, unambiguous(claims)
}

// keyFor reads the header and returns the key it names.
func (r *Ring) keyFor(part, typ string) (*Key, error) {
	raw, err := decodeExact(part, maxToken)
	if err != nil {
		return nil, fmt.Errorf("decode the header: %w", err)
	}
	h, err := parseHeader(raw)
	if err != nil {
		return nil, err
	}
	if !sameType(h.Type, typ) {
		return nil, fmt.Errorf("typ is %q", clip(h.Type))
	}
	set, err := r.current()
	if err != nil {
		return nil, err
	}
	if set == nil {
		return nil, errors.New("the ring is not loaded")
	}
	k := set.verifies[h.KeyID]
	switch {
	case k == nil:
		return nil, fmt.Errorf("unknown kid %q", clip(h.KeyID))
	case h.Algorithm != k.Algorithm:
		return nil, fmt.Errorf("key %s is for %s, not %q", k.ID, k.Algorithm, clip(h.Algorithm))
	case k.row.Over(r.Now()):
		return nil, fmt.Errorf("key %s has retired", k.ID)
	}
	return k, nil
}

func (k *Key) verified(input, signature []byte) bool {
	return signedBy(k.Signer.Public(), input, signature)
}

func signedBy(public crypto.PublicKey, input, signature []byte) bool {
	digest := sha256.Sum256(input)
	switch public := public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		if len(signature) != 2*scalarSize {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:scalarSize]), new(big.Int).SetBytes(signature[scalarSize:])
		return ecdsa.Verify(public, digest[:], r, s)
	}
	return false
}

// sameType compares media types, RFC 7515 §4.1.9: case says nothing.
func sameType(got, want string) bool {
	if want == "" {
		return got == "" || strings.EqualFold(got, "JWT")
	}
	return strings.EqualFold(got, want)
}

// clip keeps what a stranger wrote short in a log line.
func clip(s string) string { return s[:min(len(s), 40)] }
