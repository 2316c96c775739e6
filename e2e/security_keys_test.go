package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/web/api/client"
)

// keyOf is the kid in a JWT's header.
func keyOf(t testing.TB, jwt string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(jwt, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	var head struct {
		KeyID string `json:"kid"`
	}
	if err := json.Unmarshal(raw, &head); err != nil || head.KeyID == "" {
		t.Fatalf("no kid in %s: %v", raw, err)
	}
	return head.KeyID
}

// TestJW13WhatARevokedKeySignedIsRefusedAtOnce on both nodes, when the admin API
// has answered: access tokens, and hints of who is signed in. The key is published
// no more, and no app keeps the set for longer than it was told.
func TestJW13WhatARevokedKeySignedIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	h := newOIDCHouse(t)
	jwts := h.register(t, "jwts", client.OIDC{RedirectURIs: []string{"https://jwts.example/cb"}, AccessTokenFormat: "jwt", AllowOfflineAccess: true})
	v := h.signedIn(t, h.ada)
	had := h.signOn(t, v, jwts)
	kid := keyOf(t, had.Access)
	keySet := func(node int) *answer {
		return h.callBy(t, h.client(node, false), http.MethodGet, "/oauth/keys", nil, "")
	}
	for node := range h.nodes {
		if !h.active(t, node, jwts, had.Access) || !strings.Contains(keySet(node).Body, kid) {
			t.Fatalf("before: node %d refuses the token, or does not publish its key", node)
		}
	}
	if _, err := h.admin.RevokeKey(t.Context(), kid, "it lay in a bucket"); err != nil {
		t.Fatal(err)
	}
	for node := range h.nodes {
		if h.active(t, node, jwts, had.Access) {
			t.Errorf("node %d says that the token is good", node)
		}
		got := h.callBy(t, h.client(node, false), http.MethodGet, "/oauth/userinfo", http.Header{"Authorization": {"Bearer " + had.Access}}, "")
		if got.Status != http.StatusUnauthorized || !strings.Contains(got.Header.Get("WWW-Authenticate"), "invalid_token") {
			t.Errorf("userinfo of node %d answered %d", node, got.Status)
		}
		set := keySet(node)
		if strings.Contains(set.Body, kid) || set.Header.Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("node %d publishes, to be kept for %q: %s", node, set.Header.Get("Cache-Control"), set.Body)
		}
		if asks := v.get(t, securedURL+"/oauth/end_session?"+url.Values{"id_token_hint": {had.ID}}.Encode()).follow(t); !strings.Contains(asks.Body, "Sign out of everything?") {
			t.Errorf("a hint by that key is believed: %d at %s", asks.Status, asks.URL)
		}
	}
	if now := h.signOn(t, v, jwts); keyOf(t, now.Access) == kid || keyOf(t, now.ID) == kid || !h.active(t, 0, jwts, now.Access) || !h.active(t, 1, jwts, now.Access) {
		t.Error("the next token is by the same key, or not good")
	}
}
