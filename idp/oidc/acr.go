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
)

// acrValues are the classes that a sign-in here can reach.
func acrValues() []string { return []string{acrOneFactor, acrSeveral} }

// acrOf says which class was reached by these methods (RFC 8176). An ID token
// says what was reached, never what was asked for.
func acrOf(methods []string) string {
	switch {
	case len(methods) == 0:
		return acrNothing
	case login.MultiFactor(methods):
		return acrSeveral
	}
	return acrOneFactor
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

// reaches: who has proven more has proven less, too.
func reaches(asked, methods []string) bool {
	class := acrOf(methods)
	return slices.Contains(asked, class) || class == acrSeveral && slices.Contains(asked, acrOneFactor)
}

// told are the methods that an answer speaks of: an app that takes the lower
// class alone is told of one factor, which is as true.
func (c classes) told(methods []string) []string {
	if len(c.Essential) > 0 && !slices.Contains(c.Essential, acrOf(methods)) {
		return login.OneFactor(methods)
	}
	return methods
}

// several reports whether the app takes nothing less than several factors.
func (c classes) several() bool {
	return slices.Contains(c.Essential, acrSeveral) && !slices.Contains(c.Essential, acrOneFactor)
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
