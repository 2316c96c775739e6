package redis

import (
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		raw, addrs, master, user string
		db                       int
		tls                      bool
	}{
		{"redis://localhost", "localhost:6379", "", "", 0, false},
		{"redis://ada:s%40crt@[::1]:7000/3", "[::1]:7000", "", "ada", 3, false},
		{"rediss://r.example.com:6380", "r.example.com:6380", "", "", 0, true},
		{"redis+sentinel://a:1,b/mymaster?db=2", "a:1 b:26379", "mymaster", "", 2, false},
		{"rediss+sentinel://:pw@a,b,c/m", "a:26379 b:26379 c:26379", "m", "", 0, true},
	} {
		o, err := parse(c.raw)
		if err != nil {
			t.Errorf("%s: %v", c.raw, err)
			continue
		}
		if got := strings.Join(o.Addrs, " "); got != c.addrs || o.MasterName != c.master || o.Username != c.user || o.DB != c.db || (o.TLSConfig != nil) != c.tls {
			t.Errorf("%s: %s %s %s %d %v", c.raw, got, o.MasterName, o.Username, o.DB, o.TLSConfig != nil)
		}
	}
	if o, _ := parse("redis://ada:s%40crt@h/"); o.Password != "s@crt" {
		t.Errorf("the password is read as %q", o.Password)
	}
	for raw, says := range map[string]string{
		"redis+cluster://h:1":                 "no Redis Cluster",
		"redis://a:1,b:2":                     "no Redis Cluster",
		"redis+sentinel://:hidden@a:1":        "ends with the master's name",
		"http://:hidden@h":                    "begins with redis://",
		"redis://:hidden@h/x":                 "not a number",
		"redis://:hidden@":                    "names no host",
		"redis://:hid%zzden@h":                "cannot be read",
		"localhost:6379":                      "begins with redis://",
		"redis+sentinel://:hidden@a/m/n?db=x": "not a number",
	} {
		_, err := parse(raw)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hid") {
			t.Errorf("%s: %v, want %q", raw, err, says)
		}
	}
}
