package oidc

import (
	"testing"

	"gatehouse/idp"
)

func TestLaunch(t *testing.T) {
	t.Parallel()
	const issuer = "https://idp.example"
	app := func(launch, initiate string) idp.App {
		return idp.App{LaunchURL: launch, OIDC: &idp.OIDCSettings{InitiateLoginURI: initiate}}
	}
	for want, a := range map[string]idp.App{
		"":                      app("", ""),
		"https://app.example/":  app("https://app.example/", ""),
		"https://app.example/x": {LaunchURL: "https://app.example/x", SAML: &idp.SAMLSettings{}},
		"https://app.example/begin?iss=https%3A%2F%2Fidp.example":                                                          app("", "https://app.example/begin"),
		"https://app.example/begin?t=7&iss=https%3A%2F%2Fidp.example&target_link_uri=https%3A%2F%2Fapp.example%2F%3Fa%26b": app("https://app.example/?a&b", "https://app.example/begin?t=7"),
	} {
		if got := Launch(issuer, a); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
