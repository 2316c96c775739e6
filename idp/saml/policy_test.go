package saml_test

import (
	"context"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/login"
)

// asks has the policy ask d of everybody for one app.
func (h *house) asks(of idp.App, d idp.Demand) {
	h.provider.SignIns.(*login.Login).Demand = func(_ context.Context, _ idp.UserID, app idp.AppID) (idp.Demand, error) {
		if app != of.ID {
			return idp.Demand{}, nil
		}
		return d, nil
	}
}

// TestMF01ASessionIsNotEnoughForAnAppThatThePolicyAsksMoreFor: neither by the
// app's request nor by its tile.
func TestMF01ASessionIsNotEnoughForAnAppThatThePolicyAsksMoreFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.crm.ID, opened)
	p := h.signedIn(h.ada)
	sp := h.asCRM()
	asks := func() reply {
		t.Helper()
		to, _ := begin(t, sp, "")
		return p.get(to)
	}
	waits := func(at reply, step login.Step) {
		t.Helper()
		in, err := h.gate.SignIn(t.Context(), at.signIn(), p.cookie("bind"))
		if err != nil || login.Next(in) != step {
			t.Errorf("the sign-in asks for %s, want %s: %v", login.Next(in), step, err)
		}
	}
	h.asks(h.hr, idp.Demand{SecondFactor: true})
	if f := asks().form(); f.action != crmACS {
		t.Errorf("a rule for another app: posts to %q", f.action)
	}
	h.asks(h.crm, idp.Demand{SecondFactor: true})
	waits(asks(), login.StepHelp)
	waits(p.opens(h.crm), login.StepHelp)
	h.asks(h.crm, idp.Demand{MaxAge: time.Minute})
	if f := asks().form(); f.action != crmACS {
		t.Errorf("a proof that is young enough: posts to %q", f.action)
	}
	h.clock.Advance(90 * time.Second)
	waits(asks(), login.StepPassword)
	waits(p.opens(h.crm), login.StepPassword)
}

// TestMF01AFinishedSignInIsJudgedByThePolicyOfNow.
func TestMF01AFinishedSignInIsJudgedByThePolicyOfNow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	to, _ := begin(t, h.asCRM(), "")
	resume := p.signIn(p.get(to), h.ada)
	h.asks(h.crm, idp.Demand{SecondFactor: true})
	p.get(resume).wantPage(400)
}
