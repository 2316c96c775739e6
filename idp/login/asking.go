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

// placeOf is the network of an address: an IPv4 /24, an IPv6 /64.
func placeOf(address string) (netip.Prefix, bool) {
	host, network, ok := networks(address)
	if network.IsValid() {
		return network, ok
	}
	return host, ok
}

func (l *Login) throttleAsking(ctx context.Context) error {
	host, network, ok := networks(idp.ActorOf(ctx).Address)
	if !ok {
		return nil
	}
	if _, err := l.count(ctx, perAskingAddress(), "asking at address", host.String()); err != nil || !network.IsValid() {
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
