package oidc

import (
	"context"
	"errors"
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
	t, err := p.openAccess(r.Data.AccessToken)
	switch {
	case idp.IsKind(err, idp.Unavailable):
		return nil, fault(err)
	case err != nil:
		return nil, refusedBearer(err)
	}
	if why := heldIn(ctx).satisfies(t.Confirm); why != "" {
		p.note(ctx, idp.Event{Kind: "oidc.proof.refuse", UserID: t.User, AppID: t.App, Detail: map[string]string{"reason": why}})
		return nil, refusedBearer(errors.New(why))
	}
	truth, app, err := p.Gate.FamilyAndApp(ctx, t.Family, t.App, t.proof())
	switch {
	case idp.IsKind(err, idp.Unauthenticated):
		p.witness(ctx, truth.Family, "a call to userinfo with its token was refused", false)
		return nil, refusedBearer(err)
	case err != nil:
		return nil, fault(err)
	case !slices.Contains(t.scopes(), oidc.ScopeOpenID):
		return nil, op.NewStatusError((&oidc.Error{ErrorType: insufficientScope}).
			WithDescription("The scope openid is needed."), http.StatusForbidden)
	}
	u, sub := truth.User, p.subject(app, truth.User.ID)
	person := Person{User: u, Groups: truth.Groups, Role: truth.Role, Subject: sub}
	claims := p.Claims(person, app, t.scopes())
	if claims == nil {
		claims = make(map[string]any, 1)
	}
	p.addNamed(claims, t.Wanted.UserInfo, person, app)
	claims["sub"] = sub
	return op.NewResponse(claims), nil
}
