package e2e

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// resident is the anonymous resident memory of a node in bytes.
func (h *secured) resident(t testing.TB, node int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.nodes[node].cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("no RssAnon")
	return 0
}

// grows runs f, after which the nodes together may hold so much more memory
// than before, and no more than a quiet house has room for. The collector lets
// the heap float: what f really holds on to shows in each of three runs.
func (h *secured) grows(t testing.TB, most int, f func()) {
	t.Helper()
	const room = 2 * 96 << 20
	grown := 0
	for range 3 {
		before := h.resident(t, 0) + h.resident(t, 1)
		f()
		after := h.resident(t, 0) + h.resident(t, 1)
		grown = after - before
		t.Logf("resident memory of both nodes: %+d KiB, now %d MiB", grown>>10, after>>20)
		if after > room {
			t.Errorf("the nodes hold %d bytes, at most %d are allowed", after, room)
		}
		if grown <= most {
			return
		}
	}
	t.Errorf("the nodes hold %d bytes more after each run, at most %d are allowed", grown, most)
}

// volumes is SA-10, SA-12 and SA-33.
func (h samlHouse) volumes(t *testing.T) {
	t.Run("SA-12 depth and width", func(t *testing.T) {
		wide := strings.Builder{}
		for i := range 100_000 {
			fmt.Fprintf(&wide, ` a%d=""`, i)
		}
		for name, xml := range map[string]string{
			"deep": strings.Repeat("<a>", 100_000) + strings.Repeat("</a>", 100_000), "deep within size": strings.Repeat("<a>", 30_000) + strings.Repeat("</a>", 30_000),
			"wide": "<a" + wide.String() + "/>", "wide within size": "<a" + wide.String()[:200_000] + `x=""/>`, "a large attribute": `<a b="` + strings.Repeat("c", 1<<20) + `"/>`,
		} {
			if to := unsigned.redirected(t, xml, ""); len(to) < 32<<10 {
				h.refuses(t, name, "message", h.byGet(t, to))
			} else if got := h.v.get(t, to); got.Status != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("%s by redirect answered %d", name, got.Status)
			}
			h.refuses(t, name, "message", h.byPost(t, xml))
		}
	})
	t.Run("SA-10 inflation is bounded", func(t *testing.T) {
		bomb := "/saml/sso?SAMLRequest=" + deflated(t, bytes.Repeat([]byte{' '}, 10<<20))
		if len(bomb) > 32<<10 {
			t.Fatalf("the bomb has %d bytes", len(bomb))
		}
		by := h.client(-1, true)
		drop := func(n int) {
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for range n / 8 {
						if got := h.callBy(t, by, http.MethodGet, bomb, nil, ""); got.Status != http.StatusBadRequest {
							t.Errorf("answered %d", got.Status)
						}
					}
				})
			}
			all.Wait()
		}
		drop(1000) // what a busy node holds anyway
		h.grows(t, 2*4<<20, func() { drop(1000) })
		if got := h.call(t, http.MethodPost, "/saml/sso", nil, posted(strings.Repeat("A", 700<<10), "").Encode()); got.Status != http.StatusBadRequest {
			t.Errorf("a large POST answered %d", got.Status)
		}
	})
	t.Run("SA-33 5000 damaged requests", func(t *testing.T) {
		message := []byte(h.crm.signed(t, h.crm.ask().xml()))
		query := []byte(strings.TrimPrefix(h.crm.redirected(t, h.crm.ask().xml(), "state"), ssoURL+"?"))
		by := [2]*http.Client{h.client(0, true), h.client(1, true)}
		var all sync.WaitGroup
		for worker := range 4 {
			random := mathrand.New(mathrand.NewPCG(33, uint64(worker)))
			mutate := func(b []byte) string {
				b = slices.Clone(b)
				if random.IntN(2) == 0 {
					return string(b[:random.IntN(len(b))])
				}
				b[random.IntN(len(b))] ^= 1 << random.IntN(8)
				return string(b)
			}
			all.Go(func() {
				for i := range 1250 {
					if i%2 == 0 {
						h.callBy(t, by[worker%2], http.MethodPost, "/saml/sso", nil, posted(mutate(message), "state").Encode())
						continue
					}
					// What no client would send in a request line is escaped.
					damaged := strings.Map(func(r rune) rune {
						if r <= ' ' || r >= 0x7f || r == '#' {
							return '%'
						}
						return r
					}, mutate(query))
					h.callBy(t, by[worker%2], http.MethodGet, "/saml/sso?"+damaged, nil, "")
				}
			})
		}
		all.Wait() // watch has judged each answer: no 5xx
	})
}

