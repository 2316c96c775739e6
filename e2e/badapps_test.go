package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/web/api/client"
)

// canary counts the connections to an address that nobody may call.
func canary(t testing.TB, host string) (port string, calls *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	calls = new(atomic.Int32)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			calls.Add(1)
			conn.Close()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, calls
}

// machineName is the name of this machine and the address inside to which it
// leads; "" where it leads to none.
func machineName() (name, addr string) {
	host, err := os.Hostname()
	if err != nil {
		return "", ""
	}
	addrs, err := net.LookupHost(host)
	if err != nil || len(addrs) == 0 || !net.ParseIP(addrs[0]).IsPrivate() && !net.ParseIP(addrs[0]).IsLoopback() {
		return "", ""
	}
	return host, addrs[0]
}

const (
	innerSecret = "hunter2 of 10.20.30.40"
	tenMegabyte = 10 << 20
)

// misbehaves is the logout endpoint of every bad app.
func misbehaves(inside string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "http://"+inside+"/latest/meta-data/", http.StatusFound)
		case "/big":
			chunk := strings.Repeat("x", 64<<10)
			for n := 0; n < tenMegabyte; n += len(chunk) {
				if _, err := w.Write([]byte(chunk)); err != nil {
					return
				}
			}
		case "/drip":
			for r.Context().Err() == nil {
				if _, err := fmt.Fprint(w, "x"); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				time.Sleep(200 * time.Millisecond)
			}
		case "/prose":
			http.Error(w, innerSecret, http.StatusInternalServerError)
		}
	}
}

// TestLogoutEndpointsThatMisbehave is SS-02, SS-03 and SS-07 where they end:
// each is refused by rule, its line says so in plain words, no canary is
// called, and nothing of what was found inside stands on the receipt.
func TestLogoutEndpointsThatMisbehave(t *testing.T) {
	t.Parallel()
	port, calls := canary(t, "127.0.0.1")
	inside := "127.0.0.1:" + port
	bad := httptest.NewServer(misbehaves(inside))
	t.Cleanup(bad.Close)
	app := func(name, logout string) client.App {
		return client.App{Name: name, OIDC: &client.OIDC{BackchannelLogoutURI: logout}}
	}
	apps := []client.App{app("redirect", bad.URL+"/redirect"), app("big", bad.URL+"/big"), app("drip", bad.URL+"/drip"), app("prose", bad.URL+"/prose")}
	want := map[string]string{
		"redirect": "It answered 302 Found.", "big": "answered with more than", "drip": "No answer within", "prose": "It answered 500 Internal Server Error.",
	}
	// A name that leads inside, which only the dialer can see: that of this
	// machine, where it has one. TestSS04 of idp/fetch has a resolver of its own.
	named := new(atomic.Int32)
	if host, addr := machineName(); host != "" {
		var port string
		port, named = canary(t, addr)
		apps = append(apps, app("named", "https://"+net.JoinHostPort(host, port)+"/logout"))
		want["named"] = "not on the public internet"
	}

	p := meet(t, map[string]string{"GATEHOUSE_OUTBOUND_ALLOW": strings.TrimPrefix(bad.URL, "http://")}, apps...)
	for _, a := range apps {
		p.tokens(a.Name)
	}
	r, err := p.API.Suspend(t.Context(), "ada", "left")
	if err != nil {
		t.Fatal(err)
	}
	until(t, readyWithin, "every bad app was tried", func() bool {
		r = p.receipt(r.ID)
		for _, l := range r.Lines {
			if l.Attempts == 0 || l.Answer == "" {
				return false
			}
		}
		return !r.Listing && len(r.Lines) == len(apps)
	}, func() any { return r.Lines })
	for _, a := range apps {
		l := line(t, r, a.Name)
		if l.State != "retrying" || l.AckedAt != nil || !strings.Contains(l.Answer, want[a.Name]) {
			t.Errorf("the line of %s says %+v, want %q", a.Name, l, want[a.Name])
		}
		if a.Name == "named" && strings.Contains(l.Answer, "127.") {
			t.Errorf("the line tells where the name leads: %s", l.Answer)
		}
		for _, leak := range []string{innerSecret, "hunter2", inside, "meta-data", "xxxx"} {
			if strings.Contains(l.Answer+l.Evidence, leak) {
				t.Errorf("the line of %s tells %q: %s", a.Name, leak, l.Answer)
			}
		}
	}

	// SS-02: at save, in each field that the house calls.
	for _, target := range []string{
		"http://" + inside + "/", "https://" + inside + "/", "http://127.1:" + port + "/", "http://0x7f000001:" + port + "/", "http://2130706433:" + port + "/",
		"http://[::1]:" + port + "/", "http://[::ffff:127.0.0.1]:" + port + "/", "https://localhost:" + port + "/", "http://169.254.169.254/latest/meta-data/",
		"https://169.254.169.254/", "https://10.0.0.1/", "https://[fd00::1]/", "https://user@app.example/", "file:///etc/passwd", "gopher://127.0.0.1:" + port + "/",
	} {
		for field, a := range map[string]client.App{
			"backchannel_logout_uri": {OIDC: &client.OIDC{RedirectURIs: []string{callback}, BackchannelLogoutURI: target}},
			"probe_url":              {OIDC: &client.OIDC{RedirectURIs: []string{callback}}, ProbeURL: target},
			"soap_logout_url":        {SAML: &client.SAML{ACS: []client.ACS{{URL: callback}}, SOAPLogoutURL: target}},
		} {
			a.Name, a.Identifier, a.Protocol = "Bad "+field, "bad-"+field, "oidc"
			if a.SAML != nil {
				a.Protocol = "saml"
			}
			_, err := p.API.AddApp(t.Context(), a)
			var refused *client.Problem
			if !errors.As(err, &refused) || refused.Status != http.StatusBadRequest {
				t.Errorf("%s = %s is taken: %v", field, target, err)
			}
		}
	}
	if n, m := calls.Load(), named.Load(); n+m != 0 {
		t.Errorf("%d and %d connections to the canaries", n, m)
	}
}
