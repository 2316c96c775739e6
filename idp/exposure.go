package idp

import "time"

// Basis is what bounds how long access to an app can outlive a suspension.
type Basis string

const (
	BasisClosed        Basis = "closed"         // nothing is open there
	BasisLever         Basis = "lever"          // the app is told, and has taken it so far
	BasisAssertion     Basis = "assertion"      // SessionNotOnOrAfter of the newest assertion (saml-core §2.7.2)
	BasisSessionExpiry Basis = "session_expiry" // the claim of that name, in an app that honours it
	BasisJWT           Basis = "jwt"            // the exp of its newest JWT access token (RFC 9068), which it need not ask us about
	BasisNothing       Basis = "nothing"        // nothing that we know of
)

// Exposure is the worst case of one person in one app: how long access can
// last if they are suspended now, and what says so.
type Exposure struct {
	UserID UserID
	AppID  AppID
	Basis  Basis
	Lever  Lever // the one that reaches the app, if any does
	// Within is how long, from now; without meaning for BasisNothing.
	Within time.Duration
	// Verified: the app will be asked for evidence.
	Verified bool
	// Distrusted: a lever reaches the app, but the app did not take its last
	// message: it is not counted on.
	Distrusted bool
}

// Bounded reports whether access surely ends within that time.
func (e Exposure) Bounded(within time.Duration) bool {
	return e.Basis != BasisNothing && e.Within <= within
}

// Worse reports whether e lasts longer than o.
func (e Exposure) Worse(o Exposure) bool {
	if e.Basis == BasisNothing || o.Basis == BasisNothing {
		return e.Basis == BasisNothing && o.Basis != BasisNothing
	}
	return e.Within > o.Within
}
