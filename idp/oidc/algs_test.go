package oidc_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/idp"
	"gatehouse/idp/keys"
)

// algorithms are all that an app could sign with here, and the key for each.
func algorithms() map[string]any {
	k := held()
	return map[string]any{
		"RS256": k.rsa, "RS384": k.rsa, "RS512": k.rsa, "PS256": k.rsa, "PS384": k.rsa, "PS512": k.rsa,
		"ES256": k.ec, "EdDSA": k.ed, "HS256": []byte("a secret that two could share, of thirty-two bytes"),
	}
}

// listed are the values of a member of discovery.
func (h *house) listed(name string) []string {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodGet, h.server.URL+"/.well-known/openid-configuration", nil)
	h.must(err)
	doc, err := do(req)
	h.must(err)
	raw, err := json.Marshal(doc.body[name])
	h.must(err)
	var values []string
	h.must(json.Unmarshal(raw, &values))
	return values
}

// TestDiscoverySaysWhichAlgorithmsAreTaken: for each place where an app signs,
// exactly those.
func TestDiscoverySaysWhichAlgorithmsAreTaken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank()
	signed := func(alg, typ string, claims map[string]any, embedded bool) string {
		kid := map[string]string{"ES256": "ec", "EdDSA": "ed"}[alg]
		if kid == "" {
			kid = "rsa"
		}
		if embedded {
			kid = ""
		}
		return sign(t, alg, kid, typ, algorithms()[alg], claims, embedded && alg != "HS256")
	}
	by := func(path, alg string) bool {
		a := b.post(path, b.by(signed(alg, "client-authentication+jwt", b.claims(nil), false), url.Values{"token": {"x"}, "grant_type": {"refresh_token"}, "refresh_token": {"x"}}))
		return a.text("error") != "invalid_client"
	}
	for member, taken := range map[string]func(alg string) bool{
		"token_endpoint_auth_signing_alg_values_supported":         func(alg string) bool { return by("/oauth/token", alg) },
		"introspection_endpoint_auth_signing_alg_values_supported": func(alg string) bool { return by("/oauth/introspect", alg) },
		"revocation_endpoint_auth_signing_alg_values_supported":    func(alg string) bool { return by("/oauth/revoke", alg) },
		"request_object_signing_alg_values_supported": func(alg string) bool {
			return b.pushesObject(signed(alg, "oauth-authz-req+jwt", b.object(nil), false)).status == http.StatusCreated
		},
		"dpop_signing_alg_values_supported": func(alg string) bool {
			proof := signed(alg, "dpop+jwt", map[string]any{
				"jti": rand.Text(), "htm": "POST", "htu": h.provider.Issuer + "/oauth/par", "iat": h.clock.Now().Unix(),
			}, true)
			return h.withProof("/oauth/par", b.by(b.assertion(nil), b.asks()), proof).status == http.StatusCreated
		},
	} {
		said := h.listed(member)
		for alg := range algorithms() {
			if taken := taken(alg); taken != slices.Contains(said, alg) {
				t.Errorf("%s is %v, and %s is taken: %v", member, said, alg, taken)
			}
		}
		for _, alg := range said {
			if algorithms()[alg] == nil {
				t.Errorf("%s has %s, which nobody has tried", member, alg)
			}
		}
	}
	// What we sign with: a registration can choose each, and no other.
	for _, alg := range h.listed("id_token_signing_alg_values_supported") {
		h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.IDTokenAlg = alg })
		token, err := jose.ParseSignedCompact(h.signedIn(h.ada).tokens("openid").text("id_token"), []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
		h.must(err)
		if token.Signatures[0].Header.KeyID == "" {
			t.Errorf("%s without kid", alg)
		}
	}
}

// TestTokensAreBoundToAKeyOfEachKind: a proof may be by RSA with PS256, and by
// Ed25519, from the code to userinfo.
func TestTokensAreBoundToAKeyOfEachKind(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.newBank(fapi)
	for _, alg := range []string{keys.PS256, keys.EdDSA, keys.ES256} {
		key := algorithms()[alg]
		proof := func(method, path string, changes map[string]any) string {
			return sign(t, alg, "", "dpop+jwt", key, with(map[string]any{
				"jti": rand.Text(), "htm": method, "htu": h.provider.Issuer + path, "iat": h.clock.Now().Unix(),
			}, changes), true)
		}
		_, q := h.signedIn(h.ada).get(b.opens(b.pushes("scope=openid offline_access"))).location(t)
		a := h.withProof("/oauth/token", b.by(b.assertion(nil), exchange(q.Get("code"), "redirect_uri="+bankCallback)), proof("POST", "/oauth/token", nil))
		token := a.text("access_token")
		if a.status != http.StatusOK || a.text("token_type") != "DPoP" {
			t.Errorf("%s: %d %v", alg, a.status, a.body)
			continue
		}
		if got := h.userinfoBy("DPoP "+token, proof("GET", "/oauth/userinfo", map[string]any{"ath": hash(token)})); got.status != http.StatusOK {
			t.Errorf("%s: userinfo %d %v", alg, got.status, got.body)
		}
		if other := h.proof("GET", "/oauth/userinfo", map[string]any{"ath": hash(token)}); h.userinfoBy("DPoP "+token, other).status != http.StatusUnauthorized {
			t.Errorf("%s: a proof of another key will do", alg)
		}
	}
}
