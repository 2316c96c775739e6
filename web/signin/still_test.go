package signin

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"gatehouse/web/ui"
	"gatehouse/web/ui/uitest"
)

// moved waits until the page has been still for a while after the script has run,
// and lists what has moved since the first paint (Layout Instability, W3C), the
// shifts right after an input too.
const moved = `new Promise((done) => {
	const all = [];
	new PerformanceObserver((list) => all.push(...list.getEntries())).observe({ type: "layout-shift", buffered: true });
	const late = document.querySelector("form[data-passkey]");
	const began = performance.now();
	const look = () => {
		if (late && !late.checkVisibility({ visibilityProperty: true }) && performance.now() - began < 10000) return setTimeout(look, 50);
		setTimeout(() => done(all.filter((e) => e.value > 0).map((e) => e.value.toFixed(4) + " " + e.sources.map((s) => s.node?.outerHTML?.slice(0, 120) ?? s.node?.nodeName).join(", ")).join("; ")), 300);
	};
	look();
})`

// TestTheSignInPagesStandStill on a desk and on a phone, whatever comes late: the
// script comes half a second after the page here, and what it shows has its place
// already.
func TestTheSignInPagesStandStill(t *testing.T) {
	t.Parallel()
	pages := map[string]uitest.Page{}
	for _, p := range samplePages() {
		pages[p.Name] = p
	}
	mux := http.NewServeMux()
	assets := ui.Assets()
	mux.HandleFunc("GET "+ui.AssetsPath, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".js") {
			time.Sleep(500 * time.Millisecond)
		}
		w.Header().Set("Cache-Control", "no-store")
		assets.ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /{page}", func(w http.ResponseWriter, r *http.Request) { pages[r.PathValue("page")].Serve(w, r) })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	ctx, _ := uitest.Browser(t)
	for _, width := range []int64{1280, 360} {
		for _, name := range []string{
			"signin-identify", "signin-identify-error", "signin-chooser", "signin-passkey", "signin-passkey-refused",
			"signin-password", "signin-password-error", "signin-throttled", "signin-code", "signin-code-error", "signin-second-passkey",
		} {
			address := strings.Replace(srv.URL, "127.0.0.1", "localhost", 1) + "/" + name // where there are passkeys
			if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 720), chromedp.Navigate(address), chromedp.WaitReady("main")); err != nil {
				t.Fatal(err)
			}
			shifts, err := chromedp.Run(ctx, chromedp.Evaluate[string](moved, chromedp.EvalAwaitPromise))
			if err != nil {
				t.Fatal(err)
			}
			if shifts != "" {
				t.Errorf("%s, %d px wide: %s", name, width, shifts)
			}
			if name == "signin-passkey" {
				shown, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.querySelector("form[data-passkey] button").checkVisibility({ visibilityProperty: true })`))
				if err != nil || !shown {
					t.Errorf("the button for a passkey is shown: %v, %v", shown, err)
				}
			}
		}
	}
}

// TestTheSignInPagesAreLight: with all that they load and nothing of it compressed,
// they are under 30 kB, and nothing comes from elsewhere.
func TestTheSignInPagesAreLight(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle("GET "+ui.AssetsPath, ui.Assets())
	get := func(t *testing.T, address string) string {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, address, nil))
		if w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Fatalf("%s: %d, %d bytes", address, w.Code, w.Body.Len())
		}
		return w.Body.String()
	}
	loaded := regexp.MustCompile(`<(?:link|script|img|iframe)\b[^>]*?\b(?:href|src)="([^"]*)"`)
	for _, p := range samplePages() {
		if !strings.HasPrefix(p.Name, "signin-") {
			continue
		}
		w := httptest.NewRecorder()
		p.Serve(w, httptest.NewRequest(http.MethodGet, "/"+p.Name+"?lang=de", nil))
		page := w.Body.String()
		size, sheets := len(page), 0
		for _, m := range loaded.FindAllStringSubmatch(page, -1) {
			size += len(get(t, m[1]))
			if strings.HasSuffix(m[1], ".css") {
				sheets++
			}
		}
		t.Logf("%s: %d bytes", p.Name, size)
		if size >= 30_000 || sheets != 1 {
			t.Errorf("%s: %d bytes with %d sheets", p.Name, size, sheets)
		}
	}
}
