package saas

import (
	"errors"
	"testing"
	"time"
)

func TestFieldsAreKnownByTheirUsualNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"email": "Email", "mail": "Email", "urn:oid:0.9.2342.19200300.100.1.3": "Email",
		"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress": "Email",
		"http://schemas.microsoft.com/identity/claims/displayname":           "Name",
		"name": "Name", "given_name": "Given name", "sn": "Family name", "uid": "Username", "memberOf": "Groups", "role": "Role",
		"phone_number": "Phone number", "shoe_size": "shoe_size",
	} {
		if got := fieldOf(name); got != want {
			t.Errorf("%s is called %q, want %q", name, got, want)
		}
	}
}

func TestNameFallsBackToWhatIsKnown(t *testing.T) {
	t.Parallel()
	said := func(name, value string) Attribute {
		at, _ := attribute(name, []string{value}, FromIDToken)
		return at
	}
	for want, attrs := range map[string][]Attribute{
		"Grace Hopper":      {said("name", "Grace Hopper"), said("given_name", "G")},
		"Grace B. Hopper":   {said("given_name", "Grace B."), said("family_name", "Hopper")},
		"ghopper":           {said("email", "grace@example.com"), said("preferred_username", "ghopper")},
		"grace@example.com": {said("email", "grace@example.com")},
		"u-1":               nil,
	} {
		a := Account{Subject: "u-1"}
		if a.update(identity{attributes: attrs}, time.Now()); a.Name != want {
			t.Errorf("called %q, want %q", a.Name, want)
		}
	}
	if got := (&Account{Name: "Grace Brewster Hopper"}).Initials(); got != "GH" {
		t.Errorf("initials %q", got)
	}
}

func TestLazyValueOutlivesAFailure(t *testing.T) {
	t.Parallel()
	c, n, broken := new(clock), 0, false
	l := lazy[int]{now: c.now, fetch: func() (int, error) {
		if n++; broken {
			return 0, errors.New("down")
		}
		return n, nil
	}}
	want := func(value int) {
		t.Helper()
		if got, err := l.get(); err != nil || got != value {
			t.Errorf("%d, %v; want %d", got, err, value)
		}
	}
	want(1)
	want(1)
	c.forward(lazyFresh)
	want(2)
	broken = true
	c.forward(lazyFresh)
	want(2)
	if l.renew() {
		t.Error("renewed although the provider is down")
	}
	broken = false
	c.forward(lazyFresh)
	want(n + 1)
}
