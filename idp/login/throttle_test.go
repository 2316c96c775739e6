package login

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/login/password"
)

// retryAt returns when a throttled try may be repeated.
func (h *house) retryAt(err error) time.Time {
	h.Helper()
	var e *ThrottledError
	if !errors.As(err, &e) || !e.RetryAt.After(h.clock.now()) {
		h.Fatalf("got %v, want a ThrottledError of the future", err)
	}
	return e.RetryAt
}

func TestBF01TenWrongPasswordsDelayTheRightOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("anna", secret)
	h.user("berta", secret)
	for range 10 {
		h.is(h.try("192.0.2.1", "anna", "wrong"), idp.Unauthenticated)
	}
	var err error
	if n := h.hashes(func() { err = h.try("198.51.100.7", "anna", secret) }); n != 0 {
		t.Errorf("%d hashes for a throttled try", n)
	}
	h.is(err, idp.Throttled)
	again := h.retryAt(err)
	if wait := again.Sub(h.clock.now()); wait > 5*time.Minute {
		t.Errorf("wait %v", wait)
	}
	h.is(h.try("192.0.2.1", "anna", secret), idp.Throttled)
	if events := h.events("signin.password.throttle"); len(events) != 1 || events[0].Detail["by"] != "account" {
		t.Errorf("events %+v", events)
	}
	h.ok(h.try("192.0.2.1", "berta", secret))

	h.clock.pass(again.Sub(h.clock.now()))
	h.ok(h.try("192.0.2.1", "anna", secret))
	for range 10 {
		h.is(h.try("192.0.2.1", "anna", "wrong"), idp.Unauthenticated)
	}
}

func TestUnknownNamesAreThrottledAlike(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 10 {
		h.is(h.try("192.0.2.1", "nobody", "wrong"), idp.Unauthenticated)
	}
	h.is(h.try("192.0.2.1", "nobody", "wrong"), idp.Throttled)
}

func TestBF02OfParallelGuessesAtMostTenAreEvaluated(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("anna", secret)
	in := h.begin()
	var refused, throttled atomic.Int64
	n := h.hashes(func() {
		var guesses sync.WaitGroup
		for i := range 200 {
			guesses.Go(func() {
				_, err := h.Password(h.from(fmt.Sprintf("2001:db8:%x::1", i)), in, "anna", fmt.Sprintf("guess %d", i))
				switch idp.KindOf(err) {
				case idp.Unauthenticated:
					refused.Add(1)
				case idp.Throttled:
					throttled.Add(1)
				default:
					t.Errorf("guess %d: %v", i, err)
				}
			})
		}
		guesses.Wait()
	})
	if n != 10 || refused.Load() != 10 || throttled.Load() != 190 {
		t.Errorf("%d hashes, %d refused, %d throttled", n, refused.Load(), throttled.Load())
	}
}

// late is a store whose Redis is too slow for one try of a crowd: it counts that anew,
// in SQL, when all others have had their answers.
type late struct {
	Store
	others func()
}

func (l *late) CountTwo(ctx context.Context, first, second idp.Limit, now time.Time) (one, two idp.Tries, err error) {
	others := l.others
	if others == nil {
		return l.Store.CountTwo(ctx, first, second, now)
	}
	l.others = nil
	others()
	one, two = idp.Tries{N: 1, ResetAt: now.Add(first.Window), Anew: true}, idp.Tries{N: 1, ResetAt: now.Add(second.Window), Anew: true}
	return one, two, nil
}

// TestBF02ACrowdThatRedisCannotAnswerGetsNoFurtherTries: what was counted in its place is
// no try beyond the ten, as far as the node knows that these are used up.
func TestBF02ACrowdThatRedisCannotAnswerGetsNoFurtherTries(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("anna", secret)
	slow := &late{Store: h.Store}
	h.Login.Store = slow
	computed := h.hashes(func() {
		slow.others = func() {
			for range 11 {
				if h.try("", "anna", "wrong") == nil {
					t.Error("a wrong password is right")
				}
			}
		}
		h.is(h.try("", "anna", secret), idp.Throttled)
	})
	if computed != 10 {
		t.Errorf("%d hashes, want 10", computed)
	}
	h.clock.pass(time.Minute) // Redis is silent for longer: the limits begin anew, and are never off
	slow.others = func() {}
	h.ok(h.try("", "anna", secret))
}

