package login

import (
	"context"

	"gatehouse/idp"
)

// Suffices reports how a session does by the policy of the house at an app: fresh,
// when its newest proof is young enough; whole, when it has all the factors that
// are asked for. A remembered browser stands in for a second factor at apps, where
// no rule asks how old the proof is, and never at the house itself, whose console it
// is. Nobody's session does.
func (l *Login) Suffices(ctx context.Context, s idp.Session, app idp.AppID) (fresh, whole bool, err error) {
	if s.ID == "" {
		return true, true, nil
	}
	d, err := l.demand(ctx, s.UserID, app)
	if err != nil {
		return false, false, err
	}
	fresh = d.MaxAge == 0 || !s.AuthTime.Before(l.now().Add(-d.MaxAge))
	return fresh, l.whole(s, d, app), nil
}

func (l *Login) whole(s idp.Session, d idp.Demand, app idp.AppID) bool {
	switch {
	case d.Passkey:
		return ByPasskey(s.Methods)
	case MultiFactor(s.Methods):
		return true
	case s.Remembered && app == "":
		return false
	case d.SecondFactor:
		return s.Remembered && d.MaxAge == 0 && l.policy().Remember > 0
	}
	return true
}

func (l *Login) demand(ctx context.Context, id idp.UserID, app idp.AppID) (idp.Demand, error) {
	if l.Demand == nil {
		return idp.Demand{}, nil
	}
	return l.Demand(ctx, id, app)
}
