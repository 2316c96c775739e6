package ui_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"

	"gatehouse/idp"
	"gatehouse/web/ui"
	"gatehouse/web/ui/uitest"
)

func quiet() *ui.Pages { return &ui.Pages{Log: slog.New(slog.NewTextHandler(io.Discard, nil))} }

func get(t *testing.T, h ui.Handler, log *slog.Logger) (*http.Response, *html.Node) {
	t.Helper()
	p := &ui.Pages{Log: log}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r = r.WithContext(idp.WithActor(r.Context(), idp.Actor{CorrelationID: "7f3k92qdx41m"}))
	ui.Headers(false, p.Handle(h)).ServeHTTP(w, r)
	doc, err := html.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), doc
}

func TestXS01RelayStateStaysOneLiteralHiddenField(t *testing.T) {
	t.Parallel()
	bait := `"><script>alert(1)</script>`
	res, doc := get(t, func(w http.ResponseWriter, r *http.Request) error {
		return quiet().PostForm(w, r, uitest.Bait, "https://crm.example/acs?x=1", []ui.FormField{
			{Name: "SAMLResponse", Value: "PHNhbWw+"}, {Name: "RelayState", Value: bait},
		})
	}, slog.New(slog.DiscardHandler))
	var relay []string
	scripts := 0
	for n := range doc.Descendants() {
		switch {
		case n.Data == "input" && uitest.Attr(n, "name") == "RelayState":
			relay = append(relay, uitest.Attr(n, "value"))
		case n.Data == "script":
			scripts++
		}
	}
	if len(relay) != 1 || relay[0] != bait || scripts != 1 {
		t.Errorf("RelayState %q, %d scripts", relay, scripts)
	}
	csp := res.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "form-action https://crm.example;") || !strings.Contains(csp, "script-src 'sha256-") {
		t.Errorf("policy: %s", csp)
	}
	if res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control: %s", res.Header.Get("Cache-Control"))
	}
}

func TestXS02PostFormRefusesAnAddressThatIsNoWebAddress(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"javascript:alert(1)", "data:text/html,x", "/local", "https://", "ftp://x.example/"} {
		res, _ := get(t, func(w http.ResponseWriter, r *http.Request) error {
			return quiet().PostForm(w, r, "CRM", action, nil)
		}, slog.New(slog.DiscardHandler))
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d, want 400", action, res.StatusCode)
		}
	}
}

func TestXS03ProblemPageEscapesAndKeepsTheCauseToItself(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	res, doc := get(t, func(http.ResponseWriter, *http.Request) error {
		return idp.Errorf(idp.Denied, "%s", uitest.Bait).Because(errors.New("the inner reason"))
	}, slog.New(slog.NewTextHandler(&log, nil)))
	text := uitest.Text(doc)
	if res.StatusCode != http.StatusForbidden || !strings.Contains(text, "7f3k92qdx41m") {
		t.Errorf("status %d, page %s", res.StatusCode, text)
	}
	if strings.Contains(text, "inner reason") || !strings.Contains(log.String(), "inner reason") {
		t.Errorf("the cause belongs in the log and not on the page")
	}
	if strings.Count(log.String(), "\n") != 1 {
		t.Errorf("logged %d lines, want 1", strings.Count(log.String(), "\n"))
	}
	for n := range doc.Descendants() {
		if n.Data == "img" || n.Data == "script" && n.FirstChild != nil {
			t.Errorf("the bait became <%s>", n.Data)
		}
	}
}

func TestProblemPageSaysEveryKindInItsOwnWords(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range []idp.Kind{idp.NotFound, idp.Conflict, idp.Invalid, idp.Unauthenticated, idp.Denied, idp.Throttled, idp.Unavailable, idp.Internal} {
		res, doc := get(t, func(http.ResponseWriter, *http.Request) error { return idp.Errorf(k, "") }, slog.New(slog.DiscardHandler))
		if res.StatusCode != k.Status() {
			t.Errorf("%s: status %d, want %d", k, res.StatusCode, k.Status())
		}
		for n := range doc.Descendants() {
			if n.Data == "h1" {
				seen[uitest.Text(n)] = true
			}
		}
		if strings.ContainsAny(uitest.Text(doc), "!") {
			t.Errorf("%s: an exclamation mark", k)
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d different headings, want 8", len(seen))
	}
}

// TestWhoLeavesIsNoFaultOfOurs: a page that its browser did not wait for is no error in
// the log; one that broke off by itself is.
func TestWhoLeavesIsNoFaultOfOurs(t *testing.T) {
	t.Parallel()
	for left, want := range map[bool]string{true: "INFO", false: "ERROR"} {
		var log strings.Builder
		p := &ui.Pages{Log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, leave := context.WithCancel(t.Context())
		if left {
			leave()
		}
		p.Problem(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx), fmt.Errorf("render /: %w", context.Canceled))
		leave()
		if !strings.Contains(log.String(), "level="+want) {
			t.Errorf("left: %t, logged %s", left, log.String())
		}
	}
}

func TestCS02FormTokenBelongsToOneCookie(t *testing.T) {
	t.Parallel()
	valid := func(secret, token string) bool {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("csrf="+token))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return ui.CSRFValid(r.WithContext(ui.WithVisit(r.Context(), ui.Visit{Secret: secret})))
	}
	mine := ui.CSRFToken("my cookie")
	if !valid("my cookie", mine) {
		t.Error("my own token was refused")
	}
	for name, ok := range map[string]bool{
		"another cookie": valid("your cookie", mine), "no token": valid("my cookie", ""),
		"no cookie": valid("", ""), "the secret itself": valid("my cookie", "my cookie"),
	} {
		if ok {
			t.Errorf("%s: accepted", name)
		}
	}
}

func samplePages() []uitest.Page {
	return []uitest.Page{
		{Name: "closed", Visit: ui.Visit{Now: uitest.Now()}, View: ui.Closed("Gatehouse was restored from a backup and waits for an owner to confirm that nobody is let in who was suspended meanwhile.")},
	}
}

func TestEveryPageIsWellBuilt(t *testing.T) {
	t.Parallel()
	for _, p := range samplePages() {
		uitest.Check(t, p)
	}
}

func TestEveryPageStandsInABrowser(t *testing.T) {
	uitest.Look(t, samplePages())
}

func TestPostFormSendsItselfUnderItsPolicy(t *testing.T) {
	got := make(chan string, 1)
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got <- r.Method + " " + r.PostFormValue("RelayState")
	}))
	defer app.Close()
	house := httptest.NewServer(ui.Headers(false, quiet().Handle(func(w http.ResponseWriter, r *http.Request) error {
		return quiet().PostForm(w, r, "CRM", app.URL+"/acs", []ui.FormField{{Name: "submit", Value: "x"}, {Name: "RelayState", Value: uitest.Bait}})
	})))
	defer house.Close()
	ctx, complaints := uitest.Browser(t)
	if err := chromedp.Do(ctx, chromedp.Navigate(house.URL)); err != nil {
		t.Fatal(err)
	}
	select {
	case g := <-got:
		if g != "POST "+uitest.Bait {
			t.Errorf("the app got %q", g)
		}
	case c := <-complaints:
		t.Errorf("complaint: %s", c)
	case <-time.After(time.Minute):
		t.Error("nothing arrived at the app")
	}
}
