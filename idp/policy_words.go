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
	if r.Risk {
		return who + " " + factor + ", " + r.onRisk()
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

// onRisk says where a rule by risk asks, and of whom something else.
func (r PolicyRule) onRisk() string {
	where := "where the browser does not know them or many names are tried from the same place; who has no second factor is "
	if r.LetIn {
		return where + "let in without one, and told by mail."
	}
	return where + "asked for a code by mail there."
}

// Sentences say what the policy asks beside its rules, in plain English.
func (p Policy) Sentences() []string {
	return slices.Concat(p.Ways(), p.Lasting(), p.Remembering())
}

// Ways say by what people may sign in beside a password or a passkey, and come back
// by less than two proofs.
func (p Policy) Ways() []string {
	var out []string
	if p.EmailCode {
		out = append(out, "People may sign in with a code that is mailed to them; who has a second factor is asked for it, too.")
	}
	if p.MailRecovers {
		out = append(out, "Who has nothing but a password chooses a new one with a link from a mail, in any browser.")
	}
	return out
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

// Sentence says who is locked out, in plain English, by the first names, and who is
// asked for a code by mail; "" for nobody.
func (l LockedOut) Sentence() string {
	said := slices.DeleteFunc([]string{l.without(), l.codeless(), l.unmailed(), l.mailed()}, func(s string) bool { return s == "" })
	return strings.Join(said, " ")
}

// listed are so many people by the first of their names.
func listed(count int, first []User) string {
	var names []string
	for _, u := range first {
		names = append(names, u.Name())
	}
	out := strings.Join(names, ", ")
	if more := count - len(names); more > 0 {
		out += fmt.Sprintf(" and %d more", more)
	}
	return out
}

func (l LockedOut) mailed() string {
	switch l.Mailed {
	case 0:
		return ""
	case 1:
		return "One person has no second factor, and is asked for a code by mail where a sign-in is a risk."
	}
	return fmt.Sprintf("%d people have no second factor, and are asked for a code by mail where a sign-in is a risk.", l.Mailed)
}

func (l LockedOut) unmailed() string {
	names := listed(l.Unmailed, l.UnmailedUsers)
	switch l.Unmailed {
	case 0:
		return ""
	case 1:
		return "One person has no second factor, and no code can be mailed to them: where a sign-in is a risk, nothing but a link from an owner lets them in: " + names + "."
	}
	return fmt.Sprintf("%d people have no second factor, and no code can be mailed to them: where a sign-in is a risk, nothing but a link from an owner lets them in: %s.", l.Unmailed, names)
}

func (l LockedOut) codeless() string {
	names := listed(l.Codeless, l.CodelessUsers)
	switch l.Codeless {
	case 0:
		return ""
	case 1:
		return "One person has neither a password nor a passkey: without codes by mail, nothing lets them in before they have set one by a link: " + names + "."
	}
	return fmt.Sprintf("%d people have neither a password nor a passkey: without codes by mail, nothing lets them in before they have set one by a link: %s.", l.Codeless, names)
}

func (l LockedOut) without() string {
	if l.Count == 0 {
		return ""
	}
	listed := listed(l.Count, l.Users)
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
