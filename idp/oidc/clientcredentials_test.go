package oidc_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"testing"
	"time"

	"gatehouse/idp"
)

// machine registers an app that acts for itself, and whose tokens are meant for
// the wiki and itself.
func (h *house) machine(change ...func(*idp.App)) idp.App {
	h.t.Helper()
	now, sum := idp.Time(h.clock.Now()), sha256.Sum256([]byte(secret))
	a := idp.App{
		ID: idp.NewAppID(), Name: "robot", Protocol: idp.ProtocolOIDC, Identifier: "robot", CreatedAt: now, UpdatedAt: now,
		OIDC: &idp.OIDCSettings{
			ApplicationType: idp.ApplicationMachine, AuthMethod: "client_secret_basic", SecretHashes: []string{hex.EncodeToString(sum[:])},
			IDTokenAlg: "ES256", Scopes: []string{"stock.read", "stock.write"}, Audiences: []string{"wiki", "robot"},
		},
	}
	for _, f := range change {
		f(&a)
	}
	h.commit(idp.Change{Apps: []idp.App{a}})
	return a
}

func (h *house) asRobot() caller { return caller{h, true, "robot", secret} }

func (c caller) forItself(form ...string) answer {
	c.h.t.Helper()
	return c.post("/oauth/token", exchange("", append([]string{"code", "redirect_uri", "code_verifier", "grant_type=client_credentials"}, form...)...))
}

func TestAMachineGetsATokenForItself(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.machine()
	a := h.asRobot().forItself("scope=stock.read")
	if a.status != http.StatusOK || a.text("token_type") != "Bearer" || a.text("scope") != "stock.read" || a.body["expires_in"].(float64) != 300 {
		t.Fatalf("%d %v", a.status, a.body)
	}
	if a.body["refresh_token"] != nil || a.body["id_token"] != nil {
		t.Errorf("there is nobody to refresh for or to tell about: %v", a.body)
	}
	form := url.Values{"token": {a.text("access_token")}}
	for _, asker := range []caller{h.asRobot(), h.asWiki()} {
		i := asker.post("/oauth/introspect", form)
		if aud, _ := i.body["aud"].([]any); i.body["active"] != true || i.text("sub") != "robot" || i.text("client_id") != "robot" ||
			i.text("scope") != "stock.read" || len(aud) != 2 || i.body["username"] != nil || i.body["sid"] != nil {
			t.Errorf("%s is told %v", asker.id, i.body)
		}
	}
	h.asOther().post("/oauth/introspect", form).inactive(t)
	h.userinfo(a.text("access_token")).wants(t, http.StatusUnauthorized, "invalid_token")
	if all := h.asRobot().forItself(); all.text("scope") != "stock.read stock.write" {
		t.Errorf("nothing asked is everything: %v", all.body)
	}
	h.asRobot().forItself("scope=stock.read openid").wants(t, http.StatusBadRequest, "invalid_scope")
	h.asRobot().exchange("x").wants(t, http.StatusBadRequest, "unauthorized_client")
	h.asWiki().forItself().wants(t, http.StatusBadRequest, "unauthorized_client")
	h.asPhone().forItself().wants(t, http.StatusBadRequest, "unauthorized_client")
	caller{h, true, "robot", "wrong"}.forItself().wants(t, http.StatusUnauthorized, "invalid_client")
	h.clock.Advance(5 * time.Minute)
	h.asRobot().post("/oauth/introspect", form).inactive(t)
}

