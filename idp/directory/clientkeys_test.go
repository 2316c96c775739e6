package directory_test

import (
	"strings"
	"testing"

	"gatehouse/idp"
)

// TestKeysOfAClient: what an app must register to sign, and what it may not.
func TestKeysOfAClient(t *testing.T) {
	d, _ := newDirectory(t)
	d.CheckKeys = func(raw []byte) error {
		if strings.Contains(string(raw), "private") {
			return idp.Errorf(idp.Invalid, "This is a private key.")
		}
		return nil
	}
	d.CheckURL = func(raw string) error {
		if strings.Contains(raw, "10.0.0.1") {
			return idp.Errorf(idp.Invalid, "private address")
		}
		return nil
	}
	for name, c := range map[string]struct {
		change func(*idp.OIDCSettings)
		field  string // that is wrong; empty: accepted
	}{
		"keys":             {func(o *idp.OIDCSettings) { o.JWKS = "{}" }, ""},
		"an address":       {func(o *idp.OIDCSettings) { o.JWKSURI = "https://app.example/keys" }, ""},
		"neither":          {func(*idp.OIDCSettings) {}, "jwks"},
		"both":             {func(o *idp.OIDCSettings) { o.JWKS, o.JWKSURI = "{}", "https://app.example/keys" }, "jwks"},
		"a private key":    {func(o *idp.OIDCSettings) { o.JWKS = "private" }, "jwks"},
		"SS-02 inside":     {func(o *idp.OIDCSettings) { o.JWKSURI = "https://10.0.0.1/keys" }, "jwks_uri"},
		"not https":        {func(o *idp.OIDCSettings) { o.JWKSURI = "http://app.example/keys" }, "jwks_uri"},
		"with a secret":    {func(o *idp.OIDCSettings) { o.JWKS, o.SecretHashes = "{}", []string{strings.Repeat("0", 64)} }, "secret"},
		"another method":   {func(o *idp.OIDCSettings) { o.JWKS, o.AuthMethod = "{}", "client_secret_jwt" }, "auth_method"},
		"a key of a phone": {func(o *idp.OIDCSettings) { o.JWKS, o.AuthMethod = "{}", "none" }, ""},
	} {
		a := oidcApp("https://app.example/cb", func(o *idp.OIDCSettings) {
			o.AuthMethod = "private_key_jwt"
			c.change(o)
		})
		a.Name, a.Identifier = name, string(idp.NewAppID())
		_, err := d.AddApp(t.Context(), a)
		if e, _ := err.(*idp.Error); c.field == "" && err != nil || c.field != "" && (e == nil || e.Fields[c.field] == "") {
			t.Errorf("%s: %v, want %q named", name, err, c.field)
		}
	}
}
