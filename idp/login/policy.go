package login

import (
	"context"
	"fmt"

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
	if !l.whole(s, d, app) {
		return fresh, false, nil
	}
	risk, err := l.atRisk(ctx, s, d.Risk)
	return fresh, !risk, err
}

// atRisk reports whether rules by risk ask something of the person of a session that
// has not been shown in it. What the person has is read only where the browser does
// not say enough by itself.
func (l *Login) atRisk(ctx context.Context, s idp.Session, d idp.RiskDemand) (bool, error) {
	by := VouchedBy(s.Vouched, s.Methods)
	if !weigh(d, by, []idp.CredentialKind{idp.CredentialPasskey}).any() {
		return false, nil
	}
	all, err := l.Store.Credentials(ctx, s.UserID)
	if err != nil {
		return false, fmt.Errorf("look for second factors: %w", err)
	}
	return weigh(d, by, l.secondFactors(all)).any(), nil
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
		return d.MaxAge == 0 && l.policy().StandsIn(s)
	}
	return true
}

func (l *Login) demand(ctx context.Context, id idp.UserID, app idp.AppID) (idp.Demand, error) {
	if l.Demand == nil {
		return idp.Demand{}, nil
	}
	return l.Demand(ctx, id, app)
}
