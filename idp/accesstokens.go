package idp

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
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
	// MaxIDTokenTTL is the longest life of an ID token, also where the access
	// token beside it lives longer: for so long, and no longer, must its key be
	// published when it signs no more.
	MaxIDTokenTTL = 24 * time.Hour
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

// Keeps reports whether what an app authenticated with is still registered for
// it: the client secret with this ID or, without secrets, the keys of this name.
func (o *OIDCSettings) Keeps(name string) bool {
	if len(o.SecretHashes) == 0 {
		return name == o.KeysName()
	}
	return slices.ContainsFunc(o.SecretHashes, func(h string) bool { return string(SecretIDOf(h)) == name })
}

// KeysName names what an app that has no secret authenticates with, as it is
// registered: other keys, or another place where they are published, or another
// way, have another name.
func (o *OIDCSettings) KeysName() string {
	s := o.TLSSubject
	sum := sha256.Sum256([]byte(strings.Join([]string{o.AuthMethod, o.JWKS, o.JWKSURI, s.DN, s.DNS, s.URI, s.IP, s.Email}, "\x00")))
	return "keys_" + hex.EncodeToString(sum[:8])
}

// AppProof is what a pass carries that stands for an app itself, and for
// nobody. Unlike [Proof], nothing of it is written down: each use is compared
// with the app as it is.
type AppProof struct {
	AppID      AppID
	Epoch      int64 // of the app
	Generation string
	Secret     string // the name of that with which the app came; a SecretID, or see KeysName
	MadeAt     time.Time
	Token      TokenID // of the pass
}

// AppTruth is what an AppProof is compared with, read of one moment.
type AppTruth struct {
	App        App
	Generation string
	CutBefore  time.Time
	// TokenEnded: the token that was asked about was revoked by itself.
	TokenEnded bool `json:",omitzero"`
}

// Stands reports whether p is still good: nothing ended what the app held or
// all that was made before, and it is what it was.
func (p AppProof) Stands(t AppTruth) bool {
	house := Standing{Generation: t.Generation, CutBefore: t.CutBefore}
	return !t.TokenEnded && t.App.ID == p.AppID && t.App.Epoch == p.Epoch && house.Keeps(p.Generation, p.MadeAt) &&
		t.App.OIDC != nil && t.App.OIDC.ApplicationType == ApplicationMachine && t.App.OIDC.Keeps(p.Secret)
}
