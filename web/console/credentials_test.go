package console_test

import (
	"testing"
	"time"

	"gatehouse/idp"
)

// TestWhatIsTakenAwayEndsWhatItMade: the console says so before, and leads to the
// receipt; where there was nothing to reset, nothing ends.
func TestWhatIsTakenAwayEndsWhatItMade(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	ada.open("/console/users/new")
	ada.submit("/users", "username", "grace", "name", "Grace Hopper")
	grace, err := h.store.UserByName(t.Context(), "grace")
	if err != nil {
		t.Fatal(err)
	}
	page := "/console/users/" + string(grace.ID)
	give := func(kind idp.CredentialKind, name string) idp.Credential {
		t.Helper()
		c := idp.Credential{ID: idp.NewCredentialID(), UserID: grace.ID, Kind: kind, Name: name, Lookup: name, Data: "x", CreatedAt: time.Now(), UpdatedAt: time.Now()}
		if _, err := h.store.Commit(t.Context(), idp.Change{Credentials: []idp.Credential{c}}); err != nil {
			t.Fatal(err)
		}
		return c
	}
	epoch := func() int64 {
		t.Helper()
		u, err := h.store.User(t.Context(), grace.ID)
		if err != nil {
			t.Fatal(err)
		}
		return u.Epoch
	}
	key := give(idp.CredentialPasskey, "Windows Hello")
	give(idp.CredentialTOTP, "")
	before := epoch()
	removal := page + "/credentials/" + string(key.ID) + "/remove"
	ada.open(removal).wants(200, removal, "Passkey: Windows Hello", "every browser of theirs is out of Gatehouse at once", "Remove and end all sessions")
	if epoch() != before {
		t.Error("looking at it ended something")
	}
	ada.submit("/remove").wants(200, "/console/receipts/")
	ada.open(removal).wants(404, removal)
	ada.open(page+"/reset-factors").wants(200, page+"/reset-factors", "every browser of theirs is out of Gatehouse at once")
	ada.submit("/reset-factors").wants(200, "/console/receipts/")
	if got := epoch() - before; got != 2 {
		t.Errorf("what she held ended %d times", got)
	}
	ada.open(page + "/reset-factors")
	ada.submit("/reset-factors").wants(200, page)
	if got := epoch() - before; got != 2 {
		t.Errorf("nothing was left to reset, and something ended: %d", got)
	}
}

// TestThePolicyIsSetInTheConsole: a rule for passkeys says whom it concerns first,
// and for how many days browsers are remembered is typed as such.
func TestThePolicyIsSetInTheConsole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	ada.open("/console/policy").wants(200, "/console/policy", "Remembered browsers")
	for _, wrong := range []string{"0", "91", "30d", "-1"} {
		ada.submit("/policy/remember", "remember", wrong)
		ada.wants(400, "/console/policy/remember", "days")
	}
	ada.submit("/policy/remember", "remember", "30").wants(200, "/console/policy", "need not be asked for it again for 30 days")
	p, err := h.store.Policy(t.Context())
	if err != nil || p.Remember != 30*24*time.Hour || p.RememberSince != p.Version {
		t.Errorf("the policy is %+v, %v", p, err)
	}
	ada.submit("/policy/remember", "remember", "").wants(200, "/console/policy")
	ada.lacks("need not be asked")
}
