package keys

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// jwk is a public key as RFC 7517 §4 and RFC 7518 §6 write it.
type jwk struct {
	Type      string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	N         string `json:"n,omitempty"`
	E         string `json:"e,omitempty"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	// RevokedAt is ours: whoever took the key may have signed anything since.
	RevokedAt *time.Time `json:"gatehouse_revoked_at,omitempty"`
}

// jwks writes the key set, RS256 first: it is what an app without an own
// choice looks for.
func jwks(keys []*Key) ([]byte, error) {
	slices.SortStableFunc(keys, func(a, b *Key) int { return -strings.Compare(a.Algorithm, b.Algorithm) })
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, k := range keys {
		j := jwk{Use: "sig", Algorithm: k.Algorithm, ID: k.ID}
		if !k.row.RevokedAt.IsZero() {
			j.RevokedAt = &k.row.RevokedAt
		}
		switch p := k.Signer.Public().(type) {
		case *rsa.PublicKey:
			j.Type = "RSA"
			j.N = base64url.EncodeToString(p.N.Bytes())
			j.E = base64url.EncodeToString(big.NewInt(int64(p.E)).Bytes())
		case *ecdsa.PublicKey:
			point, err := p.Bytes() // 4, then X and Y of 32 bytes each (SEC 1 §2.3.3)
			if err != nil {
				return nil, fmt.Errorf("write public key %s: %w", k.ID, err)
			}
			j.Type, j.Curve = "EC", "P-256"
			j.X, j.Y = base64url.EncodeToString(point[1:33]), base64url.EncodeToString(point[33:])
		}
		set.Keys = append(set.Keys, j)
	}
	return json.Marshal(set)
}
