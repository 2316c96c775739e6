package oidc

import (
	"net/http"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/idp"
)

// grantTypes are what an app may ask at the token endpoint.
func grantTypes(app idp.OIDCSettings) []oidc.GrantType {
	types := []oidc.GrantType{oidc.GrantTypeCode}
	machine := app.ApplicationType == idp.ApplicationMachine
	if machine {
		types = []oidc.GrantType{oidc.GrantTypeClientCredentials} // nobody signs in to it
	}
	if len(app.Exchanges) > 0 && app.AuthMethod != string(oidc.AuthMethodNone) {
		types = append(types, oidc.GrantTypeTokenExchange)
	}
	if app.AllowOfflineAccess && !machine {
		types = append(types, oidc.GrantTypeRefreshToken)
	}
	if app.DeviceGrant && !machine {
		types = append(types, oidc.GrantTypeDeviceCode)
	}
	return types
}

// knownGrants answers the calls that ask for a grant which there is none of, in
// words of ours: the library repeats in its own what was sent.
func knownGrants(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := oidc.GrantType(r.Form.Get("grant_type"))
		if asked != "" && !slices.Contains(grantTypesSupported(), asked) {
			writeError(w, r, oidc.ErrUnsupportedGrantType().WithDescription("There is no such grant type here."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// grantTypesSupported are those that some app may have.
func grantTypesSupported() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeClientCredentials, oidc.GrantTypeDeviceCode, oidc.GrantTypeTokenExchange}
}
