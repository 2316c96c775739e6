package login

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"gatehouse/idp"
)

// Whoever asks for mails, in whatever name, does it so often from one address or
// network. A known device of the person is counted by itself, and not with its
// address.
func perAskingAddress() []limit { return []limit{{10, 15 * time.Minute}, {60, 24 * time.Hour}} }
func perAskingNetwork() []limit { return []limit{{40, 15 * time.Minute}, {240, 24 * time.Hour}} }

// asker is who asks for a mail to a person, as far as one can tell: a device that
// is known as theirs, somebody in a network from which they have signed in, or
// anybody. The mails of each are counted apart, so that none uses up what
// another may have.
type asker struct {
	own  bool // the first two
	what string
}

// askedBy finds who is meant and who asks, and counts the try, by the same
// statements whoever is meant, also nobody.
func (l *Login) askedBy(ctx context.Context, username, device string) (attempt, asker, error) {
	if device == "" {
		if err := l.throttleAsking(ctx); err != nil {
			return attempt{}, asker{}, err
		}
	}
	a, err := l.lookup(ctx, username, device)
	if err != nil {
		return attempt{}, asker{}, err
	}
	if a.known() {
		_, err := l.count(ctx, perAskingAddress(), "asking on device", string(a.device.ID))
		return a, asker{own: true, what: "device " + string(a.device.ID)}, err
	}
	if device != "" {
		if err := l.throttleAsking(ctx); err != nil {
			return attempt{}, asker{}, err
		}
	}
	devices, err := l.Store.KnownDevices(ctx, a.user.ID)
	if err != nil {
		return attempt{}, asker{}, fmt.Errorf("look where the person has signed in: %w", err)
	}
	here, ok := placeOf(idp.ActorOf(ctx).Address)
	for _, d := range devices {
		if there, known := placeOf(d.Address); ok && known && here == there {
			return a, asker{own: true, what: "network " + here.String() + " of " + string(a.user.ID)}, nil
		}
	}
	return a, asker{what: "anybody for " + string(a.user.ID)}, nil
}

// placeOf is where an address is taken to be when somebody comes back: in an IPv4
// /24, an IPv6 /64.
func placeOf(address string) (netip.Prefix, bool) {
	host, network, ok := networks(address)
	if host.Addr().Is4() {
		return network, ok
	}
	return host, ok
}

func (l *Login) throttleAsking(ctx context.Context) error {
	host, network, ok := networks(idp.ActorOf(ctx).Address)
	if !ok {
		return nil
	}
	if _, err := l.count(ctx, perAskingAddress(), "asking at address", host.String()); err != nil {
		return err
	}
	_, err := l.count(ctx, perAskingNetwork(), "asking at network", network.String())
	return err
}

// moment is within how long of each other two ask at once.
const moment = 10 * time.Second

// firstOf reports whether this is the first of those who ask for the same in one
// moment, where it counts; else not, by the same work.
func (l *Login) firstOf(ctx context.Context, what string, from asker, counts bool) (bool, error) {
	n, err := l.countMail(ctx, what+" at once", from, moment, counts)
	return counts && n == 1, err
}

// mayMail reports whether one more mail of a kind may go to the person, where it
// counts; else not, by the same work. The person's own device or network has some in
// a quarter of an hour and more in a day. All others together have so many free
// ones in a day, and then one in an hour: they fill no mailbox, and keep nobody
// from it who asks where they have never been.
func (l *Login) mayMail(ctx context.Context, what string, from asker, free int, counts bool) (bool, error) {
	short := time.Hour
	if from.own {
		short = 15 * time.Minute
	}
	few, err := l.countMail(ctx, what, from, short, counts)
	if err != nil {
		return false, err
	}
	all, err := l.countMail(ctx, what, from, 24*time.Hour, counts)
	if from.own {
		return counts && few <= 4 && all <= 20, err
	}
	return counts && (all <= free || few == 1), err
}

// Codes for one name are mailed so often to a known device of its person; and so often
// to any other browser that carries a device secret of the house, or to all those in one
// network that carry none: a third of what is mailed for it to all of them in a day.
func perCodeMail() []limit     { return []limit{{4, 15 * time.Minute}, {20, 24 * time.Hour}} }
func perCodeStranger() []limit { return []limit{{3, 15 * time.Minute}, {6, 24 * time.Hour}} }

// codesForStrangers are mailed in a day; to each network in which the person has signed
// in before codesForNetwork in an hour, whatever strangers do.
const (
	codesForStrangers = 18
	codesForNetwork   = 3
)

// mayMailCode reports whether one more code may be mailed to the person of a try, and
// whether so many were asked for that none is mailed to strangers; then there is one in
// an hour for all of them. It refuses who has asked too often. Both are by what was typed
// and by whoever asks, and so alike whoever is meant, if anybody.
func (l *Login) mayMailCode(ctx context.Context, a attempt, from asker, device string) (may, many bool, err error) {
	if a.known() {
		_, err := l.count(ctx, perCodeMail(), "code mails", "device "+string(a.device.ID))
		return err == nil, false, err
	}
	if _, network, ok := networks(idp.ActorOf(ctx).Address); device != "" || ok {
		where := "network " + network.String()
		if device != "" {
			where = "browser " + device
		}
		if _, err := l.count(ctx, perCodeStranger(), "code mails", where+" for "+a.typed); err != nil {
			return false, false, err
		}
	}
	n, _, err := l.Store.Count(ctx, throttleName("code mails to strangers", a.typed, 24*time.Hour), 24*time.Hour, l.now())
	if err != nil {
		return false, false, fmt.Errorf("count codes that are mailed: %w", err)
	}
	many = n > codesForStrangers
	hourly, err := l.countMail(ctx, "code mails beyond", from, time.Hour, many || from.own)
	if from.own {
		return hourly <= codesForNetwork, many, err
	}
	return !many || hourly == 1, many, err
}

// countMail counts one under a name that means nothing where it does not count.
func (l *Login) countMail(ctx context.Context, what string, from asker, window time.Duration, counts bool) (int, error) {
	if !counts {
		what = "no " + what
	}
	n, _, err := l.Store.Count(ctx, throttleName(what, from.what, window), window, l.now())
	if err != nil {
		return 0, fmt.Errorf("count mails: %w", err)
	}
	return n, nil
}
