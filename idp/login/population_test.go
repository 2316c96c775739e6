package login

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/idp"
	"gatehouse/idp/login/password"
)

// computed are the hashes that f had computed, as they are stored.
func (h *house) computedBy(f func()) []string {
	h.Helper()
	var all []string
	h.Hasher.Computes = func(stored string) { all = append(all, stored) }
	f()
	h.Hasher.Computes = nil
	return all
}

// shapeOf is what a stored hash costs by, "" for one of today's.
func (h *house) shapeOf(stored string) string {
	if stored == "" || strings.HasPrefix(stored, todays) {
		return ""
	}
	if i := strings.Index(stored, "$argon2id$"); i > 0 {
		return h.shapeOf(stored[i:]) // salted, and kept under another
	}
	parts := strings.Split(stored, "$")
	if parts[1][0] == '2' {
		return strings.Join(parts[:3], "$")
	}
	return strings.Join(parts[:len(parts)-2], "$")
}

// takesOver adds somebody with a hash of another program.
func (h *house) takesOver(name, hash string) idp.User {
	h.Helper()
	u := h.user(name, "")
	c, err := h.TakeOver(h.Context(), u.ID, hash)
	h.ok(err)
	_, err = h.store.Commit(h.Context(), idp.Change{Passwords: []idp.Credential{c}})
	h.ok(err)
	return u
}

// TestEN01NobodyCostsWhatSomebodyDoes: in a house that has taken hashes over, a name
// that is nobody's, or of somebody without a password, has a hash computed that is of
// the shape of somebody's: always of the same, and of each shape as often as there are
// people with it, also when they have become fewer.
func TestEN01NobodyCostsWhatSomebodyDoes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.NobodyKey = []byte("a key of the house")
	kinds := made(t, secret)
	for i := range 10 {
		h.takesOver(fmt.Sprint("bcrypt", i), kinds["bcrypt 2b"])
		h.takesOver(fmt.Sprint("django", i), kinds["Django"])
		h.takesOver(fmt.Sprint("ssha", i), kinds["SSHA256"]) // computed as ours are
		h.user(fmt.Sprint("ours", i), secret)
	}
	none := h.user("nopassword", "")
	h.ok(h.SeeHashes(t.Context()))

	draws := func() map[string]string {
		h.Helper()
		shapes := map[string]string{}
		for i := range 800 {
			name := fmt.Sprint("nobody", i)
			shapes[name] = h.shapeOf(h.hashOf(attempt{typed: name}))
		}
		return shapes
	}
	share := func(of map[string]string, shape string) (n int) {
		for _, s := range of {
			if s == shape {
				n++
			}
		}
		return n
	}
	first := draws()
	for shape, want := range map[string]int{"$2b$05": 200, "$pbkdf2-sha256$i=1000": 200, "": 400} {
		if n := share(first, shape); n < want*8/10 || n > want*12/10 {
			t.Errorf("%d of 800 names that nobody has are of shape %q, want about %d", n, shape, want)
		}
	}

	// What is computed is that, once, on every node and at every try, and never right.
	other := newNode(t, h.store, h.clock)
	other.NobodyKey = h.NobodyKey
	h.ok(other.SeeHashes(t.Context()))
	for i := range 20 {
		name := fmt.Sprint("nobody", i)
		for try, node := range []*house{h, h, other} {
			got := node.computedBy(func() { h.is(node.try(fmt.Sprintf("198.51.%d.1", i), name, secret), idp.Unauthenticated) })
			if len(got) != 1 || h.shapeOf(got[0]) != first[name] {
				t.Errorf("%s, try %d: computed %q, want one of shape %q", name, try, got, first[name])
			}
		}
	}
	// Whoever has one has it computed; who has none, always the same by both names.
	for name, want := range map[string]string{"bcrypt1": "$2b$05", "django1": "$pbkdf2-sha256$i=1000", "ssha1": "", "ours1": ""} {
		got := h.computedBy(func() { h.is(h.try("192.0.2.1", name, "wrong"), idp.Unauthenticated) })
		if len(got) != 1 || h.shapeOf(got[0]) != want {
			t.Errorf("%s: computed %q", name, got)
		}
	}
	by := h.computedBy(func() {
		h.is(h.try("192.0.2.2", "nopassword", secret), idp.Unauthenticated)
		h.is(h.try("192.0.2.2", "nopassword@example.org", secret), idp.Unauthenticated)
	})
	if want := h.hashOf(attempt{user: none}); len(by) != 2 || by[0] != want || by[1] != want {
		t.Errorf("somebody without a password: computed %q", by)
	}

	// They sign in, and have ours from then on: only names of their shape become others.
	for i := range 10 {
		h.ok(h.try(fmt.Sprintf("203.0.%d.1", i), fmt.Sprint("bcrypt", i), secret))
	}
	h.ok(h.SeeHashes(t.Context()))
	after := draws()
	if n := share(after, "$2b$05"); n != 0 {
		t.Errorf("%d names are of a shape that nobody has any more", n)
	}
	if n := share(after, "$pbkdf2-sha256$i=1000"); n < 160 || n > 240 {
		t.Errorf("%d names are of the shape that a quarter has", n)
	}
	for name, was := range first {
		if now := after[name]; was == "" && now != "" {
			t.Errorf("%s cost what ours does, and costs %q now", name, now)
		}
	}
}

// TestShapesOfHashesAreToldApart by what they cost, and by nothing of anybody's.
func TestShapesOfHashesAreToldApart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, hash := range made(t, secret) {
		for i := range 2 {
			h.takesOver(fmt.Sprint("user", i, strings.ToLower(strings.ReplaceAll(name, " ", "-"))), hash)
		}
	}
	held, err := h.store.HashShapes(t.Context(), password.MostShapes)
	h.ok(err)
	people := int64(0)
	for _, s := range held {
		people += s.People
		if h.Hasher.SeeShapes([]idp.HashShape{s}) != 1 {
			t.Errorf("%+v is read as no hash", s)
		}
		stored := h.Hasher.Nobodys(nil, "nobody")
		right, _, err := h.Hasher.Verify(t.Context(), stored, secret)
		if right || err != nil {
			t.Errorf("%+v: a made-up hash is of the password, or of nothing: %v", s, err)
		}
	}
	if n := int64(2 * len(made(t, secret))); people != n {
		t.Errorf("%d people, want %d: %+v", people, n, held)
	}
	few, err := h.store.HashShapes(t.Context(), 3)
	h.ok(err)
	if len(few) != 3 {
		t.Errorf("%d shapes, at most three", len(few))
	}
}
