package saas

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// clock is the real one, moved by hand.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

// startApp serves an app on its own address; cfg gets the base URL.
func startApp(t *testing.T, cfg Config) (*App, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	cfg.BaseURL = "http://" + server.Listener.Addr().String()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	app, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = app.Handler()
	server.Start()
	t.Cleanup(server.Close)
	return app, cfg.BaseURL
}

// browser keeps cookies and follows redirects, and posts the one form of a SAML answer.
type browser struct {
	t *testing.T
	*http.Client
}

func newBrowser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, &http.Client{Jar: jar, Timeout: time.Minute}}
}

// page is an answer with its body read.
type page struct {
	*http.Response
	body string
}

func (b *browser) open(address string) page {
	b.t.Helper()
	res, err := b.Get(address)
	if err != nil {
		b.t.Fatal(err)
	}
	return read(b.t, res)
}

func (b *browser) post(address string, form url.Values) page {
	b.t.Helper()
	res, err := b.PostForm(address, form)
	if err != nil {
		b.t.Fatal(err)
	}
	return read(b.t, res)
}

// stay returns the browser's twin that shares its cookies and follows no redirect.
func (b *browser) stay() *browser {
	c := *b.Client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{b.t, &c}
}

func read(t *testing.T, res *http.Response) page {
	t.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page{res, string(body)}
}

func (b *browser) whoami(base string) (who WhoAmI, status int) {
	b.t.Helper()
	p := b.open(base + "/whoami.json")
	if err := json.Unmarshal([]byte(p.body), &who); err != nil {
		b.t.Fatalf("%v in %s", err, p.body)
	}
	return who, p.StatusCode
}

// mustBe fails unless the browser is signed in, or signed out, as wanted.
func (b *browser) mustBe(base string, signedIn bool) WhoAmI {
	b.t.Helper()
	who, status := b.whoami(base)
	if got := status == http.StatusOK; got != signedIn {
		b.t.Fatalf("signed in: %v, want %v: %+v", got, signedIn, who)
	}
	return who
}

func wantText(t *testing.T, p page, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			t.Errorf("%d: page does not say %q:\n%s", p.StatusCode, text, p.body)
		}
	}
}

func cookieOf(t *testing.T, b *browser, base, name string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}
