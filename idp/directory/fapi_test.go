package directory_test

import (
	"strings"
	"testing"

	"gatehouse/idp"
)

// TestFAPI2SettlesTheRegistration: it sets what the profile leaves no choice
// in, and refuses what it forbids.
func TestFAPI2SettlesTheRegistration(t *testing.T) {
	d, _ := newDirectory(t)
	add := func(name string, change func(*idp.OIDCSettings)) (idp.App, error) {
		a := oidcApp("https://bank.example/cb", func(o *idp.OIDCSettings) {
			o.FAPI2, o.AuthMethod, o.JWKS = true, "", "{}"
			change(o)
		})
		a.Name, a.Identifier = name, string(idp.NewAppID())
		return d.AddApp(t.Context(), a)
	}
	a, err := add("nothing said", func(*idp.OIDCSettings) {})
	if err != nil {
		t.Fatal(err)
	}
	if o := a.OIDC; o.AuthMethod != "private_key_jwt" || o.IDTokenAlg != "ES256" || !o.RequirePAR || !o.DPoPBound || o.CertificateBound {
		t.Errorf("%+v", o)
	}
	for name, c := range map[string]struct {
		change func(*idp.OIDCSettings)
		field  string
	}{
		"a secret": {func(o *idp.OIDCSettings) {
			o.AuthMethod, o.SecretHashes = "client_secret_basic", []string{strings.Repeat("0", 64)}
		}, "auth_method"},
		"public":        {func(o *idp.OIDCSettings) { o.AuthMethod = "none" }, "auth_method"},
		"RS256":         {func(o *idp.OIDCSettings) { o.IDTokenAlg = "RS256" }, "id_token_alg"},
		"without PKCE":  {func(o *idp.OIDCSettings) { o.PKCEExempt = true }, "pkce_exempt"},
		"without a key": {func(o *idp.OIDCSettings) { o.JWKS = "" }, "jwks"},
		"http":          {func(o *idp.OIDCSettings) { o.RedirectURIs = []string{"http://127.0.0.1/cb"} }, "redirect_uris"},
		"http, and ours": {func(o *idp.OIDCSettings) {
			o.ApplicationType, o.RedirectURIs = "native", []string{"http://127.0.0.1/cb"}
		}, ""},
		"by certificate": {func(o *idp.OIDCSettings) { o.CertificateBound = true }, ""},
	} {
		_, err := add(name, c.change)
		if e, _ := err.(*idp.Error); c.field == "" && err != nil || c.field != "" && (e == nil || e.Fields[c.field] == "") {
			t.Errorf("%s: %v, want %q named", name, err, c.field)
		}
	}
}
