package oidc

import (
	"net/url"
	"slices"
	"strings"

	"gatehouse/idp"
)

// registered reports whether a redirect URI is one of the app's, byte by byte.
// The one exception: a native app chooses its port on a loopback address at
// run time (RFC 8252 §7.3). The library's matcher is not used: for loopback it
// compares paths after decoding and takes any loopback host for any other.
func registered(app idp.OIDCSettings, uri string) bool {
	if uri == "" {
		return false
	}
	if slices.Contains(app.RedirectURIs, uri) {
		return true
	}
	if app.ApplicationType != idp.ApplicationNative {
		return false
	}
	asked, ok := withoutPort(uri)
	return ok && slices.ContainsFunc(app.RedirectURIs, func(have string) bool {
		have, ok := withoutPort(have)
		return ok && have == asked
	})
}

// withoutPort takes the port out of an http URI on a loopback IP literal.
func withoutPort(uri string) (string, bool) {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, ok := strings.CutPrefix(uri, host)
		if !ok {
			continue
		}
		if port, ok := strings.CutPrefix(rest, ":"); ok {
			rest = strings.TrimLeft(port, "0123456789")
			if digits := len(port) - len(rest); digits < 1 || digits > 5 {
				return "", false
			}
		}
		return host + rest, rest == "" || rest[0] == '/' || rest[0] == '?'
	}
	return "", false
}

// withParams adds parameters to a URI and leaves what it has untouched
// (RFC 6749 §3.1.2).
func withParams(uri string, params [][2]string) string {
	var b strings.Builder
	b.WriteString(uri)
	sep := byte('?')
	if strings.Contains(uri, "?") {
		sep = '&'
	}
	for _, p := range params {
		b.WriteByte(sep)
		b.WriteString(url.QueryEscape(p[0]))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(p[1]))
		sep = '&'
	}
	return b.String()
}
