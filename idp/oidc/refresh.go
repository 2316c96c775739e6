package oidc

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
)

// RefreshToken is grant_type refresh_token at the token endpoint (RFC 6749
// §6). Each refresh token is used once; the one before the newest may be
// repeated within the gate's grace, for an answer that was lost.
func (s *server) RefreshToken(ctx context.Context, r *op.ClientRequest[oidc.RefreshTokenRequest]) (*op.Response, error) {
	p, app := s.p, r.Client.(*client).app
	t, err := p.open(purposeRefresh, r.Data.RefreshToken)
	if err != nil {
		p.note(ctx, idp.Event{Kind: "oidc.refresh.refuse", AppID: app.ID, Detail: map[string]string{"reason": "not a refresh token of ours, or too old"}})
		return nil, invalidGrant(err)
	}
	if t.App != app.ID {
		p.note(ctx, idp.Event{
			Kind: "oidc.refresh.refuse", UserID: t.User, AppID: t.App,
			Detail: map[string]string{"reason": "presented by another client", "client": string(app.ID)},
		})
		return nil, invalidGrant(errors.New("a refresh token of another client"))
	}
	bound, proof, err := p.confirmUnspent(ctx, app, r.Header)
	if err != nil {
		return nil, err
	}
	if !t.Confirm.holds(bound) {
		p.note(ctx, idp.Event{Kind: "oidc.refresh.refuse", UserID: t.User, AppID: t.App, Detail: map[string]string{"reason": "presented without a proof of the key it is bound to"}})
		return nil, invalidGrant(errors.New("a refresh token bound to another key"))
	}
	scopes, ok := narrowed(t.scopes(), strings.Fields(r.Data.Scopes.String()))
	if !ok {
		p.note(ctx, idp.Event{Kind: "oidc.refresh.refuse", UserID: t.User, AppID: t.App, Detail: map[string]string{"reason": "more scope than was granted"}})
		return nil, oidc.ErrInvalidScope().WithDescription("More was asked for than was granted.")
	}
	aud, ok := audience(t.Resources, r.Form["resource"], *app.OIDC)
	if !ok {
		return nil, invalidTarget()
	}
	if err := p.spendAt(ctx, app, proof); err != nil {
		return nil, err
	}
	extra, err := p.idTokenClaims(ctx, app, t.User, scopes, t.Wanted.IDToken)
	if err != nil {
		return nil, err
	}
	f, err := p.renew(ctx, app, t)
	switch {
	case idp.IsKind(err, idp.Conflict):
		return nil, p.reused(ctx, t.family(), "oidc.refresh.reuse", "refresh token used twice")
	case idp.IsKind(err, idp.Unauthenticated):
		return nil, p.refusedRefresh(ctx, app, t, err)
	case err != nil:
		return nil, fault(err)
	}
	resp, err := p.issue(issue{
		app: app, family: f, scopes: scopes, wanted: t.Wanted, resources: t.Resources, audience: aud, extra: extra, bound: bound,
	})
	if err != nil {
		return nil, fault(err)
	}
	if app.OIDC.FAPI2 {
		resp.RefreshToken = r.Data.RefreshToken
	}
	return op.NewResponse(resp), nil
}

// renew accepts a refresh token and returns its family. The token is replaced,
// but for an app of FAPI 2.0: that one proves who it is with every token, so
// that replacing adds nothing and loses tokens on the way (§5.3.2.1).
func (p *Provider) renew(ctx context.Context, app idp.App, t pass) (idp.TokenFamily, error) {
	if !app.OIDC.FAPI2 {
		return p.Gate.Rotate(ctx, t.Family, t.proof(), t.Seq)
	}
	asked := p.now()
	truth, err := p.Gate.RefreshFamily(ctx, t.Family, t.proof())
	// Nothing is written, so that what is issued is as old as the question: what
	// an ending cuts off was asked about before it.
	truth.Family.RotatedAt = asked
	if err == nil && t.Seq != truth.Family.Seq {
		err = idp.Errorf(idp.Conflict, "a newer refresh token was made of this one")
	}
	return truth.Family, err
}

// refusedRefresh writes down that an app came with a refresh token that is
// dead: an app that has a secret has thereby shown that it reached the end of
// the session; of any other, whoever has the token may have come.
func (p *Provider) refusedRefresh(ctx context.Context, app idp.App, t pass, cause error) error {
	truth, err := p.Gate.Family(ctx, t.Family, t.proof())
	f := truth.Family
	if idp.IsKind(err, idp.Unauthenticated) {
		p.witness(ctx, f, "its refresh was refused", app.OIDC.AuthMethod != string(oidc.AuthMethodNone))
	}
	p.note(ctx, idp.Event{
		Kind: "oidc.refresh.refuse", UserID: t.User, AppID: t.App, SessionID: f.SessionID,
		Detail: map[string]string{"reason": "the person, the session, the grant or the tokens have ended"},
	})
	return invalidGrant(cause)
}

// family names the family of a pass, as far as the pass knows it.
func (t pass) family() idp.TokenFamily {
	return idp.TokenFamily{ID: t.Family, Proof: t.proof(), AppID: t.App}
}

// narrowed returns the scopes a refresh asks for: all that were granted when
// it asks for none, never more (RFC 6749 §6).
func narrowed(granted, asked []string) ([]string, bool) {
	if len(asked) == 0 {
		return granted, true
	}
	for _, scope := range asked {
		if !slices.Contains(granted, scope) {
			return nil, false
		}
	}
	return slices.DeleteFunc(slices.Clone(granted), func(s string) bool { return !slices.Contains(asked, s) }), true
}
