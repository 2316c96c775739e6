package login

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp"
	"gatehouse/idp/login/password"
)

func TestRightPasswordProvesThePerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	in := h.begin()
	if got := Next(in); got != StepPassword {
		t.Fatalf("first step %s", got)
	}
	h.clock.pass(time.Minute)
	proven, err := h.Password(h.from("192.0.2.1"), in, "anna", secret)
	h.ok(err)
	if Next(proven) != StepDone || proven.UserID != anna.ID || proven.Epoch != anna.Epoch ||
		!cmp.Equal(proven.Methods, []string{"pwd"}) || !proven.AuthTime.Equal(h.clock.now()) {
		t.Errorf("proven %+v", proven)
	}
	stored, err := h.gate.SignIn(t.Context(), in.ID, bind)
	h.ok(err)
	if proven.Person.Username != "anna" {
		t.Errorf("proven of %+v", proven.Person)
	}
	proven.Person = idp.User{} // it is not kept
	if diff := cmp.Diff(proven, stored); diff != "" {
		t.Errorf("stored otherwise (-answered +stored):\n%s", diff)
	}
	_, session, err := h.gate.Start(t.Context(), stored, "192.0.2.1", "browser")
	h.ok(err)
	if session.UserID != anna.ID {
		t.Errorf("session of %s", session.UserID)
	}
	e := h.events("signin.password.ok")
	if len(e) != 1 || e[0].UserID != anna.ID || e[0].Actor.Address != "192.0.2.1" || e[0].Actor.CorrelationID != "req-1" {
		t.Errorf("events %+v", e)
	}
}

func TestFreshProofIsDemandedAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("anna", secret)
	in, err := h.Begin(t.Context(), idp.SignIn{NotBefore: idp.Time(h.clock.now())}, bind)
	h.ok(err)
	if in.ResumeURL != "/" {
		t.Errorf("goes on at %q", in.ResumeURL)
	}
	h.clock.pass(time.Second)
	in, err = h.Password(t.Context(), in, "anna", secret)
	h.ok(err)
	if Next(in) != StepDone {
		t.Error("fresh proof does not count")
	}
	in.NotBefore = idp.Time(h.clock.now().Add(time.Second))
	if Next(in) != StepPassword {
		t.Error("stale proof counts")
	}
	h.clock.pass(time.Minute)
	in, err = h.Password(t.Context(), in, "anna", secret)
	h.ok(err)
	if Next(in) != StepDone {
		t.Error("proof made anew does not count")
	}
}

func TestSignInStaysWithWhoProvedFirst(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("anna", secret)
	h.user("berta", secret)
	in, err := h.Password(t.Context(), h.begin(), "anna", secret)
	h.ok(err)
	_, err = h.Password(t.Context(), in, "berta", secret)
	h.is(err, idp.Unauthenticated)
}

func TestBeginRefusesToGoOnElsewhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := h.Begin(t.Context(), idp.SignIn{ResumeURL: "//evil.example"}, bind)
	h.is(err, idp.Invalid)
	in, err := h.Begin(t.Context(), idp.SignIn{LoginHint: "anna\r\n\x1b[2J"}, bind)
	h.ok(err)
	if in.LoginHint != "anna[2J" {
		t.Errorf("hint %q", in.LoginHint)
	}
}

