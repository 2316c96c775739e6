package directory_test

import (
	"context"
	"strings"
	"testing"

	"gatehouse/idp"
	"gatehouse/idp/directory"
)

// TestUN01AnAddressHasOneForm: whoever would be taken for josé@example.org is either
// that person or nobody, by whichever way they come, and as a username too.
func TestUN01AnAddressHasOneForm(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	jose := must[idp.User](t)(d.AddUser(ctx, directory.Person{Username: "jose", Email: "jose\u0301@Example.ORG"}))
	ivan := must[idp.User](t)(d.AddUser(ctx, directory.Person{Username: "ivan", Email: "ivan@ПРИМЕР.рф"}))
	if jose.Email != "jos\u00e9@example.org" || ivan.Email != "ivan@пример.рф" {
		t.Errorf("kept as %q and %q", jose.Email, ivan.Email)
	}
	for addr, want := range map[string]idp.Kind{
		"jos\u00e9@example.org":                             idp.Conflict,
		"jose\u0301@example.org":                            idp.Conflict, // e and a mark
		"JOS\u00c9@EXAMPLE.ORG":                             idp.Conflict,
		"\uff4aos\u00e9@example.org":                        idp.Conflict, // full-width j
		"jos\u00e9\uff20example.org":                        idp.Conflict, // full-width @
		"jos\u00e9@\uff45xample.org":                        idp.Conflict, // full-width e
		"jos\u00e9@example\u3002org":                        idp.Conflict, // ideographic full stop
		" jos\u00e9@example.org ":                           idp.Conflict,
		"ivan@xn--e1afmkfd.xn--p1ai":                        idp.Conflict, // A-labels
		"ivan@XN--E1AFMKFD.рф":                              idp.Conflict,
		"ivan@пример.рф":                                    idp.Conflict,
		"ivan@\u043f\u0440\u0438\u043c\u0435\u0440\uff0eрф": idp.Conflict,
		"jos\u0435\u0301@example.org":                       idp.Invalid, // Cyrillic e
		"jos\u00e9@ex\u0430mple.org":                        idp.Invalid, // Cyrillic a
		"ivan@xn--exmple-4nf.org":                           idp.Invalid, // the same, as the DNS has it
		"jos\u00e9\u200b@example.org":                       idp.Invalid, // zero-width space
		"jos\u00e9@exam\u200bple.org":                       idp.Invalid,
		"jos\u00e9@exam\u00adple.org":                       idp.Invalid, // soft hyphen
		"jos\u00e9@example\ufe0f.org":                       idp.Invalid, // variation selector
		"\u202ejos\u00e9@example.org":                       idp.Invalid, // right-to-left override
		"jos\u00e9@\u202eexample.org":                       idp.Invalid,
		"jos\u00e9@\u2066example.org":                       idp.Invalid,
		"\"jos\u00e9\"@example.org":                         idp.Invalid,
		"jos\u00e9@example.org.":                            idp.Invalid,
		".jose@example.org":                                 idp.Invalid,
		"jo..se@example.org":                                idp.Invalid,
		"jose@@example.org":                                 idp.Invalid,
		"jose@exa mple.org":                                 idp.Invalid,
		"jose@exa_mple.org":                                 idp.Invalid,
		"jose@-example.org":                                 idp.Invalid,
		"jose@xn--zz.org":                                   idp.Invalid, // no label at all
		"jose@[192.0.2.1]":                                  idp.Invalid,
		"jose@":                                             idp.Invalid,
		"@example.org":                                      idp.Invalid,
		"jose@example.org\r\nBcc: x@y":                      idp.Invalid,
		strings.Repeat("j", 65) + "@example.org":            idp.Invalid,
		"jose@" + strings.Repeat("e", 64) + ".org":          idp.Invalid,
		"jose@" + strings.Repeat(strings.Repeat("e", 60)+".", 4) + "example.org": idp.Invalid,
	} {
		if _, err := d.AddUser(ctx, directory.Person{Username: "eve", Email: addr}); !idp.IsKind(err, want) {
			t.Errorf("%+q: got %v, want %s", addr, err, want)
		}
		if want != idp.Conflict {
			continue
		}
		if _, err := d.AddUser(ctx, directory.Person{Username: addr}); !idp.IsKind(err, idp.Conflict) {
			t.Errorf("%+q as a username: %v", addr, err)
		}
		file := directory.Desired{Users: []directory.DesiredUser{{Person: directory.Person{Username: "eve", Email: addr}}}}
		if _, err := d.Apply(ctx, file, false); !idp.IsKind(err, idp.Conflict) {
			t.Errorf("%+q in a file: %v", addr, err)
		}
		if u, err := directory.Named(ctx, s.UserByName, addr); err != nil || u.ID != jose.ID && u.ID != ivan.ID {
			t.Errorf("%+q finds %q, %v", addr, u.Username, err)
		}
	}
	// Honest ones of many kinds.
	for i, addr := range []string{
		"a.b+c_d-e@example.org", "o'brien@example.co.uk", "müller@exämple.de", "иван@пример.рф", "ivan@mail.пример.com",
		"田中@例え.jp", "ada@localhost", "דוד@example.org", "ali@نامه\u200cای.com", "straße@straße.de",
		strings.Repeat("j", 64) + "@" + strings.Repeat(strings.Repeat("e", 60)+".", 3) + "org",
	} {
		u, err := d.AddUser(ctx, directory.Person{Username: "honest" + strings.Repeat("x", i), Email: addr})
		if err != nil || u.Email != strings.ToLower(addr) {
			t.Errorf("%q is kept as %q, %v", addr, u.Email, err)
		}
	}
}

