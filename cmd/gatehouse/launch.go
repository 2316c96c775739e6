package main

import (
	"gatehouse/idp"
	"gatehouse/idp/oidc"
	"gatehouse/idp/saml"
	"gatehouse/web/portal"
)

// launch says how the tile of an app opens it, in the words of its tongue.
func launch(issuer string) func(idp.App) portal.Launch {
	return func(a idp.App) portal.Launch {
		if action, fields, ok := saml.Launch(a); ok {
			return portal.Launch{Action: action, Fields: fields, At: a.SAML.ACS[0].URL}
		}
		at := oidc.Launch(issuer, a)
		return portal.Launch{Href: at, At: at}
	}
}