func TestEN01EveryRefusalIsTheSameAndCostsOneHash(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("anna", secret)
	h.user("nopassword", "")
	h.suspend(h.user("suspended", secret))
	var first *idp.Error
	for i, c := range []struct{ username, password, reason string }{
		{"anna", "wrong password", "wrong password"},
		{"anna", "", "wrong password"},
		{"nobody", secret, "unknown user"},
		{"not a name", secret, "unknown user"},
		{strings.Repeat("x", 1<<20), secret, "unknown user"},
		{"", "", "unknown user"},
		{"nopassword", "", "no password"},
		{"nopassword", secret, "no password"},
		{"suspended", secret, "suspended"},
		{"suspended", "wrong", "suspended"},
		{"anna", strings.Repeat("x", 1<<20), "wrong password"},
	} {
		h.clock.pass(time.Second)
		var err error
		if n := h.hashes(func() { err = h.try("192.0.2.1", c.username, c.password) }); n != 1 {
			t.Errorf("%.20q: %d hashes", c.username, n)
		}
		var e *idp.Error
		if !errors.As(err, &e) || e.Kind != idp.Unauthenticated || e.Cause != nil {
			t.Fatalf("%.20q: %v", c.username, err)
		}
		if first == nil {
			first = e
		} else if diff := cmp.Diff(first, e); diff != "" {
			t.Errorf("%.20q is refused otherwise:\n%s", c.username, diff)
		}
		events := h.events("signin.password.refuse")
		if len(events) != i+1 || events[0].Detail["reason"] != c.reason {
			t.Fatalf("%.20q: %d events, %+v", c.username, len(events), events[0])
		}
		if known := c.reason != "unknown user"; known != (events[0].UserID != "") || known != (events[0].Detail["name"] == "") && c.username != "" {
			t.Errorf("%.20q: event %+v", c.username, events[0])
		}
		if text := fmt.Sprint(events[0]); strings.Contains(text, secret) || len(text) > 1000 {
			t.Errorf("%.20q: event %.2000s", c.username, text)
		}
	}
}

func TestAU01TypedNameIsRecordedWithoutControls(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.is(h.try("192.0.2.1", "eve\r\nuser.suspend \x1b[31m"+strings.Repeat("e", 1<<20), secret), idp.Unauthenticated)
	got := h.events("signin.password.refuse")[0].Detail["name"]
	if want := "eveuser.suspend [31m" + strings.Repeat("e", 44) + "…"; got != want {
		t.Errorf("recorded %q", got)
	}
}

func TestSuspendedWhileHashingIsRefusedByTheGate(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	in := h.begin()
	a, err := h.lookup(t.Context(), "anna", "")
	h.ok(err)
	h.suspend(anna)
	_, err = h.accept(t.Context(), in, a, tally{})
	h.is(err, idp.Unauthenticated)
}

func TestOutdatedHashIsReplacedAtSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	h.Hasher = password.New(password.Cost{Memory: 128, Passes: 2, Lanes: 1}, 1, 10)
	h.is(h.try("", "anna", "wrong"), idp.Unauthenticated)
	c, err := h.store.Credential(t.Context(), anna.ID, idp.CredentialPassword)
	h.ok(err)
	if !strings.Contains(c.Data, "m=64,t=1") {
		t.Errorf("a wrong password replaced the hash: %s", c.Data)
	}
	h.ok(h.try("", "anna", secret))
	c, err = h.store.Credential(t.Context(), anna.ID, idp.CredentialPassword)
	h.ok(err)
	if !strings.Contains(c.Data, "m=128,t=2") {
		t.Errorf("still %s", c.Data)
	}
	if n := h.hashes(func() { h.ok(h.try("", "anna", secret)) }); n != 1 {
		t.Errorf("%d hashes at the next sign-in", n)
	}
}

func TestRehashGivesWayToAChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	a, err := h.lookup(t.Context(), "anna", "")
	h.ok(err)
	h.suspend(anna)
	h.Hasher = password.New(password.Cost{Memory: 128, Passes: 2, Lanes: 1}, 1, 10)
	h.ok(h.rehash(t.Context(), a, secret))
	c, err := h.store.Credential(t.Context(), anna.ID, idp.CredentialPassword)
	h.ok(err)
	if c.Data != a.phc {
		t.Error("a stale decision was written")
	}
	u, err := h.store.User(t.Context(), anna.ID)
	h.ok(err)
	if u.Status != idp.UserSuspended {
		t.Error("a rehash restored a suspended person")
	}
}
