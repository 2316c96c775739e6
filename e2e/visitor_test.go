package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

// visitor is a browser without eyes: it keeps cookies, takes redirects one at a
// time, and sees every header. Names below .localhost are this machine, as in a
// browser.
type visitor struct {
	Header http.Header // sent with every request; set what the test is about

	http *http.Client
}

// answer is a response, read to its end.
type answer struct {
	Status int
	Header http.Header
	Body   string
	URL    *url.URL // that was asked

	visitor *visitor
}

func newVisitor(t testing.TB) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var dialer net.Dialer
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if host, port, err := net.SplitHostPort(addr); err == nil && isLoopback(host) {
				addr = net.JoinHostPort("127.0.0.1", port)
			}
			return dialer.DialContext(ctx, network, addr)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{
		Header: http.Header{},
		http: &http.Client{
			Transport:     transport,
			Jar:           jar,
			Timeout:       30 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

func isLoopback(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}

func (v *visitor) get(t testing.TB, rawURL string) *answer {
	t.Helper()
	return v.send(t, http.MethodGet, rawURL, "", "")
}

func (v *visitor) postForm(t testing.TB, rawURL string, form url.Values) *answer {
	t.Helper()
	return v.send(t, http.MethodPost, rawURL, "application/x-www-form-urlencoded", form.Encode())
}

// send does one request and follows nothing.
func (v *visitor) send(t testing.TB, method, rawURL, contentType, body string) *answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, rawURL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range v.Header {
		req.Header[name] = values
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := v.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		t.Fatalf("read the answer to %s %s: %v", method, rawURL, err)
	}
	return &answer{Status: res.StatusCode, Header: res.Header, Body: string(text), URL: req.URL, visitor: v}
}

// cookies are those the visitor would send to rawURL, by name.
func (v *visitor) cookies(t testing.TB, rawURL string) map[string]string {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, c := range v.http.Jar.Cookies(u) {
		values[c.Name] = c.Value
	}
	return values
}

// location is where the answer redirects to, as a full URL; the test ends when
// it does not redirect.
func (a *answer) location(t testing.TB) *url.URL {
	t.Helper()
	if a.Status < 300 || a.Status > 399 {
		t.Fatalf("%s answered %d, not a redirect:\n%s", a.URL.Path, a.Status, a.Body)
	}
	to, err := a.URL.Parse(a.Header.Get("Location"))
	if err != nil {
		t.Fatalf("%s redirects to no URL: %v", a.URL.Path, err)
	}
	return to
}

// follow goes on to where the answer redirects, until the first that does not
// or that would leave for a URL beginning with one of stops.
func (a *answer) follow(t testing.TB, stops ...string) *answer {
	t.Helper()
	for range 20 {
		if a.Status < 300 || a.Status > 399 {
			return a
		}
		to := a.location(t).String()
		for _, stop := range stops {
			if strings.HasPrefix(to, stop) {
				return a
			}
		}
		a = a.visitor.get(t, to)
	}
	t.Fatalf("more than 20 redirects, last at %s", a.URL.Path)
	return nil
}
