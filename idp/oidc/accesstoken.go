package oidc

import (
	"encoding/json"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/login"
)

const (
	// typeAccess is the typ of a JWT access token (RFC 9068 §2.1), so that no ID
	// token passes for one, nor one for an ID token.
	typeAccess = "at+jwt"
	// purposeJWT seals what a JWT access token carries for us alone.
	purposeJWT = "oidc.access.jwt"
)

// accessUntil is when an access token of f ends. The life of a JWT counts from
// the moment that the gate issued it at, however long the answer took since: that
// is what a receipt says of it.
func accessUntil(app idp.App, f idp.TokenFamily, now time.Time) time.Time {
	if app.OIDC.AccessTokenFormat == idp.AccessTokenJWT {
		now = f.RotatedAt
	}
	return earlier(f.ExpiresAt, now.Add(app.OIDC.AccessTTL()))
}

// accessToken is t in the format that its app is registered for.
func (p *Provider) accessToken(i issue, t pass) (string, error) {
	if i.app.OIDC.AccessTokenFormat != idp.AccessTokenJWT {
		return p.seal(purposeAccess, t)
	}
	jti, err := p.seal(purposeJWT, t)
	if err != nil {
		return "", err
	}
	return p.Ring.Sign(algOf(i.app), typeAccess, p.accessClaims(i, t, jti))
}

// accessClaims are those of RFC 9068 §2.2. The jti is the sealed pass: unlike
// any other, nothing to anybody else, and what the gate is asked by here.
func (p *Provider) accessClaims(i issue, t pass, jti string) map[string]any {
	f, aud := i.family, i.audience
	if len(aud) == 0 {
		aud = []string{i.app.Identifier}
	}
	claims := map[string]any{
		"iss": p.Issuer, "sub": p.subject(i.app, f.UserID), "aud": oneOrMore(aud), "client_id": i.app.Identifier,
		"iat": t.IssuedAt, "exp": time.UnixMicro(t.Until).Unix(), "jti": jti, "scope": t.Scope,
		"auth_time": f.AuthTime.Unix(), "acr": acrOf(f.Methods), "amr": login.AMR(f.Methods), "sid": sid(f.SessionID, f.AppID),
	}
	t.Confirm.tell(claims)
	return claims
}

// openAccess opens what may be an access token of ours, of either format;
// idp.Invalid if not, or too old.
func (p *Provider) openAccess(token string) (pass, error) {
	if !isJWT(token) {
		return p.open(purposeAccess, token)
	}
	sealed, err := p.jti(token)
	if err != nil {
		return pass{}, err
	}
	return p.open(purposeJWT, sealed)
}

// isJWT: no sealed text has a dot.
func isJWT(token string) bool { return strings.Contains(token, ".") }

// jti verifies a JWT access token of ours and returns its jti.
func (p *Provider) jti(token string) (string, error) {
	raw, err := p.Ring.Verify(token, typeAccess)
	if err != nil {
		return "", err
	}
	var c struct {
		Issuer string `json:"iss"`
		ID     string `json:"jti"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return "", idp.Errorf(idp.Invalid, "not an access token of ours").Because(err)
	}
	if c.Issuer != p.Issuer {
		return "", idp.Errorf(idp.Invalid, "an access token of another issuer")
	}
	return c.ID, nil
}
