package outbox

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
)

func TestSuspendTellsEveryAppAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	apps := []idp.App{h.app("wiki", r.URL), h.app("crm", r.URL)}
	u := h.person("alice", apps...)
	h.signIn(u, apps...)
	w := h.worker("n1")
	w.Poll = time.Minute // only Wake can be the reason
	h.run(w)
	time.Sleep(50 * time.Millisecond)
	id := h.suspend(u)
	w.Wake()
	for _, d := range h.eventually(id, "final", final) {
		if d.State != idp.DeliveryAcknowledged || d.Attempts != 1 || d.AckedAt.IsZero() || d.Answer != "It answered 200." {
			t.Errorf("%+v", d)
		}
		if d.LatencyMS > 2000 {
			t.Errorf("told after %d ms", d.LatencyMS)
		}
		t.Logf("told after %d ms", d.LatencyMS)
	}
}

func TestOneLinePerSessionOrOnePerAppForAWholeUser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	each, whole := newRemote(t, nil), newRemote(t, nil)
	apps := []idp.App{h.app("each", each.URL), h.app("whole", whole.URL, wholly)}
	u := h.person("alice", apps...)
	want := map[string]bool{}
	for range 3 {
		want["_"+string(h.signIn(u, apps...).ID)] = true
	}
	h.run(h.worker("n1"))
	lines := h.eventually(h.suspend(u), "final", final)
	if len(lines) != 4 || each.told.Load() != 3 || whole.told.Load() != 1 {
		t.Errorf("%d lines, told %d and %d; want 4, 3, 1", len(lines), each.told.Load(), whole.told.Load())
	}
	if s := <-whole.sessions; len(s) != 0 {
		t.Errorf("a whole-user logout names sessions %v", s)
	}
	for range 3 {
		if s := <-each.sessions; len(s) != 1 || !want[s[0]] {
			t.Errorf("told to end %v, want one of %v", s, want)
		} else {
			delete(want, s[0])
		}
	}
}

func TestEndOfOneSessionTouchesNoOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	r.open.Store(1) // the other session
	app := h.app("crm", r.URL, wholly, probing)
	u := h.person("alice", app)
	one := h.signIn(u, app)
	h.signIn(u, app)
	h.run(h.worker("n1"))
	id := h.end(idp.Ending{Kind: idp.EndSession, UserID: u.ID, SessionID: one.ID})
	h.eventually(id, "final", final)
	d := h.line(id, app)
	if d.SessionID != one.ID || d.State != idp.DeliveryAcknowledged {
		t.Errorf("%+v", d)
	}
	if s := <-r.sessions; len(s) != 1 || s[0] != "_"+string(one.ID) || r.told.Load() != 1 {
		t.Errorf("told %d times, to end %v", r.told.Load(), s)
	}
}