// TestWhatIsStoredOfAnAddressStays: of before addresses had one form. Its person is
// found by it, nobody else gets it, and what else is said of them can be changed.
func TestWhatIsStoredOfAnAddressStays(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for stored, typed := range map[string][]string{
		"ivan@xn--e1afmkfd.xn--p1ai": {"ivan@xn--e1afmkfd.xn--p1ai", "ivan@пример.рф", "Ivan@Пример.рф"},
		"jose\u0301@example.org":     {"jose\u0301@example.org", "jos\u00e9@example.org"},
	} {
		d, s := newDirectory(t)
		u := must[idp.User](t)(d.NewUser(directory.Person{Username: "old"}))
		u.Email = stored
		if _, err := s.Commit(ctx, idp.Change{Users: []idp.User{u}}); err != nil {
			t.Fatal(err)
		}
		for _, name := range typed {
			if found, err := directory.Named(ctx, s.UserByName, name); err != nil || found.ID != u.ID {
				t.Errorf("%+q does not find %+q: %v", name, stored, err)
			}
			if _, err := d.AddUser(ctx, directory.Person{Username: "eve", Email: name}); !idp.IsKind(err, idp.Conflict) {
				t.Errorf("%+q beside %+q: %v", name, stored, err)
			}
			b := must[directory.Plan](t)(d.PlanMany(ctx, directory.Many{Users: []string{name}}))
			if b.Suspend != 1 {
				t.Errorf("%+q is nobody to be suspended: %+v", name, b)
			}
		}
	}
	// And one that nobody could have any more.
	d, s := newDirectory(t)
	u := must[idp.User](t)(d.NewUser(directory.Person{Username: "old"}))
	u.Email = "old@foo_bar.example"
	if _, err := s.Commit(ctx, idp.Change{Users: []idp.User{u}}); err != nil {
		t.Fatal(err)
	}
	if found, err := directory.Named(ctx, s.UserByName, "Old@foo_bar.example"); err != nil || found.ID != u.ID {
		t.Errorf("not found: %v", err)
	}
	changed := must[idp.User](t)(d.ChangeUser(ctx, u.ID, directory.Person{Username: "old", Email: u.Email, DisplayName: "Old"}))
	if changed.DisplayName != "Old" || changed.Email != u.Email {
		t.Errorf("changed to %+v", changed)
	}
	file := directory.Desired{Users: []directory.DesiredUser{{Person: directory.Person{Username: "old", Email: u.Email, DisplayName: "Older"}}}}
	if found := must[[]directory.Difference](t)(d.Apply(ctx, file, false)); len(found) != 1 {
		t.Errorf("applied %+v", found)
	}
}

// FuzzUN01TheOneFormIsItsOwn: of whatever is typed.
func FuzzUN01TheOneFormIsItsOwn(f *testing.F) {
	for _, s := range []string{"Ada", "jose\u0301@Example.org", "ivan@xn--e1afmkfd.xn--p1ai", "a\uff20b\u3002c", "\uff41@\uff42", "ali@نامه\u200cای.com", "straße@faß.de", "a@b@c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		all, err := directory.Spellings(typed)
		if err != nil {
			return
		}
		if again, err := directory.Canonical(all[0]); err != nil || again != all[0] {
			t.Errorf("%+q is %+q, and that %+q, %v", typed, all[0], again, err)
		}
		for _, name := range all[1:] {
			if again, err := directory.Canonical(name); err != nil || again != all[0] {
				t.Errorf("%+q is spelled %+q, and that is %+q, %v", all[0], name, again, err)
			}
		}
	})
}