func TestBF04OneAddressDoesNotReachTheHasherWithManyNames(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	in := h.begin()
	next := 0
	tries := func(n int, address func(i int) string) int64 {
		return h.hashes(func() {
			for i := range n {
				next++
				if _, err := h.Password(h.from(address(i)), in, fmt.Sprintf("user%d", next), secret); err == nil {
					t.Error("signed in")
				}
			}
		})
	}
	// Of 5,000 names at most 1 %, and as many over the whole hour.
	n := tries(5000, func(i int) string {
		if i >= 2000 {
			h.clock.pass(time.Second)
		}
		return "192.0.2.1"
	})
	if n < namesAtAddress || n > 50 {
		t.Errorf("one address: %d hashes", n)
	}
	if n := tries(1000, func(i int) string { return fmt.Sprintf("198.51.100.%d", i%256) }); n < namesAtNetwork || n > 75 {
		t.Errorf("one /24: %d hashes", n)
	}
	if n := tries(1000, func(i int) string { return fmt.Sprintf("2001:db8::%x", i+1) }); n > 50 {
		t.Errorf("one /64: %d hashes", n)
	}
	if n := tries(1000, func(i int) string { return fmt.Sprintf("2001:db8:1:%x::1", i) }); n < namesAtNetwork || n > 75 {
		t.Errorf("one /48: %d hashes", n)
	}
	by := map[string]int{}
	for _, e := range h.events("signin.stuffing") {
		by[e.Detail["by"]+" "+e.Detail["place"]]++
	}
	for _, place := range []string{"address 192.0.2.1/32", "network 198.51.100.0/24", "address 2001:db8::/64", "network 2001:db8:1::/48"} {
		if by[place] != 1 {
			t.Errorf("%s is in %d events", place, by[place])
		}
	}
	// A neighbour, and whoever is known, comes in meanwhile.
	anna := h.user("anna", secret)
	h.ok(h.try("192.0.2.2", "anna", secret))
	h.ok(h.tryOn(h.knownTo(anna, ""), "192.0.2.1", "anna", secret))
}

// TestOnePersonWhoForgotThePasswordIsNoAttack: one name that fails many times,
// or many that come in, is none either.
func TestOnePersonWhoForgotThePasswordIsNoAttack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := h.user("anna", secret)
	hers := h.knownTo(u, "")
	for i := range 40 {
		_ = h.try("192.0.2.1", "anna", "wrong")
		h.ok(h.tryOn(hers, "192.0.2.1", "anna", secret))
		name := fmt.Sprint("person", i)
		_ = h.tryOn(h.knownTo(h.user(name, secret), ""), "192.0.2.1", name, "wrong")
		h.clock.pass(time.Minute)
		h.ok(h.try("192.0.2.1", name, secret))
	}
	if got := h.events("signin.stuffing"); len(got) != 0 {
		t.Errorf("events %+v", got)
	}
}

// TestAFloodCostsNoDatabase: who is over the limit is refused by the node
// itself, and asked about again every few seconds.
func TestAFloodCostsNoDatabase(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	in := h.begin()
	flood := func() uint64 {
		before := h.store.Statements()
		for range 1000 {
			if _, err := h.Password(h.from("192.0.2.1"), in, "anna", secret); err == nil {
				t.Error("signed in")
			}
		}
		return h.store.Statements() - before
	}
	flood()
	h.clock.pass(shutFor)
	if n := flood(); n > 10 {
		t.Errorf("%d statements for a thousand tries", n)
	}
	// What is remembered of it is bounded.
	now := h.clock.now()
	for i := range maxShut + 100 {
		h.shut.Close(fmt.Sprint(i), now.Add(time.Hour), now)
	}
	if n := len(h.shut.names); n > maxShut {
		t.Errorf("%d names remembered", n)
	}
	h.clock.pass(shutFor)
	h.shut.Close("one more", h.clock.now().Add(time.Hour), h.clock.now())
	if n := len(h.shut.names); n != 1 {
		t.Errorf("%d names remembered after they are over", n)
	}
}