func TestF16OneBadAppNeverDelaysOthers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	good := newRemote(t, nil)
	elsewhere := newRemote(t, nil)
	slow := func(w http.ResponseWriter, r *http.Request) { // a byte now and then
		for w.WriteHeader(http.StatusOK); r.Context().Err() == nil; time.Sleep(50 * time.Millisecond) {
			fmt.Fprint(w, ".")
			w.(http.Flusher).Flush()
		}
	}
	huge := func(w http.ResponseWriter, _ *http.Request) {
		for chunk := strings.Repeat("x", 1<<16); ; {
			if _, err := fmt.Fprint(w, chunk); err != nil {
				return
			}
		}
	}
	stranger := httptest.NewUnstartedServer(http.NotFoundHandler()) // no certificate of anybody we know
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	stranger.StartTLS()
	t.Cleanup(stranger.Close)
	bad := map[string]string{
		"complains": newRemote(t, status(400)).URL,
		"moved":     newRemote(t, status(302, "Location", elsewhere.URL+"/logout")).URL,
		"stranger":  stranger.URL,
		"refuses":   "http://127.0.0.1:1", // a port that is given to nobody
		"fails":     newRemote(t, status(500)).URL,
		"busy":      newRemote(t, status(429, "Retry-After", "600")).URL,
		"hangs":     newRemote(t, hang).URL,
		"drips":     newRemote(t, slow).URL,
		"floods":    newRemote(t, huge).URL,
		"redirects": newRemote(t, status(307, "Location", elsewhere.URL+"/logout")).URL,
		"gone":      newRemote(t, status(410)).URL,
	}
	var apps []idp.App
	broken := map[idp.AppID]string{}
	for name, base := range bad {
		apps = append(apps, h.app(name, base))
		broken[apps[len(apps)-1].ID] = name
	}
	for len(apps) < 40 {
		apps = append(apps, h.app(fmt.Sprintf("good%d", len(apps)), good.URL))
	}
	u := h.person("alice", apps...)
	for range 6 { // more lines for each app than it may have in flight
		h.signIn(u, apps...)
	}
	w := h.worker("n1")
	w.SendTimeout = 3 * time.Second
	var alarms atomic.Int64
	w.Alarm = func(_ context.Context, failed []idp.Delivery) { alarms.Add(int64(len(failed))) }
	h.run(w)
	id := h.suspend(u)
	w.Wake()
	start := time.Now()
	h.eventually(id, "told where it can be", func(d idp.Delivery) bool { return broken[d.AppID] != "" || d.State == idp.DeliveryAcknowledged })
	if took := time.Since(start); took > 5*w.sendTimeout() {
		t.Errorf("the good apps waited %s for the bad ones", took)
	} else {
		t.Logf("%d lines of good apps were done in %s", 6*(40-len(bad)), took)
	}
	if n, want := good.told.Load(), int64(6*(40-len(bad))); n != want {
		t.Errorf("good apps were told %d times, want %d: none lost, none twice", n, want)
	}
	lines := h.eventually(id, "tried everywhere", func(d idp.Delivery) bool { return d.State != idp.DeliveryPending })
	for _, d := range lines {
		switch name := broken[d.AppID]; name {
		case "":
		case "gone":
			if d.State != idp.DeliveryFailed || d.Attempts != 1 {
				t.Errorf("gone: %+v", d)
			}
		case "busy":
			if d.State != idp.DeliveryRetrying || d.NextAt.Sub(h.now()) < 9*time.Minute || d.Attempts != 1 {
				t.Errorf("busy: %s, %d attempts, next in %s", d.State, d.Attempts, d.NextAt.Sub(h.now()))
			}
		default:
			if d.State != idp.DeliveryRetrying || d.Answer == "" {
				t.Errorf("%s: %s, %q", name, d.State, d.Answer)
			}
		}
	}
	if elsewhere.told.Load() != 0 {
		t.Error("a redirect was followed")
	}
	if alarms.Load() != 6 {
		t.Errorf("%d alarms, want 6 for the app that is gone", alarms.Load())
	}
}

// grown is a store in a house so grown that what was cut can be read once.
type grown struct {
	Store
	walks atomic.Int64
}

func (g *grown) CutParticipants(ctx context.Context, r idp.Receipt, after string, n int) ([]idp.Participant, string, error) {
	if g.walks.Add(1) > 1 {
		return nil, "", idp.Errorf(idp.Unavailable, "canceling statement due to statement timeout")
	}
	return g.Store.CutParticipants(ctx, r, after, n)
}

func TestItem14TheSecondTellingReadsNoReceiptAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	app := h.app("crm", r.URL, slowly)
	u := h.person("alice", app)
	h.signIn(u, app)
	w := h.worker("n1")
	w.Skew = 3 * time.Minute
	w.Store = &grown{Store: h.store}
	h.run(w)
	id := h.suspend(u)
	h.eventually(id, "acknowledged once", func(d idp.Delivery) bool { return !d.AckedAt.IsZero() })
	h.move(time.Hour)
	h.eventually(id, "final", final)
	if n := r.told.Load(); n != 2 {
		t.Errorf("told %d times", n)
	}
}