func TestAMachinesJWT(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.machine(func(a *idp.App) { a.OIDC.AccessTokenFormat, a.OIDC.Audiences = idp.AccessTokenJWT, nil })
	token := h.asRobot().forItself().text("access_token")
	claims := claimsOf(t, token)
	if claims["sub"] != "robot" || claims["client_id"] != "robot" || claims["aud"] != "robot" || claims["iss"] != h.provider.Issuer ||
		claims["scope"] != "stock.read stock.write" || claims["jti"] == nil || claims["auth_time"] != nil || claims["sid"] != nil {
		t.Errorf("claims %v", claims)
	}
	if i := h.asRobot().post("/oauth/introspect", url.Values{"token": {token}}); i.body["active"] != true {
		t.Errorf("introspection: %v", i.body)
	}
	h.userinfo(token).wants(t, http.StatusUnauthorized, "invalid_token")
	jti, _ := claims["jti"].(string)
	h.asRobot().post("/oauth/introspect", url.Values{"token": {jti}}).inactive(t)
}

// TestAMachinesTokensEndWithIt: everything it held is ended, its secret is
// taken away, or it is something else now: the tokens are refused from then on.
func TestAMachinesTokensEndWithIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	robot := h.machine()
	for what, end := range map[string]func(){
		"app end-all": func() {
			_, err := h.dir.EndApp(t.Context(), robot.ID, "test")
			h.must(err)
		},
		"all before now": func() {
			h.clock.Advance(time.Second)
			_, err := h.dir.EndBefore(t.Context(), h.clock.Now(), "test")
			h.must(err)
		},
		"its secret": func() {
			h.changeApp(robot.ID, func(a *idp.App) { a.OIDC.SecretHashes = []string{"another"} })
		},
	} {
		h.changeApp(robot.ID, func(a *idp.App) { a.OIDC.SecretHashes = robot.OIDC.SecretHashes })
		form := url.Values{"token": {h.asRobot().forItself().text("access_token")}}
		if i := h.asWiki().post("/oauth/introspect", form); i.body["active"] != true {
			t.Errorf("before %s: %v", what, i.body)
		}
		end()
		if i := h.asWiki().post("/oauth/introspect", form); i.body["active"] != false {
			t.Errorf("after %s: %v", what, i.body)
		}
	}
}

// TestOneTokenOfAMachineIsRevoked: by the machine alone, of either format, and no
// other of its tokens with it.
func TestOneTokenOfAMachineIsRevoked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	robot := h.machine()
	for _, format := range []string{"", idp.AccessTokenJWT} {
		h.changeApp(robot.ID, func(a *idp.App) { a.OIDC.AccessTokenFormat = format })
		one := url.Values{"token": {h.asRobot().forItself().text("access_token")}}
		two := url.Values{"token": {h.asRobot().forItself().text("access_token")}}
		h.asWiki().post("/oauth/revoke", one).wants(t, http.StatusBadRequest, "invalid_grant")
		for _, asker := range []caller{h.asRobot(), h.asWiki()} {
			if i := asker.post("/oauth/introspect", one); i.body["active"] != true {
				t.Fatalf("%q, before, %s is told %v", format, asker.id, i.body)
			}
		}
		for range 2 { // also one that is revoked already
			if a := h.asRobot().post("/oauth/revoke", one); a.status != http.StatusOK || len(a.body) != 0 {
				t.Fatalf("%q: %d %v", format, a.status, a.body)
			}
			h.asRobot().post("/oauth/introspect", one).inactive(t)
			h.asWiki().post("/oauth/introspect", one).inactive(t)
		}
		if i := h.asWiki().post("/oauth/introspect", two); i.body["active"] != true {
			t.Errorf("%q, its other token: %v", format, i.body)
		}
	}
	h.wantEvent("token.end")
	h.wantEvent("oidc.revoke.refuse")
}

// keyed registers a machine that signs with a key of its own.
func (h *house) keyed(change ...func(*idp.OIDCSettings)) bank {
	h.t.Helper()
	return h.newBank(append([]func(*idp.OIDCSettings){func(o *idp.OIDCSettings) {
		o.ApplicationType, o.RedirectURIs, o.AllowOfflineAccess, o.Scopes, o.Audiences = idp.ApplicationMachine, nil, false, []string{"stock.read"}, []string{"wiki"}
	}}, change...)...)
}

func itself() url.Values { return url.Values{"grant_type": {"client_credentials"}} }

