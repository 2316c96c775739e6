package fetch

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"gatehouse/idp"
)

const maxURL = 2048

// CheckURL answers idp.Invalid, in words for the person who typed it, for a
// URL that Do would refuse whatever its name resolves to: not https (http is
// for allowed hosts), userinfo, a fragment, an address that is not public in
// any spelling, localhost. It asks no resolver: Do judges what a name means at
// the moment of dialling.
func (c *Client) CheckURL(raw string) error {
	if len(raw) > maxURL {
		return idp.Errorf(idp.Invalid, "This URL is longer than %d characters.", maxURL)
	}
	// An empty fragment is gone after parsing.
	if strings.Contains(raw, "#") {
		return idp.Errorf(idp.Invalid, "This URL must not have a fragment (#).")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return idp.Errorf(idp.Invalid, "This is not a URL.").Because(err)
	}
	return c.check(u)
}

func (c *Client) check(u *url.URL) error {
	switch {
	case u.Scheme != "https" && u.Scheme != "http" || u.Opaque != "":
		return idp.Errorf(idp.Invalid, "This URL must begin with https://.")
	case u.User != nil:
		return idp.Errorf(idp.Invalid, "This URL must not contain a username or password.")
	case u.Fragment != "":
		return idp.Errorf(idp.Invalid, "This URL must not have a fragment (#).")
	}
	allowed, err := c.checkHost(u)
	if err != nil {
		return err
	}
	if u.Scheme != "https" && !allowed {
		return idp.Errorf(idp.Invalid, "This URL must begin with https://: plain http is only for hosts that the operator allows.")
	}
	return nil
}

// checkHost judges host and port; allowed: the operator listed them.
func (c *Client) checkHost(u *url.URL) (allowed bool, err error) {
	port := portOf(u)
	if !validPort(port) {
		return false, idp.Errorf(idp.Invalid, "The port of this URL is not a number from 1 to 65535.")
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		n, _ := strconv.ParseUint(port, 10, 16)
		if c.allow.address(netip.AddrPortFrom(ip, uint16(n))) {
			return true, nil
		}
		if !c.addresses.public(ip) {
			return false, private(host)
		}
		return false, nil
	}
	switch {
	case !hostName(host):
		return false, idp.Errorf(idp.Invalid, "The host of this URL is not a host name in plain ASCII (xn-- for others) or an IP address.")
	case c.allow.named(host, port):
		return true, nil
	case local(host):
		return false, private(host)
	}
	return false, nil
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "" || strings.HasSuffix(u.Host, ":"):
		return u.Port()
	case u.Scheme == "http":
		return "80"
	}
	return "443"
}

// local reports whether host names this machine (RFC 6761 §6.3).
func local(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "localhost.localdomain"
}

func private(host string) error {
	return idp.Errorf(idp.Invalid, "%s is not on the public internet. If it should be reached, the operator allows it in GATEHOUSE_OUTBOUND_ALLOW.", host)
}
