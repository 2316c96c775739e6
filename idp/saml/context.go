package saml

import (
	"slices"

	"gatehouse/idp/login"
	"gatehouse/idp/saml/wire"
)

// Authentication context classes (SAML Authentication Context §3.4).
const (
	classUnspecified = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
	classPassword    = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
	classProtected   = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
	classTimeSync    = "urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken"
	// classMFA is the REFEDS MFA Profile 1.2: two factors of different kinds.
	classMFA = "https://refeds.org/profile/mfa"
)

// class is one way to have signed in, and whether these methods (RFC 8176
// amr values) prove it.
type class struct {
	uri   string
	shown func(methods []string) bool
}

// classes are those that we know, each stronger than the one before. A new
// method needs no new line here unless it is a class of its own.
//
// REFEDS SFA is left out: it vouches for how an organisation replaces a lost
// password, which nobody can see from here.
var classes = []class{
	{classUnspecified, func([]string) bool { return true }},
	{classPassword, proves("pwd")},
	// Nobody types a password here over anything but TLS, or on this very
	// machine: no other http address is taken as ours.
	{classProtected, proves("pwd")},
	{classTimeSync, proves("otp")},
	{classMFA, login.MultiFactor},
}

func proves(method string) func([]string) bool {
	return func(methods []string) bool { return slices.Contains(methods, method) }
}

// reached are the classes that methods prove, the weakest first; never none.
func reached(methods []string) []string {
	var uris []string
	for _, c := range classes {
		if c.shown(methods) {
			uris = append(uris, c.uri)
		}
	}
	return uris
}

// strength orders the classes we know; -1 for one we do not.
func strength(uri string) int {
	return slices.IndexFunc(classes, func(c class) bool { return c.uri == uri })
}

// satisfy answers a RequestedAuthnContext (SAML Core §3.3.2.2.1) for a person
// who signed in by these methods: the class to assert, and whether there is
// one. Nothing asked: the strongest that is true.
func satisfy(comparison string, asked, methods []string) (uri string, ok bool) {
	have := reached(methods)
	best := have[len(have)-1]
	if len(asked) == 0 {
		return best, true
	}
	switch comparison {
	case "minimum": // at least as strong as one of them
		return best, slices.ContainsFunc(asked, func(uri string) bool { return strength(uri) >= 0 && strength(uri) <= strength(best) })
	case "better": // stronger than any of them
		return best, !slices.ContainsFunc(asked, func(uri string) bool { return strength(uri) < 0 || strength(uri) >= strength(best) })
	case "maximum": // as strong as can be without exceeding the strongest of them
		limit := -1
		for _, uri := range asked {
			limit = max(limit, strength(uri))
		}
		have = slices.DeleteFunc(have, func(uri string) bool { return strength(uri) > limit })
		if len(have) == 0 {
			return "", false
		}
		return have[len(have)-1], true
	}
	// exact, the default: the list is in the order of preference.
	if at := slices.IndexFunc(asked, func(uri string) bool { return slices.Contains(have, uri) }); at >= 0 {
		return asked[at], true
	}
	return "", false
}

// readContext keeps what was asked for, or refuses what nobody who signs in
// here can satisfy.
func (req *request) readContext(want wire.RequestedAuthnContext) error {
	_, ok := satisfy(want.Comparison, want.ClassRefs, login.Methods())
	if !ok || len(want.DeclRefs) > 0 {
		return decline("authn_context", wire.StatusResponder, wire.StatusNoAuthnContext,
			"None of the requested authentication contexts is offered here.")
	}
	req.Comparison = want.Comparison
	for _, uri := range want.ClassRefs {
		if strength(uri) >= 0 && !slices.Contains(req.Classes, uri) {
			req.Classes = append(req.Classes, uri)
		}
	}
	return nil
}
