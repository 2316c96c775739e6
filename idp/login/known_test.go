package login

import (
	"fmt"
	"testing"

	"gatehouse/idp"
	"gatehouse/sessions"
)

// knownTo is the secret of a browser on which a person has signed in.
func (h *house) knownTo(u idp.User, raw string) string {
	h.Helper()
	generation, err := h.store.Generation(h.Context())
	h.ok(err)
	seen, err := h.gate.KnowDevice(h.Context(), idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: generation}, raw, sessions.Browser{})
	h.ok(err)
	return seen.Secret
}

// tryOn tries a password on a browser with this device cookie.
func (h *house) tryOn(device, address, username, password string) error {
	h.Helper()
	in := h.begin()
	in.Device = device
	_, err := h.Password(h.from(address), in, username, password)
	return err
}

func TestBF03AStrangerKeepsNobodyOutOfTheirOwnBrowser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna, berta := h.user("anna", secret), h.user("berta", secret)
	hers, bertas := h.knownTo(anna, ""), h.knownTo(berta, "")
	// A stranger, in the same office, until nothing is answered any more.
	for i := range 300 {
		_ = h.try("192.0.2.1", fmt.Sprint("name ", i), "wrong")
		_ = h.try(fmt.Sprintf("2001:db8:%x::1", i), "anna", "wrong")
	}
	h.is(h.try("198.51.100.7", "anna", secret), idp.Throttled)
	h.is(h.try("192.0.2.1", "anna", secret), idp.Throttled)
	h.ok(h.tryOn(hers, "192.0.2.1", "anna", secret))
	h.ok(h.tryOn(hers, "198.51.100.7", "anna@example.org", secret))

	// Somebody else's browser is a stranger's for her.
	for _, device := range []string{bertas, "a device cookie that somebody has made up", ""} {
		if n := h.hashes(func() { h.is(h.tryOn(device, "192.0.2.1", "anna", secret), idp.Throttled) }); n != 0 {
			t.Errorf("%d hashes on another device", n)
		}
	}

	// Her browser in other hands has a budget of its own, and no more.
	n := h.hashes(func() {
		for range 30 {
			_ = h.tryOn(hers, "203.0.113.1", "anna", "wrong")
		}
	})
	if n != 10 {
		t.Errorf("%d guesses evaluated on a known device", n)
	}
	h.is(h.tryOn(hers, "192.0.2.1", "anna", secret), idp.Throttled)
}

func TestBF03AKnownDeviceDiesWithWhatThePersonHolds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	hers := h.knownTo(anna, "")
	for range 11 {
		_ = h.try("", "anna", "wrong")
	}
	h.ok(h.tryOn(hers, "", "anna", secret))
	_, err := h.store.Commit(h.Context(), idp.Change{Ending: &idp.Ending{Kind: idp.EndPasses, UserID: anna.ID,
		Key: "x", At: idp.Time(h.clock.now()), ReceiptID: idp.NewReceiptID()}})
	h.ok(err)
	h.is(h.tryOn(hers, "", "anna", secret), idp.Throttled)
}

// TestSE01ADeviceCookieThatSomebodyPlantedIsWorthNothing: who put their own
// browser's secret into a victim's browser does not know the one that counts
// after the victim has signed in there.
func TestSE01ADeviceCookieThatSomebodyPlantedIsWorthNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna, eve := h.user("anna", secret), h.user("eve", secret)
	planted := h.knownTo(eve, "")
	hers := h.knownTo(anna, planted)
	if hers == planted {
		t.Fatal("the secret stayed as it was")
	}
	for _, made := range []string{planted, "a secret that eve has made up herself"} {
		if _, err := h.gate.KnownDevice(h.Context(), made, anna.ID); !idp.IsKind(err, idp.Unauthenticated) {
			t.Errorf("%.9s: %v", made, err)
		}
	}
	for _, u := range []idp.User{anna, eve} { // one browser, two people
		_, err := h.gate.KnownDevice(h.Context(), hers, u.ID)
		h.ok(err)
		if again := h.knownTo(u, hers); again != hers {
			t.Error("a secret that is known was replaced")
		}
	}
}

// TestEN01ADeviceCookieTellsNothing: with a cookie that is nobody's, or another
// person's, an unknown, a suspended and a known name are refused alike, at one
// hash and as many statements.
func TestEN01ADeviceCookieTellsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	eve, gone := h.user("eve", secret), h.user("gone", secret)
	h.user("anna", secret)
	h.user("empty", "")
	suspended := h.knownTo(gone, "")
	h.suspend(gone)
	eves := h.knownTo(eve, "")
	for name, device := range map[string]string{"another's": eves, "of a suspended person": suspended, "made up": "a secret that nobody has ever given out"} {
		var want string
		for i, username := range []string{"anna", "gone", "empty", "nobody", "no\x00body"} {
			in := h.begin()
			in.Device = device
			var err error
			ctx := h.from(fmt.Sprintf("2001:db8:%x::1", i))
			before := h.store.Statements()
			hashes := h.hashes(func() { _, err = h.Password(ctx, in, username, "wrong") })
			h.is(err, idp.Unauthenticated)
			got := fmt.Sprintf("%v, %d hashes, %d statements", err, hashes, h.store.Statements()-before)
			if username == "no\x00body" { // can be no name: it is not looked for
				continue
			}
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s, %q: %s, want %s", name, username, got, want)
			}
		}
	}
}

// TestStatementsOfASignIn holds what a password sign-in asks of the database,
// beside its hash.
func TestStatementsOfASignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	hers := h.knownTo(anna, "")
	for name, c := range map[string]struct {
		device, address string
		most            uint64
	}{
		"on a known device": {hers, "192.0.2.1", 6},
		"on a new one":      {"", "198.51.100.1", 8},
	} {
		in := h.begin()
		in.Device = c.device
		before := h.store.Statements()
		_, err := h.Password(h.from(c.address), in, "anna", secret)
		h.ok(err)
		if n := h.store.Statements() - before; n > c.most {
			t.Errorf("%s: %d statements, want at most %d", name, n, c.most)
		}
	}
}
