package idp

import "time"

// SigningKey is a key the house signs with, as stored: the private part sealed.
//
// Its life is decided when the key after it is made and needs no further step:
// it is published from CreatedAt, signs from SignsAt until that of the next
// one, and verifies, and is published, until RetiredAt.
type SigningKey struct {
	ID          KeyID  // the kid
	Use         string // oidc, saml or receipt
	Algorithm   string // RS256 or ES256
	Sealed      string // PKCS #8, sealed by idp/keys
	Certificate string // PEM, self-signed; SAML only
	CreatedAt   time.Time
	SignsAt     time.Time // zero: from the first
	RetiredAt   time.Time // zero: no key comes after it yet
	RevokedAt   time.Time // zero: not revoked
}

// Someday is the moment at which a key signs, or retires, that waits until
// somebody says so: apps that speak SAML know the certificates they were given,
// and no clock knows which. It is a time like any other also for a node that
// has not heard of such keys.
func Someday() time.Time { return time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC) }

// Dated is t; zero for Someday.
func Dated(t time.Time) time.Time {
	if t.Equal(Someday()) {
		return time.Time{}
	}
	return t
}

// Waits reports whether k signs for nobody until somebody says so.
func (k *SigningKey) Waits() bool { return k.SignsAt.Equal(Someday()) }

// KeyTurn moves a signing key in time. It is written only over the very times
// that it was decided on, so that of many nodes one rotates.
type KeyTurn struct {
	Was       SigningKey
	SignsAt   time.Time
	RetiredAt time.Time
}

// KeyState is where in its life a signing key is.
type KeyState string

const (
	KeyNext    KeyState = "next"    // published, signs nothing yet
	KeyCurrent KeyState = "current" // signs
	KeyRetired KeyState = "retired" // published until the last thing it signed has expired
	KeyGone    KeyState = "gone"    // no longer published
	KeyRevoked KeyState = "revoked"
)

// Over reports whether nothing that the key signed is taken any more. One that
// was revoked is over whatever a node's clock says.
func (k *SigningKey) Over(now time.Time) bool {
	return !k.RevokedAt.IsZero() || !k.RetiredAt.IsZero() && !now.Before(k.RetiredAt)
}

// SignsBefore reports whether k is to sign rather than other, a key of the
// same use and algorithm; neither is over. Of those whose time has come it is
// the last; where none's has, the first: a house signs with a key that is
// published rather than not at all.
func (k *SigningKey) SignsBefore(other *SigningKey, now time.Time) bool {
	due, otherDue := !k.SignsAt.After(now), !other.SignsAt.After(now)
	switch {
	case due != otherDue:
		return due
	case k.SignsAt.Equal(other.SignsAt):
		return k.RetiredAt.IsZero()
	}
	return k.SignsAt.After(other.SignsAt) == due
}

// Signer returns which of keys signs now for this use with this algorithm; nil
// when none does.
func Signer(keys []SigningKey, use, algorithm string, now time.Time) *SigningKey {
	var signer *SigningKey
	for i := range keys {
		k := &keys[i]
		if k.Use == use && k.Algorithm == algorithm && !k.Over(now) && (signer == nil || k.SignsBefore(signer, now)) {
			signer = k
		}
	}
	return signer
}

// State says where in its life k, one of keys, is, since when, and until when;
// a zero until: nothing ends it yet.
func (k SigningKey) State(keys []SigningKey, now time.Time) (state KeyState, since, until time.Time) {
	switch {
	case !k.RevokedAt.IsZero():
		return KeyRevoked, k.RevokedAt, time.Time{}
	case k.Over(now):
		return KeyGone, k.RetiredAt, time.Time{}
	}
	signer := Signer(keys, k.Use, k.Algorithm, now)
	switch {
	case signer.ID == k.ID:
		return KeyCurrent, k.begins(), Dated(k.after(keys))
	case k.SignsAt.After(now):
		return KeyNext, k.CreatedAt, Dated(k.SignsAt)
	}
	return KeyRetired, k.after(keys), Dated(k.RetiredAt)
}

// SignerFor returns which of keys signs for an app that speaks SAML: the one it
// is bound to as long as that is published, else the one that signs for all; nil
// when none does.
func SignerFor(a App, keys []SigningKey, now time.Time) *SigningKey {
	for i := range keys {
		if k := &keys[i]; k.ID == a.SAML.SigningKey && k.Use == string(ProtocolSAML) && k.Algorithm == a.SAML.KeyAlgorithm() && !k.Over(now) {
			return k
		}
	}
	return Signer(keys, string(ProtocolSAML), a.SAML.KeyAlgorithm(), now)
}

// KeyRead is what is known of an app having a certificate of ours.
type KeyRead struct {
	AppID AppID
	KeyID KeyID
	// FirstAt and LastAt are when somebody read it at the app's own address for
	// our metadata, which anybody may who knows the address; zero: nobody has.
	FirstAt, LastAt time.Time
	Address, Agent  string    // of the last reader
	SaidAt          time.Time // when an owner said that the app has it; zero: never
}

// SAMLKeys is how the certificates of the house stand.
type SAMLKeys struct {
	Keys []SigningKey // that are published, oldest first
	Apps []AppKeys    // by name
}

// AppKeys is how they stand for one app.
type AppKeys struct {
	App   App
	Signs SigningKey // for it
	// Next is the key that comes for it, if there is one: it waits, or signs for
	// all others already.
	Next  *SigningKey
	Reads []KeyRead
}

// Has returns what is known of the app having the certificate of a key, and
// whether anything is.
func (a AppKeys) Has(id KeyID) (KeyRead, bool) {
	for _, r := range a.Reads {
		if r.KeyID == id {
			return r, true
		}
	}
	return KeyRead{}, false
}

func (k SigningKey) begins() time.Time {
	if k.SignsAt.IsZero() {
		return k.CreatedAt
	}
	return k.SignsAt
}

// after is when the key after k signs; zero without one.
func (k SigningKey) after(keys []SigningKey) (next time.Time) {
	for _, other := range keys {
		if other.Use == k.Use && other.Algorithm == k.Algorithm && other.RevokedAt.IsZero() && other.SignsAt.After(k.SignsAt) &&
			(next.IsZero() || other.SignsAt.Before(next)) {
			next = other.SignsAt
		}
	}
	return next
}
