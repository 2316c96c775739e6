package fetch

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"gatehouse/idp"
)

// canary is a listener nobody may connect to.
type canary struct {
	net.Listener
	connections atomic.Int32
}

func newCanary(t *testing.T) *canary {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &canary{Listener: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.connections.Add(1)
			conn.Close()
		}
	}()
	return c
}

func (c *canary) port() string {
	_, port, _ := net.SplitHostPort(c.Addr().String())
	return port
}

func (c *canary) mustBeUntouched(t *testing.T) {
	t.Helper()
	time.Sleep(20 * time.Millisecond)
	if n := c.connections.Load(); n != 0 {
		t.Errorf("%d connections to the canary", n)
	}
}

// stubResolver is a DNS server that gives the answers to A queries in turn;
// the last one stays.
func stubResolver(t *testing.T, answers ...string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 0},
					Body:   &dnsmessage.AResource{A: netip.MustParseAddr(answers[0]).As4()},
				}}
				if len(answers) > 1 {
					answers = answers[1:]
				}
			}
			if out, err := m.Pack(); err == nil {
				conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func client(t *testing.T, resolver *net.Resolver, allow ...string) *Client {
	t.Helper()
	c, err := newClient(allow, resolver)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t *testing.T, c *Client, url string, opts ...Option) (*Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(req, opts...)
}

func TestSS02PrivateAddressIsRefusedAtSaveAndAtDial(t *testing.T) {
	t.Parallel()
	guard := newCanary(t)
	port := guard.port()
	c := client(t, stubResolver(t, "127.0.0.1"))
	for _, host := range []string{
		"169.254.169.254", "127.0.0.1", "127.1", "127.0.1", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "2130706433", "0", "0.0.0.0",
		"10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
		"[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]", "[fe80::1]", "[fe80::1%25lo]", "[fd00:ec2::254]", "[2002:7f00:1::]", "[::127.0.0.1]",
		"localhost", "LOCALHOST", "localhost.", "wiki.localhost", "localhost.localdomain", "１２７.０.０.１", "127。0。0。1", "loc%61lhost",
	} {
		for _, scheme := range []string{"https", "http"} {
			raw := scheme + "://" + host + ":" + port + "/"
			if err := c.CheckURL(raw); !idp.IsKind(err, idp.Invalid) {
				t.Errorf("CheckURL(%s): %v", raw, err)
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, raw, nil)
			if err != nil {
				continue // net/url refuses it by itself
			}
			if _, err := c.Do(req); !idp.IsKind(err, idp.Invalid) {
				t.Errorf("Do(%s): %v", raw, err)
			}
		}
	}
	// A name says nothing until it resolves.
	named := "https://localtest.example:" + port + "/"
	if err := c.CheckURL(named); err != nil {
		t.Errorf("CheckURL(%s): %v", named, err)
	}
	if _, err := get(t, c, named); !idp.IsKind(err, idp.Denied) {
		t.Errorf("Do(%s): %v", named, err)
	}
	guard.mustBeUntouched(t)
}

func TestSS03RedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	guard := newCanary(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		app := httptest.NewServer(http.RedirectHandler("http://"+guard.Addr().String()+"/", status))
		c := client(t, net.DefaultResolver, app.Listener.Addr().String())
		answer, err := get(t, c, app.URL)
		if err != nil || answer.Status != status {
			t.Errorf("%d: %+v, %v", status, answer, err)
		}
		app.Close()
	}
	guard.mustBeUntouched(t)
}

func TestSS04RebindingIsCaughtAtDial(t *testing.T) {
	t.Parallel()
	// The first answer may be reached, the second may not: the address that
	// counts is the one of this very connection.
	app := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
	}))
	listener, second := twoOnOnePort(t, "127.0.0.2", "127.0.0.1")
	app.Listener.Close()
	app.Listener = listener
	app.StartTLS()
	defer app.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	guard := &canary{Listener: second}
	go func() {
		for {
			if _, err := second.Accept(); err != nil {
				return
			}
			guard.connections.Add(1)
		}
	}()
	defer second.Close()

	c := client(t, stubResolver(t, "127.0.0.2", "127.0.0.1"), "127.0.0.2/32")
	trust(c, app)
	if answer, err := get(t, c, "https://example.com:"+port+"/"); err != nil || answer.Status != 200 {
		t.Fatalf("first answer: %+v, %v", answer, err)
	}
	if _, err := get(t, c, "https://example.com:"+port+"/"); !idp.IsKind(err, idp.Denied) {
		t.Errorf("second answer: %v", err)
	}
	guard.mustBeUntouched(t)
}

