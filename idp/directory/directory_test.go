package directory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/jit"
	"gatehouse/sessions"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

func newDirectory(t *testing.T) (*directory.Directory, *store.Store) {
	t.Helper()
	s := storetest.SQLite(t)
	gate := &sessions.Gate{Backend: s, Now: time.Now, Idle: time.Hour, Absolute: 12 * time.Hour}
	return &directory.Directory{Store: s, Passes: gate, CheckRules: jit.CheckRules, Now: time.Now}, s
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func add(t *testing.T, d *directory.Directory, name string, role idp.Role) idp.User {
	t.Helper()
	return must[idp.User](t)(d.AddUser(context.Background(), directory.Person{Username: name, Role: role}))
}

// TestUN01NoTwoUsersFoldEqual: look-alikes of a name are either the same name
// or none at all.
func TestUN01NoTwoUsersFoldEqual(t *testing.T) {
	d, _ := newDirectory(t)
	add(t, d, "admin", idp.RoleEmployee)
	for name, want := range map[string]idp.Kind{
		"admin":                  idp.Conflict,
		"ADMIN":                  idp.Conflict,
		"\uff41dmin":             idp.Conflict, // full-width a
		"admin ":                 idp.Conflict, // outer spaces go before anything else
		"\u0430dmin":             idp.Invalid,  // Cyrillic a
		"admin\u200b":            idp.Invalid,  // zero-width space
		"\u202eadmin":            idp.Invalid,  // right-to-left override
		"ad min":                 idp.Invalid,
		"admin\x00":              idp.Invalid,
		"":                       idp.Invalid,
		strings.Repeat("a", 129): idp.Invalid,
	} {
		if _, err := d.AddUser(context.Background(), directory.Person{Username: name}); !idp.IsKind(err, want) {
			t.Errorf("%q: got %v, want %s", name, err, want)
		}
	}
	// Nor does one's username equal another's address.
	if _, err := d.AddUser(context.Background(), directory.Person{Username: "eve", Email: "Eve@Example.com"}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []directory.Person{{Username: "EVE@example.com"}, {Username: "mallory", Email: "eve@example.com"}} {
		if _, err := d.AddUser(context.Background(), p); !idp.IsKind(err, idp.Conflict) {
			t.Errorf("%+v: got %v, want a conflict", p, err)
		}
	}
	bob := add(t, d, "bob@example.com", idp.RoleEmployee)
	if _, err := d.AddUser(context.Background(), directory.Person{Username: "ben", Email: "bob@example.com"}); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("an address that is another's username: %v", err)
	}
	if _, err := d.ChangeUser(context.Background(), bob.ID, directory.Person{Username: "bob", Email: "eve@example.com"}); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("changed to another's address: %v", err)
	}
	if _, err := d.ChangeUser(context.Background(), bob.ID, directory.Person{Username: "bob@example.com", Email: "Bob@example.com"}); err != nil {
		t.Errorf("one's own address as one's username: %v", err)
	}
	for _, name := range []string{"o'brien", "jürgen", "山田太郎", "ада", "grace.hopper@example.com", "a-b_c.d"} {
		if _, err := directory.Canonical(name); err != nil {
			t.Errorf("%q is an honest name: %v", name, err)
		}
	}
}