func TestItem14NoLineIsFinalBeforeTheWindowCloses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	app := h.app("crm", r.URL, slowly, probing)
	u := h.person("alice", app)
	s := h.signIn(u, app)
	w := h.worker("n1")
	w.Skew = 3 * time.Minute
	h.run(w)
	id := h.suspend(u)
	h.eventually(id, "acknowledged once", func(d idp.Delivery) bool { return !d.AckedAt.IsZero() })
	h.move(3 * time.Minute)
	time.Sleep(100 * time.Millisecond)
	d := h.line(id, app)
	if d.State != idp.DeliveryPending || d.AgainAt.IsZero() || r.told.Load() != 1 || !strings.Contains(d.Answer, "0 sessions") {
		t.Fatalf("after the first answer: %+v", d)
	}
	first := d
	r.open.Store(1) // an assertion from before the cut has landed
	h.move(62 * time.Second)
	h.eventually(id, "told again", func(idp.Delivery) bool { return r.told.Load() > 1 })
	r.open.Store(0)
	h.eventually(id, "final", final)
	d = h.line(id, app)
	if d.State != idp.DeliveryVerified || !d.AgainAt.IsZero() || d.Evidence == "" || d.VerifiedAt.Before(first.AgainAt) {
		t.Errorf("after the second answer: %+v", d)
	}
	if !d.AckedAt.Equal(first.AckedAt) || d.LatencyMS != first.LatencyMS {
		t.Errorf("first acknowledged %s (%d ms), then %s (%d ms)", first.AckedAt, first.LatencyMS, d.AckedAt, d.LatencyMS)
	}
	for n := r.told.Load(); n > 0; n-- {
		if told := <-r.sessions; len(told) != 1 || told[0] != "_"+string(s.ID) {
			t.Errorf("told to end %v", told)
		}
	}
}

func TestAcknowledgedButNotDoneIsToldUntilItIs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	r.open.Store(2)
	app := h.app("crm", r.URL, probing)
	u := h.person("alice", app)
	h.signIn(u, app)
	h.run(h.worker("n1"))
	id := h.suspend(u)
	h.eventually(id, "told twice", func(d idp.Delivery) bool { return d.Attempts >= 2 && d.State == idp.DeliveryRetrying })
	if d := h.line(id, app); !strings.Contains(d.Answer, "2 sessions") || d.Evidence != "" {
		t.Errorf("%+v", d)
	}
	r.open.Store(0)
	h.eventually(id, "verified", in(idp.DeliveryVerified))
}

func TestAProbeWithoutAnswerLeavesTheAcknowledgement(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	r.open.Store(-1)
	app := h.app("crm", r.URL, probing)
	u := h.person("alice", app)
	h.signIn(u, app)
	h.run(h.worker("n1"))
	id := h.suspend(u)
	h.eventually(id, "acknowledged", in(idp.DeliveryAcknowledged))
	if r.probes.Load() != probeTries || r.told.Load() != 1 {
		t.Errorf("%d probes, told %d times", r.probes.Load(), r.told.Load())
	}
}

func TestDeadLetterAfterADayRaisesTheAlarm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, status(500))
	app := h.app("crm", r.URL)
	u := h.person("alice", app)
	h.signIn(u, app)
	w := h.worker("n1")
	alarm := make(chan []idp.Delivery, 10)
	w.Alarm = func(_ context.Context, failed []idp.Delivery) { alarm <- failed }
	h.run(w)
	id := h.suspend(u)
	h.eventually(id, "retrying", in(idp.DeliveryRetrying))
	h.move(23 * time.Hour)
	time.Sleep(50 * time.Millisecond)
	h.eventually(id, "retrying", in(idp.DeliveryRetrying, idp.DeliveryPending))
	h.move(61 * time.Minute)
	h.eventually(id, "failed", in(idp.DeliveryFailed))
	if failed := <-alarm; len(failed) != 1 || failed[0].ReceiptID != id {
		t.Errorf("alarm for %+v", failed)
	}
	if d := h.line(id, app); d.Ceiling.IsZero() || d.Answer == "" {
		t.Errorf("a failed line says neither until when nor why: %+v", d)
	}
}

func TestAnAppWithoutLeverIsAliveUntilItsCeiling(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	app := h.app("old", "", leverOff)
	u := h.person("alice", app)
	s := h.signIn(u, app)
	h.run(h.worker("n1"))
	id := h.suspend(u)
	h.eventually(id, "alive", in(idp.DeliveryAlive))
	if d := h.line(id, app); !d.Ceiling.Equal(s.ExpiresAt) || d.Lever != idp.LeverNone {
		t.Errorf("%+v, want alive until %s", d, s.ExpiresAt)
	}
	h.move(11 * time.Hour)
	time.Sleep(300 * time.Millisecond)
	if d := h.line(id, app); d.State != idp.DeliveryAlive {
		t.Errorf("%s an hour before the ceiling", d.State)
	}
	h.move(61 * time.Minute)
	h.eventually(id, "ended", in(idp.DeliveryEnded))
}

