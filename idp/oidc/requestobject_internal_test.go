package oidc

import (
	"encoding/json"
	"testing"
	"time"

	"gatehouse/idp"
)

// FuzzObject: whatever claims an app signs, what is made of them is a request of
// text, each parameter there once and with a value, and none that authenticates or
// names another object; and what is not for this server and this time is refused.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{"iss":"bank","client_id":"bank","aud":"https://id.example","nbf":1000000000,"exp":1000000300,"response_type":"code","max_age":0,"claims":{"id_token":{"acr":null}}}`,
		`{"iss":"bank","client_id":"bank","aud":["https://other.example","https://id.example"],"nbf":1e9,"exp":1.0000001e9,"state":"","resource":["a","b"]}`,
		`{"iss":["bank"],"aud":1,"exp":"x","request":"x","request_uri":"y","state":"\u0000","scope":null}`,
		`{"exp":1e308,"nbf":-1e308,"iat":1e-400}`, `[]`, `null`, `{"a":{"a":{"a":[[[[]]]]}}}`,
	} {
		f.Add([]byte(seed))
	}
	app := idp.App{Identifier: "bank", OIDC: &idp.OIDCSettings{}}
	now := time.Unix(1_000_000_100, 0)
	f.Fuzz(func(t *testing.T, claims []byte) {
		var c objectClaims
		if json.Unmarshal(claims, &c) != nil {
			return
		}
		if c.wrong(app, "https://id.example", now) == "" {
			life := c.Expires.time().Sub(c.NotBefore.time())
			if c.Issuer != "bank" || c.ClientID != "bank" || c.Subject != nil || life > longestObject || c.Expires.time().Before(now.Add(-skew)) || c.NotBefore.time().After(now.Add(skew)) {
				t.Errorf("taken: %+v", c)
			}
		}
		q, why := parametersOf(claims)
		if why != "" {
			return
		}
		if wellFormed(q) != nil || q.Has("request") || q.Has("request_uri") {
			t.Errorf("a request of %v", q)
		}
		for name, values := range q {
			if len(values) != 1 || values[0] == "" {
				t.Errorf("%q is there %d times, as %q", name, len(values), values)
			}
		}
	})
}
