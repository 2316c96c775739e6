package portal

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"gatehouse/web/ui"
	"gatehouse/web/ui/uitest"
)

// TestAppsAreFoundByKeyboard: / leads to the search from anywhere but a field,
// what is typed hides other tiles, arrows move among those that are left, and
// Enter opens the first. Where nothing is found, the page says so.
func TestAppsAreFoundByKeyboard(t *testing.T) {
	opened := make(chan string, 1)
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	defer srv.Close()
	v := homeView{FirstName: "Grace"}
	for i := range 12 {
		v.Apps = append(v.Apps, tile{Name: fmt.Sprintf("App %d", i+1), Launch: Launch{Href: fmt.Sprintf("%s/app/%d", srv.URL, i+1)}, Host: "app.example"})
	}
	v.Total = len(v.Apps)
	page := uitest.Page{Visit: uitest.Employee(), View: homePage(v)}
	mux.Handle("GET "+ui.AssetsPath, ui.Assets())
	mux.HandleFunc("GET /{$}", page.Serve)
	mux.HandleFunc("GET /app/{n}", func(w http.ResponseWriter, r *http.Request) {
		opened <- r.PathValue("n")
		fmt.Fprint(w, "<!DOCTYPE html><title>An app</title><main>opened</main>")
	})
	ctx, _ := uitest.Browser(t)
	do := func(a ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, a...); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(js, want string) {
		t.Helper()
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](js))
		if err != nil || got != want {
			t.Errorf("%s: %q, want %q (%v)", js, got, want, err)
		}
	}
	// As a keyboard sends it: one event that is a key and its text, so that who
	// takes the key takes the text.
	slash := func() {
		t.Helper()
		down := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: "/", Code: "Slash", Text: "/", WindowsVirtualKeyCode: 191}
		if _, err := chromedp.Call(ctx, input.DispatchKeyEvent, down); err != nil {
			t.Fatal(err)
		}
	}
	const (
		at    = `document.activeElement.id || document.activeElement.querySelector(".tile-name")?.textContent || ""`
		shown = `[...document.querySelectorAll("#apps-list > li")].filter((l) => l.offsetParent).map((l) => l.querySelector(".tile-name").textContent).join()`
		none  = `String(document.getElementById("apps-list-none").hidden)`
	)
	do(chromedp.EmulateViewport(1280, 844), chromedp.Navigate(srv.URL), chromedp.WaitReady("#app-filter"))
	slash()
	ask(at, "app-filter")
	do(chromedp.KeyEvent("1"))
	slash()
	ask(`document.activeElement.value`, "1/")
	ask(shown, "")
	ask(none, "false")
	do(chromedp.KeyEvent(kb.Backspace))
	ask(shown, "App 1,App 10,App 11,App 12")
	ask(none, "true")
	do(chromedp.KeyEvent(kb.ArrowDown))
	ask(at, "App 1")
	do(chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight))
	ask(at, "App 11")
	do(chromedp.KeyEvent(kb.ArrowLeft))
	ask(at, "App 10")
	do(chromedp.KeyEvent(kb.ArrowUp))
	ask(at, "app-filter")
	do(chromedp.KeyEvent("2"))
	ask(shown, "App 12")
	do(chromedp.KeyEvent(kb.Enter))
	select {
	case got := <-opened:
		if got != "12" {
			t.Errorf("opened app %s", got)
		}
	case <-time.After(time.Minute):
		t.Error("Enter opened nothing")
	}
}
