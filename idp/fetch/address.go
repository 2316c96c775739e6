package fetch

import (
	"net/netip"
	"slices"
)

// What the IANA special-purpose registries (RFC 6890 and its updates) do not
// call globally reachable, and what answers as the metadata service of a
// cloud. Of IPv6 only 2000::/3 is given out at all, so that is where the
// exceptions lie.
func refusedIPv4() []string {
	return []string{
		"0.0.0.0/8",        // this network
		"10.0.0.0/8",       // private
		"100.64.0.0/10",    // carrier NAT
		"127.0.0.0/8",      // loopback
		"168.63.129.16/32", // Azure's own services, a public address on paper
		"169.254.0.0/16",   // link-local, metadata
		"172.16.0.0/12",    // private
		"192.0.0.0/24",     // IETF assignments
		"192.0.2.0/24",     // documentation
		"192.88.99.0/24",   // 6to4 relays
		"192.168.0.0/16",   // private
		"198.18.0.0/15",    // benchmarks
		"198.51.100.0/24",  // documentation
		"203.0.113.0/24",   // documentation
		"224.0.0.0/4",      // multicast
		"240.0.0.0/4",      // reserved, broadcast
	}
}

func refusedIPv6() []string {
	return []string{
		"2001::/23",     // IETF assignments, among them Teredo, which hides an IPv4 address
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4, which hides an IPv4 address
		"3fff::/20",     // documentation
	}
}

// addresses knows which addresses are public.
type addresses struct {
	refused []netip.Prefix
	global6 netip.Prefix // global unicast, RFC 4291 §2.4
	nat64   netip.Prefix // RFC 6052 §2.1: an IPv4 address in the last 32 bits
}

func newAddresses() addresses {
	a := addresses{global6: netip.MustParsePrefix("2000::/3"), nat64: netip.MustParsePrefix("64:ff9b::/96")}
	for _, p := range slices.Concat(refusedIPv4(), refusedIPv6()) {
		a.refused = append(a.refused, netip.MustParsePrefix(p))
	}
	return a
}

// public reports whether anybody on the internet means the same by ip.
func (a addresses) public(ip netip.Addr) bool {
	if ip.Zone() != "" {
		return false
	}
	ip = ip.Unmap()
	if a.nat64.Contains(ip) {
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	if !ip.IsValid() || ip.Is6() && !a.global6.Contains(ip) {
		return false
	}
	return !slices.ContainsFunc(a.refused, func(p netip.Prefix) bool { return p.Contains(ip) })
}
