package idp

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Sentence says what a rule asks, in plain English. group and app are the names
// of its GroupID and AppID.
func (r PolicyRule) Sentence(group, app string) string {
	who := "Everybody needs"
	switch {
	case r.Owners:
		who = "Owners need"
	case r.GroupID != "":
		who = "People in " + group + " need"
	}
	factor := "a second factor"
	if r.Passkey {
		factor = "a passkey"
	}
	if r.AppID != "" {
		factor += " for " + app
	} else {
		factor += " to sign in"
	}
	age := "to have proven who they are within " + PlainSpan(r.MaxAge)
	switch {
	case r.MaxAge == 0:
		return who + " " + factor + "."
	case !r.SecondFactor && !r.Passkey:
		return who + " " + age + " when they open " + app + "."
	}
	return who + " " + factor + ", and " + age + " when they open it."
}

// Sentences say what the policy asks beside its rules, in plain English.
func (p Policy) Sentences() []string {
	return slices.Concat(p.Ways(), p.Lasting(), p.Remembering())
}

// Ways say by what people may sign in beside a password or a passkey.
func (p Policy) Ways() []string {
	if !p.EmailCode {
		return nil
	}
	return []string{"People may sign in with a code that is mailed to them; who has a second factor is asked for it, too."}
}

// Lasting say how long a session lasts.
func (p Policy) Lasting() []string {
	var out []string
	switch {
	case p.Idle > 0 && p.Absolute > 0:
		out = append(out, fmt.Sprintf("A session ends after %s without use, and after %s in any case.", PlainSpan(p.Idle), PlainSpan(p.Absolute)))
	case p.Idle > 0:
		out = append(out, fmt.Sprintf("A session ends after %s without use.", PlainSpan(p.Idle)))
	case p.Absolute > 0:
		out = append(out, fmt.Sprintf("A session ends after %s in any case.", PlainSpan(p.Absolute)))
	}
	return out
}

// Remembering say for how long browsers are remembered.
func (p Policy) Remembering() []string {
	if p.Remember == 0 {
		return nil
	}
	return []string{fmt.Sprintf("A browser in which somebody has given their second factor need not be asked for it again for %s.", PlainSpan(p.Remember))}
}

// Sentence says who is locked out, in plain English, by the first names; "" for
// nobody.
func (l LockedOut) Sentence() string {
	if l.Count == 0 {
		return ""
	}
	var names []string
	for _, u := range l.Users {
		names = append(names, u.Name())
	}
	listed := strings.Join(names, ", ")
	if more := l.Count - len(names); more > 0 {
		listed += fmt.Sprintf(" and %d more", more)
	}
	asked := "a second factor"
	if l.Passkey {
		asked = "a passkey or a second factor"
	}
	if l.Count == 1 {
		return "One person who is asked for " + asked + " has none, and gets no further than their own page there before they have set one up: " + listed + "."
	}
	return fmt.Sprintf("%d people who are asked for %s have none, and get no further than their own page there before they have set one up: %s.", l.Count, asked, listed)
}

// PlainSpan says a span of whole minutes, hours or days: 90 minutes, 8 hours.
func PlainSpan(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := d / unit.size; n > 0 && d%unit.size == 0 {
			if n == 1 {
				return "1 " + unit.name
			}
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return d.String()
}
