package ui_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse/web/ui/uitest"
)

// TestAxeFindsWhatIsWrong: the judge of the pages sees what it is there for, in
// the colours and on the screen where it is wrong alone.
func TestAxeFindsWhatIsWrong(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(`<!DOCTYPE html><html lang="en"><title>A page</title><style>
			:root { color-scheme: light dark; background: light-dark(white, black); }
			p { color: light-dark(black, #555); }
			@media (min-width: 1000px) { button { width: 9px; height: 9px; padding: 0; border: 0; font-size: 1px; } }
			</style><main><h1>A page</h1><p>Grey on black.</p><button>Yes</button><button>No</button><input></main>`))
	}))
	defer srv.Close()
	ctx, _ := uitest.Browser(t)
	if err := chromedp.Do(ctx, chromedp.Navigate(srv.URL)); err != nil {
		t.Fatal(err)
	}
	found := strings.Join(uitest.Judge(t, ctx, "a page with faults"), "\n")
	for what, want := range map[string]int{
		"390 px, light: label":            1,
		"1280 px, dark: color-contrast":   1,
		"390 px, light: color-contrast":   0,
		"1280 px, light: target-size":     2,
		"390 px, light: target-size":      0,
		"1280 px, light: color-contrast:": 0,
	} {
		if got := strings.Count(found, what); got != want {
			t.Errorf("%d × %q, want %d:\n%s", got, what, want, found)
		}
	}
}