func TestAccountsWithoutASessionAreOnTheReceipt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	app := h.app("crm", r.URL)
	u := h.person("alice", app)
	h.signIn(u, app)
	h.move(13 * time.Hour) // that session is long over
	h.run(h.worker("n1"))
	id := h.suspend(u)
	h.eventually(id, "final", final)
	if d := h.line(id, app); d.State != idp.DeliveryEnded || d.Lever != idp.LeverNone || d.Answer != accountRemains || r.told.Load() != 0 {
		t.Errorf("%+v, told %d times", d, r.told.Load())
	}
}

func TestAnAppWithRefreshTokensIsToldThoughTheSessionIsOver(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	app, deaf := h.app("wiki", r.URL, speaksOIDC), h.app("deaf", "", speaksOIDC, func(a *idp.App) { a.OIDC.BackchannelLogoutURI = "" })
	u := h.person("alice", app, deaf)
	s := h.signIn(u)
	h.offline(s, u, app)
	h.offline(s, u, deaf)
	h.move(13 * time.Hour)
	h.run(h.worker("n1"))
	id := h.suspend(u)
	h.eventually(id, "final", final)
	if d := h.line(id, app); d.State != idp.DeliveryAcknowledged || d.SessionID != "" || d.NameID.Value != "alice" || r.told.Load() != 1 {
		t.Errorf("%+v, told %d times", d, r.told.Load())
	}
	if d := h.line(id, deaf); d.State != idp.DeliveryEnded || d.Answer != familyRefused {
		t.Errorf("%+v", d)
	}
}

// TestAnEndedSessionsRefreshTokensAreNotTheWholePersons ends a session whose time
// is over and whose refresh tokens live on: its app is told of that session, and
// not to throw the person out of another that they have.
func TestAnEndedSessionsRefreshTokensAreNotTheWholePersons(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	app := h.app("crm", r.URL, wholly)
	u := h.person("alice", app)
	old := h.signIn(u)
	h.offline(old, u, app)
	h.move(13 * time.Hour)
	h.signIn(u, app)
	h.run(h.worker("n1"))
	id := h.end(idp.Ending{Kind: idp.EndSession, UserID: u.ID, SessionID: old.ID})
	h.eventually(id, "final", final)
	d := h.line(id, app)
	if d.SessionID != old.ID || d.State != idp.DeliveryAcknowledged || d.NameID.Value != "alice" || r.told.Load() != 1 {
		t.Fatalf("%+v, told %d times", d, r.told.Load())
	}
	if s := <-r.sessions; len(s) != 1 || s[0] != "_"+string(old.ID) {
		t.Errorf("told to end %v, want %s alone", s, old.ID)
	}
}

func TestRestoreSupersedesWhatIsPending(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, status(503))
	app := h.app("crm", r.URL)
	u := h.person("alice", app)
	h.signIn(u, app)
	w := h.worker("n1")
	h.run(w)
	id := h.suspend(u)
	h.eventually(id, "retrying", in(idp.DeliveryRetrying))
	h.restore(u.ID)
	h.eventually(id, "superseded", in(idp.DeliverySuperseded))
	told := r.told.Load()
	h.move(time.Hour)
	time.Sleep(200 * time.Millisecond)
	if d := h.line(id, app); d.State != idp.DeliverySuperseded || r.told.Load() > told+1 {
		t.Errorf("%s, told %d times after the restore", d.State, r.told.Load()-told)
	}
}

// TestRestoreWhileAMessageIsOnItsWay: it is not called back, and the line says
// what came of it.
func TestRestoreWhileAMessageIsOnItsWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	r := newRemote(t, func(http.ResponseWriter, *http.Request) {
		begun <- struct{}{}
		<-goOn
	})
	app := h.app("crm", r.URL)
	u := h.person("alice", app)
	h.signIn(u, app)
	h.run(h.worker("n1"))
	id := h.suspend(u)
	<-begun
	h.restore(u.ID)
	if d := h.line(id, app); d.State != idp.DeliverySuperseded || d.Attempts != 0 {
		t.Errorf("restored, and the line says %+v", d)
	}
	close(goOn)
	h.eventually(id, "what came of the message is said", func(d idp.Delivery) bool { return d.Attempts == 1 })
	if d := h.line(id, app); d.State != idp.DeliverySuperseded || d.AckedAt.IsZero() || d.Answer == "" || r.told.Load() != 1 {
		t.Errorf("told %d times, and the line says %+v", r.told.Load(), d)
	}
}

