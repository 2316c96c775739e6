package oidc

import (
	"context"
	"errors"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
)

// Revocation ends the token family of one of the client's own tokens, access
// or refresh (RFC 7009). It answers 200 only when nothing of the family is
// accepted any more; while that is not known it answers 503 (§2.2.1).
func (s *server) Revocation(ctx context.Context, r *op.ClientRequest[oidc.RevocationRequest]) (*op.Response, error) {
	p, app := s.p, r.Client.(*client).app
	t, _, err := p.openAny(r.Data.Token)
	if err != nil {
		_, notApps := p.openApp(r.Data.Token)
		_, notExchanged := p.openExchanged(r.Data.Token)
		if notApps == nil || notExchanged == nil {
			// §2.2.1. It is written down nowhere, and short-lived; what it was
			// made with or of can be taken away.
			return nil, (&oidc.Error{ErrorType: unsupportedTokenType}).
				WithDescription("The token of an app itself, and one that came of an exchange, cannot be revoked by itself.")
		}
		// §2.2: a token that is not valid needs no revoking.
		return op.NewResponse(nil), nil
	}
	if t.App != app.ID {
		p.note(ctx, idp.Event{
			Kind: "oidc.revoke.refuse", UserID: t.User, AppID: t.App,
			Detail: map[string]string{"reason": "presented by another client", "client": string(app.ID)},
		})
		return nil, invalidGrant(errors.New("a token of another client"))
	}
	truth, err := p.Gate.Family(ctx, t.Family, t.proof())
	switch {
	case idp.IsKind(err, idp.Unauthenticated):
		// Over already, perhaps by somebody who still waits for it to be so on
		// every node.
		err = p.Endings.InForce(ctx, truth.Standing.N)
	case err == nil:
		err = p.Endings.EndFamily(ctx, truth.Family, "revoked by the app")
	}
	if err != nil {
		return nil, fault(err)
	}
	return op.NewResponse(nil), nil
}
