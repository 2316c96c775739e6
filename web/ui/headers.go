package ui

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/idp"
)

// Headers sets the security headers that every answer carries, errors and
// redirects included. https says that the public URL is https, which is when
// Strict-Transport-Security has a meaning (RFC 6797 §7.2). A handler may widen
// it afterwards with AllowFormAction, AllowCalls and AllowOwnFrame, and nothing
// else.
func Headers(https bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy("'self'", "'self'"))
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if https {
			h.Set("Strict-Transport-Security", "max-age=63072000")
		}
		next.ServeHTTP(w, r)
	})
}

// AllowFormAction lets the forms of this answer end at target's origin as
// well: Chrome applies form-action to every redirect after a post, so a
// sign-in page names the origin at which its SignIn will end. The target was
// validated against its App before; an address that cannot be a source of the
// policy is refused.
func AllowFormAction(w http.ResponseWriter, target string) error {
	source, err := formSource(target)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", policy("'self' "+source, "'self'"))
	return nil
}

// AllowCalls lets this answer frame, and post forms to, exactly the origins
// that a browser is led to, and ours, to which an app's answer comes back. The
// addresses were validated against their Apps before.
func AllowCalls(w http.ResponseWriter, calls []idp.FrontCall) error {
	var sources []string
	for _, c := range calls {
		source, err := formSource(c.URL)
		if err != nil {
			return err
		}
		if !slices.Contains(sources, source) {
			sources = append(sources, source)
		}
	}
	all := "'self' " + strings.Join(sources, " ")
	w.Header().Set("Content-Security-Policy", policy(all, "'self'")+"; frame-src "+all)
	return nil
}

// AllowOwnFrame lets this answer stand in a frame of a page of ours.
func AllowOwnFrame(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", strings.Replace(policy("'self'", "'self'"), "frame-ancestors 'none'", "frame-ancestors 'self'", 1))
	h.Set("X-Frame-Options", "SAMEORIGIN")
}

// policy is the one content security policy of the house; only where forms may
// go and which scripts may run differ between pages.
func policy(formAction, script string) string {
	return "default-src 'none'; script-src " + script +
		"; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action " + formAction +
		"; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; require-trusted-types-for 'script'"
}

// formSource is the CSP source for an address: the origin of an http(s) URL,
// the scheme of a native app's (RFC 8252 §7.1).
func formSource(target string) (string, error) {
	u, err := url.Parse(target)
	if err != nil {
		return "", fmt.Errorf("form target: %w", err)
	}
	switch u.Scheme {
	case "http", "https":
		if u.Host == "" || u.User != nil || strings.ContainsAny(u.Host, " ;,'\"*") {
			return "", fmt.Errorf("form target has no plain origin")
		}
		return u.Scheme + "://" + u.Host, nil
	case "", "javascript", "data", "vbscript", "file", "blob", "about":
		return "", fmt.Errorf("form target has a scheme that no form may be sent to")
	}
	return u.Scheme + ":", nil
}
