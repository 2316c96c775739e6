package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserComplains plants each fault that the browser is to tell of in a
// page, and wants exactly it; the page without a fault must raise none.
func TestBrowserComplains(t *testing.T) {
	t.Parallel()
	const form = `<form method=post action=/in><input name=username value=old><button> Sign in </button></form>`
	pages := map[string]string{
		"/quiet":   form,
		"/console": `<script nonce=n>console.error("broken", 7)</script>`,
		"/throws":  `<script nonce=n>missing()</script>`,
		"/csp":     `<script>document.title = "ran"</script>`,
		"/foreign": `<img src="https://tracker.example/p.png">`,
		"/gone":    `<img src="/nowhere.png">`,
		"/wide":    `<div style="width:900px">wide</div>`,
	}
	mux := http.NewServeMux()
	for path, body := range pages {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'self'; style-src 'unsafe-inline'; img-src *; script-src 'nonce-n'")
			fmt.Fprintf(w, `<!doctype html><meta name=viewport content="width=device-width"><title>t</title><body>%s</body>`, body)
		})
	}
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /in", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><p>Welcome, %s`, r.PostFormValue("username"))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	home := strings.Replace(server.URL, "127.0.0.1", "app.localhost", 1)

	b := openTab(t) // not browser(t), which would fail this test for them
	for path, want := range map[string]string{
		"/quiet":   "",
		"/console": "console.error: broken 7",
		"/throws":  "missing is not defined",
		"/csp":     "content security policy: script-src-elem blocked",
		"/foreign": "request to a foreign host: https://tracker.example/p.png",
		"/gone":    "status of 404",
		"/wide":    "wide-page is 9",
	} {
		b.forget()
		b.open(home + path)
		// The picture waits for what the page loads, and its complaints with it.
		b.do(chromedp.WaitReady(chromedp.CSS("body")))
		b.shot("wide-page")
		found := b.unexpected()
		if want == "" && len(found) > 0 || want != "" && !strings.Contains(strings.Join(found, "; "), want) {
			t.Errorf("%s: complaints %q, want %q", path, found, want)
		}
		b.expect("")
		if len(b.unexpected()) > 0 {
			t.Errorf("%s: an expected complaint is still raised", path)
		}
	}

	b.forget()
	b.withoutScript()
	b.open(home + "/quiet")
	b.fill("username", "ada")
	b.press("Sign in")
	b.sees("Welcome, ada")
	if b.url() != home+"/in" || !strings.Contains(b.text(), "ada") || len(b.unexpected()) > 0 {
		t.Errorf("without script: %s", b.page())
	}
}

// forget makes a new start of what was complained of and what was expected.
func (b *tab) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints, b.expected = nil, nil
}
