package oidc

import (
	"context"
	"encoding/json"

	"gatehouse/idp"
)

// hintClaims are the claims of an ID token of ours that comes back as a hint.
type hintClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	SID      string `json:"sid"`
}

// readHint verifies an ID token of ours. It may have expired: a hint says who
// was meant, it proves nothing (OIDC Core §3.1.2.1, RP-Initiated Logout §2).
func (p *Provider) readHint(raw string) (hintClaims, bool) {
	if raw == "" {
		return hintClaims{}, false
	}
	b, err := p.Ring.Verify(raw, "")
	if err != nil {
		return hintClaims{}, false
	}
	var c hintClaims
	if err := json.Unmarshal(b, &c); err != nil || c.Issuer != p.Issuer || c.Subject == "" || c.SID == "" {
		return hintClaims{}, false
	}
	return c, true
}

// hinted returns whom the id_token_hint of an authorization request names; ""
// when there is none. ok is false for one that is not an ID token of ours for
// this app: it names nobody, and only who may not be asked minds.
func (p *Provider) hinted(ctx context.Context, raw string, app idp.App) (subject string, ok bool) {
	if raw == "" {
		return "", true
	}
	c, ok := p.readHint(raw)
	if !ok || c.Audience != app.Identifier {
		return "", false
	}
	id, err := p.person(ctx, app, c.Subject)
	return string(id), err == nil && id != ""
}
