package outbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
)

// mortal is a store whose process dies before the nth write of a kind: from
// then on nothing of it reaches the store any more.
type mortal struct {
	Store
	saves, pages atomic.Int64 // writes left
	dead         chan struct{}
}

var errDead = errors.New("killed")

func dying(s Store, saves, pages int64) *mortal {
	m := &mortal{Store: s, dead: make(chan struct{})}
	m.saves.Store(saves)
	m.pages.Store(pages)
	return m
}

func (m *mortal) lives(left *atomic.Int64) bool {
	n := left.Add(-1)
	if n == -1 {
		close(m.dead)
	}
	return n >= 0
}

func (m *mortal) gone() bool {
	select {
	case <-m.dead:
		return true
	default:
		return false
	}
}

func (m *mortal) SaveDelivery(ctx context.Context, d idp.Delivery, worker string) error {
	if m.gone() || !m.lives(&m.saves) {
		return errDead
	}
	return m.Store.SaveDelivery(ctx, d, worker)
}

func (m *mortal) ListPage(ctx context.Context, r idp.ReceiptID, worker string, lines []idp.Delivery, cursor string, done bool, now time.Time) error {
	if m.gone() || !m.lives(&m.pages) {
		return errDead
	}
	return m.Store.ListPage(ctx, r, worker, lines, cursor, done, now)
}

func (m *mortal) ClaimDeliveries(ctx context.Context, worker string, now time.Time, lease time.Duration, limit, perApp int) ([]idp.Delivery, error) {
	if m.gone() {
		return nil, errDead
	}
	return m.Store.ClaimDeliveries(ctx, worker, now, lease, limit, perApp)
}

func (m *mortal) ClaimReceipt(ctx context.Context, worker string, now time.Time, lease time.Duration) (idp.Receipt, string, error) {
	if m.gone() {
		return idp.Receipt{}, "", errDead
	}
	return m.Store.ClaimReceipt(ctx, worker, now, lease)
}

func (m *mortal) ReleaseClaims(ctx context.Context, worker string) error {
	if m.gone() {
		return nil
	}
	return m.Store.ReleaseClaims(ctx, worker)
}

const never = 1 << 40 // more writes than a test makes

func TestF20KilledBetweenSendAndSaveIsSentAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	app := h.app("crm", r.URL)
	u := h.person("alice", app)
	h.signIn(u, app)
	first := h.worker("n1")
	m := dying(h.store, 0, never)
	first.Store = m
	stop := h.run(first)
	id := h.suspend(u)
	<-m.dead
	stop()
	if d := h.line(id, app); r.told.Load() != 1 || d.Attempts != 0 || d.State != idp.DeliveryPending {
		t.Fatalf("told %d times, %+v", r.told.Load(), d)
	}
	h.run(h.worker("n2"))
	time.Sleep(100 * time.Millisecond)
	if r.told.Load() != 1 {
		t.Error("another worker did not wait for the claim to run out")
	}
	h.move(31 * time.Second)
	h.eventually(id, "acknowledged", in(idp.DeliveryAcknowledged))
	if r.told.Load() != 2 {
		t.Errorf("told %d times, want 2", r.told.Load())
	}
}

func TestAProcessThatStartsAgainTakesUpItsOwnClaimsAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	app := h.app("crm", r.URL)
	u := h.person("alice", app)
	h.signIn(u, app)
	first := h.worker("n1")
	m := dying(h.store, 0, never)
	first.Store = m
	stop := h.run(first)
	id := h.suspend(u)
	<-m.dead
	stop()
	h.run(h.worker("n1"))
	h.eventually(id, "acknowledged", in(idp.DeliveryAcknowledged))
}

func TestListingGoesOnWhereAKilledWorkerStopped(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	var apps []idp.App
	for i := range 30 {
		apps = append(apps, h.app(fmt.Sprintf("app%d", i), r.URL))
	}
	unused := h.app("unused", r.URL)
	u := h.person("alice", append(apps, unused)...)
	old := h.signIn(u, unused)
	h.move(time.Until(old.ExpiresAt) + time.Minute) // an account without a session
	for range 20 {
		h.signIn(u, apps...)
	}
	first := h.worker("n1")
	m := dying(h.store, never, 1) // the first page of two
	first.Store = m
	stop := h.run(first)
	id := h.suspend(u)
	<-m.dead
	stop()
	if n := len(h.lines(id)); n != pageSize {
		t.Fatalf("%d lines after the first page", n)
	}
	h.move(31 * time.Second)
	h.run(h.worker("n2"))
	lines := h.eventually(id, "final", final)
	if len(lines) != 601 {
		t.Errorf("%d lines, want 601", len(lines))
	}
	if n := r.told.Load(); n < 600 {
		t.Errorf("told %d times, want at least 600", n)
	}
}

func TestTwoWorkersTellEachLineOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	var apps []idp.App
	for i := range 10 {
		apps = append(apps, h.app(fmt.Sprintf("app%d", i), r.URL))
	}
	u := h.person("alice", apps...)
	for range 10 {
		h.signIn(u, apps...)
	}
	h.run(h.worker("n1"))
	h.run(h.worker("n2"))
	h.eventually(h.suspend(u), "acknowledged", in(idp.DeliveryAcknowledged))
	if n := r.told.Load(); n != 100 {
		t.Errorf("told %d times, want 100", n)
	}
}

func TestStopLetsWhatIsBeingSentComeToItsEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	begun := make(chan struct{}, 1)
	r := newRemote(t, func(http.ResponseWriter, *http.Request) {
		begun <- struct{}{}
		time.Sleep(300 * time.Millisecond)
	})
	app := h.app("crm", r.URL)
	u := h.person("alice", app)
	h.signIn(u, app)
	stop := h.run(h.worker("n1"))
	id := h.suspend(u)
	<-begun
	stop()
	if d := h.line(id, app); d.State != idp.DeliveryAcknowledged {
		t.Errorf("%+v", d)
	}
}

func TestStopGivesBackWhatHangs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	begun := make(chan struct{}, 2)
	var answers atomic.Bool
	r := newRemote(t, func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		if !answers.Load() {
			hang(w, r)
		}
	})
	app := h.app("crm", r.URL)
	u := h.person("alice", app)
	h.signIn(u, app)
	stop := h.run(h.worker("n1"))
	id := h.suspend(u)
	<-begun
	start := time.Now()
	stop()
	if took := time.Since(start); took > 5*stopGrace {
		t.Errorf("stopping took %s", took)
	}
	answers.Store(true)
	h.run(h.worker("n2"))
	h.eventually(id, "acknowledged", in(idp.DeliveryAcknowledged))
	if d := h.line(id, app); d.Attempts != 1 {
		t.Errorf("the aborted attempt was written down: %+v", d)
	}
}
