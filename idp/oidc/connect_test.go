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
		for _, s := range oidc.Connect(issuer, idp.App{Identifier: "wiki", OIDC: &o}, "") {
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
