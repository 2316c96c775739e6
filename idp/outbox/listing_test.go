package outbox

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp"
)

// TestOnlyWhatIsNewIsWritten: a line for the whole person is found on every
// page, and written again where a page adds to it.
func TestOnlyWhatIsNewIsWritten(t *testing.T) {
	t.Parallel()
	at := func(minutes int) time.Time { return time.Unix(int64(60*minutes), 0) }
	whole := func(ceiling, again int, indexes ...string) idp.Delivery {
		return idp.Delivery{ID: "dlv_whole", Ceiling: at(ceiling), AgainAt: at(again), SessionIndexes: indexes}
	}
	one := func(id idp.DeliveryID) idp.Delivery {
		return idp.Delivery{ID: id, SessionID: "ses_" + idp.SessionID(id)}
	}
	l := &listing{receipt: idp.Receipt{UserID: "usr_ada"}, written: map[idp.DeliveryID]idp.Delivery{}}
	for _, page := range []struct {
		what      string
		found     []idp.Delivery
		unwritten int // of what was found, from the front
	}{
		{"the first page", []idp.Delivery{whole(10, 5, "a"), one("1")}, 0},
		{"the same again", []idp.Delivery{whole(10, 5, "a"), one("2")}, 1},
		{"ends sooner", []idp.Delivery{whole(9, 4)}, 1},
		{"ends later", []idp.Delivery{whole(11, 5, "a")}, 0},
		{"and no later than that", []idp.Delivery{whole(11, 5, "a")}, 1},
		{"may land later", []idp.Delivery{whole(10, 6)}, 0},
		{"what both said", []idp.Delivery{whole(11, 6, "a")}, 1},
		{"one session more", []idp.Delivery{whole(1, 1, "b")}, 0},
		{"the two together", []idp.Delivery{whole(1, 1, "b", "a")}, 1},
	} {
		want := append([]idp.Delivery{}, page.found[page.unwritten:]...)
		if diff := cmp.Diff(want, append([]idp.Delivery{}, l.news(page.found)...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", page.what, diff)
		}
	}
	everybody := &listing{written: map[idp.DeliveryID]idp.Delivery{}}
	for range 2 {
		if got := everybody.news([]idp.Delivery{whole(1, 1)}); len(got) != 1 || len(everybody.written) != 0 {
			t.Errorf("of an ending of everybody %d lines were kept and %d remembered", len(got), len(everybody.written))
		}
	}
}

// TestALineOfManyPagesEndsWithTheLastSession: what later pages add is on the
// line.
func TestALineOfManyPagesEndsWithTheLastSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	var apps []idp.App
	for i := range 30 {
		apps = append(apps, h.app(fmt.Sprintf("app%d", i), r.URL, wholly))
	}
	u := h.person("alice", apps...)
	var last time.Time
	for range 20 { // 600 participants, two pages
		last = latest(last, h.signIn(u, apps...).ExpiresAt)
	}
	h.run(h.worker("n1"))
	lines := h.eventually(h.suspend(u), "final", final)
	if len(lines) != len(apps) {
		t.Errorf("%d lines, want %d", len(lines), len(apps))
	}
	for _, d := range lines {
		if !d.Ceiling.Equal(last) {
			t.Errorf("the line ends at %s, the last session at %s", d.Ceiling, last)
		}
	}
}

// slowPages lists a participant a page, the second when it may; and says what
// was written down.
type slowPages struct {
	Store
	pages  atomic.Int64
	second <-chan struct{}
	saved  chan idp.Delivery
}

func (s *slowPages) CutParticipants(ctx context.Context, r idp.Receipt, after string, _ int) ([]idp.Participant, string, error) {
	if s.pages.Add(1) == 2 {
		<-s.second
	}
	return s.Store.CutParticipants(ctx, r, after, 1)
}

func (s *slowPages) SaveDelivery(ctx context.Context, d idp.Delivery, hand string) error {
	err := s.Store.SaveDelivery(ctx, d, hand)
	s.saved <- d
	return err
}

// TestAnOlderAnswerDoesNotSpeakForAWiderLine: while an app is told what one page
// found, the next page makes the line say more, and it is told that as well. The
// answer to the first call arrives in between, in the same worker.
func TestAnOlderAnswerDoesNotSpeakForAWiderLine(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	second, first := make(chan struct{}), make(chan struct{})
	saved := make(chan idp.Delivery, 100)
	var calls atomic.Int64
	r := newRemote(t, func(http.ResponseWriter, *http.Request) {
		switch calls.Add(1) {
		case 1:
			close(second)
			<-first
		case 2:
			close(first)
			<-saved // the answer to the first call was written, or refused
		}
	})
	app := h.app("crm", r.URL, wholly)
	var u idp.User
	var sooner, later idp.Session // in the order of the pages
	for n := 0; sooner.ID >= later.ID; n++ {
		u = h.person(fmt.Sprintf("alice%d", n), app)
		sooner = h.signIn(u, app)
		h.move(time.Minute)
		later = h.signIn(u, app)
	}
	w := h.worker("n1")
	w.Store = &slowPages{Store: h.store, second: second, saved: saved}
	h.run(w)
	id := h.suspend(u)
	h.eventually(id, "final", final)
	if d := h.line(id, app); !d.Ceiling.Equal(later.ExpiresAt) || d.Attempts != 1 || d.LatencyMS == 0 {
		t.Errorf("the line ends at %s, want %s: %+v", d.Ceiling, later.ExpiresAt, d)
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("told %d times", n)
	}
}
