package main

import (
	"gatehouse/idp"
	"gatehouse/idp/oidc"
	"gatehouse/idp/saml"
)

// connect says what an app has to be told, in the words of its tongue.
func connect(issuer string, m *oidc.MTLS) func(a idp.App, secret string) []idp.Setting {
	return func(a idp.App, secret string) []idp.Setting {
		if a.OIDC == nil {
			return saml.Connect(issuer, a)
		}
		return oidc.Connect(issuer, m, a, secret)
	}
}
