package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/idp"
)

// What others may sign with, besides RS256 and ES256 (RFC 7518 §3.1, RFC 8037
// §3.1).
const (
	PS256 = "PS256"
	EdDSA = "EdDSA" // with Ed25519
)

// Bounds of a peer's key set: it is parsed for every signature of theirs.
const (
	maxPeerSet  = 64 << 10
	maxPeerKeys = 20
	minPeerRSA  = 2048
	maxPeerRSA  = 8192
)

// PeerKeys are the public keys of somebody else: of an app that signs.
type PeerKeys struct{ keys []jose.JSONWebKey }

// ParsePeerKeys reads a JWK set (RFC 7517 §5) of at most 20 keys and 64 KiB.
// Keys that sign nothing here (another curve, kty oct without a private half,
// use enc) are passed over. It answers idp.Invalid, in plain words, for a
// private or symmetric key, an RSA key under 2048 bits, and a set without a
// key that could be used.
func ParsePeerKeys(raw []byte) (PeerKeys, error) {
	keys, err := parsePeerKeys(raw)
	if err != nil {
		return PeerKeys{}, idp.Errorf(idp.Invalid, "This is no set of public keys (JWKS): %s.", err)
	}
	return keys, nil
}

// CheckPeerKeys says whether ParsePeerKeys would take it.
func CheckPeerKeys(raw []byte) error {
	_, err := ParsePeerKeys(raw)
	return err
}

func parsePeerKeys(raw []byte) (PeerKeys, error) {
	var keys PeerKeys
	if len(raw) > maxPeerSet {
		return keys, fmt.Errorf("it is longer than %d bytes", maxPeerSet)
	}
	if err := unambiguous(raw); err != nil {
		return keys, errors.New("it is no JSON object, or names a member twice")
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil || set.Keys == nil {
		return keys, errors.New("it has no array keys")
	}
	if len(set.Keys) > maxPeerKeys {
		return keys, fmt.Errorf("it has more than %d keys", maxPeerKeys)
	}
	for i, one := range set.Keys {
		k, use, err := parsePeerKey(one)
		if err != nil {
			return keys, fmt.Errorf("key %d: %w", i+1, err)
		}
		if use {
			keys.keys = append(keys.keys, k)
		}
	}
	if len(keys.keys) == 0 {
		return keys, errors.New("it has no public key for a signature with PS256, RS256, ES256 or EdDSA")
	}
	return keys, nil
}

// parsePeerKey reads one key. use is false for a public key that no signature
// here is made with.
func parsePeerKey(raw []byte) (k jose.JSONWebKey, use bool, err error) {
	var kind struct {
		Type    string          `json:"kty"`
		Private json.RawMessage `json:"d"`
		Secret  json.RawMessage `json:"k"`
	}
	switch err := json.Unmarshal(raw, &kind); {
	case err != nil:
		return k, false, errors.New("it is no JWK")
	case kind.Private != nil || kind.Secret != nil || kind.Type == "oct":
		return k, false, errors.New("it is not the public half alone; whoever has seen it can sign, so make a new one")
	}
	if err := json.Unmarshal(raw, &k); err != nil {
		// A kind or a curve that go-jose does not know is not an error of the
		// set: it may be there for others.
		return k, false, nil
	}
	switch public := k.Key.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < minPeerRSA || bits > maxPeerRSA {
			return k, false, fmt.Errorf("an RSA key has %d to %d bits, this one %d", minPeerRSA, maxPeerRSA, bits)
		}
		use = fits(k.Algorithm, RS256, PS256)
	case *ecdsa.PublicKey:
		use = public.Curve == elliptic.P256() && fits(k.Algorithm, ES256)
	case ed25519.PublicKey:
		use = fits(k.Algorithm, EdDSA)
	}
	return k, use && (k.Use == "" || k.Use == "sig") && k.Valid(), nil
}

func fits(alg string, algs ...string) bool { return alg == "" || slices.Contains(algs, alg) }

// Knows reports whether a key of this kid is there; of no kid, whether there
// is one key alone.
func (k PeerKeys) Knows(kid string) bool {
	return kid == "" && len(k.keys) == 1 || slices.ContainsFunc(k.keys, func(j jose.JSONWebKey) bool { return j.KeyID == kid })
}

// Certificates are those that the keys come with: the first of each x5c
// (RFC 7517 §4.7).
func (k PeerKeys) Certificates() []*x509.Certificate {
	var certs []*x509.Certificate
	for _, j := range k.keys {
		if len(j.Certificates) > 0 {
			certs = append(certs, j.Certificates[0])
		}
	}
	return certs
}

// Verify returns the claims, a JSON object, of a compact JWS that one of the
// keys signed with one of algs. typ is what the header may say as its type,
// besides none and JWT. A signature counts under the algorithm that the header
// names only if the key is made for it, and a header with a key or the address
// of one is refused. Anything else is idp.Invalid: a member named twice at any
// depth, more than 16 KiB. Times, issuer and audience are the caller's.
func (k PeerKeys) Verify(token string, algs []string, typ string) ([]byte, error) {
	claims, err := k.verify(token, algs, typ)
	if err != nil {
		return nil, idp.Errorf(idp.Invalid, "This was not signed with a registered key, or was changed on the way.").Because(err)
	}
	return claims, nil
}

