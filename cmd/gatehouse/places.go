package main

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"
)

// places knows where addresses are, as far as a file in the MaxMind DB format
// says it.
type places struct{ db *maxminddb.Reader }

// openPlaces opens the file; "" is none.
func openPlaces(path string) (*places, error) {
	if path == "" {
		return nil, nil
	}
	db, err := maxminddb.Open(path)
	if err != nil {
		return nil, fmt.Errorf("GATEHOUSE_GEOIP: %w", err)
	}
	return &places{db}, nil
}

// place is what such a file says of a place, in each of its languages.
type place struct {
	City    named `maxminddb:"city"`
	Country named `maxminddb:"country"`
}

type named struct {
	Names map[string]string `maxminddb:"names"`
}

// in returns the name in a language, or else in English.
func (n named) in(language string) string { return or(n.Names[language], n.Names["en"]) }

// of says where an address is, as city and country or what is known of them; ""
// where nothing is.
func (p *places) of(address, language string) string {
	ip, err := netip.ParseAddr(address)
	if p == nil || err != nil {
		return ""
	}
	var found place
	if err := p.db.Lookup(ip.Unmap().WithZone("")).Decode(&found); err != nil {
		return ""
	}
	return strings.Trim(found.City.in(language)+", "+found.Country.in(language), ", ")
}
