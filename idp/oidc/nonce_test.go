package oidc_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/oidc"
)

// TestAProofCarriesANonceOfOurs, at each endpoint that takes one, where the house
// says so; a call that lacks it spends nothing and is no refusal for the audit log.
func TestAProofCarriesANonceOfOurs(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(p *oidc.Provider) { p.ProofNonces = true })
	b := h.newBank(func(o *idp.OIDCSettings) { o.DPoPBound = true })
	wants := func(a answer, status int) (nonce string) {
		t.Helper()
		nonce = a.header.Get("DPoP-Nonce")
		if a.status != status || a.text("error") != "use_dpop_nonce" || nonce == "" || a.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v with the nonce %q, want %d", a.status, a.body, nonce, status)
		}
		return nonce
	}
	with := func(nonce string, more map[string]any) map[string]any {
		claims := map[string]any{"nonce": nonce}
		for name, value := range more {
			claims[name] = value
		}
		return claims
	}
	push := func(claims map[string]any) answer {
		return h.withProof("/oauth/par", b.by(b.assertion(nil), b.asks("scope=openid offline_access")), h.proof("POST", "/oauth/par", claims))
	}
	nonce := wants(push(nil), http.StatusBadRequest)
	pushed := push(with(nonce, nil))
	if pushed.status != http.StatusCreated || pushed.header.Get("DPoP-Nonce") == "" {
		t.Fatalf("par: %d %v", pushed.status, pushed.body)
	}
	_, q := h.signedIn(h.ada).get("/oauth/authorize?" + url.Values{"client_id": {b.app.Identifier}, "request_uri": {pushed.text("request_uri")}}.Encode()).location(t)
	exchanged := func(claims map[string]any) answer {
		return h.withProof("/oauth/token", b.by(b.assertion(nil), exchange(q.Get("code"), "redirect_uri="+bankCallback)), h.proof("POST", "/oauth/token", claims))
	}
	wants(exchanged(nil), http.StatusBadRequest)
	wants(exchanged(with("made up", nil)), http.StatusBadRequest)
	nonce = wants(exchanged(with(nonce+"x", nil)), http.StatusBadRequest)
	a := exchanged(with(nonce, nil)) // the code is good still
	token := a.text("access_token")
	if a.status != http.StatusOK || a.text("token_type") != "DPoP" {
		t.Fatalf("token: %d %v", a.status, a.body)
	}
	ath := map[string]any{"ath": hash(token)}
	served := func(nonce string) answer {
		return h.userinfoBy("DPoP "+token, h.proof("GET", "/oauth/userinfo", with(nonce, ath)))
	}
	refused := h.userinfoBy("DPoP "+token, h.proof("GET", "/oauth/userinfo", ath))
	nonce = wants(refused, http.StatusUnauthorized)
	if got := refused.header.Get("WWW-Authenticate"); !strings.Contains(got, `DPoP realm="gatehouse"`) || !strings.Contains(got, `error="use_dpop_nonce"`) {
		t.Errorf("WWW-Authenticate: %s", got)
	}
	for range 2 { // a nonce is for a while, a proof for once
		if got := served(nonce); got.status != http.StatusOK || got.text("sub") != string(h.ada.ID) {
			t.Errorf("userinfo: %d %v", got.status, got.body)
		}
	}
	h.clock.Advance(61 * time.Second)
	wants(served(nonce), http.StatusUnauthorized)
	if a := h.asWiki().post("/oauth/token", url.Values{"grant_type": {"x"}}); a.header.Get("DPoP-Nonce") != "" {
		t.Error("a nonce for a call without a proof")
	}
	if got := h.events(); slices.Contains(got, "oidc.proof.refuse") {
		t.Errorf("written down as refused: %v", got)
	}
}