func TestAnAddressIsOneAddress(t *testing.T) {
	d, _ := newDirectory(t)
	ctx := context.Background()
	u := must[idp.User](t)(d.AddUser(ctx, directory.Person{Username: "ada", Email: "Ada@Example.com"}))
	if u.Email != "ada@example.com" {
		t.Errorf("stored as %q", u.Email)
	}
	if _, err := d.AddUser(ctx, directory.Person{Username: "ada2", Email: "ADA@example.com"}); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("the same address twice: %v", err)
	}
	for _, bad := range []string{"a", "a@b\r\nBcc: c@d", "a@b,c@d", "Ada <ada@example.com>", "a b@c"} {
		if _, err := d.AddUser(ctx, directory.Person{Username: "x", Email: bad}); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestTheLastOwnerStays(t *testing.T) {
	d, _ := newDirectory(t)
	ctx := context.Background()
	grace := add(t, d, "grace", idp.RoleOwner)
	if _, err := d.Suspend(ctx, grace.ID, ""); !idp.IsKind(err, idp.Denied) {
		t.Errorf("the last owner was suspended: %v", err)
	}
	if _, err := d.ChangeUser(ctx, grace.ID, directory.Person{Username: "grace", Role: idp.RoleEmployee}); !idp.IsKind(err, idp.Denied) {
		t.Errorf("the last owner lost the role: %v", err)
	}
	ada := add(t, d, "ada", idp.RoleOwner)
	if _, err := d.Suspend(ctx, grace.ID, ""); err != nil {
		t.Errorf("one of two owners: %v", err)
	}
	if _, err := d.Suspend(ctx, ada.ID, ""); !idp.IsKind(err, idp.Denied) {
		t.Errorf("a suspended owner counted as one: %v", err)
	}
}

// TestAFileThatDoesNotSpeakOfRolesChangesNone: and one that demotes every
// owner is refused as a whole.
func TestAFileThatDoesNotSpeakOfRolesChangesNone(t *testing.T) {
	d, s := newDirectory(t)
	ctx := context.Background()
	add(t, d, "grace", idp.RoleOwner)
	ada := add(t, d, "ada", idp.RoleOwner)
	file := func(role idp.Role) directory.Desired {
		return directory.Desired{Users: []directory.DesiredUser{
			{Person: directory.Person{Username: "grace", DisplayName: "Grace", Role: role}},
			{Person: directory.Person{Username: "ada", DisplayName: "Ada", Role: role}},
		}}
	}
	must[[]directory.Difference](t)(d.Apply(ctx, file(""), false))
	if owners := must[[]idp.User](t)(s.Owners(ctx)); len(owners) != 2 {
		t.Errorf("%d owners are left of two", len(owners))
	}
	if _, err := d.Apply(ctx, file(idp.RoleEmployee), false); !idp.IsKind(err, idp.Denied) {
		t.Errorf("a file demoted every owner: %v", err)
	}
	if u := must[idp.User](t)(d.ChangeUser(ctx, ada.ID, directory.Person{Username: "ada"})); u.Role != idp.RoleOwner {
		t.Errorf("a change that does not speak of the role made it %s", u.Role)
	}
}

// TestSuspendTwiceIsOneReceipt: two admins who click at once get one receipt,
// a suspension after a restore gets its own.
func TestSuspendTwiceIsOneReceipt(t *testing.T) {
	d, _ := newDirectory(t)
	ctx := context.Background()
	ada := add(t, d, "ada", idp.RoleEmployee)
	first := must[idp.Receipt](t)(d.Suspend(ctx, ada.ID, "left"))
	again := must[idp.Receipt](t)(d.Suspend(ctx, ada.ID, "left, again"))
	if first.ID != again.ID || again.Reason != "left" {
		t.Errorf("twice: %s %q, then %s %q", first.ID, first.Reason, again.ID, again.Reason)
	}
	restored := must[idp.User](t)(d.Restore(ctx, ada.ID))
	if restored.Epoch != ada.Epoch+1 {
		t.Errorf("epoch after suspend and restore: %d, was %d", restored.Epoch, ada.Epoch)
	}
	if third := must[idp.Receipt](t)(d.Suspend(ctx, ada.ID, "")); third.ID == first.ID || third.N <= first.N {
		t.Errorf("after the restore: receipt %s number %d, the first was %s number %d", third.ID, third.N, first.ID, first.N)
	}
}

func TestInviteIsRefusedWhileSuspended(t *testing.T) {
	d, _ := newDirectory(t)
	ctx := context.Background()
	ada := add(t, d, "ada", idp.RoleEmployee)
	must[idp.Receipt](t)(d.Suspend(ctx, ada.ID, ""))
	if _, _, err := d.Invite(ctx, ada); !idp.IsKind(err, idp.Unauthenticated) {
		t.Errorf("a link with the proof from before the cut: %v", err)
	}
}

func TestApplyIsIdempotentAndAllOrNothing(t *testing.T) {
	d, s := newDirectory(t)
	ctx := context.Background()
	want := directory.Desired{
		Groups: []string{"Engineering"},
		Users:  []directory.DesiredUser{{Person: directory.Person{Username: "ada", DisplayName: "Ada"}, Groups: []string{"Engineering", "Poets"}}},
		Apps: []idp.App{{Name: "Wiki", Protocol: idp.ProtocolOIDC, Identifier: "wiki", OIDC: &idp.OIDCSettings{
			AuthMethod: "none", RedirectURIs: []string{"https://wiki.example/cb"},
		}}},
		Grants: []directory.DesiredGrant{{App: "Wiki", Group: "Poets", Grant: idp.Grant{Role: "editor"}}},
	}
	if planned := must[[]directory.Difference](t)(d.Apply(ctx, want, true)); len(planned) != 7 {
		t.Errorf("a dry run found %d differences, want 7: %+v", len(planned), planned)
	}
	if _, err := s.UserByName(ctx, "ada"); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("the dry run wrote: %v", err)
	}
	must[[]directory.Difference](t)(d.Apply(ctx, want, false))
	if again := must[[]directory.Difference](t)(d.Apply(ctx, want, false)); len(again) != 0 {
		t.Errorf("the second time there was still something to do: %+v", again)
	}
	want.Users[0].DisplayName = "Ada Lovelace"
	want.Grants = append(want.Grants, directory.DesiredGrant{App: "Nowhere", User: "ada"})
	if _, err := d.Apply(ctx, want, false); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("an unknown app: %v", err)
	}
	if u := must[idp.User](t)(s.UserByName(ctx, "ada")); u.DisplayName != "Ada" {
		t.Errorf("a refused file was half applied: %q", u.DisplayName)
	}
}

