package fetch

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"gatehouse/idp"
)

func TestCheckURL(t *testing.T) {
	t.Parallel()
	c := client(t, net.DefaultResolver, "wiki.localhost:8081", "127.0.0.1:8081", "intranet.corp", "10.1.0.0/16", "fd00::/8", " CRM.corp ")
	for raw, ok := range map[string]bool{
		"https://app.example/logout":            true,
		"https://app.example":                   true,
		"https://app.example:8443/a?b=c":        true,
		"https://APP.example/":                  true,
		"https://app.example./":                 true,
		"https://8.8.8.8/":                      true,
		"https://[2606:4700:4700::1111]/":       true,
		"https://1password.example/":            true,
		"https://a_b.example/":                  true,
		"https://xn--bcher-kva.example/":        true,
		"http://app.example/":                   false,
		"http://8.8.8.8/":                       false,
		"https://bücher.example/":               false,
		"ftp://app.example/":                    false,
		"HTTPS://app.example/":                  true,
		"javascript:alert(1)":                   false,
		"https:app.example":                     false,
		"//app.example/":                        false,
		"/logout":                               false,
		"":                                      false,
		"https://":                              false,
		"https:///path":                         false,
		"https://user@app.example/":             false,
		"https://user:pass@app.example/":        false,
		"https://app.example/#":                 false,
		"https://app.example/#x":                false,
		"https://app.example:/":                 false,
		"https://app.example:0/":                false,
		"https://app.example:65536/":            false,
		"https://app.example:+443/":             false,
		"https://app.example:0443/":             false,
		"https://app..example/":                 false,
		"https://.example/":                     false,
		"https://app example/":                  false,
		"https://app.example\\@evil.example/":   false,
		"https://app.example\n/":                false,
		"https://app.1/":                        false,
		"https://app.0x1f/":                     false,
		"https://" + strings.Repeat("a.", 1100): false,

		"http://wiki.localhost:8081/x":    true,
		"http://WIKI.localhost.:8081/x":   true,
		"http://wiki.localhost:8082/x":    false,
		"https://wiki.localhost/x":        false,
		"http://127.0.0.1:8081/":          true,
		"http://127.0.0.1:8082/":          false,
		"http://[::ffff:127.0.0.1]:8081/": true,
		"http://intranet.corp/":           true,
		"http://intranet.corp:99/":        true,
		"http://sub.intranet.corp/":       false,
		"http://crm.corp/":                true,
		"https://10.1.2.3/":               true,
		"http://10.1.2.3/":                true,
		"https://10.2.2.3/":               false,
		"https://[fd00::1]/":              true,
		"https://[fe80::1]/":              false,
	} {
		if err := c.CheckURL(raw); (err == nil) != ok || err != nil && !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestAllowListRefusesWhatItCannotMean(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{"", " ", "*", "*.corp", "http://app.corp", "app.corp/", "app.corp:", "app.corp:x", "app.corp:0", "127.1", "0x7f000001", "10.0.0.0/33", "10.0.0", "fe80::1%lo", "[::1]", "127.0.0.1:0", "ümlaut.corp"} {
		if _, err := New([]string{"app.corp", entry}); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%q: %v", entry, err)
		}
	}
}

// The IANA special-purpose address registries, one address of each block and
// the neighbours of the blocks' ends.
func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	a := newAddresses()
	for ip, want := range map[string]bool{
		"8.8.8.8": true, "1.0.0.0": true, "9.255.255.255": true, "11.0.0.0": true, "100.63.255.255": true, "100.128.0.0": true,
		"126.255.255.255": true, "128.0.0.0": true, "169.253.255.255": true, "169.255.0.0": true, "172.15.255.255": true, "172.32.0.0": true,
		"192.0.1.0": true, "192.167.255.255": true, "192.169.0.0": true, "198.17.255.255": true, "198.20.0.0": true, "223.255.255.255": true,
		"0.0.0.0": false, "0.255.255.255": false, "10.0.0.0": false, "10.255.255.255": false, "100.64.0.0": false, "100.100.100.200": false, "100.127.255.255": false,
		"127.0.0.0": false, "127.255.255.255": false, "168.63.129.16": false, "169.254.169.254": false, "172.16.0.0": false, "172.31.255.255": false,
		"192.0.0.192": false, "192.0.2.1": false, "192.88.99.1": false, "192.168.0.0": false, "192.168.255.255": false, "198.18.0.0": false, "198.19.255.255": false,
		"198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "239.255.255.255": false, "240.0.0.0": false, "255.255.255.255": false,
		"2606:4700:4700::1111": true, "2a00::1": true, "2001:200::1": true, "::ffff:8.8.8.8": true, "64:ff9b::808:808": true,
		"::": false, "::1": false, "::8.8.8.8": false, "::ffff:10.0.0.1": false, "64:ff9b::a00:1": false, "64:ff9b:1::808:808": false, "100::1": false,
		"2001::1": false, "2001:db8::1": false, "2002:808:808::1": false, "3fff::1": false, "4000::1": false, "5f00::1": false, "fc00::1": false, "fd00:ec2::254": false,
		"fe80::1": false, "fe80::1%lo": false, "2a00::1%lo": false, "fec0::1": false, "ff02::1": false,
	} {
		if got := a.public(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s: public = %v", ip, got)
		}
	}
	if a.public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{"https://app.example/x", "https://[::1]:1/", "https://127.1", "http://a@b#c", "https://a%2eb/"} {
		f.Add(s)
	}
	c, err := New(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if c.CheckURL(raw) != nil {
			return
		}
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Hostname() == "" {
			t.Fatalf("accepted %q", raw)
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !c.addresses.public(ip) {
			t.Errorf("accepted %q", raw)
		}
	})
}
