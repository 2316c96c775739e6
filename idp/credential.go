package idp

import "time"

// Credential is the stored thing a factor is checked against. It is no pass: it
// outlives an ending, and works again once its user is restored.
type Credential struct {
	ID     CredentialID
	UserID UserID
	Kind   CredentialKind
	// Name is what the person calls it; empty where there is one of its kind.
	Name string
	// Lookup finds the credential before anybody is known, and is unique within
	// its kind: of a passkey, the credential ID in base64url (WebAuthn L3 §4).
	// Empty: it is found by its user alone.
	Lookup string
	// Data is what the factor is checked against, as its kind writes it. Of a
	// password it is a PHC string.
	Data string
	// Mark only ever goes up, so that what was spent stays spent: of a TOTP
	// secret, the newest time step that was accepted (RFC 6238 §5.2); of a
	// recovery code, 1 once it was used.
	Mark       int64
	CreatedAt  time.Time
	UpdatedAt  time.Time
	LastUsedAt time.Time // zero: never since it was made
}

// CredentialKind names a kind of credential. A user has at most one password
// and one TOTP secret.
type CredentialKind string

const (
	CredentialPassword CredentialKind = "password"
	// CredentialPasskey is a WebAuthn credential: a passkey, or a security key
	// that is a second factor only.
	CredentialPasskey  CredentialKind = "passkey"
	CredentialTOTP     CredentialKind = "totp"
	CredentialRecovery CredentialKind = "recovery" // one code each
)

// HashShape is what the stored hashes of some people have in common, and what
// computing them costs by: how they begin, up to their salt, and how long their key is,
// in characters as it is written.
type HashShape struct {
	Prefix string
	Key    int
	People int64
}
