package signin

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/web/ui"
	"gatehouse/web/ui/uitest"
)

// fakeCookies is a browser that keeps one cookie.
type fakeCookies struct {
	Cookies
	left string
}

func (c *fakeCookies) SetLeft(_ http.ResponseWriter, sealed string, _ time.Duration) { c.left = sealed }
func (c *fakeCookies) Left(*http.Request) string                                     { return c.left }

// oneSignOut is a store that knows one receipt and what came of it.
type oneSignOut struct {
	Store
	receipt      idp.Receipt
	participants []idp.Participant
	lines        []idp.Delivery
}

func (s *oneSignOut) Receipt(_ context.Context, id idp.ReceiptID) (idp.Receipt, error) {
	if id != s.receipt.ID {
		return idp.Receipt{}, idp.Errorf(idp.NotFound, "no such receipt")
	}
	return s.receipt, nil
}

func (s *oneSignOut) App(_ context.Context, id idp.AppID) (idp.App, error) {
	if id == "gone" {
		return idp.App{}, idp.Errorf(idp.NotFound, "no such app")
	}
	return idp.App{ID: id, Name: "App " + string(id)}, nil
}

func (s *oneSignOut) CutParticipants(context.Context, idp.Receipt, string, int) ([]idp.Participant, string, error) {
	return s.participants, "", nil
}

func (s *oneSignOut) Deliveries(context.Context, idp.ReceiptID) ([]idp.Delivery, error) {
	return s.lines, nil
}

// TestWhatBecameOfASignOut: every app has its place before its line is there,
// the worst of its lines counts, and what is open is said plainly.
func TestWhatBecameOfASignOut(t *testing.T) {
	t.Parallel()
	cut := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	now := cut.Add(time.Second)
	line := func(app string, state idp.DeliveryState, more ...func(*idp.Delivery)) idp.Delivery {
		d := idp.Delivery{AppID: idp.AppID(app), State: state, Lever: idp.LeverBackchannel}
		for _, m := range more {
			m(&d)
		}
		return d
	}
	acked := func(d *idp.Delivery) { d.AckedAt = cut }
	until := func(at time.Time) func(*idp.Delivery) {
		return func(d *idp.Delivery) { d.Lever, d.Ceiling = idp.LeverNone, at }
	}
	front := func(d *idp.Delivery) { d.Lever = idp.LeverFrontchannel }
	for _, c := range []struct {
		name  string
		lines []idp.Delivery
		says  string
		words string
		live  bool
	}{
		{"not listed yet", nil, "Is being told.", "are being told", true},
		{"to be sent", []idp.Delivery{line("a", idp.DeliveryPending)}, "Is being told.", "are being told", true},
		{"acknowledged", []idp.Delivery{line("a", idp.DeliveryAcknowledged, acked)}, "Has signed you out.", "and so has what was open", false},
		{"acknowledged, and told again later", []idp.Delivery{line("a", idp.DeliveryPending, acked)}, "Has signed you out.", "and so has what was open", false},
		{"verified", []idp.Delivery{line("a", idp.DeliveryVerified)}, "Has signed you out.", "and so has what was open", false},
		{"retried", []idp.Delivery{line("a", idp.DeliveryRetrying)}, "Has not answered yet. We go on trying.", "are being told", true},
		{"failed", []idp.Delivery{line("a", idp.DeliveryFailed)}, "Could not be told. Sign out there.", "Look after", false},
		{"failed the second time", []idp.Delivery{line("a", idp.DeliveryFailed, acked)}, "Could not be told. Sign out there.", "Look after", false},
		{"no way", []idp.Delivery{line("a", idp.DeliveryAlive, until(now.Add(time.Hour)))}, "Cannot be told. May be open until 13:00 UTC.", "Look after", false},
		{"no way, no end", []idp.Delivery{line("a", idp.DeliveryAlive, until(time.Time{}))}, "Could not be told. Sign out there.", "Look after", false},
		{"over", []idp.Delivery{line("a", idp.DeliveryEnded)}, "What was open there has run out.", "and so has what was open", false},
		{"by the browser", []idp.Delivery{line("a", idp.DeliveryAlive, front)}, "Asked by your browser. Look there, to be sure.", "Look after", false},
		{"two ways", []idp.Delivery{line("a", idp.DeliveryAcknowledged), line("a", idp.DeliveryFailed), line("b", idp.DeliveryVerified)}, "Could not be told. Sign out there.", "Look after", false},
	} {
		store := &oneSignOut{participants: []idp.Participant{{AppID: "a"}, {AppID: "gone"}}, lines: c.lines}
		r := idp.Receipt{Kind: idp.EndSession, CutAt: cut, ListedAt: cut}
		v, err := (&SignIn{Store: store}).left(t.Context(), r, now)
		if err != nil || len(v.Apps) != 1 || v.Apps[0].Name != "App a" || v.Apps[0].Words != c.says || v.Live != c.live || !strings.Contains(v.words(t.Context()), c.words) {
			t.Errorf("%s: %+v %q, %v", c.name, v, v.words(t.Context()), err)
		}
		if v, _ := (&SignIn{Store: store}).left(t.Context(), r, cut.Add(turnsFor)); v.Live {
			t.Errorf("%s: the page looks again for ever", c.name)
		}
	}
}

