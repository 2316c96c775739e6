package oidc

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

func TestPresent(t *testing.T) {
	t.Parallel()
	basic := func(user, password string) http.Header {
		return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}}
	}
	for _, c := range []struct {
		name string
		h    http.Header
		form url.Values
		want presented
		err  string
	}{
		{"basic", basic("a%3Ab", "s+x"), nil, presented{oidc.AuthMethodBasic, "a:b", "s x"}, ""},
		{"basic, the same client_id in the body", basic("a", "s"), url.Values{"client_id": {"a"}}, presented{oidc.AuthMethodBasic, "a", "s"}, ""},
		{"basic, another client_id in the body", basic("a", "s"), url.Values{"client_id": {"b"}}, presented{}, "invalid_request"},
		{"post", nil, url.Values{"client_id": {"a"}, "client_secret": {"s"}}, presented{oidc.AuthMethodPost, "a", "s"}, ""},
		{"post with an empty secret is still post", nil, url.Values{"client_id": {"a"}, "client_secret": {""}}, presented{oidc.AuthMethodPost, "a", ""}, ""},
		{"none", nil, url.Values{"client_id": {"a"}}, presented{oidc.AuthMethodNone, "a", ""}, ""},
		{"basic and post", basic("a", "s"), url.Values{"client_secret": {"s"}}, presented{}, "invalid_request"},
		{"basic twice", http.Header{"Authorization": {"Basic YTpi", "Basic YTpi"}}, nil, presented{}, "invalid_request"},
		{"assertion and secret", nil, url.Values{"client_secret": {"s"}, "client_assertion": {"e30"}}, presented{}, "invalid_request"},
		{"assertion of nobody", nil, url.Values{"client_assertion": {"e30"}, "client_assertion_type": {oidc.ClientAssertionTypeJWTAssertion}}, presented{}, "invalid_client"},
		{"assertion of another type", nil, url.Values{"client_assertion": {"e30.eyJzdWIiOiJhIn0.x"}}, presented{}, "invalid_client"},
		{"assertion", nil, url.Values{"client_assertion": {"e30.eyJzdWIiOiJhIn0.x"}, "client_assertion_type": {oidc.ClientAssertionTypeJWTAssertion}}, presented{oidc.AuthMethodPrivateKeyJWT, "a", "e30.eyJzdWIiOiJhIn0.x"}, ""},
		{"assertion of another client", nil, url.Values{"client_id": {"b"}, "client_assertion": {"e30.eyJzdWIiOiJhIn0.x"}, "client_assertion_type": {oidc.ClientAssertionTypeJWTAssertion}}, presented{}, "invalid_client"},
		{"another scheme", http.Header{"Authorization": {"Bearer x"}}, url.Values{"client_id": {"a"}}, presented{}, "invalid_client"},
		{"basic that is not form-encoded", basic("%zz", "s"), nil, presented{}, "invalid_client"},
		{"nobody", nil, nil, presented{}, "invalid_client"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := present(c.h, c.form)
			code := ""
			if e, ok := errors.AsType[*oidc.Error](err); ok {
				code = string(e.ErrorType)
			}
			if got != c.want || code != c.err {
				t.Errorf("got %+v, %q (%v), want %+v, %q", got, code, err, c.want, c.err)
			}
		})
	}
}

func TestEitherOfTwoSecretsMatches(t *testing.T) {
	t.Parallel()
	// SHA-256 of "old" and "new".
	hashes := []string{
		"cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4",
		"11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437",
	}
	for i, right := range []string{"old", "new"} {
		if hash, ok := matching(right, hashes); !ok || hash != hashes[i] {
			t.Errorf("%q is refused, or taken for another: %q", right, hash)
		}
	}
	for _, wrong := range []string{"", "nev", hashes[1]} {
		if _, ok := matching(wrong, hashes); ok {
			t.Errorf("%q is accepted", wrong)
		}
	}
	if _, ok := matching("", nil); ok {
		t.Error("an app without secrets accepts the empty one")
	}
}

func TestNarrowed(t *testing.T) {
	t.Parallel()
	granted := []string{"openid", "profile", "offline_access"}
	if got, ok := narrowed(granted, nil); !ok || len(got) != 3 {
		t.Errorf("nothing asked: %v %v", got, ok)
	}
	if got, ok := narrowed(granted, []string{"profile"}); !ok || len(got) != 1 || got[0] != "profile" {
		t.Errorf("less asked: %v %v", got, ok)
	}
	if _, ok := narrowed(granted, []string{"openid", "email"}); ok {
		t.Error("more was given")
	}
}
