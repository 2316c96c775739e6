package oidc

import (
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/idp"
)

// audience returns whom an access token is for, by the resource parameters that
// came with a request (RFC 8707 §2): all that were granted when it names none;
// never one that is not registered for the app, nor, once some are granted, any
// other. ok is false for such a one. None at all: the app itself.
func audience(granted, asked []string, app idp.OIDCSettings) (resources []string, ok bool) {
	asked = slices.DeleteFunc(slices.Clone(asked), func(r string) bool { return r == "" })
	if len(asked) == 0 {
		return granted, true
	}
	for _, r := range asked {
		if !slices.Contains(app.Resources, r) || len(granted) > 0 && !slices.Contains(granted, r) {
			return nil, false
		}
	}
	slices.Sort(asked)
	return slices.Compact(asked), true
}

func invalidTarget() *oidc.Error {
	return (&oidc.Error{ErrorType: oidc.InvalidTarget}).WithDescription("The resource is not registered for this client.")
}
