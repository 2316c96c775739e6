package oidc_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
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

// TestMF01ASessionIsNotEnoughForAnAppThatThePolicyAsksMoreFor: what is missing is
// asked for, there and nowhere else, and an answer without asking is none.
func TestMF01ASessionIsNotEnoughForAnAppThatThePolicyAsksMoreFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	waits := func(step login.Step, changes ...string) idp.SignIn {
		t.Helper()
		to, q := ada.authorize(changes...).location(t)
		if !strings.HasPrefix(to, "/signin/") || q.Get("code") != "" {
			t.Fatalf("answered at %s: %v", to, q)
		}
		in, err := h.gate.SignIn(t.Context(), idp.SignInID(strings.TrimPrefix(to, "/signin/")), ada.cookie("bind"))
		if err != nil || login.Next(in) != step {
			t.Errorf("the sign-in asks for %s, want %s: %v", login.Next(in), step, err)
		}
		return in
	}
	h.asks(h.other, idp.Demand{SecondFactor: true})
	if _, q := ada.authorize().location(t); q.Get("code") == "" {
		t.Fatalf("a rule for another app: %v", q)
	}
	h.asks(h.wiki, idp.Demand{SecondFactor: true})
	if in := waits(login.StepHelp); in.UserID != h.ada.ID || in.Renews == "" {
		t.Errorf("it does not begin with the session: %+v", in)
	}
	if _, q := ada.authorize("prompt=none").location(t); q.Get("error") != "login_required" {
		t.Errorf("without asking anybody: %v", q)
	}
	h.asks(h.wiki, idp.Demand{MaxAge: 15 * time.Minute})
	if _, q := ada.authorize().location(t); q.Get("code") == "" {
		t.Errorf("a proof that is young enough: %v", q)
	}
	h.clock.Advance(16 * time.Minute)
	if in := waits(login.StepPassword); in.NotBefore.IsZero() {
		t.Error("an older proof would do")
	}
}

// TestMF01AFinishedSignInIsJudgedByThePolicyOfNow.
func TestMF01AFinishedSignInIsJudgedByThePolicyOfNow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.person()
	to, _ := ada.authorize().location(t)
	in, err := h.gate.SignIn(t.Context(), idp.SignInID(strings.TrimPrefix(to, "/signin/")), ada.cookie("bind"))
	h.must(err)
	ada.finish(in, h.ada)
	h.asks(h.wiki, idp.Demand{SecondFactor: true})
	if _, q := ada.get(in.ResumeURL + "?signin=" + string(in.ID)).location(t); q.Get("error") != "login_required" || q.Get("code") != "" {
		t.Errorf("answered %v", q)
	}
}

// TestMF01ADeviceGetsNoMoreThanABrowser.
func TestMF01ADeviceGetsNoMoreThanABrowser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.tv()
	s := h.person().newSession(h.ada)
	h.asks(h.phone, idp.Demand{SecondFactor: true})
	if err := d.decide(s, true); !idp.IsKind(err, idp.Denied) {
		t.Errorf("confirmed with one factor: %v", err)
	}
	if err := h.tv().decide(s, false); err != nil { // that takes nothing
		t.Errorf("turned away with one factor: %v", err)
	}
	s.Methods = []string{"pwd", "otp", "mfa"}
	h.must(d.decide(s, true))
}

// TestADeviceLeadsToWhatItsPersonHasToProve, and back to its code.
func TestADeviceLeadsToWhatItsPersonHasToProve(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.tv()
	ada := h.person()
	s := ada.newSession(h.ada)
	leads := func(demand idp.Demand) (in idp.SignIn, led bool) {
		t.Helper()
		h.asks(h.phone, demand)
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/device?user_code=BCDF-GHJK", nil)
		phone, err := h.store.App(t.Context(), h.phone.ID)
		h.must(err)
		led, err = h.provider.ProveForDevice(w, r, s, phone, "BCDF GHJK")
		h.must(err)
		if !led {
			return in, false
		}
		in, err = h.gate.SignIn(t.Context(), idp.SignInID(strings.TrimPrefix(w.Header().Get("Location"), "/signin/")), w.Result().Cookies()[0].Value)
		h.must(err)
		if in.AppID != h.phone.ID || in.Protocol != "" || in.ResumeURL != "/device?user_code=BCDF+GHJK" {
			t.Errorf("the sign-in is %+v", in)
		}
		return in, true
	}
	if _, led := leads(idp.Demand{}); led {
		t.Error("led away though nothing is asked for")
	}
	if in, led := leads(idp.Demand{SecondFactor: true}); !led || !in.Several || in.Renews != s.ID {
		t.Errorf("a second factor: %v %+v", led, in)
	}
	h.clock.Advance(time.Hour)
	if in, led := leads(idp.Demand{MaxAge: 15 * time.Minute}); !led || in.NotBefore.IsZero() {
		t.Errorf("a proof that is not old: %v %+v", led, in)
	}
}
