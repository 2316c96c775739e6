package main

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// TestPlacesAreThoseOfTheFile, in the language asked for where it has it.
func TestPlacesAreThoseOfTheFile(t *testing.T) {
	t.Parallel()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test-City", IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	names := func(list ...string) mmdbtype.Map {
		m := mmdbtype.Map{}
		for i := 0; i < len(list); i += 2 {
			m[mmdbtype.String(list[i])] = mmdbtype.String(list[i+1])
		}
		return mmdbtype.Map{"names": m}
	}
	for cidr, data := range map[string]mmdbtype.Map{
		"203.0.113.0/24":  {"city": names("en", "Munich", "de", "München"), "country": names("en", "Germany", "de", "Deutschland")},
		"198.51.100.0/24": {"country": names("en", "France")},
		"2001:db8::/32":   {"city": names("en", "Vienna"), "country": names("en", "Austria", "de", "Österreich")},
	} {
		_, network, err := net.ParseCIDR(cidr)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(network, data); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "places.mmdb")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.WriteTo(file); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := openPlaces(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ address, language, want string }{
		{"203.0.113.7", "de", "München, Deutschland"}, {"203.0.113.7", "en", "Munich, Germany"}, {"::ffff:203.0.113.7", "en", "Munich, Germany"},
		{"198.51.100.9", "de", "France"}, {"2001:db8::1%eth0", "de", "Vienna, Österreich"}, {"192.0.2.1", "de", ""}, {"", "de", ""}, {"nowhere", "en", ""},
	} {
		if got := p.of(c.address, c.language); got != c.want {
			t.Errorf("%s in %s: %q, want %q", c.address, c.language, got, c.want)
		}
	}
	if none, err := openPlaces(""); err != nil || none.of("203.0.113.7", "en") != "" {
		t.Errorf("without a file: %v", err)
	}
	if err := os.WriteFile(path, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openPlaces(path); err == nil {
		t.Error("a file that is no database was opened")
	}
}