// TestFarMoreFailuresThanUsualAreAnAlarm: by the number that a house is used to.
func TestFarMoreFailuresThanUsualAreAnAlarm(t *testing.T) {
	t.Parallel()
	var m meter
	now := time.Unix(1e9, 0)
	window := func(n int) (alarms int) {
		for range n {
			if _, _, first := m.failed(now); first {
				alarms++
			}
		}
		now = now.Add(meterWindow)
		return alarms
	}
	for i, c := range []struct{ failures, alarms int }{{100, 0}, {101, 1}, {2000, 1}, {0, 0}} {
		if got := window(c.failures); got != c.alarms {
			t.Errorf("window %d: %d alarms", i, got)
		}
	}
	if !m.isOver(now) {
		t.Error("over at once")
	}
	for range 100 {
		window(50)
	}
	if m.isOver(now) {
		t.Error("an alarm for ever")
	}
	if got := window(400) + window(0) + window(0); got != 0 { // a Monday morning in a house of 50 an hour
		t.Errorf("%d alarms for eight times the usual", got)
	}
	if got := window(700); got != 1 {
		t.Errorf("%d alarms for fourteen times the usual", got)
	}
}

// TestStrangersDoNotFillTheWholeQueue: places are kept for those who are known.
func TestStrangersDoNotFillTheWholeQueue(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hers := h.knownTo(h.user("anna", secret), "")
	h.user("berta", secret)
	h.Hasher = password.New(cheap(), 1, 7)
	for range 6 { // a crowd that waits
		_, leave, in := h.Enter(t.Context(), "")
		if !in {
			t.Fatal("no place")
		}
		defer leave()
	}
	h.is(h.try("", "berta", secret), idp.Unavailable)
	for range 3 { // by a browser of some person who is nobody's here
		_, leave, in := h.Enter(t.Context(), "a secret of somebody's")
		if !in {
			t.Fatal("not looked up")
		}
		defer leave()
	}
	h.ok(h.tryOn(hers, "", "anna", secret))
	h.is(h.tryOn(hers, "", "berta", secret), idp.Unavailable)
	for range 2 { // known, and all places are taken
		_, leave, in := h.Hasher.Seat(t.Context(), true)
		if !in {
			t.Fatal("no place")
		}
		defer leave()
	}
	h.is(h.tryOn(hers, "", "anna", secret), idp.Unavailable)
}

// TestOfACrowdFewAreLookedUp: who presses at once with many others is refused before
// anything is asked of the database, and a browser that is somebody else's fills none
// of the places that are kept.
func TestOfACrowdFewAreLookedUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hers := h.knownTo(h.user("anna", secret), "")
	h.user("berta", secret)
	one := h.begin()
	before := h.store.Statements()
	_, err := h.Password(h.from("192.0.2.1"), one, "berta", "wrong")
	h.is(err, idp.Unauthenticated)
	each := h.store.Statements() - before

	h.Hasher = password.New(cheap(), 1, 7)
	slow := make(chan struct{})
	h.Hasher.Computes = func(string) { <-slow } // a hash that takes its time
	ins := make([]idp.SignIn, 40)
	for i := range ins {
		ins[i] = h.begin()
	}
	before = h.store.Statements()
	answers := make(chan error, len(ins))
	for i, in := range ins {
		go func() {
			_, err := h.Password(h.from(fmt.Sprintf("198.51.100.%d", i)), in, fmt.Sprint("name ", i), "wrong")
			answers <- err
		}()
	}
	for range len(ins) - 6 { // six of eight places are for strangers
		h.is(<-answers, idp.Unavailable)
	}
	h.is(h.tryOn(hers, "", "berta", secret), idp.Unavailable)
	close(slow)
	for range 6 {
		h.is(<-answers, idp.Unauthenticated)
	}
	if n, most := h.store.Statements()-before, 12*each; n > most { // all of them looked up: 25 and more
		t.Errorf("%d statements for 40 tries, of which 6 were judged; one costs %d", n, each)
	}
	h.ok(h.tryOn(hers, "", "berta", secret))
	if computing, waiting, _ := h.Hasher.Load(); computing+waiting != 0 {
		t.Errorf("%d places are never left", computing+waiting)
	}
}

