package login

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"gatehouse/idp"
)

// A sign-in is a risk where nothing speaks for its being the person's own but the
// first factor, which may be stolen: on a browser for which too little speaks
// ([idp.Vouch]), or from where many names are tried, whatever speaks for the browser.
// What a risk is asked for, weigh alone decides; [Next] reads it in the SignIn.

// extra is what is asked for beyond what is asked of everybody.
type extra struct {
	second  bool // a second factor
	passkey bool // a passkey
	mail    bool // a code by mail, of who has nothing else to show
}

func (e extra) any() bool { return e != extra{} }

// weigh says what rules ask of somebody for whose browser this much speaks and who
// has these second factors.
//
// Who has none is never led to set one up by a sign-in that is a risk: whoever has
// stolen the password would set up their own. A code by mail shows that it is the
// person, though it is no factor.
func weigh(d idp.RiskDemand, by idp.Vouch, has []idp.CredentialKind) extra {
	switch {
	case len(has) == 0:
		return extra{mail: d.Mail && by < idp.VouchMail}
	case d.Passkey && by < idp.VouchPasskey:
		return extra{second: true, passkey: true}
	}
	return extra{second: d.SecondFactor && by < idp.VouchSecond}
}

// VouchedBy is what speaks for a browser after what was proven in it, by which this
// much spoke for it before.
func VouchedBy(before idp.Vouch, methods []string) idp.Vouch {
	switch {
	case ByPasskey(methods):
		return idp.VouchPasskey
	case MultiFactor(methods):
		return max(before, idp.VouchSecond)
	case slices.Contains(methods, methodMail):
		return max(before, idp.VouchMail)
	}
	return before
}

// Why a sign-in is a risk, for the events.
const (
	riskBrowser = "unknown browser"
	riskPlace   = "many names are tried from there"
)

// vouched is what speaks for the browser of a request, on a device that is known as
// the person's or none.
func (l *Login) vouched(ctx context.Context, d idp.KnownDevice) idp.Vouch {
	if l.alarms.at(idp.ActorOf(ctx).Address, l.now()) {
		return idp.VouchNone
	}
	return d.Vouched
}

// risk is why a SignIn is one, for the events, be it that its person is let in all
// the same; "" for none that a rule is about.
func (l *Login) risk(ctx context.Context, d idp.RiskDemand, in idp.SignIn) string {
	d.Mail = d.Any()
	switch {
	case !weigh(d, in.Vouched, in.Has).any():
		return ""
	case l.alarms.at(idp.ActorOf(ctx).Address, l.now()):
		return riskPlace
	}
	return riskBrowser
}

// onRisk are the events of a factor that was proven by e in a SignIn that is a risk,
// why says by what, or is none.
func (l *Login) onRisk(ctx context.Context, e idp.Event, in idp.SignIn, why string) []idp.Event {
	if why == "" {
		return []idp.Event{e}
	}
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	e.Detail["risk"] = why
	if in.Confirm != idp.ConfirmNone {
		return []idp.Event{e}
	}
	return []idp.Event{e, l.stuck(ctx, in, e.UserID)}
}

// stuck is the event of somebody who is let in by nothing that they have.
func (l *Login) stuck(ctx context.Context, in idp.SignIn, id idp.UserID) idp.Event {
	e := l.event(ctx, "signin.risk.refuse")
	e.UserID, e.AppID = id, in.AppID
	e.Detail = map[string]string{"reason": "no address of the person"}
	if !l.Mails {
		e.Detail["reason"] = "no mails are sent"
	}
	return e
}

// confirmation is how a code by mail can be asked for: not at all where the house
// sends no mails or has no address of the person.
func (l *Login) confirmation(ctx context.Context, id idp.UserID) (idp.Confirmation, error) {
	if !l.Mails {
		return idp.ConfirmNone, nil
	}
	u, err := l.Store.User(ctx, id)
	if err != nil {
		return idp.ConfirmNothing, fmt.Errorf("read where a code is mailed: %w", err)
	}
	if u.Email == "" {
		return idp.ConfirmNone, nil
	}
	return idp.ConfirmMail, nil
}

// AsksByRisk reports whether any rule asks what speaks for a browser.
func (l *Login) AsksByRisk() bool { return l.policy().ByRisk() }

// Unconfirmed reports whether a sign-in or session of somebody without a second factor
// may be that of whoever has stolen the password, in a house that asks what speaks for
// browsers: it sets up nothing to sign in with before its person is confirmed.
func (l *Login) Unconfirmed(before idp.Vouch, methods []string) bool {
	return l.AsksByRisk() && VouchedBy(before, methods) < idp.VouchMail
}

func (l *Login) unconfirmed(s idp.Session) bool { return l.Unconfirmed(s.Vouched, s.Methods) }

// alarms are the places from which many names are tried, as far as this node knows,
// bounded. The zero value is empty. Safe for concurrent use.
type alarms struct {
	mu    sync.Mutex
	until map[netip.Prefix]time.Time
}

// maxAlarms bounds how many places are remembered, about 300 kB.
const maxAlarms = 4096

// raise has a place under alarm until then.
func (a *alarms) raise(place netip.Prefix, until, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.until == nil {
		a.until = map[netip.Prefix]time.Time{}
	}
	if len(a.until) >= maxAlarms {
		for p, end := range a.until {
			if !now.Before(end) {
				delete(a.until, p)
			}
		}
	}
	if _, known := a.until[place]; known || len(a.until) < maxAlarms {
		a.until[place] = until
	}
}

// at reports whether an address, or its network, is under alarm.
func (a *alarms) at(address string, now time.Time) bool {
	host, network, ok := networks(address)
	if !ok {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return now.Before(a.until[host]) || now.Before(a.until[network])
}

// HearAlarms takes note of the places that were found on any node since then, to be
// called every few seconds in a house that asks by risk.
func (l *Login) HearAlarms(ctx context.Context, since time.Time) error {
	events, err := l.Store.EventsOfKind(ctx, eventStuffing, since)
	if err != nil {
		return fmt.Errorf("read from where many names are tried: %w", err)
	}
	for _, e := range events {
		place, err := netip.ParsePrefix(e.Detail["place"])
		until, errUntil := time.Parse(time.RFC3339, e.Detail["until"])
		if err == nil && errUntil == nil { // of a whole house there is no place
			l.alarms.raise(place, until, l.now())
		}
	}
	return nil
}

// AlarmsLast is how long ago a place may have been found that is under alarm still.
const AlarmsLast = manyWindow
