package idp

import (
	"testing"
	"time"
)

func TestWhichKeySignsIsAMatterOfTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(hours int) time.Time { return now.Add(time.Duration(hours) * time.Hour) }
	old := SigningKey{ID: "old", CreatedAt: at(-90), RetiredAt: at(20)} // of a version that knew no SignsAt
	next := SigningKey{ID: "next", CreatedAt: at(-20), SignsAt: at(5)}
	gone := SigningKey{ID: "gone", CreatedAt: at(-900), RetiredAt: at(-100)}
	bad := SigningKey{ID: "bad", SignsAt: at(-1), RetiredAt: at(1), RevokedAt: at(1)} // by a clock that is ahead
	other := SigningKey{ID: "other", Algorithm: "RS256", SignsAt: at(-1)}
	for _, c := range []struct {
		name string
		keys []SigningKey
		at   time.Time
		want KeyID
	}{
		{"one whose turn has not come waits", []SigningKey{next, old, gone}, now, "old"},
		{"from its moment on it signs", []SigningKey{next, old, gone}, at(5), "next"},
		{"what was revoked signs nothing, whatever the clock", []SigningKey{bad, old}, now, "old"},
		{"one that waits signs when there is no other", []SigningKey{next, gone}, now, "next"},
		{"of those that wait, the first", []SigningKey{{ID: "later", SignsAt: at(9)}, next}, now, "next"},
		{"another algorithm is another matter", []SigningKey{other, old}, now, "old"},
		{"none", []SigningKey{gone, bad, other}, now, ""},
	} {
		got := KeyID("")
		if k := Signer(c.keys, "", "", c.at); k != nil {
			got = k.ID
		}
		if got != c.want {
			t.Errorf("%s: %q signs, not %q", c.name, got, c.want)
		}
	}

	all := []SigningKey{old, next, gone, bad}
	for _, c := range []struct {
		k            SigningKey
		at           time.Time
		state        KeyState
		since, until time.Time
	}{
		{old, now, KeyCurrent, at(-90), at(5)},
		{old, at(6), KeyRetired, at(5), at(20)},
		{old, at(20), KeyGone, at(20), time.Time{}},
		{next, now, KeyNext, at(-20), at(5)},
		{next, at(6), KeyCurrent, at(5), time.Time{}},
		{bad, now, KeyRevoked, at(1), time.Time{}},
	} {
		if state, since, until := c.k.State(all, c.at); state != c.state || !since.Equal(c.since) || !until.Equal(c.until) {
			t.Errorf("%s at %s: %s since %s until %s", c.k.ID, c.at, state, since, until)
		}
	}
}
