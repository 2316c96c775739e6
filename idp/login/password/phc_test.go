package password

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"gatehouse/idp"
)

// cheap lets tests compute many hashes.
func cheap() Cost { return Cost{Memory: 64, Passes: 1, Lanes: 1} }

func TestHashIsVerified(t *testing.T) {
	t.Parallel()
	h := New(cheap(), 2, 10)
	phc, err := h.Hash(t.Context(), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.Hash(t.Context(), "correct horse battery")
	if err != nil || again == phc {
		t.Errorf("the same salt twice: %v", err)
	}
	for password, want := range map[string]bool{
		"correct horse battery":  true,
		"correct horse battery ": false,
		"Correct horse battery":  false,
		"":                       false,
	} {
		right, outdated, err := h.Verify(t.Context(), phc, password)
		if right != want || outdated || err != nil {
			t.Errorf("%q: %v, %v, %v", password, right, outdated, err)
		}
	}
}

func TestLongPasswordIsNotTakenForItsBeginning(t *testing.T) {
	t.Parallel()
	h := New(cheap(), 1, 10)
	longest := strings.Repeat("p", MaxLength)
	phc, err := h.Hash(t.Context(), longest)
	if err != nil {
		t.Fatal(err)
	}
	if right, _, _ := h.Verify(t.Context(), phc, longest); !right {
		t.Error("the longest password is refused")
	}
	if right, _, _ := h.Verify(t.Context(), phc, longest+"p"); right {
		t.Error("a longer one is taken for it")
	}
}

func TestNobodysPasswordCostsOneHashAndIsNeverRight(t *testing.T) {
	t.Parallel()
	h := New(cheap(), 1, 10)
	for _, password := range []string{"", "x", strings.Repeat("x", 1<<20)} {
		if right, outdated, err := h.Verify(t.Context(), "", password); right || outdated || err != nil {
			t.Errorf("%v, %v, %v", right, outdated, err)
		}
	}
	if n := h.hashes.Load(); n != 3 {
		t.Errorf("%d hashes for 3 tries", n)
	}
}

func TestHashWithOtherParametersIsOutdated(t *testing.T) {
	t.Parallel()
	stronger := New(Cost{Memory: 128, Passes: 2, Lanes: 1}, 1, 10)
	phc, err := New(cheap(), 1, 10).Hash(t.Context(), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	if right, outdated, err := stronger.Verify(t.Context(), phc, "correct horse battery"); !right || !outdated || err != nil {
		t.Errorf("right: %v, %v, %v", right, outdated, err)
	}
	if right, outdated, _ := stronger.Verify(t.Context(), phc, "wrong"); right || outdated {
		t.Errorf("wrong: %v, %v", right, outdated)
	}
}

// A vector that x/crypto checks against the reference implementation: one pass
// over 64 KiB, one lane, "password", "somesalt".
func TestForeignHashIsRead(t *testing.T) {
	t.Parallel()
	const phc = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7"
	right, outdated, err := New(cheap(), 1, 1).Verify(t.Context(), phc, "password")
	if !right || outdated || err != nil {
		t.Errorf("%v, %v, %v", right, outdated, err)
	}
}

func TestUnreadableHashIsRefused(t *testing.T) {
	t.Parallel()
	const good = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	if _, err := parsePHC(good); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{"argon2id", "argon2d"}, {"argon2id", "2b"}, {"v=19", "v=16"}, {"m=19456", "m=4294967295"}, {"m=19456", "m=99999999999999999999"},
		{"m=19456", "m=0"}, {"m=19456", "m=-1"}, {"m=19456", "m=+9"}, {"m=19456", "m=019"}, {"m=19456", "x=19456"}, {"m=19456", "m="},
		{"t=2", "t=0"}, {"t=2", "t=9"}, {"p=1", "p=0"}, {"p=1", "p=255"}, {"p=1", "p=257"}, {",p=1", ""}, {"p=1", "p=1,x=1"},
		{"$AAAAAAAAAAAAAAAAAAAAAA$", "$AAAA$"}, {"$AAAAAAAAAAAAAAAAAAAAAA$", "$AAAAAAAAAAAAAAAAAAAAAB$"}, {"$AAAAAAAAAAAAAAAAAAAAAA$", "$AAAAAAAAAAA\nAAAAAAAAAAA$"},
		{"$AAAAAAAAAAAAAAAAAAAAAA$", "$AAAAAAAAAAAAAAAAAAAAAA==$"}, {"$argon", "x$argon"}, {"AAAAAAA$", "AAAAAAA$AA$"},
		{"$AAAAAAAAAAAAAAAAAAAAAA$", "$" + strings.Repeat("A", 1000) + "$"},
	} {
		s := strings.Replace(good, change[0], change[1], 1)
		if _, err := parsePHC(s); err == nil {
			t.Errorf("read %q", s)
		}
		if _, _, err := New(cheap(), 1, 1).Verify(t.Context(), s, "x"); err == nil || idp.KindOf(err) != idp.Internal {
			t.Errorf("verified %q: %v", s, err)
		}
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=1,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, s string) {
		if e, err := parsePHC(s); err == nil && e.String() != s {
			t.Errorf("%q is written as %q", s, e)
		}
	})
}

func TestRS04ExcessIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	h := New(cheap(), 1, 2)
	h.slots <- struct{}{} // somebody's hash takes its time
	waiting := make(chan error, 3)
	ctx, leave := context.WithCancel(t.Context())
	for range 3 {
		go func() {
			_, err := h.Hash(ctx, "x")
			waiting <- err
		}()
	}
	for len(h.places) < 3 {
		select {
		case err := <-waiting:
			t.Fatalf("did not wait: %v", err)
		default:
		}
	}
	if _, _, err := h.Verify(t.Context(), "", "x"); !idp.IsKind(err, idp.Unavailable) {
		t.Errorf("one too many: %v", err)
	}
	leave()
	for range 3 {
		if err := <-waiting; !idp.IsKind(err, idp.Unavailable) {
			t.Errorf("left the queue: %v", err)
		}
	}
	<-h.slots
	if _, err := h.Hash(t.Context(), "x"); err != nil {
		t.Errorf("after the storm: %v", err)
	}
	if n := h.hashes.Load(); n != 1 {
		t.Errorf("%d hashes", n)
	}
}

func BenchmarkHash(b *testing.B) {
	h := NewHasher(DefaultCost())
	for b.Loop() {
		if _, err := h.Hash(b.Context(), "correct horse battery"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBareArgon2id(b *testing.B) {
	p := DefaultCost()
	for b.Loop() {
		argon2.IDKey([]byte("correct horse battery"), make([]byte, saltSize), p.Passes, p.Memory, p.Lanes, keySize)
	}
}