// zeros is an endless body that counts what was taken of it.
type zeros struct{ read atomic.Int64 }

func (z *zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'A'
	}
	z.read.Add(int64(len(b)))
	return len(b), nil
}

func TestSecurityOfVolume(t *testing.T) {
	t.Parallel()
	h := newOIDCHouse(t)
	v := h.signedIn(t, h.ada)
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	// plain is not watched: what the HTTP server itself refuses has no headers
	// of the house.
	plain := &http.Client{Transport: h.transport(func() string { return h.nodes[h.turn.Add(1)%2].Addr }, false), Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	refused := func(t *testing.T, name, method, path string, header http.Header, body io.Reader) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, securedURL+path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		res, err := plain.Do(req)
		if err != nil {
			return // the connection was cut while it was still sending
		}
		res.Body.Close()
		if res.StatusCode < 300 || res.StatusCode >= 500 {
			t.Errorf("%s: %s %s answered %d", name, method, path, res.StatusCode)
		}
	}
	posts := []string{"/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/userinfo", "/oauth/authorize", "/oauth/end_session", "/saml/sso", "/signin/sin_x/password",
		"/signin/sin_x/identifier", "/link/nothing", "/signout", "/console/users", "/console/users/x/suspend", "/api/v1/users", "/api/v1/apply", "/nowhere"}
	t.Run("RS-01 sizes", func(t *testing.T) {
		large := func() {
			for _, path := range posts {
				endless := &zeros{}
				refused(t, "100 MB", http.MethodPost, path, form.Clone(), io.LimitReader(endless, 100<<20))
				// What lies in sockets is counted in: up to 37 MB where the kernel's
				// limits are its defaults (tcp_rmem, tcp_wmem), and nobody has read it.
				if sent := endless.read.Load(); sent > 50<<20 {
					t.Errorf("%s took %d bytes of 100 MB", path, sent)
				}
				refused(t, "10000 parameters", http.MethodPost, path, form.Clone(), strings.NewReader(strings.Repeat("a=b&", 10_000)))
				refused(t, "multipart", http.MethodPost, path, http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}, strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"+strings.Repeat("b", 1<<20)+"\r\n--x--"))
			}
		}
		large() // what a busy node holds anyway
		large()
		h.grows(t, 2*8<<20, large)
		for name, header := range map[string]http.Header{
			"a header of 1 MB": {"X-Large": {strings.Repeat("a", 1<<20)}}, "10000 cookies": {"Cookie": {strings.Repeat("a=b; ", 10_000)}},
		} {
			refused(t, name, http.MethodGet, "/signin/trouble", header, nil)
		}
		refused(t, "a URL of 64 KB", http.MethodGet, "/signin/trouble?"+strings.Repeat("a", 64<<10), http.Header{}, nil)
		refused(t, "a query of 16 KB", http.MethodGet, "/oauth/authorize?"+strings.Repeat("a", 16<<10), http.Header{}, nil)
		if got := h.signOn(t, v, h.web); got.Access == "" {
			t.Error("afterwards nobody gets in")
		}
	})
	t.Run("RS-02 slow peers are cut", func(t *testing.T) { h.slowPeers(t) })
}

// slowPeers is RS-02 with a few hundred peers: those who send their header or
// their body a byte at a time are cut at the stated time, and nobody else waits.
func (h oidcHouse) slowPeers(t *testing.T) {
	cut := func(start string, within time.Duration) func() {
		return func() {
			conn, err := tls.Dial("tcp", h.nodes[h.turn.Add(1)%2].Addr, &tls.Config{RootCAs: h.roots, ServerName: "idp.localhost"})
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, start); err != nil {
				t.Error(err)
				return
			}
			begun := time.Now() // a busy machine may take a while until here
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				io.Copy(io.Discard, conn) // until it is cut
			}()
			for tick := time.NewTicker(time.Second); ; {
				select {
				case <-ended:
					return
				case <-tick.C:
					io.WriteString(conn, "a") // may be cut by now
				}
				if time.Since(begun) > within {
					t.Errorf("after %s a slow peer is still served", within)
					return
				}
			}
		}
	}
	var all sync.WaitGroup
	for range 200 {
		all.Go(cut("GET / HTTP/1.1\r\nHost: idp.localhost\r\nX-Slow: ", 50*time.Second))
	}
	for range 20 {
		all.Go(cut("POST /oauth/token HTTP/1.1\r\nHost: idp.localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\na=", 150*time.Second))
	}
	time.Sleep(3 * time.Second)
	begun := time.Now()
	h.call(t, http.MethodGet, "/signin/trouble", nil, "")
	t.Logf("beside 220 slow peers a page takes %s", time.Since(begun))
	all.Wait()
}
