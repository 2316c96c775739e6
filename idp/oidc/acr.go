package oidc

import (
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/idp/login"
)

// The authentication context classes we can speak for (OIDC Core §2), the
// strongest last.
const (
	acrNothing   = "0"
	acrOneFactor = "1" // somebody proved one factor
	acrSeveral   = "2" // somebody proved factors of different kinds
	// acrResistant: and a key among them that no other site can have sign
	// (OpenID Connect Extended Authentication Profile ACR Values 1.0 §2).
	acrResistant = "phr"
)

// methodKey says of an answer that it is of class phr: possession of a key was
// proven (the same profile, §3). Only who asks for the class is told so, for apps
// compare the other ones with what they know.
const methodKey = "pop"

// acrValues are the classes that a sign-in can reach.
func acrValues() []string { return []string{acrOneFactor, acrSeveral, acrResistant} }

// acrValues are those of them that can be reached in this house.
func (p *Provider) acrValues() []string {
	if p.NoPasskeys {
		return []string{acrOneFactor, acrSeveral}
	}
	return acrValues()
}

// acrOf says which class an answer of these methods (RFC 8176) is of. An ID token
// says what was reached, never what was asked for.
func acrOf(methods []string) string {
	switch {
	case len(methods) == 0:
		return acrNothing
	case slices.Contains(methods, methodKey):
		return acrResistant
	case login.MultiFactor(methods):
		return acrSeveral
	}
	return acrOneFactor
}

// reachedBy are the classes that these methods are of: who has proven more has
// proven less, too.
func reachedBy(methods []string) []string {
	switch {
	case len(methods) == 0:
		return nil
	case login.ByPasskey(methods):
		return acrValues()
	}
	return acrValues()[:slices.Index(acrValues(), acrOf(methods))+1]
}

// classes are the authentication context classes that an app asks for.
type classes struct {
	// Essential: it takes no answer with another one (OIDC Core §5.5.1.1).
	Essential []string `json:"acr_essential,omitempty"`
	// Preferred: it takes any answer (acr_values).
	Preferred []string `json:"acr_preferred,omitempty"`
}

// met reports whether these methods suffice. A class that no sign-in here can
// reach is worth asking nobody for.
func (c classes) met(methods []string) bool {
	if len(c.Essential) > 0 {
		return reaches(c.Essential, methods)
	}
	return !reachable(c.Preferred) || reaches(c.Preferred, methods)
}

func reaches(asked, methods []string) bool {
	return slices.ContainsFunc(reachedBy(methods), func(class string) bool { return slices.Contains(asked, class) })
}

// told are the methods that an answer speaks of: an app that asks for a passkey is
// told that there was one, and one that takes the lowest class alone is told of one
// factor, which is as true.
func (c classes) told(methods []string) []string {
	switch {
	case slices.Contains(c.asked(), acrResistant) && login.ByPasskey(methods):
		return append(slices.Clone(methods), methodKey)
	case len(c.Essential) > 0 && !slices.Contains(c.Essential, acrOf(methods)):
		return login.OneFactor(methods)
	}
	return methods
}

// asked are the classes that an app asks for, in whichever way.
func (c classes) asked() []string {
	if len(c.Essential) > 0 {
		return c.Essential
	}
	return c.Preferred
}

// several reports whether the app takes nothing less than several factors.
func (c classes) several() bool {
	return reachable(c.Essential) && !slices.Contains(c.Essential, acrOneFactor)
}

// passkey reports whether it takes nothing less than a passkey.
func (c classes) passkey() bool {
	return c.several() && !slices.Contains(c.Essential, acrSeveral)
}

// hopeless reports whether no sign-in would meet what is essential.
func (c classes) hopeless() bool { return len(c.Essential) > 0 && !reachable(c.Essential) }

func reachable(asked []string) bool {
	return slices.ContainsFunc(asked, func(class string) bool { return slices.Contains(acrValues(), class) })
}

// unmet is the answer to an app whose essential class was not reached (OpenID
// Connect Core Error Code unmet_authentication_requirements 1.0; RFC 9470 §5).
func unmet() *oidc.Error {
	return (&oidc.Error{ErrorType: unmetAuthenticationRequirements}).WithDescription("The authentication that is asked for cannot be reached here.")
}
