package login

import (
	"context"
	"testing"

	"gatehouse/idp"
)

// TestMF01WhoeverThePolicyAsksForASecondFactorGetsNoFurtherWithout: the password
// alone opens no app. To the house itself it lets in who has no second factor
// yet, for that is where they set one up.
func TestMF01WhoeverThePolicyAsksForASecondFactorGetsNoFurtherWithout(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := h.user("ada", secret)
	if in := h.half("ada"); Next(in) != StepDone {
		t.Fatalf("without a policy: %s", Next(in))
	}
	h.Demand = func(_ context.Context, id idp.UserID, app idp.AppID) (idp.Demand, error) {
		return idp.Demand{SecondFactor: id == u.ID}, nil
	}
	if in := h.half("ada"); Next(in) != StepDone {
		t.Errorf("who has none, on the way to set one up: %s", Next(in))
	}
	in, err := h.Begin(t.Context(), idp.SignIn{ResumeURL: "/resume", AppID: "app_x"}, bind)
	h.ok(err)
	in, err = h.Password(h.from("192.0.2.1"), in, "ada", secret)
	h.ok(err)
	if Next(in) != StepHelp {
		t.Errorf("who has none: %s", Next(in))
	}
	if stored, err := h.gate.SignIn(t.Context(), in.ID, bind); err != nil || Next(stored) != StepHelp {
		t.Errorf("as it is stored: %s, %v", Next(stored), err)
	}
	p, _ := h.sets(u)
	in = h.half("ada")
	if Next(in) != StepCode {
		t.Fatalf("who has one: %s", Next(in))
	}
	in, err = h.Code(h.from("192.0.2.1"), in, p.code())
	h.ok(err)
	if Next(in) != StepDone {
		t.Errorf("with both: %s", Next(in))
	}
	fresh, whole, err := h.Suffices(t.Context(), idp.Session{ID: "ses_x", Proof: in.Proof, Methods: in.Methods, AuthTime: in.AuthTime}, "")
	if err != nil || !fresh || !whole {
		t.Errorf("its session does not suffice: %v %v %v", fresh, whole, err)
	}
	fresh, whole, err = h.Suffices(t.Context(), idp.Session{ID: "ses_x", Proof: in.Proof, Methods: []string{"pwd"}}, "")
	if err != nil || !fresh || whole {
		t.Errorf("a session by password alone: %v %v %v", fresh, whole, err)
	}
}
