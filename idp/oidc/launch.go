package oidc

import "gatehouse/idp"

// Launch is where a person who opens the app from the portal is sent: to its
// initiate_login_uri, with our name and where they want to go, so that the app
// begins the sign-on itself (OIDC Core §4); to its launch URL where it has no
// such address; "" where it has neither. Who the person is, is not said
// (login_hint is optional): the session answers that, and addresses are logged.
func Launch(issuer string, app idp.App) string {
	if app.OIDC == nil || app.OIDC.InitiateLoginURI == "" {
		return app.LaunchURL
	}
	params := [][2]string{{"iss", issuer}}
	if app.LaunchURL != "" {
		params = append(params, [2]string{"target_link_uri", app.LaunchURL})
	}
	return withParams(app.OIDC.InitiateLoginURI, params)
}
