package oidc

import (
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/idp"
)

// grantTypes are what an app may ask at the token endpoint.
func grantTypes(app idp.OIDCSettings) []oidc.GrantType {
	if app.ApplicationType == idp.ApplicationMachine {
		return []oidc.GrantType{oidc.GrantTypeClientCredentials} // nobody signs in to it
	}
	types := []oidc.GrantType{oidc.GrantTypeCode}
	if app.AllowOfflineAccess {
		types = append(types, oidc.GrantTypeRefreshToken)
	}
	if app.DeviceGrant {
		types = append(types, oidc.GrantTypeDeviceCode)
	}
	return types
}

// grantTypesSupported are those that some app may have.
func grantTypesSupported() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeClientCredentials, oidc.GrantTypeDeviceCode}
}