// TestASignOutIsShownToItsBrowserAlone: by what was sealed for it, for a while.
func TestASignOutIsShownToItsBrowserAlone(t *testing.T) {
	t.Parallel()
	box, err := keys.NewBox([]byte("a root key for nothing but these tests, of some length"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	store := &oneSignOut{receipt: idp.Receipt{ID: "rcp_mine", Kind: idp.EndSession, CutAt: now}}
	browser := &fakeCookies{}
	s := &SignIn{Store: store, Cookies: browser, Box: box, Now: func() time.Time { return now }}
	known := func() bool {
		t.Helper()
		v, err := s.readLeft(httptest.NewRequest(http.MethodGet, "/signed-out", nil))
		if err != nil {
			t.Error(err)
		}
		return v.Known
	}
	if known() {
		t.Error("a browser without a cookie is told")
	}
	s.Left(nil, store.receipt)
	mine := browser.left
	if !known() {
		t.Error("the browser that signed out is not told")
	}
	if len(mine) > 128 {
		t.Errorf("the cookie has %d characters", len(mine))
	}
	for name, left := range map[string]string{
		"the receipt's ID": "rcp_mine", "another end": mine[:len(mine)-1] + "A", "sealed for something else": box.Seal("code", []byte("rcp_mine")),
		"of no receipt": box.Seal(purposeLeft, []byte("rcp_other")),
	} {
		if browser.left = left; known() && left != mine {
			t.Errorf("%s: told", name)
		}
	}
	browser.left = mine
	store.receipt.Kind = idp.EndUser
	if known() {
		t.Error("a suspension is shown")
	}
	store.receipt.Kind = idp.EndSession
	now = now.Add(leftFor + time.Second)
	if known() {
		t.Error("told after its time")
	}
}

// TestNobodySignedInIsToldThatNobodyIs: they go to their own page.
func TestNobodySignedInIsToldThatNobodyIs(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/signed-out", nil)
	r = r.WithContext(ui.WithVisit(r.Context(), uitest.Employee()))
	w := httptest.NewRecorder()
	if err := (&SignIn{}).SignedOut(w, r); err != nil || w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" {
		t.Errorf("%d to %q, %v", w.Code, w.Header().Get("Location"), err)
	}
}

// TestTheSignedOutPageTurnsInItsPlace: it takes what became of the apps without
// being loaded again, nothing on it moves, and it stops when nothing can turn.
func TestTheSignedOutPageTurnsInItsPlace(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	var settled atomic.Bool
	mux := http.NewServeMux()
	mux.Handle("GET "+ui.AssetsPath, ui.Assets())
	mux.HandleFunc("GET /signed-out", func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		v := signedOutView{Known: true, Live: true, Apps: []toldApp{{"CRM", waiting, "Is being told."}, {"Wiki", waiting, "Is being told."}}}
		if settled.Load() {
			v = signedOutView{Known: true, Apps: []toldApp{{"CRM", in, "Could not be told. Sign out there."}, {"Wiki", out, "Has signed you out."}}}
		}
		uitest.Page{Name: "signed-out", Visit: uitest.Stranger(), View: signedOutPage(v)}.Serve(w, r)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	ctx, complaints := uitest.Browser(t)
	if err := chromedp.Do(ctx, chromedp.Navigate(srv.URL+"/signed-out"), chromedp.WaitReady("main")); err != nil {
		t.Fatal(err)
	}
	see := func(what string) string {
		t.Helper()
		said, err := chromedp.Run(ctx, chromedp.Evaluate[string](what))
		if err != nil {
			t.Fatal(err)
		}
		return said
	}
	const places = `[...document.querySelectorAll("li, main > p a")].map((el) => Math.round(el.getBoundingClientRect().top)).join()`
	before := see(`window.stays = "the same page", ` + places)
	settled.Store(true)
	text := ""
	for deadline := time.Now().Add(time.Minute); !strings.Contains(text, "Has signed you out."); time.Sleep(50 * time.Millisecond) {
		if text = see(`document.body.innerText`); time.Now().After(deadline) {
			t.Fatalf("the page still says %s", text)
		}
	}
	if !strings.Contains(text, "Could not be told. Sign out there.") || see(`String(window.stays)`) != "the same page" {
		t.Errorf("it was loaded again, or says %s", text)
	}
	if after := see(places); after != before {
		t.Errorf("it stood at %s and stands at %s", before, after)
	}
	n := asked.Load()
	time.Sleep(3500 * time.Millisecond)
	if again := asked.Load(); again > n+1 { // one may have been under way
		t.Errorf("it asked %d times more when nothing could turn", again-n)
	}
	select {
	case c := <-complaints:
		t.Error(c)
	default:
	}
}