// twoOnOnePort listens at two addresses on the same port, one that nobody else has
// at either.
func twoOnOnePort(t *testing.T, one, other string) (first, second net.Listener) {
	t.Helper()
	var err error
	for range 100 {
		if first, err = net.Listen("tcp", net.JoinHostPort(one, "0")); err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(first.Addr().String())
		if second, err = net.Listen("tcp", net.JoinHostPort(other, port)); err == nil {
			return first, second
		}
		first.Close()
	}
	t.Fatal(err)
	return nil, nil
}

// trust makes c accept the certificate of a test server, which is for
// example.com and 127.0.0.1.
func trust(c *Client, s *httptest.Server) {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
}

func TestSS07EndlessAnswersAreCut(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for chunk := make([]byte, 32<<10); r.Context().Err() == nil; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			w.Write([]byte("x"))
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	})
	mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for range 1000 { // 32 MB of zeros in 32 KB
			z.Write(make([]byte, 32<<10))
		}
		z.Close()
	})
	mux.HandleFunc("/headers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Big", strings.Repeat("x", 2*maxHeader))
	})
	app := httptest.NewServer(mux)
	defer app.Close()
	c := client(t, net.DefaultResolver, "127.0.0.1")
	for path, cut := range map[string]struct {
		kind   idp.Kind
		within time.Duration
	}{
		// What is too long is cut by its length, long before this.
		"/endless": {idp.Invalid, time.Minute}, "/headers": {idp.Unavailable, time.Minute},
		"/slow": {idp.Unavailable, 300 * time.Millisecond}, "/silent": {idp.Unavailable, 300 * time.Millisecond},
	} {
		begun := time.Now()
		_, err := get(t, c, app.URL+path, Timeout(cut.within))
		if !idp.IsKind(err, cut.kind) {
			t.Errorf("%s: %v", path, err)
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("%s took %v", path, took)
		}
	}
	answer, err := get(t, c, app.URL+"/bomb", Timeout(time.Minute))
	if err != nil || len(answer.Body) > DefaultMaxBody {
		t.Errorf("the bomb went off: %v", err)
	}
}

func TestAnswerIsReadWhole(t *testing.T) {
	t.Parallel()
	app := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		if len(r.Cookies()) != 0 || r.Header.Get("Accept-Encoding") != "" || r.Header.Get("User-Agent") != "Gatehouse" {
			t.Errorf("headers %v", r.Header)
		}
		w.WriteHeader(http.StatusTeapot)
		w.Write([]byte("0123456789"))
	}))
	defer app.Close()
	c := client(t, net.DefaultResolver, "127.0.0.0/8")
	trust(c, app)
	for range 2 {
		answer, err := get(t, c, app.URL, MaxBody(10))
		if err != nil || answer.Status != http.StatusTeapot || string(answer.Body) != "0123456789" || answer.Header.Get("Set-Cookie") == "" {
			t.Fatalf("%+v, %v", answer, err)
		}
	}
	if _, err := get(t, c, app.URL, MaxBody(9)); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("one byte too many: %v", err)
	}
}

func TestFailureIsExplainedWithoutTheURL(t *testing.T) {
	t.Parallel()
	const closed = "127.0.0.1:1" // a port that is given to nobody
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	c := client(t, net.DefaultResolver, "127.0.0.1")
	for _, f := range []struct {
		ctx       context.Context
		url, says string
	}{
		{t.Context(), "http://" + closed, "refused the connection"},
		{t.Context(), untrusted.URL, "no certificate that we trust"},
		{canceled, untrusted.URL, "not waited for"},
	} {
		req, err := http.NewRequestWithContext(f.ctx, http.MethodGet, f.url+"/hook?secret=abc", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Do(req)
		if !idp.IsKind(err, idp.Unavailable) || !strings.Contains(err.Error(), f.says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", f.url, err)
		}
	}
}

func TestConcurrentCallsShareOneClient(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.NotFoundHandler())
	defer app.Close()
	c := client(t, net.DefaultResolver, "127.0.0.1")
	var calls sync.WaitGroup
	for range 40 {
		calls.Go(func() {
			if answer, err := get(t, c, app.URL); err != nil || answer.Status != 404 {
				t.Errorf("%+v, %v", answer, err)
			}
		})
	}
	calls.Wait()
}