// TestUN01AnAddressSignsInHoweverItIsSpelled, also one that is stored as it was before
// addresses had one form; whether there is anybody costs the same.
func TestUN01AnAddressSignsInHoweverItIsSpelled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for stored, typed := range map[string][]string{
		"ivan@пример.рф":             {"ivan@пример.рф", "IVAN@Пример.РФ", "ivan@xn--e1afmkfd.xn--p1ai"},
		"olga@xn--e1afmkfd.xn--p1ai": {"olga@пример.рф", "olga@xn--e1afmkfd.xn--p1ai"},
		"jose\u0301@example.org":     {"jos\u00e9@example.org", "jose\u0301@example.org", "\uff4aos\u00e9@example.org"},
	} {
		u := h.user(stored[:4], secret)
		u.Email = stored
		_, err := h.store.Commit(t.Context(), idp.Change{Users: []idp.User{u}})
		h.ok(err)
		for _, name := range typed {
			before := h.store.Statements()
			h.is(h.try("", name, "wrong"), idp.Unauthenticated)
			known := h.store.Statements() - before
			h.ok(h.try("", name, secret))
			before = h.store.Statements()
			h.is(h.try("", "x"+name, "wrong"), idp.Unauthenticated)
			if unknown := h.store.Statements() - before; known != unknown {
				t.Errorf("%+q costs %d statements, nobody %d", name, known, unknown)
			}
		}
	}
}

func TestEN04SpellingsOfAPersonCountTogether(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("anna", secret)
	spellings := []string{"anna", "ANNA", " anna ", "Anna", "anna@example.org", "ANNA@Example.ORG", "anna@example.org "}
	n := h.hashes(func() {
		for i := range 30 {
			if h.try("", spellings[i%len(spellings)], "wrong") == nil {
				t.Error("signed in")
			}
		}
	})
	if n != 10 {
		t.Errorf("%d tries evaluated", n)
	}
}

func TestSuccessForgetsTheAccountsTries(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("anna", secret)
	for range 20 {
		for range 9 {
			h.is(h.try("", "anna", "wrong"), idp.Unauthenticated)
		}
		h.ok(h.try("", "anna", secret))
	}
	for range 40 {
		h.ok(h.try("", "anna", secret))
	}
}

func TestDelayGrowsAndEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("anna", secret)
	var waits []time.Duration
	begun := h.clock.now()
	for h.clock.now().Sub(begun) < time.Hour {
		err := h.try("", "anna", "wrong")
		if idp.IsKind(err, idp.Throttled) {
			wait := h.retryAt(err).Sub(h.clock.now())
			waits = append(waits, wait)
			h.clock.pass(wait)
		}
		h.clock.pass(time.Second)
	}
	if len(waits) != 4 || waits[0] > 5*time.Minute || waits[3] < 10*time.Minute || waits[3] > time.Hour {
		t.Errorf("waits %v", waits)
	}
	// Hammering while shut out does not make it longer.
	for range 10 {
		h.is(h.try("", "anna", "wrong"), idp.Unauthenticated)
	}
	for range 500 {
		h.is(h.try("", "anna", "wrong"), idp.Throttled)
	}
	h.clock.pass(5 * time.Minute)
	h.ok(h.try("", "anna", secret))
}

func TestBusyHasherSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("anna", secret)
	h.Hasher = password.New(cheap(), 1, 0)
	_, leave, _ := h.Enter(t.Context(), "")
	defer leave()
	err := h.try("", "anna", secret)
	h.is(err, idp.Unavailable)
	h.retryAt(err)
}

func TestWhatAnAddressIsCountedAs(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.77":           "192.0.2.77/32 192.0.2.0/24",
		"192.0.2.77:443":       "192.0.2.77/32 192.0.2.0/24",
		"::ffff:192.0.2.77":    "192.0.2.77/32 192.0.2.0/24",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64 2001:db8:1::/48",
		"[2001:db8::1]:443":    "2001:db8::/64 2001:db8::/48",
		"fe80::1%eth0":         "fe80::/64 fe80::/48",
		"127.0.0.1":            "",
		"::1":                  "",
		"":                     "",
		"unix":                 "",
	} {
		got := ""
		if host, network, ok := networks(address); ok {
			got = fmt.Sprintf("%s %s", host, network)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

func TestTE08NamesOfThrottlesDoNotCollide(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	for _, kind := range []string{"a", "ab", "a|b", ""} {
		for _, value := range []string{"", "b", "|b", "c|b", "b\x00", "a"} {
			for _, window := range []time.Duration{time.Minute, time.Hour} {
				parts := fmt.Sprintf("%q %q %s", kind, value, window)
				name := throttleName(kind, value, window)
				if other, ok := seen[name]; ok {
					t.Errorf("%s collides with %s", parts, other)
				}
				seen[name] = parts
			}
		}
	}
}
