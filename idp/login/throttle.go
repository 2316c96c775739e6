package login

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"gatehouse/idp"
)

// limit is at most so many tries of one thing within a window. Limits of one
// thing go from short to long: a try that the first refuses does not count in
// the next, so the delay grows with the tries that were answered, and no one
// is shut out for longer than the longest window.
type limit struct {
	tries  int
	window time.Duration
}

// perAccount: an hour has at most 30 tries, below the 100 of ASVS 6.3.1.
func perAccount() []limit { return []limit{{10, 5 * time.Minute}, {30, time.Hour}} }

// An address may be a whole office behind one translator, a network many.
func perAddress() []limit { return []limit{{50, time.Minute}, {500, time.Hour}} }
func perNetwork() []limit { return []limit{{200, time.Minute}} }

// ThrottledError asks to come back at RetryAt. Its kind is idp.Throttled for
// too many tries, idp.Unavailable when the house is too busy for one more.
type ThrottledError struct {
	RetryAt time.Time
	Err     *idp.Error
}

func (e *ThrottledError) Error() string { return e.Err.Error() }

// Unwrap returns the [idp.Error].
func (e *ThrottledError) Unwrap() error { return e.Err }

// While the hasher's queue is full, people are told to come back after busyFor
// and up to busySpread more: a crowd that is refused at once does not come back
// at once.
const (
	busyFor    = 2 * time.Second
	busySpread = 4 * time.Second
)

// soon adds to a busy hasher's refusal when to come back.
func (l *Login) soon(err error) error {
	if e, ok := errors.AsType[*idp.Error](err); ok && e.Kind == idp.Unavailable {
		return &ThrottledError{RetryAt: l.now().Add(busyFor + rand.N(busySpread)), Err: e}
	}
	return err
}

// tally is what was counted of one thing, so that it can be forgotten.
type tally struct {
	names []string
	// repeated: a try before this one is remembered.
	repeated bool
}

// count counts one try of a thing against its limits, at most two, in one atomic
// statement, and refuses one that is over.
func (l *Login) count(ctx context.Context, limits []limit, kind, value string) (tally, error) {
	var t tally
	named := make([]idp.Limit, len(limits))
	for i, lim := range limits {
		named[i] = idp.Limit{Name: throttleName(kind, value, lim.window), Most: lim.tries, Window: lim.window}
		t.names = append(t.names, named[i].Name)
		if until, ok := l.shut.Until(named[i].Name, l.now()); ok {
			return t, l.throttled(ctx, kind, false, until)
		}
	}
	counted, err := l.countAll(ctx, named)
	if err != nil {
		return t, fmt.Errorf("count tries by %s: %w", kind, err)
	}
	for i, lim := range named {
		if until, ok := l.shut.Until(lim.Name, l.now()); ok && counted[i].Anew {
			// Of a crowd that Redis could not answer in time, others were told meanwhile
			// that it is over.
			return t, l.throttled(ctx, kind, false, until)
		}
		if n := counted[i].N; n > lim.Most {
			l.shut.Close(lim.Name, counted[i].ResetAt, l.now())
			return t, l.throttled(ctx, kind, n == lim.Most+1, counted[i].ResetAt)
		}
		t.repeated = t.repeated || counted[i].N > 1
	}
	return t, nil
}

func (l *Login) countAll(ctx context.Context, limits []idp.Limit) ([2]idp.Tries, error) {
	var counted [2]idp.Tries
	var err error
	if len(limits) == 1 {
		counted[0].N, counted[0].ResetAt, err = l.Store.Count(ctx, limits[0].Name, limits[0].Window, l.now())
	} else {
		counted[0], counted[1], err = l.Store.CountTwo(ctx, limits[0], limits[1], l.now())
	}
	return counted, err
}

// throttled refuses; only the first refusal of a window is an event, so that
// the log does not grow with the flood.
func (l *Login) throttled(ctx context.Context, kind string, first bool, resetAt time.Time) error {
	if first {
		if err := l.recordThrottle(ctx, kind, resetAt); err != nil {
			return err
		}
	}
	return &ThrottledError{RetryAt: resetAt, Err: idp.Errorf(idp.Throttled, "Too many tries to sign in. Wait a little and try again.")}
}

