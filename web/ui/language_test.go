package ui_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"gatehouse/idp"
	"gatehouse/web/ui"
	"gatehouse/web/ui/uitest"
)

// TestTheLanguageIsTheOneAskedFor: the person's own comes before the browser's,
// the browser's before the house's, and what nobody speaks changes nothing.
func TestTheLanguageIsTheOneAskedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ accept, house, own, want string }{
		{"", "", "", "en"},
		{"de", "", "", "de"},
		{"de-AT,de;q=0.9,en;q=0.4", "", "", "de"},
		{"fr,de;q=0.2", "", "", "de"},
		{"en-GB,de;q=0.9", "", "", "en"},
		{"fr, es", "", "", "en"},
		{"fr, es", "de", "", "de"},
		{"en", "de", "", "en"},
		{"", "de", "", "de"},
		{"en", "en", "de", "de"},
		{"de", "de", "en", "en"},
		{"de", "de", "ja", "de"},
		{"de", "", "?!", "de"},
		{";;;q=--", "", "", "en"},
		{strings.Repeat("de,", 400), "", "", "en"}, // too long to be read
	} {
		ctx := ui.WithLanguage(t.Context(), c.accept, c.house)
		ui.Speak(ctx, c.own)
		if got := ui.Lang(ctx); got != c.want {
			t.Errorf("accept %.30q, house %q, own %q: %s, want %s", c.accept, c.house, c.own, got, c.want)
		}
	}
	ui.Speak(context.Background(), "de") // nothing to change: nothing breaks
	if got := ui.Lang(context.Background()); got != "en" {
		t.Errorf("without a request: %s", got)
	}
}

func german(t *testing.T) context.Context { return ui.WithLanguage(t.Context(), "de", "") }

// TestTimesAndNumbersAreInTheLanguage: as they are written there, not the
// English with other words.
func TestTimesAndNumbersAreInTheLanguage(t *testing.T) {
	t.Parallel()
	de := german(t)
	at := time.Date(2026, 3, 4, 17, 8, 9, 0, time.UTC)
	for got, want := range map[string]string{
		ui.ExactIn(de, at): "4. März 2026, 17:08:09 UTC",
		ui.Exact(at):       "4 March 2026, 17:08:09 UTC",
		ui.MomentIn(de, at, at.Add(48*time.Hour)):          "4. März 2026, 17:08 UTC",
		ui.MomentIn(de, at, at.Add(-time.Minute)):          "17:08 UTC",
		ui.SpanIn(de, 72*time.Hour):                        "3 Tage",
		ui.SpanIn(de, 65*time.Second):                      "1 Min.",
		ui.T(de, "%d", 1234567):                            "1.234.567",
		ui.T(t.Context(), "%d", 1234567):                   "1,234,567",
		ui.T(de, "Sign out %d other browsers", 1):          "Den anderen Browser abmelden",
		ui.T(de, "Sign out %d other browsers", 2):          "2 andere Browser abmelden",
		ui.T(de, "this sentence %s nowhere", "is"):         "this sentence is nowhere",
		ui.DeviceIn(de, "Firefox/143.0 (Linux)"):           "Firefox auf Linux",
		ui.T(t.Context(), "Sign out %d other browsers", 1): "Sign out 1 other browser",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestErrorsAreSaidInTheLanguage: on a page, with what was put in; in the log
// and to programs they stay English. What no catalogue has is shown as it is.
func TestErrorsAreSaidInTheLanguage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ err, want, detail string }{
		{"You may not use %s. Ask the people who run it.", "Sie dürfen Wiki nicht benutzen. Fragen Sie die, die es betreiben.", "You may not use Wiki. Ask the people who run it."},
		{"100 %% of %s is new.", "100 % of Wiki is new.", "100 % of Wiki is new."},
	} {
		e := idp.Errorf(idp.Denied, c.err, "Wiki").Because(errors.New("inner"))
		if got := ui.Said(german(t), e); got != c.want || e.Detail != c.detail {
			t.Errorf("said %q, detail %q", got, e.Detail)
		}
	}
	literal := &idp.Error{Kind: idp.Invalid, Detail: "100 % of it is new."}
	if got := ui.Said(german(t), literal); got != literal.Detail {
		t.Errorf("%q", got)
	}
	changed := idp.Errorf(idp.Denied, "There is no such app.")
	changed.Detail = "Another one."
	if got := ui.Said(german(t), changed); got != changed.Detail {
		t.Errorf("%q is not what the error says", got)
	}
	p := &ui.Pages{Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	p.Problem(w, r.WithContext(german(t)), idp.Errorf(idp.Denied, "There is no such app."))
	for _, want := range []string{`<html lang="de">`, "Dazu haben Sie keinen Zugang", "Diese App gibt es nicht.", "Anmeldeverwaltung"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page does not say %q: %s", want, w.Body)
		}
	}
}

// TestRichSentencesEscapeWhatIsPutIn: names are text in them, also where a
// name looks like a mark of the sentence.
func TestRichSentencesEscapeWhatIsPutIn(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := ui.Rich("<b>%s</b> learns:", uitest.Bait+"%s%d&").Render(german(t), &b); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Contains(got, "<img") || !strings.HasPrefix(got, "<b>&lt;img") || !strings.Contains(got, "%s%d&amp;</b> erfährt:") {
		t.Errorf("%s", got)
	}
	if err := ui.Rich("%s", templ.SafeURL("x")).Render(t.Context(), io.Discard); err == nil {
		t.Error("a value of any type was put in unescaped")
	}
}
