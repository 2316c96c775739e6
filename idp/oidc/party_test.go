package oidc_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	party "github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"gatehouse/idp"
)

// TestForeignRelyingParty signs in with a relying party that is not ours, with
// both algorithms.
func TestForeignRelyingParty(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	for _, alg := range []string{"RS256", "ES256"} {
		h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.IDTokenAlg = alg })
		rp, err := party.NewProvider(ctx, h.provider.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		conf := oauth2.Config{
			ClientID: "wiki", ClientSecret: secret, RedirectURL: callback, Endpoint: rp.Endpoint(),
			Scopes: []string{party.ScopeOpenID, "profile", party.ScopeOfflineAccess},
		}
		verifier := oauth2.GenerateVerifier()
		begin := conf.AuthCodeURL("the state", party.Nonce("the nonce"), oauth2.S256ChallengeOption(verifier))
		to, q := h.signedIn(h.ada).get(begin).location(t)
		if to != callback || q.Get("state") != "the state" || q.Get("iss") != h.provider.Issuer {
			t.Fatalf("%s %v", to, q)
		}
		token, err := conf.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := token.Extra("id_token").(string)
		id, err := rp.Verifier(&party.Config{ClientID: "wiki", SupportedSigningAlgs: []string{alg}, Now: h.clock.Now}).Verify(ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		if id.Subject != string(h.ada.ID) || id.Nonce != "the nonce" {
			t.Errorf("ID token %+v", id)
		}
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			t.Error(err)
		}
		info, err := rp.UserInfo(ctx, conf.TokenSource(ctx, token))
		if err != nil || info.Subject != id.Subject {
			t.Errorf("userinfo %+v, %v", info, err)
		}
		again, err := conf.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
		if err != nil || again.RefreshToken == token.RefreshToken {
			t.Errorf("refresh: %v", err)
		}
	}
}

// TestMX02HostSaysNothing: discovery is the golden document, whatever the
// request says our name is.
func TestMX02HostSaysNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	golden, err := os.ReadFile(filepath.Join("testdata", "discovery.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(golden), "ISSUER", h.provider.Issuer)), &want); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		req, err := http.NewRequest(http.MethodGet, h.server.URL+path, nil)
		h.must(err)
		req.Host = "evil.example"
		req.Header.Set("X-Forwarded-Host", "evil.example")
		req.Header.Set("Forwarded", "host=evil.example")
		got, err := do(req)
		h.must(err)
		if diff := cmp.Diff(want, got.body); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		if got.header.Get("Content-Type") != "application/json" || got.header.Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("headers %v", got.header)
		}
	}
}

func TestKeySetIsPublicKeysOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	res, err := http.Get(h.server.URL + "/oauth/keys")
	r := read(t, res, err)
	if r.StatusCode != http.StatusOK || r.Header.Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	if private := regexp.MustCompile(`"(d|p|q|dp|dq|qi|k|oth)"`).FindString(r.body); private != "" || !strings.Contains(r.body, "RS256") || !strings.Contains(r.body, "ES256") {
		t.Errorf("key set %s", r.body)
	}
}

// TestSupportedClaimsAreThoseGiven compares discovery with what an app is told.
func TestSupportedClaimsAreThoseGiven(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.signedIn(h.ada).tokens("openid profile email groups")
	given := claimsOf(t, a.text("id_token"))
	for name := range h.userinfo(a.text("access_token")).body {
		given[name] = true
	}
	req, err := http.NewRequest(http.MethodGet, h.server.URL+"/.well-known/openid-configuration", nil)
	h.must(err)
	doc, err := do(req)
	h.must(err)
	supported := map[string]bool{}
	for _, name := range doc.body["claims_supported"].([]any) {
		supported[name.(string)] = true
	}
	delete(supported, "family_name") // ada has none
	for name := range given {
		if !supported[name] {
			t.Errorf("%s is given and not in claims_supported", name)
		}
		delete(supported, name)
	}
	for name := range supported {
		t.Errorf("%s is in claims_supported and not given", name)
	}
}