// TestTokensOfAMachineWithAKeyHangOnItsKeys: whatever changes in how it may
// authenticate ends them, and nothing else does.
func TestTokensOfAMachineWithAKeyHangOnItsKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.keyed()
	for what, change := range map[string]func(*idp.OIDCSettings){
		"other keys":          func(o *idp.OIDCSettings) { o.JWKS = setOf(t, map[string]any{"new": held().ec2.Public()}) },
		"a place for them":    func(o *idp.OIDCSettings) { o.JWKS, o.JWKSURI = "", "https://bank.example/keys" },
		"a secret":            func(o *idp.OIDCSettings) { o.SecretHashes = []string{"another"} },
		"another way":         func(o *idp.OIDCSettings) { o.AuthMethod = "tls_client_auth" },
		"nothing that counts": func(o *idp.OIDCSettings) { o.Scopes = append(o.Scopes, "stock.write") },
	} {
		h.changeApp(b.app.ID, func(a *idp.App) { *a.OIDC = *b.app.OIDC })
		a := b.proven("/oauth/token", itself())
		if a.status != http.StatusOK || a.text("token_type") != "Bearer" || a.text("scope") != "stock.read" {
			t.Fatalf("%d %v", a.status, a.body)
		}
		form := url.Values{"token": {a.text("access_token")}}
		if i := h.asWiki().post("/oauth/introspect", form); i.body["active"] != true || i.text("token_type") != "Bearer" || i.body["cnf"] != nil {
			t.Fatalf("before %s: %v", what, i.body)
		}
		h.changeApp(b.app.ID, func(a *idp.App) { change(a.OIDC) })
		if i := h.asWiki().post("/oauth/introspect", form); i.body["active"] != (what == "nothing that counts") {
			t.Errorf("after %s: %v", what, i.body)
		}
	}
}

// TestTokensOfAMachineAreBound to the key of its proof, of either format: one
// that is registered for bound tokens never gets others.
func TestTokensOfAMachineAreBound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.keyed(func(o *idp.OIDCSettings) { o.DPoPBound = true })
	b.proven("/oauth/token", itself()).wants(t, http.StatusBadRequest, "invalid_request")
	for _, format := range []string{"", idp.AccessTokenJWT} {
		h.changeApp(b.app.ID, func(a *idp.App) { a.OIDC.AccessTokenFormat = format })
		a := h.withProof("/oauth/token", b.by(b.assertion(nil), itself()), h.proof("POST", "/oauth/token", nil))
		token := a.text("access_token")
		if a.status != http.StatusOK || a.text("token_type") != "DPoP" {
			t.Fatalf("%s: %d %v", format, a.status, a.body)
		}
		i := h.asWiki().post("/oauth/introspect", url.Values{"token": {token}})
		if i.text("token_type") != "DPoP" || jktOf(i.body) != thumbprint(t, held().ec2.Public()) {
			t.Errorf("%s: introspection says %v", format, i.body)
		}
		if format == idp.AccessTokenJWT && jktOf(claimsOf(t, token)) != thumbprint(t, held().ec2.Public()) {
			t.Errorf("the JWT says %v", claimsOf(t, token))
		}
	}
	// One that need not have them gets what it proves.
	robot := h.machine(func(a *idp.App) { a.OIDC.AuthMethod = "client_secret_post" })
	req := exchange("", "code", "redirect_uri", "code_verifier", "grant_type=client_credentials", "client_id="+robot.Identifier, "client_secret="+secret)
	if a := h.withProof("/oauth/token", req, h.proof("POST", "/oauth/token", nil)); a.text("token_type") != "DPoP" {
		t.Errorf("unasked: %d %v", a.status, a.body)
	}
}

// jktOf is the key that claims or an introspection say a token is bound to.
func jktOf(claims map[string]any) string {
	cnf, _ := claims["cnf"].(map[string]any)
	jkt, _ := cnf["jkt"].(string)
	return jkt
}
