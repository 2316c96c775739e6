package oidc

import (
	"net/netip"
	"net/url"
	"testing"

	"gatehouse/idp"
)

func native() idp.OIDCSettings {
	return idp.OIDCSettings{ApplicationType: "native", AuthMethod: "none", RedirectURIs: []string{
		"http://127.0.0.1/cb", "http://[::1]:7000/cb?x=1", "com.example.app:/cb",
	}}
}

func TestRegistered(t *testing.T) {
	t.Parallel()
	web := idp.OIDCSettings{ApplicationType: "web", RedirectURIs: []string{"https://app.example/cb", "http://127.0.0.1/web"}}
	for _, c := range []struct {
		app  idp.OIDCSettings
		uri  string
		want bool
	}{
		{web, "https://app.example/cb", true},
		{web, "", false},
		{web, "https://app.example/cb/", false},
		{web, "https://app.example/CB", false},
		{web, "https://APP.example/cb", false},
		{web, "https://app.example:443/cb", false},
		{web, "https://app.example/cb?a=b", false},
		{web, "https://app.example/cb#f", false},
		{web, "http://127.0.0.1:5000/web", false}, // not native: no port of its own
		{native(), "http://127.0.0.1:53682/cb", true},
		{native(), "http://127.0.0.1/cb", true},
		{native(), "http://[::1]:1/cb?x=1", true},
		{native(), "com.example.app:/cb", true},
		{native(), "http://[::1]:1/cb", false},
		{native(), "http://[::1]:1/cb?x=2", false},
		{native(), "http://127.0.0.1:/cb", false},
		{native(), "http://127.0.0.1:123456/cb", false},
		{native(), "http://127.0.0.1:80", false},
		{native(), "http://127.0.0.1:80/c%62", false},
		{native(), "http://127.0.0.2/cb", false},
		{native(), "https://127.0.0.1:1/cb", false},
		{native(), "http://localhost:1/cb", false},
		{native(), "com.example.app:/cb2", false},
	} {
		if got := registered(c.app, c.uri); got != c.want {
			t.Errorf("registered(%s, %q) = %v, want %v", c.app.ApplicationType, c.uri, got, c.want)
		}
	}
}

func FuzzRegisteredLoopback(f *testing.F) {
	for _, s := range []string{"http://127.0.0.1:53682/cb", "http://127.0.0.1.evil.example/cb", "http://127.0.0.1:80@evil.example/cb", "http://[::1]:9/cb?x=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if !registered(native(), uri) || uri == "com.example.app:/cb" {
			return
		}
		u, err := url.Parse(uri)
		if err != nil {
			// A port that is no number cannot get here, so this is a bug.
			t.Fatalf("accepted %q, which is no URL: %v", uri, err)
		}
		ip, err := netip.ParseAddr(u.Hostname())
		if err != nil || !ip.IsLoopback() || u.User != nil || u.Path != "/cb" || u.Scheme != "http" {
			t.Fatalf("accepted %q", uri)
		}
	})
}

func TestWithParamsKeepsTheRegisteredQuery(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"https://a.example/cb":         "https://a.example/cb?code=a+%26b",
		"https://a.example/cb?x=%7e&y": "https://a.example/cb?x=%7e&y&code=a+%26b",
		"com.example.app:/cb":          "com.example.app:/cb?code=a+%26b",
	} {
		if got := withParams(uri, [][2]string{{"code", "a &b"}}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestOriginOf(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"https://a.example:8443/cb?x": "https://a.example:8443",
		"http://127.0.0.1/cb":         "http://127.0.0.1",
		"com.example.app:/cb":         "com.example.app:",
		"://":                         "",
	} {
		if got := originOf(uri); got != want {
			t.Errorf("originOf(%q) = %q, want %q", uri, got, want)
		}
	}
}
