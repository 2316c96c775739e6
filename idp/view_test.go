package idp_test

import (
	"testing"
	"time"

	"gatehouse/idp"
)

func TestSessionsAreSoughtByAddressNetworkOrBeginning(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		address string
		prefix  bool
	}{
		"":               {"", false},
		" 10.2.3.4 ":     {"10.2.3.4", false},
		"2001:DB8::1":    {"2001:db8::1", false},
		"10.2.3.4/32":    {"10.2.3.4", false},
		"10.2.3.4/16":    {"10.2.", true},
		"10.0.0.0/8":     {"10.", true},
		"10.2.3.0/24":    {"10.2.3.", true},
		"10.2":           {"10.2", true},
		"2001:db8:":      {"2001:db8:", true},
		"2001:db8::/128": {"2001:db8::", false},
	} {
		var q idp.SessionQuery
		if err := q.From(text); err != nil || q.Address != want.address || q.Prefix != want.prefix {
			t.Errorf("%q: %q %t (%v), want %q %t", text, q.Address, q.Prefix, err, want.address, want.prefix)
		}
	}
	for _, text := range []string{"10.2.0.0/17", "0.0.0.0/0", "2001:db8::/32", "localhost", "10.2.%", "1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1"} {
		if err := new(idp.SessionQuery).From(text); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%q was taken (%v)", text, err)
		}
	}
}

func TestSessionsAreSoughtByAge(t *testing.T) {
	t.Parallel()
	now := idp.Time(time.Now())
	for text, want := range map[string]time.Duration{"8h": 8 * time.Hour, "90m": 90 * time.Minute, " 2d ": 48 * time.Hour} {
		var q idp.SessionQuery
		if err := q.OlderThan(text, now); err != nil || !q.Before.Equal(now.Add(-want)) {
			t.Errorf("%q: before %s (%v)", text, q.Before, err)
		}
	}
	for _, text := range []string{"8", "-8h", "0s", "d", "9999999999d", "yesterday"} {
		if err := new(idp.SessionQuery).OlderThan(text, now); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%q was taken (%v)", text, err)
		}
	}
}
