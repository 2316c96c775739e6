package login

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
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

func TestBF04OneAddressDoesNotReachTheHasherWithManyNames(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	in := h.begin()
	tries := func(address func(i int) string) int64 {
		return h.hashes(func() {
			for i := range 1000 {
				if _, err := h.Password(h.from(address(i)), in, fmt.Sprintf("user%d", i), secret); err == nil {
					t.Error("signed in")
				}
			}
		})
	}
	if n := tries(func(int) string { return "192.0.2.1" }); n != 50 {
		t.Errorf("one address: %d hashes", n)
	}
	if n := tries(func(i int) string { return fmt.Sprintf("198.51.100.%d", i%256) }); n != 200 {
		t.Errorf("one /24: %d hashes", n)
	}
	if n := tries(func(i int) string { return fmt.Sprintf("2001:db8::%x", i+1) }); n != 50 {
		t.Errorf("one /64: %d hashes", n)
	}
	if n := tries(func(int) string { return "203.0.113.1" }); n != 50 {
		t.Errorf("another address is shut out with it: %d hashes", n)
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
	h.Hasher = newHasher(cheap(), 1, 0)
	h.Hasher.places <- struct{}{}
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
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64 invalid Prefix",
		"[2001:db8::1]:443":    "2001:db8::/64 invalid Prefix",
		"fe80::1%eth0":         "fe80::/64 invalid Prefix",
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
