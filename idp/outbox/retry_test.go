package outbox

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/store/storetest"
)

func (h *house) retry(d idp.Delivery) idp.Delivery {
	h.Helper()
	people := &directory.Directory{Store: h.store, Now: h.now}
	got, err := people.RetryDelivery(h.Context(), d.ID)
	h.must(err)
	return got
}

func TestALineThatFailedIsTriedForAnotherDayWhenAnAdminWantsIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var well atomic.Bool
	r := newRemote(t, moody(&well))
	app := h.app("crm", r.URL)
	u := h.person("alice", app)
	h.signIn(u, app)
	h.run(h.worker("n1"))
	id := h.suspend(u)
	h.eventually(id, "retrying", in(idp.DeliveryRetrying))
	h.move(25 * time.Hour)
	h.eventually(id, "failed", in(idp.DeliveryFailed))

	h.retry(h.line(id, app))
	h.move(23 * time.Hour) // the app is still down, and may be for a day
	tried := h.line(id, app).Attempts
	h.eventually(id, "retrying after 23 more hours", func(d idp.Delivery) bool { return d.State == idp.DeliveryRetrying && d.Attempts > tried })
	well.Store(true)
	h.retry(h.line(id, app))
	h.eventually(id, "acknowledged", in(idp.DeliveryAcknowledged))
	people := &directory.Directory{Store: h.store, Now: h.now}
	if _, err := people.RetryDelivery(t.Context(), h.line(id, app).ID); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("a line that is settled was retried: %v", err)
	}
}

func TestRetryNowDoesNotWaitForTheBackoff(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var well atomic.Bool
	r := newRemote(t, func(w http.ResponseWriter, _ *http.Request) {
		if !well.Load() {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	app := h.app("crm", r.URL)
	u := h.person("alice", app)
	h.signIn(u, app)
	h.run(h.worker("n1"))
	id := h.suspend(u)
	h.eventually(id, "retrying", in(idp.DeliveryRetrying))
	well.Store(true)
	h.retry(h.line(id, app))
	h.eventually(id, "acknowledged", in(idp.DeliveryAcknowledged))
}

// TestThreeNodesOnPostgreSQLTellEachLineOnce: what one holds the others leave
// alone, over three houses with a pool each.
func TestThreeNodesOnPostgreSQLTellEachLineOnce(t *testing.T) {
	t.Parallel()
	h := newHouseOn(t, storetest.Postgres(t))
	r := newRemote(t, func(http.ResponseWriter, *http.Request) { time.Sleep(2 * time.Millisecond) })
	var apps []idp.App
	for i := range 5 {
		apps = append(apps, h.app(fmt.Sprintf("app%d", i), r.URL))
	}
	u := h.person("alice", apps...)
	for range 6 {
		h.signIn(u, apps...)
	}
	for i := range 3 {
		h.run(h.worker(fmt.Sprintf("n%d", i)))
	}
	lines := h.eventually(h.suspend(u), "acknowledged", in(idp.DeliveryAcknowledged))
	if n := r.told.Load(); n != 30 || len(lines) != 30 {
		t.Errorf("told %d times of %d lines, want 30", n, len(lines))
	}
}
