package outbox

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
)

// moody answers 503 until it is well.
func moody(well *atomic.Bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if !well.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
}

func TestASecondSuspensionEndsWhatTheFirstCouldNot(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var well atomic.Bool
	r := newRemote(t, moody(&well))
	app := h.app("crm", r.URL)
	u := h.person("alice", app)
	s := h.signIn(u, app)
	h.move(20 * time.Minute)
	h.run(h.worker("n1"))
	first := h.suspend(u)
	h.eventually(first, "retrying", in(idp.DeliveryRetrying))
	h.restore(u.ID)
	h.eventually(first, "superseded", in(idp.DeliverySuperseded))
	well.Store(true)
	second := h.suspend(u)
	h.eventually(second, "final", final)
	if d := h.line(second, app); d.State != idp.DeliveryAcknowledged || d.SessionID != s.ID || d.Attempts == 0 {
		t.Errorf("the app's session is open and its line says %+v", d)
	}
}

func TestASuspensionTellsOfASessionThatWasEndedUnheard(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var well atomic.Bool
	r := newRemote(t, moody(&well))
	app := h.app("crm", r.URL)
	u := h.person("alice", app)
	s := h.signIn(u, app)
	h.move(20 * time.Minute)
	h.run(h.worker("n1"))
	first := h.end(idp.Ending{Kind: idp.EndSession, UserID: u.ID, SessionID: s.ID, SignedOut: true})
	h.eventually(first, "retrying", in(idp.DeliveryRetrying))
	second := h.suspend(u)
	h.eventually(second, "retrying", in(idp.DeliveryRetrying))
	// The person comes back, but not to that session.
	h.restore(u.ID)
	h.eventually(second, "superseded", in(idp.DeliverySuperseded))
	well.Store(true)
	h.move(time.Hour)
	h.eventually(first, "acknowledged", in(idp.DeliveryAcknowledged))
}

func TestNothingFailsUntriedBecauseWeWereAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	app := h.app("crm", r.URL)
	u := h.person("alice", app)
	h.signIn(u, app)
	w := h.worker("n1")
	m := dying(h.store, 0, never)
	w.Store = m
	stop := h.run(w)
	id := h.suspend(u)
	h.eventually(id, "listed", func(idp.Delivery) bool { return true })
	<-m.dead
	stop()
	h.move(25 * time.Hour)
	h.run(h.worker("n1"))
	h.eventually(id, "acknowledged", in(idp.DeliveryAcknowledged))
	if d := h.line(id, app); d.Attempts != 1 {
		t.Errorf("%+v", d)
	}
}

func TestALineDoesNotDieWithTheOlderOneItWaitedFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var well atomic.Bool
	r := newRemote(t, moody(&well))
	app := h.app("crm", r.URL)
	u := h.person("alice", app)
	one := h.signIn(u, app)
	h.signIn(u, app)
	h.run(h.worker("n1"))
	first := h.end(idp.Ending{Kind: idp.EndSession, UserID: u.ID, SessionID: one.ID})
	h.eventually(first, "retrying", in(idp.DeliveryRetrying))
	second := h.suspend(u)
	h.eventually(second, "tried", in(idp.DeliveryRetrying))
	well.Store(true)
	h.move(time.Hour)
	h.eventually(first, "acknowledged", in(idp.DeliveryAcknowledged))
	h.eventually(second, "acknowledged", in(idp.DeliveryAcknowledged))
}