// TestWhatNothingReachesEndsByItsOwnEnd: the assertion's own end and
// session_expiry bound the exposure, stand on the line as its ceiling, and end
// it when they have passed.
func TestWhatNothingReachesEndsByItsOwnEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	crm := h.app("crm", "", leverOff, func(a *idp.App) { a.SAML.SessionTTL = 2 * time.Hour })
	wiki := h.app("wiki", "", speaksOIDC, func(a *idp.App) { a.OIDC = &idp.OIDCSettings{HonoursSessionExpiry: true} })
	u := h.person("ada", crm, wiki)
	s := h.signIn(u, crm, wiki)
	w := h.worker("n1")
	exposures, err := w.Exposure(t.Context(), u)
	h.must(err)
	bounds := map[idp.AppID]idp.Exposure{}
	for _, e := range exposures {
		bounds[e.AppID] = e
	}
	h.run(w)
	id := h.suspend(u)
	h.eventually(id, "listed", in(idp.DeliveryAlive))
	for _, c := range []struct {
		app   idp.App
		basis idp.Basis
		end   time.Time
	}{{crm, idp.BasisAssertion, s.CreatedAt.Add(2 * time.Hour)}, {wiki, idp.BasisSessionExpiry, s.ExpiresAt}} {
		d, e := h.line(id, c.app), bounds[c.app.ID]
		if off := d.Ceiling.Sub(c.end).Abs(); off > time.Minute || d.Lever != idp.LeverNone || d.NextAt != d.Ceiling {
			t.Errorf("%s: the line ends at %s, want %s: %+v", c.app.Name, d.Ceiling, c.end, d)
		}
		if off := (e.Within - c.end.Sub(h.now())).Abs(); e.Basis != c.basis || off > time.Minute {
			t.Errorf("%s: exposure %+v, want %s until %s", c.app.Name, e, c.basis, c.end)
		}
	}
	h.move(2*time.Hour + time.Minute)
	h.eventually(id, "the CRM's line has ended", func(d idp.Delivery) bool {
		return d.AppID != crm.ID || d.State == idp.DeliveryEnded && !d.FinishedAt.IsZero()
	})
	if d := h.line(id, wiki); d.State != idp.DeliveryAlive {
		t.Errorf("the wiki's session lives for ten hours more, and its line says %+v", d)
	}
	h.move(10 * time.Hour)
	h.eventually(id, "both have ended", in(idp.DeliveryEnded))
}

func TestASuspensionDoesNotWaitForAnEarlierLineThatWaits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	app := h.app("crm", r.URL, slowly)
	u := h.person("alice", app)
	one := h.signIn(u, app)
	h.signIn(u, app)
	w := h.worker("n1")
	w.Skew = 3 * time.Minute
	h.run(w)
	first := h.end(idp.Ending{Kind: idp.EndSession, UserID: u.ID, SessionID: one.ID})
	h.eventually(first, "acknowledged once", func(d idp.Delivery) bool { return !d.AckedAt.IsZero() })
	second := h.suspend(u)
	h.eventually(second, "acknowledged once", func(d idp.Delivery) bool { return !d.AckedAt.IsZero() })
}

// away is a store that is too slow for a moment.
type away struct{ Store }

func (away) EndedByCeiling(context.Context, time.Time) (int, error) {
	return 0, idp.Errorf(idp.Unavailable, "The database does not answer right now.")
}

// TestAStoreThatIsAwayForAMomentIsNoAlarm: it is asked again, and told as a warning.
func TestAStoreThatIsAwayForAMomentIsNoAlarm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	said := make(chan string, 100)
	w := h.worker("n1")
	w.Store = away{h.store}
	w.Log = slog.New(slog.NewTextHandler(lines(said), nil))
	h.run(w)
	for line := range said {
		if !strings.Contains(line, "housekeeping: end lines by their ceiling") {
			continue
		}
		if !strings.Contains(line, "level=WARN") {
			t.Errorf("it says %s", line)
		}
		return
	}
}

// lines hands on what is written, as far as somebody takes it.
type lines chan<- string

func (l lines) Write(line []byte) (int, error) {
	select {
	case l <- string(line):
	default:
	}
	return len(line), nil
}
