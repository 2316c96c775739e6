package idp

import "time"

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
