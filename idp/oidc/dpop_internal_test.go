package oidc

import (
	"encoding/json"
	"testing"
	"time"
)

func TestSameURI(t *testing.T) {
	t.Parallel()
	const ours = "https://id.example/oauth/token"
	for htu, want := range map[string]bool{
		ours:                                     true,
		"HTTPS://ID.EXAMPLE:443/oauth/token":     true,
		"https://id.example/oauth/token?x=y#z":   true,
		"https://id.example/oauth/./token":       true,
		"https://id.example/%6Fauth/token":       true,
		"http://id.example/oauth/token":          false,
		"https://id.example:8443/oauth/token":    false,
		"https://id.example/oauth/Token":         false,
		"https://id.example/oauth/token/":        false,
		"https://id.example/oauth%2Ftoken":       false,
		"https://u@id.example/oauth/token":       false,
		"https://id.example.evil/oauth/token":    false,
		"//id.example/oauth/token":               false,
		"https:id.example/oauth/token":           false,
		"https://id.example/oauth/token\x00":     false,
		"":                                       false,
		"javascript://id.example/oauth/token":    false,
		"https://id.example/oauth/x/../token":    true,
		"https://id.example/oauth/token/../par":  false,
		"https://id.example\\@evil/oauth/token":  false,
		"https://id.example:443:443/oauth/token": false,
	} {
		if got := sameURI(htu, ours); got != want {
			t.Errorf("%q: %v, want %v", htu, got, want)
		}
	}
}

// FuzzProof: no claims of a proof make it panic, and none that are taken are
// for another call or another time.
func FuzzProof(f *testing.F) {
	now := time.Unix(1_700_000_000, 0)
	const ours = "https://id.example/oauth/token"
	f.Add([]byte(`{"jti":"a","htm":"POST","htu":"https://id.example/oauth/token","iat":1700000000}`))
	f.Add([]byte(`{"jti":"a","htm":"POST","htu":"https://id.example/%6fauth/token?x","iat":1.7e9,"exp":1e300,"nbf":-1e300}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var c proofClaims
		if json.Unmarshal(raw, &c) != nil || c.wrong("POST", []string{ours}, "", now) != "" {
			return
		}
		if c.ID == "" || c.Method != "POST" || c.IssuedAt < 1_700_000_000-61 || c.IssuedAt > 1_700_000_000+61 {
			t.Errorf("%q is taken", raw)
		}
		if again, ok := normalURI(c.URI); !ok || again != ours {
			t.Errorf("%q is taken for %q", c.URI, ours)
		}
	})
}
