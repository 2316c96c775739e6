package uitest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"

	"gatehouse/web/ui"
)

// Look opens each page in Chromium, in each of the languages (English, where
// none is named), and fails on a violation of the content security policy, on a
// page that scrolls sideways on the narrowest of phones, on words that do not
// fit where they stand, on what axe-core finds against WCAG 2.2 AA (in the first
// language), and on bait that ran. Where GATEHOUSE_SHOTS names a
// directory, it leaves a screenshot of each page there: wide and narrow, light
// and dark.
func Look(t *testing.T, pages []Page, languages ...string) {
	t.Helper()
	if len(languages) == 0 {
		languages = []string{"en"}
	}
	srv := serve(pages)
	defer srv.Close()
	ctx, complaints := Browser(t)
	shots := os.Getenv("GATEHOUSE_SHOTS")
	for i, lang := range languages {
		for _, p := range pages {
			name := p.Name
			if lang != "en" {
				name += "-" + lang
			}
			look(t, ctx, srv.URL+"/"+p.Name+"?lang="+lang, name, complaints)
			if i == 0 {
				for _, f := range Judge(t, ctx, name) {
					t.Errorf("%s, %s", name, f)
				}
			}
			if shots != "" {
				shoot(t, ctx, filepath.Join(shots, name))
			}
		}
	}
}

func serve(pages []Page) *httptest.Server {
	mux := http.NewServeMux()
	mux.Handle("GET "+ui.AssetsPath, ui.Assets())
	looks := map[string]bool{}
	for _, p := range pages {
		mux.HandleFunc("GET /"+p.Name, p.Serve)
		if p.Look.Version > 0 && len(looks) == 0 {
			looks[ui.LookPath] = true
			mux.HandleFunc("GET "+ui.LookPath, p.Serve)
		}
	}
	return httptest.NewServer(mux)
}

// Browser starts a Chromium and collects what it complains about in the name of
// the content security policy. It ends with the test.
func Browser(t *testing.T) (context.Context, chan string) {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	complaints := make(chan string, 100)
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	err := chromedp.Listen(ctx, func(ev any) {
		e, ok := ev.(*log.EventEntryAdded)
		if ok && strings.Contains(e.Entry.Text, "Content Security Policy") {
			complaints <- e.Entry.Text
		}
	})
	if err != nil {
		t.Fatalf("listen to chromium: %v", err)
	}
	return ctx, complaints
}

// cutWords lists the words of buttons, labels and headings that stick out of
// their boxes or are cut off.
const cutWords = `[...document.querySelectorAll("button, .button, label, h1, h2, p, dt, dd, legend, .pill")]
	.filter((el) => el.offsetParent && !el.closest(".visually-hidden") && el.scrollWidth > el.clientWidth + 1 && getComputedStyle(el).display !== "inline")
	.map((el) => el.textContent.trim())`

// strays lists what on a narrow column looks different once the sheet of the other
// pages is there too: a rule of it belongs into the first one.
const strays = `(async () => {
	if (!document.body.matches(".column")) return [];
	const all = [...document.querySelectorAll("body, body *")];
	const styles = () => all.map((el) => getComputedStyle(el).cssText);
	const alone = styles();
	const sheet = document.querySelector('link[href$="/gate.css"]').cloneNode();
	sheet.href = sheet.href.replace("gate.css", "house.css");
	await new Promise((done, fail) => { sheet.onload = done; sheet.onerror = fail; document.head.append(sheet); });
	const both = styles();
	sheet.remove();
	return all.filter((_, i) => alone[i] !== both[i]).map((el) => el.outerHTML.slice(0, 100));
})()`

func look(t *testing.T, ctx context.Context, url, name string, complaints chan string) {
	t.Helper()
	err := chromedp.Do(ctx, chromedp.EmulateViewport(320, 568), chromedp.Navigate(url), chromedp.WaitReady("main"))
	if err != nil {
		t.Fatalf("open %s: %v", name, err)
	}
	overflow, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`))
	if err != nil {
		t.Fatalf("measure %s: %v", name, err)
	}
	cut, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](cutWords))
	if err != nil {
		t.Fatalf("measure the words of %s: %v", name, err)
	}
	for _, c := range cut {
		t.Errorf("%s: %q does not fit where it stands", name, c)
	}
	for _, s := range SmallTargets(t, ctx, name) {
		t.Errorf("%s: too low for a finger: %s", name, s)
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](strays, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("both sheets on %s: %v", name, err)
	}
	for _, f := range found {
		t.Errorf("%s: the first sheet does not have all of %s", name, f)
	}
	title, err := chromedp.Run(ctx, chromedp.Title())
	if err != nil {
		t.Fatalf("title of %s: %v", name, err)
	}
	if overflow > 0 {
		t.Errorf("%s: scrolls sideways by %d px on a phone", name, overflow)
	}
	if title == "owned" {
		t.Errorf("%s: bait ran", name)
	}
	for {
		select {
		case c := <-complaints:
			t.Errorf("%s: %s", name, c)
		default:
			return
		}
	}
}

func shoot(t *testing.T, ctx context.Context, base string) {
	t.Helper()
	for _, width := range []int64{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			paint(t, ctx, base, scheme)
			if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 844), chromedp.Sleep(50*time.Millisecond)); err != nil {
				t.Fatalf("size of %s: %v", base, err)
			}
			png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatalf("screenshot %s: %v", base, err)
			}
			if err := os.WriteFile(fmt.Sprintf("%s-%d-%s.png", base, width, scheme), png, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
