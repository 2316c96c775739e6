package e2e

import (
	cryptorand "crypto/rand"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/web/api/client"
)

// turnstile stands before apps. While it is shut, what would end a session
// waits there, and the app hears nothing.
type turnstile struct {
	shut atomic.Bool
	held atomic.Int64 // how many logouts have come while it was shut
}

// before puts the turnstile before addr and returns where it stands.
func (d *turnstile) before(t testing.TB, addr string) string {
	app := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.shut.Load() && (r.URL.Path == "/backchannel-logout" || r.URL.Path == "/saml/slo") {
			d.held.Add(1)
			_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed that the caller has gone
			<-r.Context().Done()
			return
		}
		app.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.Listener.Addr().String()
}

// TestKillBetweenCommitAndDelivery: whatever moment the house is killed at
// after a suspension was written down, its restart tells both apps, on the one
// receipt that there is.
func TestKillBetweenCommitAndDelivery(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		killRounds(t, nil)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		killRounds(t, map[string]string{"GATEHOUSE_DATABASE": postgresDSN(t), "GATEHOUSE_SECRET": cryptorand.Text() + cryptorand.Text()})
	})
}

func killRounds(t *testing.T, env map[string]string) {
	var door turnstile
	w := found(t, plan{Env: env, Before: func(addr string) string { return door.before(t, addr) }})
	w.adaChoosesPassword()
	killed := []struct {
		name   string
		answer bool // the kill waits for the answer to the suspension
		after  func()
	}{
		{"as the answer arrives", true, func() {}},
		{"while the lines are listed", true, func() { time.Sleep(time.Duration(rand.IntN(5_000)) * time.Microsecond) }},
		{"while both apps are being told", true, func() {
			until(t, readyWithin, "both apps are being told", func() bool { return door.held.Load() >= 2 })
		}},
		{"somewhere on the way", true, func() { time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond) }},
		{"before the answer", false, func() { time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond) }},
		{"before the answer, again", false, func() { time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond) }},
	}
	for n, kill := range killed {
		v := w.adaSignsIn()
		w.opens(v, w.Wiki)
		w.opens(v, w.CRM)
		if live := w.live(w.Wiki) + w.live(w.CRM); live != 2 {
			t.Fatalf("killed %s: %d sessions in the apps before, want 2", kill.name, live)
		}
		door.held.Store(0)
		door.shut.Store(true)
		first := w.suspendAndKill(kill.answer, kill.after)
		door.shut.Store(false)
		w.Nodes[0].again(t)

		// A repeat changes nothing, and where the kill came before the answer it
		// is what an admin does who has seen none.
		again := w.suspends()
		if kill.answer && again.ID != first.ID {
			t.Errorf("killed %s: the repeat made receipt %s, after %s", kill.name, again.ID, first.ID)
		}
		w.answered(kill.name, again.ID)
		if receipts, err := w.API.Receipts(t.Context(), "ada"); err != nil || len(receipts) != n+1 {
			t.Fatalf("killed %s: %d receipts, %v, want %d", kill.name, len(receipts), err, n+1)
		}
		if got := v.get(t, w.URL+"/"); got.Status != http.StatusSeeOther {
			t.Errorf("killed %s: her session at the house lives: %d", kill.name, got.Status)
		}
		if _, err := w.API.Restore(t.Context(), "ada"); err != nil {
			t.Fatal(err)
		}
	}
}

// suspendAndKill suspends Ada and kills the house: after the answer, or while
// it is being made.
func (w *town) suspendAndKill(answer bool, wait func()) client.Receipt {
	w.t.Helper()
	if answer {
		r := w.suspends()
		wait()
		w.Nodes[0].kill()
		return r
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = w.API.Suspend(w.t.Context(), "ada", "Left the company") // what came of it, nobody hears
	}()
	wait()
	w.Nodes[0].kill()
	<-gone
	return client.Receipt{}
}

// answered waits until the receipt has an answer on every line, one for each
// app and session, and both apps have ended what they had. Sessions of rounds
// before have lines too, as long as what was handed out in them could land.
func (w *town) answered(when, receipt string) {
	w.t.Helper()
	took := until(w.t, 15*time.Second, "killed "+when+": every line has an answer", func() bool {
		r := w.receipt(receipt)
		lines := map[[2]string]bool{}
		for _, l := range r.Lines {
			if l.AckedAt == nil {
				return false
			}
			lines[[2]string{l.App, l.SessionID}] = true
		}
		if len(lines) != len(r.Lines) {
			w.t.Fatalf("killed %s: a session has two lines in one app: %+v", when, r.Lines)
		}
		return !r.Listing && len(lines) >= 2
	}, func() any { return w.receipt(receipt) })
	w.t.Logf("killed %s: every app told %s after the restart", when, took.Round(time.Millisecond))
	for _, app := range []*proc{w.Wiki, w.CRM} {
		if last := w.knows(app)[0]; last.Live != 0 || last.Sessions[0].EndedKind != "identity provider" {
			w.t.Errorf("killed %s: %s has %+v", when, app.URL, last)
		}
	}
}
