package idp

import (
	"slices"
	"time"
)

// Policy is what the house asks of people when they sign in, and how long that
// lasts: one for the whole house, which has an empty one from its first start.
type Policy struct {
	Rules []PolicyRule
	// Idle and Absolute bound sessions, where they are shorter than the house's
	// own; zero: those.
	Idle, Absolute time.Duration
	// EmailCode: people may sign in by a code from a mail. That is one factor, and
	// beside it whatever second one they have is asked for.
	EmailCode bool
	// MailRecovers: a link from a mail is enough to choose a new password, for who
	// has nothing else. Without, it works in a browser that is known as theirs.
	MailRecovers bool
	// Remember is how long a browser need not be asked for a second factor in which
	// somebody gave theirs; zero: it always is. RememberSince is the Version by which
	// that was last turned on, and RememberSinceAt when: what was remembered before is
	// forgotten, and a session that was let in by it is asked again.
	Remember        time.Duration
	RememberSince   int64
	RememberSinceAt time.Time
	UpdatedAt       time.Time
	Version         int64
}

// PolicyRule asks something of some people, for one app or for all.
type PolicyRule struct {
	// Whom: owners, or a group, or, where neither is set, everybody.
	Owners  bool
	GroupID GroupID
	// AppID empty: every sign-in, that to the house itself too.
	AppID AppID
	// SecondFactor: one factor is not enough.
	SecondFactor bool
	// Passkey: nothing but a passkey is, which no other site can ask for. It is a
	// second factor too.
	Passkey bool
	// MaxAge is how old the proof may be when the app is opened; zero: any age
	// that a session can have. Only with an AppID.
	MaxAge time.Duration
	// Risk: it is asked where a sign-in is a risk, and nowhere else: in a browser
	// that is not known as the person's, or from where many names are tried.
	Risk bool
	// LetIn: with Risk, whoever has no second factor is let in all the same, and told.
	// Else they are asked for a code by mail.
	LetIn bool
}

// Demand is what rules ask of one person at one app.
type Demand struct {
	SecondFactor bool // also where Passkey is
	Passkey      bool
	MaxAge       time.Duration // zero: any age
	Risk         RiskDemand
}

// RiskDemand is what rules ask beyond that where a sign-in is a risk.
type RiskDemand struct {
	SecondFactor bool // also where Passkey is
	Passkey      bool
	Mail         bool // whoever has no second factor is asked for a code by mail
}

// Any reports whether anything is.
func (d RiskDemand) Any() bool { return d.SecondFactor }

// Demand is what the policy asks of an owner or member of these groups for an
// app, "" for the house itself: all that any rule asks, the shortest age.
func (p Policy) Demand(owner bool, groups []GroupID, app AppID) Demand {
	var d Demand
	for _, r := range p.Rules {
		if !r.covers(app) || !r.asks(owner, groups) {
			continue
		}
		if r.Risk {
			d.Risk.SecondFactor, d.Risk.Passkey, d.Risk.Mail = true, d.Risk.Passkey || r.Passkey, d.Risk.Mail || !r.LetIn
			continue
		}
		d.SecondFactor = d.SecondFactor || r.SecondFactor || r.Passkey
		d.Passkey = d.Passkey || r.Passkey
		if r.MaxAge > 0 && (d.MaxAge == 0 || r.MaxAge < d.MaxAge) {
			d.MaxAge = r.MaxAge
		}
	}
	return d
}

// Silent reports whether no rule can ask anything of anybody for this app.
func (p Policy) Silent(app AppID) bool {
	return !slices.ContainsFunc(p.Rules, func(r PolicyRule) bool { return r.covers(app) })
}

// ByRisk reports whether any rule asks for something where a sign-in is a risk.
func (p Policy) ByRisk() bool {
	return slices.ContainsFunc(p.Rules, func(r PolicyRule) bool { return r.Risk })
}

func (r PolicyRule) covers(app AppID) bool { return r.AppID == "" || r.AppID == app }

func (r PolicyRule) asks(owner bool, groups []GroupID) bool {
	switch {
	case r.Owners:
		return owner
	case r.GroupID != "":
		return slices.Contains(groups, r.GroupID)
	}
	return true
}

// RememberedUntil is until when the house leaves out the second factor of a device's
// person there, for no longer than it says by now; zero where it does not, also
// because remembering was turned off since.
func (p Policy) RememberedUntil(d KnownDevice) time.Time {
	if p.Remember == 0 || d.TrustedAt.IsZero() || d.TrustedBy < p.RememberSince {
		return time.Time{}
	}
	if most := d.TrustedAt.Add(p.Remember); most.Before(d.TrustedUntil) {
		return most
	}
	return d.TrustedUntil
}

// Remembers reports whether it leaves it out now.
func (p Policy) Remembers(d KnownDevice, now time.Time) bool { return now.Before(p.RememberedUntil(d)) }

// StandsIn reports whether a session that was begun in a remembered browser is
// still let in without a second factor.
func (p Policy) StandsIn(s Session) bool {
	return s.Remembered && p.Remember > 0 && s.AuthTime.After(p.RememberSinceAt)
}

// Lengths are how long a session lives without use, and at most, where the house
// itself says these.
func (p Policy) Lengths(idle, absolute time.Duration) (time.Duration, time.Duration) {
	return shorter(p.Idle, idle), shorter(p.Absolute, absolute)
}

func shorter(wish, own time.Duration) time.Duration {
	if wish > 0 && wish < own {
		return wish
	}
	return own
}

// LockedOut are active people whom a change of the policy keeps out: of whom a second
// factor is asked and who have none, and whose only way in it takes away.
type LockedOut struct {
	Count   int
	Users   []User // the first of them by username
	Passkey bool   // of some, it is a passkey that is asked

	// Of those of whom a second factor is asked where a sign-in is a risk, and who have
	// none at all: how many are asked for a code by mail there, and whom none can be
	// mailed. These get in by nothing but a link from an owner.
	Mailed        int
	Unmailed      int
	UnmailedUsers []User // the first of them by username

	// Codeless have neither a password nor a passkey, and are mailed no code any more.
	Codeless      int
	CodelessUsers []User // the first of them by username
}

// Anybody reports whether there is anybody whom nothing lets on.
func (l LockedOut) Anybody() bool { return l.Total() > 0 }

// Total is how many they are; who is kept out in two ways counts twice.
func (l LockedOut) Total() int { return l.Count + l.Unmailed + l.Codeless }
