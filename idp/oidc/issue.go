package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/idp/login"
)

// issue is what a token answer is made of, once the gate has issued it.
type issue struct {
	app    idp.App
	family idp.TokenFamily
	scopes []string // of the access token; at most the family's
	// wanted and resources are those of the authorization request; audience of
	// this access token, at most the resources.
	wanted              wanted
	resources, audience []string
	// nonce and sessionEnds are known when a code is exchanged, not later.
	nonce       string
	sessionEnds time.Time
	extra       map[string]any // the scopes' claims, for apps that want them in the ID token
	bound       confirmation
}

// issue seals and signs. Nothing in here can refuse any more.
func (p *Provider) issue(i issue) (*oidc.AccessTokenResponse, error) {
	now := p.now()
	f := i.family
	until := accessUntil(i.app, f, now)
	t := pass{
		Family: f.ID, User: f.UserID, Epoch: f.Epoch, Generation: f.Generation, App: f.AppID,
		Scope: strings.Join(i.scopes, " "), Wanted: i.wanted, Resources: i.audience,
		IssuedAt: now.Unix(), Until: until.UnixMicro(), Confirm: i.bound,
	}
	access, err := p.accessToken(i, t)
	if err != nil {
		return nil, err
	}
	resp := &oidc.AccessTokenResponse{
		AccessToken: access,
		TokenType:   i.bound.tokenType(),
		ExpiresIn:   uint64(max(0, until.Sub(now)) / time.Second),
		Scope:       i.scopes,
	}
	if f.Offline {
		t.Scope, t.Resources = strings.Join(f.Scopes, " "), i.resources
		t.Seq, t.Until = f.Seq, f.ExpiresAt.UnixMicro()
		if i.app.OIDC.AuthMethod != string(oidc.AuthMethodNone) {
			// It is bound to its client, who authenticates and may renew its key
			// (RFC 9449 §5).
			t.Confirm = confirmation{}
		}
		if resp.RefreshToken, err = p.seal(purposeRefresh, t); err != nil {
			return nil, err
		}
	}
	if slices.Contains(i.scopes, oidc.ScopeOpenID) {
		resp.IDToken, err = p.Ring.Sign(algOf(i.app), "", p.idToken(i, access, now, until))
	}
	return resp, err
}

// idToken returns the claims of an ID token (OIDC Core §2). They win over
// claims of the app's own rules.
func (p *Provider) idToken(i issue, access string, now, until time.Time) map[string]any {
	claims := i.extra
	if claims == nil {
		claims = make(map[string]any, 12)
	}
	claims["iss"] = p.Issuer
	claims["sub"] = p.subject(i.app, i.family.UserID)
	claims["aud"] = i.app.Identifier
	claims["exp"] = earlier(until, now.Add(idp.MaxIDTokenTTL)).Unix()
	claims["iat"] = now.Unix()
	claims["auth_time"] = i.family.AuthTime.Unix()
	claims["acr"] = acrOf(i.family.Methods)
	claims["amr"] = login.AMR(i.family.Methods)
	claims["sid"] = sid(i.family.SessionID, i.app.ID)
	claims["at_hash"] = halfHash(access)
	if i.nonce != "" {
		claims["nonce"] = i.nonce
	}
	if !i.sessionEnds.IsZero() {
		claims["session_expiry"] = i.sessionEnds.Unix()
	}
	return claims
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// algOf is what the app's tokens are signed with; a registration that says
// nothing means RS256 (OIDC Registration §2).
func algOf(app idp.App) string {
	if app.OIDC.IDTokenAlg == "" {
		return keys.RS256
	}
	return app.OIDC.IDTokenAlg
}

// sid names a session to one app. Two apps cannot tell that they see the same
// session, and nothing has to be stored to say it again.
func sid(s idp.SessionID, app idp.AppID) string {
	sum := sha256.Sum256([]byte("sid|" + string(s) + "|" + string(app)))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:22]
}

// halfHash is the left half of SHA-256 (OIDC Core §3.1.3.6), the hash of both
// RS256 and ES256.
func halfHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// idTokenClaims returns the claims for the ID token: those asked for by name,
// and for an app that is set so those of the scopes; nil for none. They are
// read before a pass is spent, so that an error costs nobody their sign-in.
func (p *Provider) idTokenClaims(ctx context.Context, app idp.App, id idp.UserID, scopes, names []string) (map[string]any, error) {
	if !app.OIDC.ClaimsInIDToken && len(names) == 0 {
		return nil, nil
	}
	u, err := p.Store.User(ctx, id)
	if err != nil {
		return nil, fault(err)
	}
	claims, err := p.claims(ctx, app.ID, u, scopes, names)
	switch {
	case idp.IsKind(err, idp.NotFound): // the gate would say the same
		return nil, invalidGrant(err)
	case err != nil:
		return nil, fault(err)
	}
	return claims, nil
}

// claims asks the mapping what the app's ID token tells of a person;
// idp.NotFound when the person may not use the app.
func (p *Provider) claims(ctx context.Context, id idp.AppID, u idp.User, scopes, names []string) (map[string]any, error) {
	access, err := p.Store.Access(ctx, u.ID, id, p.now())
	if err != nil {
		return nil, err
	}
	person := Person{User: u, Role: access.Grant.Role, Subject: p.subject(access.App, u.ID)}
	if tellsGroups(access.App, scopesWith(scopes, names)) {
		groups, err := p.Store.GroupsOf(ctx, u.ID)
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			person.Groups = append(person.Groups, g.Name)
		}
	}
	claims := map[string]any{}
	if access.App.OIDC.ClaimsInIDToken {
		claims = p.Claims(person, access.App, scopes)
	}
	p.addNamed(claims, names, person, access.App)
	return claims, nil
}

// tellsGroups: groups cost a read of their own.
func tellsGroups(app idp.App, scopes []string) bool {
	return slices.Contains(scopes, scopeGroups) ||
		slices.ContainsFunc(app.Attributes, func(r idp.AttributeRule) bool { return r.Source == "groups" })
}
