package login

import (
	"context"

	"gatehouse/idp"
)

// Suffices reports how a session does by the policy of the house at an app: fresh,
// when its newest proof is young enough; whole, when it has several factors or one
// is enough. Nobody's session does.
func (l *Login) Suffices(ctx context.Context, s idp.Session, app idp.AppID) (fresh, whole bool, err error) {
	if s.ID == "" {
		return true, true, nil
	}
	d, err := l.demand(ctx, s.UserID, app)
	if err != nil {
		return false, false, err
	}
	fresh = d.MaxAge == 0 || !s.AuthTime.Before(l.now().Add(-d.MaxAge))
	return fresh, !d.SecondFactor || MultiFactor(s.Methods), nil
}

func (l *Login) demand(ctx context.Context, id idp.UserID, app idp.AppID) (idp.Demand, error) {
	if l.Demand == nil {
		return idp.Demand{}, nil
	}
	return l.Demand(ctx, id, app)
}
