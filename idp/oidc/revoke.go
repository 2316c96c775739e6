package oidc

import (
	"context"
	"errors"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
)

// Revocation ends what one of the client's own tokens is a part of (RFC 7009):
// the family of an access or a refresh token, and itself alone of an app's own
// token and of what came of an exchange. It answers 200 only when nothing of it
// is accepted any more; while that is not known it answers 503 (§2.2.1).
func (s *server) Revocation(ctx context.Context, r *op.ClientRequest[oidc.RevocationRequest]) (*op.Response, error) {
	p, app, token := s.p, r.Client.(*client).app, r.Data.Token
	var err error
	if t, _, no := p.openAny(token); idp.IsKind(no, idp.Unavailable) {
		err = fault(no)
	} else if no == nil {
		err = p.revoke(ctx, app, t)
	} else if t, no := p.openExchanged(token); no == nil {
		err = p.revokeAlone(ctx, app, idp.Ending{
			TokenID: t.Actors[0].Token, AppID: t.holder(), UserID: t.User, FamilyID: t.Family, Until: time.UnixMicro(t.Until),
		})
	} else if t, no := p.openApp(token); idp.IsKind(no, idp.Unavailable) {
		err = fault(no)
	} else if no == nil {
		err = p.revokeAlone(ctx, app, idp.Ending{TokenID: t.Token, AppID: t.App, Until: time.UnixMicro(t.Until)})
	}
	if err != nil {
		return nil, err
	}
	// §2.2: also for a token that is not valid, which needs no revoking.
	return op.NewResponse(nil), nil
}

func (p *Provider) revoke(ctx context.Context, app idp.App, t pass) error {
	if t.App != app.ID {
		return p.refuseRevocation(ctx, app, t.App, t.User)
	}
	truth, err := p.Gate.Family(ctx, t.Family, t.proof())
	switch {
	case idp.IsKind(err, idp.Unauthenticated):
		// Over already, perhaps by somebody who still waits for it to be so on
		// every node.
		err = p.Endings.InForce(ctx, truth.Standing.N)
	case err == nil:
		err = p.Endings.EndFamily(ctx, truth.Family, revokedByApp)
	}
	if err != nil {
		return fault(err)
	}
	return nil
}

const revokedByApp = "revoked by the app"

// revokeAlone ends one token, which hangs on no family of the client.
func (p *Provider) revokeAlone(ctx context.Context, app idp.App, g idp.Ending) error {
	if g.AppID != app.ID {
		return p.refuseRevocation(ctx, app, g.AppID, g.UserID)
	}
	g.Reason = revokedByApp
	if err := p.Endings.EndToken(ctx, g); err != nil {
		return fault(err)
	}
	return nil
}

func (p *Provider) refuseRevocation(ctx context.Context, app idp.App, of idp.AppID, user idp.UserID) error {
	p.note(ctx, idp.Event{
		Kind: "oidc.revoke.refuse", UserID: user, AppID: of,
		Detail: map[string]string{"reason": "presented by another client", "client": string(app.ID)},
	})
	return invalidGrant(errors.New("a token of another client"))
}