func (l *Login) recordThrottle(ctx context.Context, kind string, resetAt time.Time) error {
	e := l.event(ctx, "signin.password.throttle")
	e.Detail = map[string]string{"by": kind, "until": resetAt.UTC().Format(time.RFC3339)}
	if err := l.Store.Record(ctx, e); err != nil {
		return fmt.Errorf("record the throttle: %w", err)
	}
	return nil
}

// admit finds who is meant and counts the try, before any hash. A known device
// of the person is looked for before the address is counted: whatever others
// try, at this address or for this person, does not keep its holder out. It is
// asked for by the same statements whoever is meant, also nobody.
func (l *Login) admit(ctx context.Context, in idp.SignIn, username string) (attempt, tally, error) {
	if in.Device == "" {
		if err := l.throttleAddress(ctx); err != nil {
			return attempt{}, tally{}, err
		}
	}
	a, err := l.lookup(ctx, username, in.Device)
	if err != nil {
		return attempt{}, tally{}, err
	}
	if a.known() {
		t, err := l.count(ctx, perAccount(), "device", string(a.device.ID))
		return a, t, err
	}
	if in.Device != "" {
		if err := l.throttleAddress(ctx); err != nil {
			return attempt{}, tally{}, err
		}
	}
	t, err := l.throttleAccount(ctx, a)
	return a, t, err
}

// throttlePlace counts a try that names nobody, by a passkey or a mailed code: of a
// browser that the house has given a device secret by itself, of any other at its
// address. What strangers try at an address keeps nobody out who has signed in there
// before. What a browser has tried is forgotten when somebody signs in there; what an
// address has is not.
func (l *Login) throttlePlace(ctx context.Context, in idp.SignIn) (tally, error) {
	if in.Device == "" {
		return tally{}, l.throttleAddress(ctx)
	}
	return l.count(ctx, perAddress(), "browser", in.Device)
}

// throttleAddress counts a try of the actor's address and its network.
func (l *Login) throttleAddress(ctx context.Context) error {
	host, network, ok := networks(idp.ActorOf(ctx).Address)
	if !ok {
		return nil
	}
	if _, err := l.count(ctx, perAddress(), "address", host.String()); err != nil {
		return err
	}
	_, err := l.count(ctx, perNetwork(), "network", network.String())
	return err
}

// networks returns what an address is counted as: an IPv4 host and its /24; an IPv6
// /64, which one line has, and its /48, which is the most that one customer is given
// (RFC 6177), with 65,536 of the others in it. Loopback stands for a proxy that is not
// named as trusted, or the machine itself: counting it would let one stranger
// shut everybody out.
func networks(address string) (host, network netip.Prefix, ok bool) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return host, network, false
		}
		ip = at.Addr()
	}
	ip = ip.Unmap().WithZone("")
	switch {
	case ip.IsLoopback():
		return host, network, false
	case ip.Is4():
		return netip.PrefixFrom(ip, 32), netip.PrefixFrom(ip, 24).Masked(), true
	}
	return netip.PrefixFrom(ip, 64).Masked(), netip.PrefixFrom(ip, 48).Masked(), true
}

// throttleAccount counts a try against the person, by whatever name and
// spelling they were called; against the name where nobody has it, so that
// both are refused alike.
func (l *Login) throttleAccount(ctx context.Context, a attempt) (tally, error) {
	if a.user.ID != "" {
		return l.count(ctx, perAccount(), "account", string(a.user.ID))
	}
	return l.count(ctx, perAccount(), "name", a.typed)
}

// forgive forgets the tries of a person who has proven to be one. The single
// try that succeeded may stay: that saves its writes at every ordinary
// sign-in.
func (l *Login) forgive(ctx context.Context, account tally) error {
	if !account.repeated {
		return nil
	}
	for _, name := range account.names {
		l.shut.Open(name)
	}
	if err := l.Store.Uncount(ctx, account.names...); err != nil {
		return fmt.Errorf("forget tries: %w", err)
	}
	return nil
}

// accountTally is all that may be remembered against a person.
func accountTally(id idp.UserID) tally {
	t := tally{repeated: true}
	for _, lim := range perAccount() {
		t.names = append(t.names, throttleName("account", string(id), lim.window))
	}
	return t
}

// throttleName is a hash of its parts, each with its length in front: no name
// that someone types runs into another's.
func throttleName(kind, value string, window time.Duration) string {
	var b []byte
	for _, part := range []string{kind, value} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(window))
	sum := sha256.Sum256(b)
	return "signin." + base64.RawURLEncoding.EncodeToString(sum[:])
}
