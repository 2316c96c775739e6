package oidc_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/idp"
	"gatehouse/idp/keys"
)

const bankCallback = "https://bank.example/cb"

// bank is an app that signs: its client assertions, its request objects and
// its proofs.
type bank struct {
	caller
	app idp.App
}

// holder is the keys of a client, made once: RSA keys take their time.
type holder struct {
	rsa     *rsa.PrivateKey
	ec, ec2 *ecdsa.PrivateKey
	ed      ed25519.PrivateKey
}

var held = sync.OnceValue(func() (k holder) {
	k.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	k.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k.ec2, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, k.ed, _ = ed25519.GenerateKey(rand.Reader)
	return k
})

// setOf is a JWK set of public keys, by kid.
func setOf(t testing.TB, byID map[string]any) string {
	t.Helper()
	var set jose.JSONWebKeySet
	for kid, key := range byID {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key, KeyID: kid})
	}
	b, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// newBank registers an app that authenticates by private_key_jwt, which ada
// and bob may use.
func (h *house) newBank(change ...func(*idp.OIDCSettings)) bank {
	h.t.Helper()
	return h.newBankOf("bank", change...)
}

func (h *house) newBankOf(name string, change ...func(*idp.OIDCSettings)) bank {
	h.t.Helper()
	now := idp.Time(h.clock.Now())
	k := held()
	app := idp.App{
		ID: idp.NewAppID(), Name: name, Protocol: idp.ProtocolOIDC, Identifier: name, CreatedAt: now, UpdatedAt: now,
		OIDC: &idp.OIDCSettings{
			ApplicationType: "web", AuthMethod: "private_key_jwt", RedirectURIs: []string{bankCallback}, IDTokenAlg: "ES256", AllowOfflineAccess: true,
			JWKS: setOf(h.t, map[string]any{"rsa": k.rsa.Public(), "ec": k.ec.Public(), "ed": k.ed.Public()}),
		},
	}
	for _, c := range change {
		c(app.OIDC)
	}
	h.commit(idp.Change{Apps: []idp.App{app}})
	h.commit(idp.Change{Grants: []idp.Grant{
		{ID: idp.NewGrantID(), AppID: app.ID, UserID: h.ada.ID, CreatedAt: now},
		{ID: idp.NewGrantID(), AppID: app.ID, UserID: h.bob.ID, CreatedAt: now},
	}})
	return bank{caller{h: h}, app}
}

// sign returns a JWT; typ may be empty. jwk puts the public key into its header.
func sign(t testing.TB, alg, kid, typ string, key any, claims map[string]any, jwk bool) string {
	t.Helper()
	opts := (&jose.SignerOptions{EmbedJWK: jwk})
	if typ != "" {
		opts = opts.WithType(jose.ContentType(typ))
	}
	var signing any = key
	if kid != "" {
		signing = jose.JSONWebKey{Key: key, KeyID: kid}
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: signing}, opts)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := s.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// with is claims with some changed; nil leaves one out.
func with(claims, changes map[string]any) map[string]any {
	claims = maps.Clone(claims)
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}

// claims are those of a client assertion.
func (b bank) claims(changes map[string]any) map[string]any {
	now := b.h.clock.Now()
	return with(map[string]any{
		"iss": b.app.Identifier, "sub": b.app.Identifier, "aud": b.h.provider.Issuer, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}, changes)
}

func (b bank) assertion(changes map[string]any) string {
	return sign(b.h.t, keys.ES256, "ec", "", held().ec, b.claims(changes), false)
}

// by is a form with this client assertion.
func (b bank) by(assertion string, form url.Values) url.Values {
	form = maps.Clone(form)
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
	return form
}

// proven asks with an assertion of its own.
func (b bank) proven(path string, form url.Values) answer {
	b.h.t.Helper()
	return b.post(path, b.by(b.assertion(nil), form))
}

// proves reports whether the assertion authenticates: what is asked then is
// about a token that is none.
func (b bank) proves(t *testing.T, name, assertion string, want bool) {
	t.Helper()
	a := b.post("/oauth/introspect", b.by(assertion, url.Values{"token": {"x"}}))
	if !want {
		if a.status != http.StatusUnauthorized || a.text("error") != "invalid_client" {
			t.Errorf("%s: %d %v", name, a.status, a.body)
		}
		return
	}
	if a.status != http.StatusOK {
		t.Errorf("%s: %d %v", name, a.status, a.body)
	}
}

// asks is ask, for the bank.
func (b bank) asks(changes ...string) url.Values {
	return ask(append([]string{"client_id=" + b.app.Identifier, "redirect_uri=" + bankCallback}, changes...)...)
}

// swap puts one character in the place of another, where a signature stands.
func swap(token string) string {
	i := len(token) - 20
	return token[:i] + strings.Map(func(r rune) rune {
		if r == 'A' {
			return 'B'
		}
		return 'A'
	}, token[i:i+1]) + token[i+1:]
}
