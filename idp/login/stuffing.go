package login

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"gatehouse/idp"
)

const (
	// namesAtAddress and namesAtNetwork are how many names may fail from one place
	// within manyWindow before that looks like a list of stolen passwords being
	// tried (credential stuffing). Beyond, each further name costs the place
	// dearName tries: of 5,000 names that one address tries within an hour, fewer
	// than 50 are looked at.
	namesAtAddress = 20
	namesAtNetwork = 60
	manyWindow     = time.Hour
	dearName       = 16

	eventStuffing = "signin.stuffing"
)

// suspect looks, after a try that failed, whether somebody goes through many
// names. What failed on a known device of the person is a person who has
// forgotten a password.
func (l *Login) suspect(ctx context.Context, a attempt) error {
	if n, normal, first := l.meter.failed(l.now()); first {
		if err := l.stuffing(ctx, "house", map[string]string{"failures": strconv.Itoa(n), "usual": strconv.Itoa(normal)}); err != nil {
			return err
		}
	}
	if a.known() {
		return nil
	}
	host, network, ok := networks(idp.ActorOf(ctx).Address)
	if !ok {
		return nil
	}
	if err := l.suspectPlace(ctx, a, "address", host, namesAtAddress, perAddress()); err != nil {
		return err
	}
	return l.suspectPlace(ctx, a, "network", network, namesAtNetwork, perNetwork())
}

// suspectPlace counts a name that failed from a place, once, and makes that
// place slow when it comes with many. The name is counted as it was typed: the
// same work whether somebody has it or not.
func (l *Login) suspectPlace(ctx context.Context, a attempt, kind string, place netip.Prefix, many int, limits []limit) error {
	n, _, err := l.Store.Count(ctx, throttleName("name at "+kind, place.String()+" "+a.typed, manyWindow), manyWindow, l.now())
	if err != nil || n > 1 {
		return err
	}
	n, until, err := l.Store.Count(ctx, throttleName("names at "+kind, place.String(), manyWindow), manyWindow, l.now())
	if err != nil || n <= many {
		return err
	}
	l.alarms.raise(place, until, l.now())
	if n == many+1 {
		if err := l.stuffing(ctx, kind, map[string]string{"place": place.String(), "until": until.UTC().Format(time.RFC3339)}); err != nil {
			return err
		}
	}
	lim := limits[len(limits)-1]
	n, until, err = l.Store.CountBy(ctx, throttleName(kind, place.String(), lim.window), dearName, lim.window, l.now())
	if err != nil {
		return fmt.Errorf("count a further name: %w", err)
	}
	if n > lim.tries && n-dearName <= lim.tries {
		return l.recordThrottle(ctx, kind, until) // the next try is not the first one beyond
	}
	return nil
}

func (l *Login) stuffing(ctx context.Context, by string, detail map[string]string) error {
	e := l.event(ctx, eventStuffing)
	e.Detail = detail
	e.Detail["by"] = by
	if err := l.Store.Record(ctx, e); err != nil {
		return fmt.Errorf("record that many names are tried: %w", err)
	}
	return nil
}

// FarOverUsual reports whether far more sign-ins fail at this node than usual,
// or did within the last minutes.
func (l *Login) FarOverUsual() bool { return l.meter.isOver(l.now()) }

const (
	meterWindow = 5 * time.Minute
	// alarming is how many failures of a window are no alarm yet, in the
	// quietest of houses; beyond, it is alarmingTimes the usual number.
	alarming      = 100
	alarmingTimes = 10
)

// meter counts the failures of a window and knows what is usual. The zero value
// begins with nothing.
type meter struct {
	mu      sync.Mutex
	begun   time.Time
	n       int
	usual   float64 // of a window
	overAt  time.Time
	toldNow bool
}

func (m *meter) limit() int { return max(alarming, int(alarmingTimes*m.usual)) }

// roll begins a new window when the old one is over. What is usual follows
// slowly, and an attack is not taken for usual at once.
func (m *meter) roll(now time.Time) {
	passed := now.Sub(m.begun)
	if passed >= 0 && passed < meterWindow {
		return
	}
	windows := int(min(passed/meterWindow, 1000))
	if m.begun.IsZero() || passed < 0 {
		windows = 0
	}
	n := min(m.n, m.limit())
	for range windows {
		m.usual += (float64(n) - m.usual) / 20
		n = 0
	}
	m.begun, m.n, m.toldNow = now, 0, false
}

// failed counts one and reports whether that is the one that makes it alarming
// in this window.
func (m *meter) failed(now time.Time) (n, usual int, first bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.roll(now)
	m.n++
	if m.n <= m.limit() {
		return 0, 0, false
	}
	first, m.toldNow, m.overAt = !m.toldNow, true, now
	return m.n, int(m.usual), first
}

func (m *meter) isOver(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.overAt.IsZero() && now.Sub(m.overAt) < 3*meterWindow
}