func (k PeerKeys) verify(token string, algs []string, typ string) ([]byte, error) {
	h, err := peerHeader(token, algs)
	switch {
	case err != nil:
		return nil, err
	case h.Key != nil:
		return nil, errors.New("the header brings a key")
	case !sameType(h.Type, "") && !sameType(h.Type, typ):
		return nil, fmt.Errorf("typ is %q", clip(h.Type))
	}
	var fit []jose.JSONWebKey
	for _, j := range k.keys {
		if (h.KeyID == "" || j.KeyID == h.KeyID) && madeFor(j, h.Algorithm) {
			fit = append(fit, j)
		}
	}
	switch {
	case len(fit) == 0:
		return nil, fmt.Errorf("no key %q for %s", clip(h.KeyID), h.Algorithm)
	case h.KeyID == "" && len(fit) > 1: // OIDC Core §10.1: kid is a MUST then
		return nil, errors.New("no kid, and more than one key")
	}
	for _, j := range fit {
		if claims, err := verifiedBy(token, h.Algorithm, j.Key); err == nil {
			return claims, unambiguous(claims)
		}
	}
	return nil, errors.New("the signature does not match")
}

func madeFor(j jose.JSONWebKey, alg string) bool {
	if !fits(j.Algorithm, alg) {
		return false
	}
	switch j.Key.(type) {
	case *rsa.PublicKey:
		return alg == RS256 || alg == PS256
	case *ecdsa.PublicKey:
		return alg == ES256
	case ed25519.PublicKey:
		return alg == EdDSA
	}
	return false
}

// VerifyEmbedded returns the claims of a compact JWS of exactly this typ that
// is signed with the public key in its own header (RFC 9449 §4.2), and the
// thumbprint of that key (RFC 7638, SHA-256, base64url). It proves that whoever
// made it has the key, and nothing about who that is. idp.Invalid otherwise.
func VerifyEmbedded(token string, algs []string, typ string) (claims []byte, thumbprint string, err error) {
	claims, thumbprint, err = verifyEmbedded(token, algs, typ)
	if err != nil {
		return nil, "", idp.Errorf(idp.Invalid, "This is no proof that a key is held.").Because(err)
	}
	return claims, thumbprint, nil
}

func verifyEmbedded(token string, algs []string, typ string) (claims []byte, thumbprint string, err error) {
	h, err := peerHeader(token, algs)
	switch {
	case err != nil:
		return nil, "", err
	case !sameType(h.Type, typ):
		return nil, "", fmt.Errorf("typ is %q", clip(h.Type))
	case h.Key == nil:
		return nil, "", errors.New("the header has no key")
	}
	k, use, err := parsePeerKey(h.Key)
	switch {
	case err != nil:
		return nil, "", err
	case !use || !madeFor(k, h.Algorithm):
		return nil, "", fmt.Errorf("the key is not for %s", h.Algorithm)
	}
	if claims, err = verifiedBy(token, h.Algorithm, k.Key); err != nil {
		return nil, "", err
	}
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, "", err
	}
	return claims, base64url.EncodeToString(sum), unambiguous(claims)
}

func verifiedBy(token, alg string, public any) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	if err != nil {
		return nil, err
	}
	return jws.Verify(public)
}

// foreign is the header of a JWS that somebody else made.
type foreign struct {
	Algorithm string          `json:"alg"`
	KeyID     string          `json:"kid"`
	Type      string          `json:"typ"`
	Key       json.RawMessage `json:"jwk"`
}

// peerHeader reads the header of a compact JWS before anything is computed.
// Members that bring a key, name one elsewhere or change how the rest is read
// are refused, others say nothing (RFC 7515 §4).
func peerHeader(token string, algs []string) (foreign, error) {
	var h foreign
	if len(token) > maxToken {
		return h, errors.New("token too long")
	}
	head, rest, _ := strings.Cut(token, ".")
	if _, tail, ok := strings.Cut(rest, "."); !ok || strings.Contains(tail, ".") {
		return h, errors.New("not three parts")
	}
	raw, err := decodeExact(head, maxToken)
	if err != nil {
		return h, fmt.Errorf("decode the header: %w", err)
	}
	if err := unambiguous(raw); err != nil {
		return h, fmt.Errorf("read the header: %w", err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return h, fmt.Errorf("read the header: %w", err)
	}
	for name := range members {
		if slices.Contains([]string{"crit", "b64", "zip", "enc", "jku", "x5u", "x5c"}, name) {
			return h, fmt.Errorf("header %q refused", clip(name))
		}
	}
	if err := json.Unmarshal(raw, &h); err != nil {
		return h, fmt.Errorf("read the header: %w", err)
	}
	if !slices.Contains(algs, h.Algorithm) {
		return h, fmt.Errorf("alg %q refused", clip(h.Algorithm))
	}
	return h, nil
}

// SubjectOf returns the sub of a JWT that nobody has verified: to know whose
// keys it must be verified with, and for nothing else. "" when there is none.
func SubjectOf(token string) string {
	if len(token) > maxToken {
		return ""
	}
	_, rest, _ := strings.Cut(token, ".")
	body, _, _ := strings.Cut(rest, ".")
	raw, err := decodeExact(body, maxToken)
	if err != nil || unambiguous(raw) != nil {
		return ""
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	if err := json.Unmarshal(raw, &claims); err != nil {
		return ""
	}
	return claims.Subject
}

// AlgorithmOf returns the alg of a JWS that nobody has verified, if it is one that
// others may sign with: to say why it is refused. "" otherwise.
func AlgorithmOf(token string) string {
	h, err := peerHeader(token, []string{RS256, PS256, ES256, EdDSA})
	if err != nil {
		return ""
	}
	return h.Algorithm
}

// KeyIDOf returns the kid of a JWS that nobody has verified: to know whether
// its key has to be fetched. "" when there is none.
func KeyIDOf(token string) string {
	h, err := peerHeader(token, []string{RS256, PS256, ES256, EdDSA})
	if err != nil {
		return ""
	}
	return h.KeyID
}
