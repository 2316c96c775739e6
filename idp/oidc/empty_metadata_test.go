package oidc_test

import (
	"net/http"
	"testing"
)

// TestEmptyMetadataAsksForNothing: null and empty values are as good as none (RFC
// 7592 §2.2), and libraries send them for all that they know the name of.
func TestEmptyMetadataAsksForNothing(t *testing.T) {
	t.Parallel()
	r := newRegistrar(t, 2)
	for body, want := range map[string]int{
		`"request_uris":[],"jwks_uri":"","userinfo_signed_response_alg":"","default_max_age":null,"software_statement":""`: http.StatusCreated,
		`"request_uris":["https://wiki.example/r"]`: http.StatusBadRequest,
	} {
		status, _, out := r.call("POST", "/oauth/register", r.token, `{"redirect_uris":["https://wiki.example/cb"],`+body+`}`)
		if status != want {
			t.Errorf("%s: %d %v, want %d", body, status, out, want)
		}
	}
}
