package oidc

import (
	"errors"
	"testing"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// FuzzReadMetadata: whatever is sent is taken whole or refused by a code of
// RFC 7591, and what is taken is what we serve.
func FuzzReadMetadata(f *testing.F) {
	f.Add([]byte(`{"redirect_uris":["https://ci.example/cb"],"grant_types":["authorization_code","refresh_token"],"scope":"openid offline_access"}`))
	f.Add([]byte(`{"redirect_uris":null,"jwks":null,"REDIRECT_URIS":["x"]}`))
	f.Add([]byte(`{"software_statement":{"a":[[[[]]]]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := readMetadata(body)
		if err != nil {
			e, ok := errors.AsType[*oidc.Error](err)
			if !ok || e.ErrorType != invalidClientMetadata && e.ErrorType != invalidRedirectURI {
				t.Errorf("refused by %v", err)
			}
			return
		}
		if o := m.settings(); len(o.RedirectURIs) == 0 || o.AuthMethod == "" || o.PKCEExempt || o.ClaimsInIDToken {
			t.Errorf("taken as %+v", o)
		}
	})
}
