package oidc

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
)

const defaultRefreshTTL = 30 * 24 * time.Hour

// CodeExchange is grant_type authorization_code at the token endpoint
// (RFC 6749 §4.1.3). The client is authenticated.
func (s *server) CodeExchange(ctx context.Context, r *op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
	p, app := s.p, r.Client.(*client).app
	bound, proof, err := p.confirmUnspent(ctx, app, r.Header)
	if err != nil {
		return nil, err
	}
	c, err := p.openCode(r.Data.Code)
	if err != nil {
		p.note(ctx, idp.Event{Kind: "oidc.code.refuse", AppID: app.ID, Detail: map[string]string{"reason": "not a code of ours, or too old"}})
		return nil, invalidGrant(err)
	}
	if why := c.misused(app.ID, r.Data, bound); why != "" {
		return nil, p.burn(ctx, c, why)
	}
	if app.OIDC.ThirdParty && c.Consent == "" { // it was an app of the house when the code was given out
		const why = "the person was not asked for consent"
		p.note(ctx, idp.Event{
			Kind: "oidc.code.refuse", UserID: c.User, AppID: c.App, SessionID: c.Session,
			Detail: map[string]string{"reason": why, "received": received(r.Form)},
		})
		return nil, invalidGrant(errors.New(why))
	}
	aud, ok := audience(c.Resources, r.Form["resource"], *app.OIDC)
	if !ok {
		return nil, invalidTarget()
	}
	if err := p.spendAt(ctx, app, proof); err != nil {
		return nil, err
	}
	return p.redeem(ctx, redemption{app: app, refuse: "oidc.code.refuse", reuse: "oidc.code.reuse", bound: bound, audience: aud}, c)
}

// redemption is by whom and how a code is exchanged.
type redemption struct {
	app      idp.App
	refuse   string // kinds of audit lines
	reuse    string
	bound    confirmation
	audience []string // of the access token; none: the app
}

// redeem spends a code, or a device code that a person confirmed, and issues
// what it is exchanged for.
func (p *Provider) redeem(ctx context.Context, by redemption, c code) (*op.Response, error) {
	app, now := by.app, p.now()
	ends := time.Unix(c.SessionEnds, 0)
	f := lifeOf(c.family(now), *app.OIDC, ends)
	extra, err := p.idTokenClaims(ctx, app, c.User, c.Scopes, c.Wanted.IDToken)
	if err != nil {
		return nil, err
	}
	subject := p.subject(app, c.User)
	switch err := p.Gate.SpendCode(ctx, f, c.participant(subject, now), c.account(subject, now)); {
	case idp.IsKind(err, idp.Conflict):
		return nil, p.reused(ctx, f, by.reuse, "code used twice")
	case idp.IsKind(err, idp.Unauthenticated):
		p.note(ctx, idp.Event{
			Kind: by.refuse, UserID: c.User, AppID: c.App, SessionID: c.Session,
			Detail: map[string]string{"reason": "the person, the session or the grant has ended since"},
		})
		return nil, invalidGrant(err)
	case err != nil:
		return nil, fault(err)
	}
	gone, err := p.withdrawn(ctx, c)
	switch {
	case err != nil:
		return nil, fault(err)
	case gone:
		return nil, p.endWithdrawn(ctx, f)
	}
	resp, err := p.issue(issue{
		app: app, family: f, scopes: f.Scopes, wanted: c.Wanted, resources: c.Resources, audience: by.audience,
		nonce: f.Nonce, sessionEnds: ends, extra: extra, bound: by.bound,
	})
	if err != nil {
		return nil, fault(err)
	}
	return op.NewResponse(resp), nil
}

// lifeOf decides how long a family lives and whether it has refresh tokens.
// Without them it lives as long as its one access token.
func lifeOf(f idp.TokenFamily, app idp.OIDCSettings, sessionEnds time.Time) idp.TokenFamily {
	if slices.Contains(f.Scopes, oidc.ScopeOfflineAccess) && app.AllowOfflineAccess {
		f.Offline, f.Seq = true, 1
		f.ExpiresAt = f.CreatedAt.Add(or(app.RefreshTTL, defaultRefreshTTL))
		return f
	}
	f.ExpiresAt = f.CreatedAt.Add(app.AccessTTL())
	if sessionEnds.Before(f.ExpiresAt) {
		f.ExpiresAt = idp.Time(sessionEnds)
	}
	return f
}

func or(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// burn makes a code that leaked or was tampered with worthless: it is spent
// into a family that is over as it begins.
func (p *Provider) burn(ctx context.Context, c code, why string) error {
	app, err := p.Store.App(ctx, c.App) // which need not be the one that came with it
	if err != nil {
		return fault(err)
	}
	now, subject := p.now(), p.subject(app, c.User)
	f := c.family(now)
	f.ExpiresAt = now
	err = p.Gate.SpendCode(ctx, f, c.participant(subject, now), c.account(subject, now))
	switch {
	case idp.IsKind(err, idp.Conflict):
		return p.reused(ctx, f, "oidc.code.reuse", "authorization code used twice, "+why)
	case err != nil && !idp.IsKind(err, idp.Unauthenticated):
		return fault(err)
	}
	p.note(ctx, idp.Event{
		Kind: "oidc.code.burn", UserID: c.User, AppID: c.App, SessionID: c.Session,
		Detail: map[string]string{"reason": why},
	})
	return invalidGrant(errors.New(why))
}

// reused ends the family of a pass that was used twice: one of the two who
// hold it is a thief (RFC 9700 §4.5 and §4.14.2).
func (p *Provider) reused(ctx context.Context, f idp.TokenFamily, kind, why string) error {
	if err := p.Endings.EndFamily(ctx, f, why); err != nil {
		return fault(err)
	}
	p.note(ctx, idp.Event{
		Kind: kind, UserID: f.UserID, AppID: f.AppID, SessionID: f.SessionID,
		Detail: map[string]string{"reason": why, "family": string(f.ID)},
	})
	return invalidGrant(errors.New(why))
}
