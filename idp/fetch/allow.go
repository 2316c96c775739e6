package fetch

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"gatehouse/idp"
)

// allowList is what the operator says may be reached although private, and
// over plain http: by host name, or by address.
type allowList struct {
	hosts     map[string]bool // name, or name:port
	prefixes  []netip.Prefix
	addrPorts []netip.AddrPort
}

func newAllowList(entries []string) (allowList, error) {
	a := allowList{hosts: make(map[string]bool)}
	for _, entry := range entries {
		if !a.add(strings.ToLower(strings.TrimSpace(entry))) {
			return allowList{}, idp.Errorf(idp.Invalid, "%q is not a host, host:port, IP address or network in CIDR notation", entry)
		}
	}
	return a, nil
}

func (a *allowList) add(entry string) bool {
	if p, err := netip.ParsePrefix(entry); err == nil {
		a.prefixes = append(a.prefixes, unmapped(p))
		return true
	}
	if ip, err := netip.ParseAddr(entry); err == nil {
		a.prefixes = append(a.prefixes, netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()))
		return ip.Zone() == ""
	}
	if ap, err := netip.ParseAddrPort(entry); err == nil {
		a.addrPorts = append(a.addrPorts, netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()))
		return ap.Port() != 0 && ap.Addr().Zone() == ""
	}
	host, port, err := net.SplitHostPort(entry)
	if err == nil {
		a.hosts[net.JoinHostPort(host, port)] = true
		return hostName(host) && validPort(port)
	}
	a.hosts[entry] = true
	return hostName(entry)
}

func unmapped(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

// named reports whether this host was listed by its name.
func (a allowList) named(host, port string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return a.hosts[host] || a.hosts[net.JoinHostPort(host, port)]
}

// address reports whether this address was listed.
func (a allowList) address(at netip.AddrPort) bool {
	ip := at.Addr().Unmap()
	for _, p := range a.prefixes {
		if p.Contains(ip) {
			return true
		}
	}
	for _, ap := range a.addrPorts {
		if ap == netip.AddrPortFrom(ip, at.Port()) {
			return true
		}
	}
	return false
}

// hostName reports whether s is a lower-case host name in ASCII that no
// resolver reads as a number: 0x7f000001, 127.1 and 2130706433 are IPv4
// addresses to some (WHATWG URL §3.5, "ends in a number").
func hostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return !numeric(labels[len(labels)-1])
}

func numeric(label string) bool {
	if strings.Trim(label, "0123456789") == "" {
		return true
	}
	hex, ok := strings.CutPrefix(label, "0x")
	return ok && strings.Trim(hex, "0123456789abcdef") == ""
}

func validPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && s[0] != '+' && s[0] != '0'
}
