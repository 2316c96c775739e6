package main

import (
	"net/http"

	"gatehouse/sessions"
	"gatehouse/web"
)

// tongues is every address at which the protocols answer, with the ways
// through the gate that each takes. An endpoint that is not named here cannot
// be reached.
func tongues(oidc, saml, receiptKeys http.Handler) []web.Mount {
	return []web.Mount{
		{Pattern: "/.well-known/openid-configuration", Passes: []sessions.Pass{sessions.None}, Handler: oidc},
		{Pattern: "/.well-known/oauth-authorization-server", Passes: []sessions.Pass{sessions.None}, Handler: oidc},
		{Pattern: "/oauth/keys", Passes: []sessions.Pass{sessions.None}, Handler: oidc},
		{Pattern: "/.well-known/gatehouse-receipts", Passes: []sessions.Pass{sessions.None}, Handler: receiptKeys},
		{Pattern: "/oauth/authorize", Passes: []sessions.Pass{sessions.SessionUsed, sessions.SignInUsed}, Handler: oidc, Browsers: "GET, HEAD, POST"},
		{Pattern: "/oauth/authorize/resume", Passes: []sessions.Pass{sessions.SessionUsed, sessions.SignInUsed, sessions.SignInResumed}, Handler: oidc, Browsers: "GET, HEAD"},
		{Pattern: "/oauth/consent", Passes: []sessions.Pass{sessions.SessionUsed}, Handler: oidc, Browsers: "GET, HEAD, POST"},
		{Pattern: "/oauth/par", Passes: []sessions.Pass{sessions.None}, Handler: oidc},
		{Pattern: "/oauth/token", Passes: []sessions.Pass{sessions.Code, sessions.RefreshToken, sessions.AppTokenIssued, sessions.DeviceCode, sessions.AccessToken}, Handler: oidc},
		{Pattern: "/oauth/device_authorization", Passes: []sessions.Pass{sessions.DeviceCode}, Handler: oidc},
		{Pattern: "/oauth/userinfo", Passes: []sessions.Pass{sessions.AccessToken}, Handler: oidc},
		{Pattern: "/oauth/introspect", Passes: []sessions.Pass{sessions.AccessToken, sessions.AppTokenUsed}, Handler: oidc},
		{Pattern: "/oauth/revoke", Passes: []sessions.Pass{sessions.AccessToken}, Handler: oidc},
		{Pattern: "/oauth/register", Passes: []sessions.Pass{sessions.InitialTokenUsed}, Handler: oidc},
		{Pattern: "/oauth/register/{client}", Passes: []sessions.Pass{sessions.InitialTokenUsed}, Handler: oidc},
		{Pattern: "/oauth/end_session", Passes: []sessions.Pass{sessions.SessionUsed}, Handler: oidc, Browsers: "GET, HEAD, POST"},
		{Pattern: "/saml/metadata", Passes: []sessions.Pass{sessions.None}, Handler: saml, Browsers: "GET, HEAD"},
		{Pattern: "/saml/metadata/{app}", Passes: []sessions.Pass{sessions.None}, Handler: saml, Browsers: "GET, HEAD"},
		{Pattern: "/saml/launch", Passes: []sessions.Pass{sessions.SessionUsed, sessions.Assertion}, Handler: saml, Browsers: "POST"},
		{Pattern: "/saml/slo", Passes: []sessions.Pass{sessions.SessionUsed}, Handler: saml, Browsers: "GET, HEAD, POST"},
		{Pattern: "/saml/slo/continue", Passes: []sessions.Pass{sessions.SessionUsed}, Handler: saml, Browsers: "GET, HEAD"},
		{Pattern: "/saml/slo/answer", Passes: []sessions.Pass{sessions.None}, Handler: saml, Browsers: "GET, HEAD"},
		{Pattern: "/saml/slo/soap", Passes: []sessions.Pass{sessions.None}, Handler: saml},
		{Pattern: "/saml/sso", Passes: []sessions.Pass{sessions.SessionUsed, sessions.SignInUsed, sessions.Assertion}, Handler: saml, Browsers: "GET, HEAD, POST"},
		{Pattern: "/saml/sso/continue", Passes: []sessions.Pass{sessions.SessionUsed, sessions.SignInUsed, sessions.Assertion}, Handler: saml, Browsers: "GET, HEAD"},
		{Pattern: "/saml/sso/resume", Passes: []sessions.Pass{sessions.SessionUsed, sessions.SignInResumed, sessions.Assertion}, Handler: saml, Browsers: "GET, HEAD"},
	}
}
