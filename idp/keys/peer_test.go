package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/idp"
)

// peer is an app with a key of each kind, and the set of their public halves.
type peer struct {
	rsa     *rsa.PrivateKey
	ec      *ecdsa.PrivateKey
	ed      ed25519.PrivateKey
	jwks    string
	another *ecdsa.PrivateKey // in no set
}

var thePeer = sync.OnceValue(func() peer {
	var p peer
	p.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	p.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p.another, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, p.ed, _ = ed25519.GenerateKey(rand.Reader)
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: p.rsa.Public(), KeyID: "rsa", Use: "sig"},
		{Key: p.ec.Public(), KeyID: "ec"},
		{Key: p.ed.Public(), KeyID: "ed", Algorithm: EdDSA},
	}})
	if err != nil {
		panic(err)
	}
	p.jwks = string(set)
	return p
})

// signed is a JWS with this header, signed as its alg says, whatever the key.
func (p peer) signed(t testing.TB, head, claims string, key any) string {
	t.Helper()
	var h struct{ Alg string }
	if err := json.Unmarshal([]byte(head), &h); err != nil {
		t.Fatal(err)
	}
	return crafted(head, claims, func(input []byte) []byte {
		sum := sha256.Sum256(input)
		var sig []byte
		var err error
		switch key := key.(type) {
		case []byte:
			mac := hmac.New(sha256.New, key)
			mac.Write(input)
			return mac.Sum(nil)
		case ed25519.PrivateKey:
			return ed25519.Sign(key, input)
		case *rsa.PrivateKey:
			if h.Alg == PS256 {
				sig, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
			} else {
				sig, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
			}
		case *ecdsa.PrivateKey:
			if sig, err = key.Sign(rand.Reader, sum[:], crypto.SHA256); err == nil {
				sig, err = fixedWidth(sig)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return sig
	})
}

func TestPeerSignaturesVerify(t *testing.T) {
	t.Parallel()
	p := thePeer()
	set, err := ParsePeerKeys([]byte(p.jwks))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		head string
		key  any
	}{
		"PS256":                          {`{"alg":"PS256","kid":"rsa"}`, p.rsa},
		"RS256":                          {`{"alg":"RS256","kid":"rsa","typ":"JWT"}`, p.rsa},
		"ES256":                          {`{"alg":"ES256","kid":"ec","typ":"client-authentication+jwt"}`, p.ec},
		"EdDSA":                          {`{"alg":"EdDSA","kid":"ed"}`, p.ed},
		"no kid, and one key alone fits": {`{"alg":"ES256"}`, p.ec},
	} {
		claims, err := set.Verify(p.signed(t, c.head, `{"sub":"a"}`, c.key), []string{PS256, RS256, ES256, EdDSA}, "client-authentication+jwt")
		if err != nil || string(claims) != `{"sub":"a"}` {
			t.Errorf("%s: %s, %v", name, claims, err)
		}
	}
}

func TestPeerSignaturesThatProveNothing(t *testing.T) {
	t.Parallel()
	p := thePeer()
	set, err := ParsePeerKeys([]byte(p.jwks))
	if err != nil {
		t.Fatal(err)
	}
	public, _ := json.Marshal(jose.JSONWebKey{Key: p.another.Public()})
	const good = `{"sub":"a"}`
	for name, token := range map[string]string{
		"JW-01 none":                        crafted(`{"alg":"none","kid":"ec"}`, good, func([]byte) []byte { return nil }),
		"JW-01 nOnE":                        crafted(`{"alg":"nOnE","kid":"ec"}`, good, func([]byte) []byte { return nil }),
		"JW-01 no alg":                      p.signed(t, `{"kid":"ec"}`, good, p.ec),
		"JW-02 the public key as secret":    p.signed(t, `{"alg":"HS256","kid":"ec"}`, good, []byte(p.jwks)),
		"an algorithm that is not allowed":  p.signed(t, `{"alg":"RS256","kid":"rsa"}`, good, p.rsa),
		"the algorithm of another key":      p.signed(t, `{"alg":"ES256","kid":"rsa"}`, good, p.ec),
		"another key":                       p.signed(t, `{"alg":"ES256","kid":"ec"}`, good, p.another),
		"JW-03 its own key":                 p.signed(t, `{"alg":"ES256","kid":"ec","jwk":`+string(public)+`}`, good, p.another),
		"JW-03 its own key, rightly signed": p.signed(t, `{"alg":"ES256","kid":"ec","jwk":`+string(public)+`}`, good, p.ec),
		"JW-04 an address of a key":         p.signed(t, `{"alg":"ES256","kid":"ec","jku":"http://127.0.0.1:1/"}`, good, p.ec),
		"JW-04 an address of a certificate": p.signed(t, `{"alg":"ES256","kid":"ec","x5u":"http://127.0.0.1:1/"}`, good, p.ec),
		"JW-05 a path as kid":               p.signed(t, `{"alg":"ES256","kid":"../../dev/null"}`, good, p.ec),
		"JW-05 SQL as kid":                  p.signed(t, `{"alg":"ES256","kid":"' OR 1=1--"}`, good, p.ec),
		"JW-05 a huge kid":                  p.signed(t, `{"alg":"ES256","kid":"`+strings.Repeat("x", 1<<20)+`"}`, good, p.ec),
		"crit":                              p.signed(t, `{"alg":"ES256","kid":"ec","crit":["b64"],"b64":false}`, good, p.ec),
		"another typ":                       p.signed(t, `{"alg":"ES256","kid":"ec","typ":"dpop+jwt"}`, good, p.ec),
		"JW-07 a claim twice":               p.signed(t, `{"alg":"ES256","kid":"ec"}`, `{"sub":"a","sub":"b"}`, p.ec),
		"JW-07 a claim twice in two cases":  p.signed(t, `{"alg":"ES256","kid":"ec"}`, `{"sub":"a","Sub":"b"}`, p.ec),
		"JW-07 a header twice":              p.signed(t, `{"alg":"ES256","kid":"ec","kid":"rsa"}`, good, p.ec),
		"JW-07 dots":                        strings.Repeat(".", 1_000_000),
		"claims that are no object":         p.signed(t, `{"alg":"ES256","kid":"ec"}`, `"a"`, p.ec),
		"cut short":                         strings.TrimSuffix(p.signed(t, `{"alg":"ES256","kid":"ec"}`, good, p.ec), "A")[:100],
		"nothing":                           "",
	} {
		if claims, err := set.Verify(token, []string{PS256, ES256, EdDSA}, "client-authentication+jwt"); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%s: %s, %v", name, claims, err)
		}
	}
	two, err := ParsePeerKeys([]byte(strings.Replace(p.jwks, `"keys":[`, `"keys":[`+string(public)+`,`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if claims, err := two.Verify(p.signed(t, `{"alg":"ES256"}`, good, p.ec), []string{ES256}, ""); err == nil {
		t.Errorf("no kid with two keys that fit: %s", claims)
	}
}

func TestPeerKeySets(t *testing.T) {
	t.Parallel()
	p := thePeer()
	private, _ := json.Marshal(jose.JSONWebKey{Key: p.ec})
	short, _ := rsa.GenerateKey(rand.Reader, 1024)
	weak, _ := json.Marshal(jose.JSONWebKey{Key: short.Public()})
	one, _ := json.Marshal(jose.JSONWebKey{Key: p.ec.Public()})
	other384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	curve, _ := json.Marshal(jose.JSONWebKey{Key: other384.Public()})
	set := func(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }
	for name, raw := range map[string]string{
		"nothing":             "",
		"no object":           "[]",
		"no keys":             "{}",
		"an empty set":        set(),
		"a private key":       set(string(private), string(one)),
		"a secret":            set(`{"kty":"oct","k":"c2VjcmV0"}`, string(one)),
		"a short RSA key":     set(string(weak)),
		"a point off curve":   set(`{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}`),
		"another curve alone": set(string(curve)),
		"too many":            set(strings.Split(strings.Repeat(string(one)+"|", 21)[:21*(len(one)+1)-1], "|")...),
		"too long":            set(string(one), fmt.Sprintf(`{"kty":"x","n":%q}`, strings.Repeat("x", 65<<10))),
		"keys twice":          `{"keys":[],"keys":[` + string(one) + `]}`,
	} {
		if _, err := ParsePeerKeys([]byte(raw)); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParsePeerKeys([]byte(set(string(curve), `{"kty":"new"}`, string(one)))); err != nil {
		t.Errorf("keys for others beside one of ours: %v", err)
	}
}

// FuzzPeer: whatever a client sends, nothing panics, and nothing verifies that
// was not signed.
func FuzzPeer(f *testing.F) {
	p := thePeer()
	set, err := ParsePeerKeys([]byte(p.jwks))
	if err != nil {
		f.Fatal(err)
	}
	public, _ := json.Marshal(jose.JSONWebKey{Key: p.another.Public()})
	f.Add(p.signed(f, `{"alg":"ES256","kid":"ec"}`, `{"sub":"a"}`, p.another))
	f.Add(p.signed(f, `{"alg":"ES256","typ":"dpop+jwt","jwk":`+string(public)+`}`, `{"jti":"a"}`, p.ec))
	f.Fuzz(func(t *testing.T, token string) {
		SubjectOf(token)
		KeyIDOf(token)
		if _, err := set.Verify(token, []string{PS256, ES256, EdDSA, RS256}, ""); err == nil {
			t.Errorf("%q verifies", token)
		}
		if _, thumbprint, err := VerifyEmbedded(token, []string{ES256}, "dpop+jwt"); err == nil && len(thumbprint) != 43 {
			t.Errorf("thumbprint %q", thumbprint)
		}
	})
}

func TestEmbeddedKeyIsProvenHeld(t *testing.T) {
	t.Parallel()
	p := thePeer()
	jwk := func(k any) string {
		b, err := json.Marshal(jose.JSONWebKey{Key: k})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	head := func(alg, typ string, k any) string {
		return fmt.Sprintf(`{"alg":%q,"typ":%q,"jwk":%s}`, alg, typ, jwk(k))
	}
	algs := []string{ES256, PS256, EdDSA}
	claims, got, err := VerifyEmbedded(p.signed(t, head(ES256, "dpop+jwt", p.ec.Public()), `{"jti":"a"}`, p.ec), algs, "dpop+jwt")
	sum, _ := (&jose.JSONWebKey{Key: p.ec.Public()}).Thumbprint(crypto.SHA256)
	if err != nil || string(claims) != `{"jti":"a"}` || got != base64url.EncodeToString(sum) {
		t.Errorf("%s %q %v", claims, got, err)
	}
	for name, token := range map[string]string{
		"signed by another":     p.signed(t, head(ES256, "dpop+jwt", p.ec.Public()), `{"jti":"a"}`, p.another),
		"another typ":           p.signed(t, head(ES256, "JWT", p.ec.Public()), `{"jti":"a"}`, p.ec),
		"no key":                p.signed(t, `{"alg":"ES256","typ":"dpop+jwt"}`, `{"jti":"a"}`, p.ec),
		"the private key too":   p.signed(t, head(ES256, "dpop+jwt", p.ec), `{"jti":"a"}`, p.ec),
		"a key of another kind": p.signed(t, head(ES256, "dpop+jwt", p.rsa.Public()), `{"jti":"a"}`, p.ec),
		"RS256":                 p.signed(t, head(RS256, "dpop+jwt", p.rsa.Public()), `{"jti":"a"}`, p.rsa),
		"a secret":              p.signed(t, `{"alg":"HS256","typ":"dpop+jwt","jwk":{"kty":"oct","k":"c2VjcmV0"}}`, `{"jti":"a"}`, []byte("secret")),
		"a claim twice":         p.signed(t, head(ES256, "dpop+jwt", p.ec.Public()), `{"jti":"a","jti":"b"}`, p.ec),
		"a key that is null":    p.signed(t, `{"alg":"ES256","typ":"dpop+jwt","jwk":null}`, `{"jti":"a"}`, p.ec),
	} {
		if claims, _, err := VerifyEmbedded(token, algs, "dpop+jwt"); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%s: %s, %v", name, claims, err)
		}
	}
}
