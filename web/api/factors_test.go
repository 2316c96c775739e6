package api_test

import (
	"testing"
	"time"

	"gatehouse/idp"
)

// TestAnOwnerResetsSecondFactors: what codes are checked against is gone, a
// passkey and the password stay, and it is written down.
func TestAnOwnerResetsSecondFactors(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u, _ := h.token("bob", idp.RoleEmployee)
	_, raw := h.token("ada", idp.RoleOwner)
	ctx, now := t.Context(), idp.Time(time.Now())
	var all []idp.Credential
	for _, kind := range []idp.CredentialKind{idp.CredentialTOTP, idp.CredentialRecovery, idp.CredentialPasskey} {
		all = append(all, idp.Credential{ID: idp.NewCredentialID(), UserID: u.ID, Kind: kind, Lookup: string(kind), Data: "x", CreatedAt: now, UpdatedAt: now})
	}
	if _, err := h.store.Commit(ctx, idp.Change{Credentials: all}); err != nil {
		t.Fatal(err)
	}
	for i := range 2 { // what is not there is no error, and nothing ends
		r, err := h.client(raw).ResetFactors(ctx, "bob")
		if err != nil || (r.ID == "") != (i == 1) || i == 0 && r.UserID != string(u.ID) {
			t.Fatalf("time %d: receipt %+v, %v", i+1, r, err)
		}
	}
	after, err := h.store.User(ctx, u.ID)
	if err != nil || after.Epoch != u.Epoch+1 {
		t.Errorf("what they held ended %d times, %v", after.Epoch-u.Epoch, err)
	}
	left, err := h.store.Credentials(ctx, u.ID)
	if err != nil || len(left) != 1 || left[0].Kind != idp.CredentialPasskey {
		t.Errorf("left %+v, %v", left, err)
	}
	events, _, err := h.store.Events(ctx, idp.EventQuery{UserID: u.ID})
	n := 0
	for _, e := range events {
		if e.Kind == "factor.remove" && e.Actor.UserID != u.ID {
			n++
		}
	}
	if err != nil || n != 1 {
		t.Errorf("written down %d times: %v", n, err)
	}
}
