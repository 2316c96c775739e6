package e2e

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// front is what stands before several nodes: one public URL, each request
// handed to the node that the test has chosen.
type front struct {
	URL string // for the nodes' GATEHOUSE_URL

	addr atomic.Pointer[string]
}

func newFront(t testing.TB) *front {
	f := &front{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: *f.addr.Load()})
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		FlushInterval: -1, // Server-Sent Events go through as they come
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.addr.Load() == nil {
			http.Error(w, "no node chosen", http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections() // event streams never end by themselves
		server.Close()
	})
	f.URL = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	return f
}

// to sends every request from now on to the node that listens on addr.
func (f *front) to(addr string) { f.addr.Store(&addr) }

func TestFrontSwitchesBetweenNodesUnderOneName(t *testing.T) {
	t.Parallel()
	node := func(name string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, name+" as "+r.Host)
		}))
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	a, b := node("a"), node("b")
	f := newFront(t)
	v := newVisitor(t)
	if got := v.get(t, f.URL); got.Status != http.StatusBadGateway {
		t.Errorf("with no node: %d", got.Status)
	}
	host := strings.TrimPrefix(f.URL, "http://")
	f.to(a)
	if got := v.get(t, f.URL); got.Body != "a as "+host {
		t.Errorf("on a: %q", got.Body)
	}
	f.to(b)
	if got := v.get(t, f.URL); got.Body != "b as "+host {
		t.Errorf("on b: %q", got.Body)
	}
}
