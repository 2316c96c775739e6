package saml

import (
	"slices"

	"gatehouse/idp/saml/wire"
)

// Authentication context classes (SAML Authentication Context §3.4).
const (
	classUnspecified = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
	classPassword    = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
	classProtected   = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
)

// methodPassword is the RFC 8176 value of a password.
const methodPassword = "pwd"

// classOf is the strongest class that these methods prove.
func classOf(methods []string) string {
	if slices.Contains(methods, methodPassword) {
		return classProtected
	}
	return classUnspecified
}

// strength orders the classes we know; -1 for one we do not.
func strength(class string) int {
	return slices.Index([]string{classUnspecified, classPassword, classProtected}, class)
}

// satisfy answers a RequestedAuthnContext (SAML Core §3.3.2.2.1) for a person
// who proved have: the class to assert, and whether there is one. No classes:
// nothing was asked for.
func satisfy(comparison string, classes []string, have string) (class string, ok bool) {
	if len(classes) == 0 {
		return have, true
	}
	within := func(class string) bool { return strength(class) >= 0 && strength(class) <= strength(have) }
	switch comparison {
	case "minimum": // at least as strong as one of them
		return have, slices.ContainsFunc(classes, within)
	case "better": // stronger than any of them
		return have, !slices.ContainsFunc(classes, func(class string) bool {
			return strength(class) < 0 || strength(class) >= strength(have)
		})
	case "maximum": // as strong as can be without exceeding the strongest of them
		best := -1
		for _, c := range classes {
			best = max(best, strength(c))
		}
		if best >= strength(have) {
			return have, true
		}
		at := slices.IndexFunc(classes, func(c string) bool { return strength(c) == best })
		return classes[max(at, 0)], best >= 0
	}
	// exact, the default: the list is in the order of preference.
	if at := slices.IndexFunc(classes, within); at >= 0 {
		return classes[at], true
	}
	return "", false
}

// readContext keeps what was asked for, or refuses what nobody who signs in
// here can satisfy.
func (req *request) readContext(want wire.RequestedAuthnContext) error {
	_, ok := satisfy(want.Comparison, want.ClassRefs, classProtected)
	if !ok || len(want.DeclRefs) > 0 {
		return decline("authn_context", wire.StatusResponder, wire.StatusNoAuthnContext,
			"None of the requested authentication contexts is offered here.")
	}
	req.Comparison = want.Comparison
	for _, class := range want.ClassRefs {
		if strength(class) >= 0 && !slices.Contains(req.Classes, class) {
			req.Classes = append(req.Classes, class)
		}
	}
	return nil
}
