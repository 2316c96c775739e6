package oidc

import (
	"context"
	"net/http"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
)

// UserInfo tells an app what the token's scopes allow (OIDC Core §5.3), as
// long as the gate accepts the token.
func (s *server) UserInfo(ctx context.Context, r *op.Request[oidc.UserInfoRequest]) (*op.Response, error) {
	p := s.p
	t, err := p.open(purposeAccess, r.Data.AccessToken)
	if err != nil {
		return nil, refusedBearer(err)
	}
	f, u, err := p.Gate.Family(ctx, t.Family, t.proof())
	switch {
	case idp.IsKind(err, idp.Unauthenticated):
		p.witness(ctx, f, "its call to userinfo was refused")
		return nil, refusedBearer(err)
	case err != nil:
		return nil, fault(err)
	case !slices.Contains(t.scopes(), oidc.ScopeOpenID):
		return nil, op.NewStatusError((&oidc.Error{ErrorType: insufficientScope}).
			WithDescription("The scope openid is needed."), http.StatusForbidden)
	}
	claims, err := p.claims(ctx, f.AppID, u, t.scopes())
	switch {
	case idp.IsKind(err, idp.NotFound):
		return nil, refusedBearer(err)
	case err != nil:
		return nil, fault(err)
	}
	if claims == nil {
		claims = make(map[string]any, 1)
	}
	claims["sub"] = string(u.ID)
	return op.NewResponse(claims), nil
}
