package idp

import (
	"slices"
	"time"
)

const (
	// AccessTokenJWT is the format of access tokens that whoever gets one reads
	// by itself (RFC 9068).
	AccessTokenJWT = "jwt"
	// DefaultAccessTTL is how long an access token lives whose app says nothing.
	DefaultAccessTTL = 5 * time.Minute
	// MaxJWTTTL is the longest life of a JWT access token: an API that reads it
	// by itself takes it for that long, whatever was ended meanwhile.
	MaxJWTTTL = time.Hour
	// issuing is by how much a token that was being issued when everything was
	// ended can be younger than the cut: no statement that issues takes longer.
	issuing = 5 * time.Second
	// JWTsReach is how long what was handed out before a moment can be good after
	// it for an API that does not ask us, whatever the app's settings are.
	JWTsReach = MaxJWTTTL + issuing
)

// AccessTTL is how long an access token of the app lives.
func (o *OIDCSettings) AccessTTL() time.Duration {
	if o.AccessTokenTTL > 0 {
		return o.AccessTokenTTL
	}
	return DefaultAccessTTL
}

// JWTsUntil is until when an access token of the app, handed out before that
// moment, is good for an API that does not ask us; zero where every token is
// asked about.
func (a App) JWTsUntil(cut time.Time) (until time.Time) {
	if a.OIDC == nil {
		return time.Time{}
	}
	if a.OIDC.AccessTokenFormat == AccessTokenJWT {
		until = cut.Add(a.OIDC.AccessTTL() + issuing)
	}
	if a.OIDC.JWTUntil.After(cut) && a.OIDC.JWTUntil.After(until) {
		until = a.OIDC.JWTUntil
	}
	return until
}

// SubjectPairwise is the subject type of an app that knows people by a sub of
// their own in its sector (OIDC Core §8).
const SubjectPairwise = "pairwise"

// ApplicationMachine is the type of an app that nobody signs in to: it gets
// tokens for itself (RFC 6749 §4.4).
const ApplicationMachine = "machine"

// Keeps reports whether the client secret that this names is still one of the
// app's; a client that authenticates without one has the name "".
func (o *OIDCSettings) Keeps(secret string) bool {
	if secret == "" {
		return len(o.SecretHashes) == 0
	}
	return slices.ContainsFunc(o.SecretHashes, func(h string) bool { return SecretName(h) == secret })
}

// SecretName names a client secret by its hash, too short to be of any use
// itself.
func SecretName(hash string) string { return hash[:min(len(hash), 16)] }

// AppProof is what a pass carries that stands for an app itself, and for
// nobody. Unlike [Proof], nothing of it is written down: each use is compared
// with the app as it is.
type AppProof struct {
	AppID      AppID
	Epoch      int64 // of the app
	Generation string
	Secret     string // the name of that with which the app came; see SecretName
	MadeAt     time.Time
}

// AppTruth is what an AppProof is compared with, read of one moment.
type AppTruth struct {
	App        App
	Generation string
	CutBefore  time.Time
}

// Stands reports whether p is still good: nothing ended what the app held or
// all that was made before, and it is what it was.
func (p AppProof) Stands(t AppTruth) bool {
	house := Standing{Generation: t.Generation, CutBefore: t.CutBefore}
	return t.App.ID == p.AppID && t.App.Epoch == p.Epoch && house.Keeps(p.Generation, p.MadeAt) &&
		t.App.OIDC != nil && t.App.OIDC.ApplicationType == ApplicationMachine && t.App.OIDC.Keeps(p.Secret)
}
