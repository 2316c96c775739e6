package oidc_test

import (
	"slices"
	"testing"

	"gatehouse/idp"
	"gatehouse/idp/oidc"
)

// TestConnectSaysWhatAnAppNeeds: of the endpoints those that this app must call,
// each as discovery has it.
func TestConnectSaysWhatAnAppNeeds(t *testing.T) {
	t.Parallel()
	const issuer = "https://id.example"
	names := func(o idp.OIDCSettings) (all []string) {
		o.RedirectURIs = []string{callback}
		for _, s := range oidc.Connect(issuer, nil, idp.App{Identifier: "wiki", OIDC: &o}, "") {
			all = append(all, s.Name)
		}
		return all
	}
	const par, device, authorize = "OIDC_PUSHED_AUTHORIZATION_REQUEST_ENDPOINT", "OIDC_DEVICE_AUTHORIZATION_ENDPOINT", "OIDC_AUTHORIZATION_ENDPOINT"
	for name, c := range map[string]struct {
		got        []string
		want, none []string
	}{
		"an app of the web": {names(idp.OIDCSettings{ApplicationType: idp.ApplicationWeb}), []string{authorize, "OIDC_END_SESSION_ENDPOINT"}, []string{par, device, "OIDC_CLIENT_SECRET"}},
		"one of FAPI 2.0":   {names(idp.OIDCSettings{FAPI2: true, RequirePAR: true}), []string{par, authorize}, []string{device}},
		"one for devices":   {names(idp.OIDCSettings{ApplicationType: idp.ApplicationNative, DeviceGrant: true}), []string{device, "OIDC_TOKEN_ENDPOINT"}, []string{par}},
		"a machine":         {names(idp.OIDCSettings{ApplicationType: idp.ApplicationMachine}), []string{"OIDC_TOKEN_ENDPOINT"}, []string{authorize, "OIDC_REDIRECT_URI"}},
	} {
		for _, want := range c.want {
			if !slices.Contains(c.got, want) {
				t.Errorf("%s is not told %s: %v", name, want, c.got)
			}
		}
		for _, none := range c.none {
			if slices.Contains(c.got, none) {
				t.Errorf("%s is told %s", name, none)
			}
		}
	}
}

// TestConnectSendsAnAppWithACertificateToItsDoor: where it is asked for one, and
// browsers nowhere else than before.
func TestConnectSendsAnAppWithACertificateToItsDoor(t *testing.T) {
	t.Parallel()
	door := &oidc.MTLS{URL: "https://mtls.example"}
	for method, at := range map[string]string{"self_signed_tls_client_auth": "https://mtls.example", "tls_client_auth": "https://mtls.example", "private_key_jwt": "https://id.example"} {
		got := map[string]string{}
		for _, s := range oidc.Connect("https://id.example", door, idp.App{OIDC: &idp.OIDCSettings{AuthMethod: method, RequirePAR: true, DeviceGrant: true, RedirectURIs: []string{callback}}}, "") {
			got[s.Name] = s.Value
		}
		for name, want := range map[string]string{
			"OIDC_TOKEN_ENDPOINT": at + "/oauth/token", "OIDC_USERINFO_ENDPOINT": at + "/oauth/userinfo",
			"OIDC_PUSHED_AUTHORIZATION_REQUEST_ENDPOINT": at + "/oauth/par", "OIDC_DEVICE_AUTHORIZATION_ENDPOINT": at + "/oauth/device_authorization",
			"OIDC_AUTHORIZATION_ENDPOINT": "https://id.example/oauth/authorize", "OIDC_JWKS_URI": "https://id.example/oauth/keys",
		} {
			if got[name] != want {
				t.Errorf("%s: %s is %s, want %s", method, name, got[name], want)
			}
		}
	}
}
