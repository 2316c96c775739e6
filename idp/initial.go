package idp

import "time"

// InitialTokenID names an initial access token.
type InitialTokenID string

// NewInitialTokenID returns a fresh ID.
func NewInitialTokenID() InitialTokenID { return InitialTokenID(newID("iat")) }

// InitialToken lets whoever holds it register apps (RFC 7591 §1.2, an initial
// access token). It is a pass of the owner who made it. Only the hash of its
// secret is stored.
type InitialToken struct {
	ID InitialTokenID
	Proof
	Name      string
	Uses      int // that are left
	CreatedAt time.Time
	ExpiresAt time.Time
	RevokedAt time.Time // zero: not revoked
}