// TestUN01OfTwoAtOnceOneIsAdded: people whose names or addresses fold equal
// are added at once at two nodes; one of them is, however often that is tried.
func TestUN01OfTwoAtOnceOneIsAdded(t *testing.T) {
	t.Parallel()
	dsn := storetest.PostgresDSN(t)
	var nodes [2]*directory.Directory
	for i := range nodes {
		s, err := store.Open(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		gate := &sessions.Gate{Backend: s, Now: time.Now, Idle: time.Hour, Absolute: 12 * time.Hour}
		nodes[i] = &directory.Directory{Store: s, Passes: gate, CheckRules: jit.CheckRules, Now: time.Now}
	}
	for i := range 32 {
		people := [2]directory.Person{{Username: fmt.Sprint("Zoe", i)}, {Username: fmt.Sprint("\uff5aOE", i)}}
		if i%2 == 1 {
			people = [2]directory.Person{{Username: fmt.Sprint("ida", i), Email: fmt.Sprintf("Zoe%d@example.org", i)}, {Username: fmt.Sprint("eva", i), Email: fmt.Sprintf("ZOE%d@Example.org", i)}}
		}
		if i%4 == 3 { // one's username is the other's address
			people[0] = directory.Person{Username: people[1].Email}
		}
		var errs [2]error
		var both sync.WaitGroup
		for n := range nodes {
			both.Go(func() { _, errs[n] = nodes[n].AddUser(t.Context(), people[n]) })
		}
		both.Wait()
		if (errs[0] == nil) == (errs[1] == nil) || !idp.IsKind(errors.Join(errs[:]...), idp.Conflict) {
			t.Errorf("%q and %q: %v and %v", people[0].Username, people[1].Username, errs[0], errs[1])
		}
	}
}
