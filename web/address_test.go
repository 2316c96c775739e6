package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// TestAddressIsBelievedFromTrustedProxiesOnly: MX-03's other half, the address
// that throttles and the audit log go by.
func TestAddressIsBelievedFromTrustedProxiesOnly(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for name, c := range map[string]struct {
		peer, forwarded, want string
	}{
		"a stranger's header is nothing":    {"203.0.113.9:1", "198.51.100.1", "203.0.113.9"},
		"a proxy's last hop counts":         {"10.1.1.1:1", "198.51.100.1", "198.51.100.1"},
		"what the client put before it not": {"10.1.1.1:1", "1.2.3.4, 198.51.100.1", "198.51.100.1"},
		"a chain of proxies":                {"10.1.1.1:1", "198.51.100.1, 10.2.2.2", "198.51.100.1"},
		"only proxies":                      {"10.1.1.1:1", "10.3.3.3", "10.3.3.3"},
		"rubbish stops the walk":            {"10.1.1.1:1", "198.51.100.1, evil", "10.1.1.1"},
		"no header":                         {"10.1.1.1:1", "", "10.1.1.1"},
		"mapped IPv4 is IPv4":               {"[::ffff:203.0.113.9]:1", "", "203.0.113.9"},
		"IPv6":                              {"[::1]:1", "2001:db8::1", "2001:db8::1"},
		"no peer":                           {"", "198.51.100.1", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := address(r, proxies); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestLoggedPathsHoldNoSecret(t *testing.T) {
	for path, want := range map[string]string{
		"/console/users":       "/console/users",
		"/link/SECRET":         "/link/-",
		"/link/SECRET/further": "/link/-",
	} {
		if got := logged(path); got != want {
			t.Errorf("%s is logged as %s, want %s", path, got, want)
		}
	}
	if got := logged("/" + string(make([]byte, 10_000))); len(got) != 200 {
		t.Errorf("a path of 10,000 bytes is logged with %d", len(got))
	}
}
