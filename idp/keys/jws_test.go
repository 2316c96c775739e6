package keys

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
)

// crafted returns a JWS with any header and claims, signed by sign.
func crafted(head, claims string, sign func(input []byte) []byte) string {
	input := base64url.EncodeToString([]byte(head)) + "." + base64url.EncodeToString([]byte(claims))
	return input + "." + base64url.EncodeToString(sign([]byte(input)))
}

// by signs with a key of the ring: what is refused then is refused for its
// header or claims alone.
func by(t testing.TB, k Key) func([]byte) []byte {
	return func(input []byte) []byte {
		signature, err := k.sign(input)
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
}

func refuse(t *testing.T, r *Ring, what, token, typ string) {
	t.Helper()
	if claims, err := r.Verify(token, typ); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("%s: %s, %v", what, claims, err)
	}
}

func TestSignedTokenVerifies(t *testing.T) {
	t.Parallel()
	r := newRing(t, &table{})
	for _, alg := range []string{RS256, ES256} {
		for _, c := range []struct {
			signed, asked string
			ok            bool
		}{
			{"", "", true},
			{"JWT", "", true},
			{"at+jwt", "at+jwt", true},
			{"at+jwt", "AT+JWT", true},
			{"at+jwt", "", false},
			{"", "at+jwt", false},
			{"logout+jwt", "at+jwt", false},
		} {
			token, err := r.Sign(alg, c.signed, map[string]any{"sub": "usr_a", "n": 1})
			if err != nil {
				t.Fatal(err)
			}
			claims, err := r.Verify(token, c.asked)
			if (err == nil) != c.ok || c.ok && string(claims) != `{"n":1,"sub":"usr_a"}` {
				t.Errorf("%s signed as %q, asked as %q: %s, %v", alg, c.signed, c.asked, claims, err)
			}
		}
	}
	if _, err := r.Sign("none", "", map[string]any{}); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("signed with none: %v", err)
	}
	if _, err := r.Sign(ES256, "", make(chan int)); err == nil {
		t.Error("signed what is no JSON")
	}
}

func TestChangedTokenIsRefused(t *testing.T) {
	t.Parallel()
	r := newRing(t, &table{})
	for _, alg := range []string{RS256, ES256} {
		token, err := r.Sign(alg, "", map[string]any{"sub": "usr_a"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(token) {
			refuse(t, r, "truncated", token[:i], "")
			refuse(t, r, "line break", token[:i]+"\n"+token[i:], "")
			changed := []byte(token)
			changed[i] ^= 1
			refuse(t, r, "one bit", string(changed), "")
		}
		for _, tail := range []string{"A", "AAAA", "=", ".", ".AAAA", "\n"} {
			refuse(t, r, "extended", token+tail, "")
		}
	}
}

func TestJW01TokenWithoutSignatureIsRefused(t *testing.T) {
	t.Parallel()
	r := newRing(t, &table{})
	k := keyOf(t, r, UseOIDC, RS256)
	for _, alg := range []string{`"alg":"none",`, `"alg":"None",`, `"alg":"nOnE",`, `"alg":"",`, `"alg":null,`, ``} {
		head := fmt.Sprintf(`{%s"kid":%q}`, alg, k.ID)
		for what, sign := range map[string]func([]byte) []byte{
			"unsigned": func([]byte) []byte { return nil },
			"signed":   by(t, k),
		} {
			refuse(t, r, what+" "+head, crafted(head, `{"sub":"a"}`, sign), "")
		}
	}
}

func TestJW02PublicKeyAsSecretIsRefused(t *testing.T) {
	t.Parallel()
	r := newRing(t, &table{})
	k := keyOf(t, r, UseOIDC, RS256)
	der, err := x509.MarshalPKIXPublicKey(k.Signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	for what, secret := range map[string][]byte{
		"PEM":  pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"DER":  der,
		"PKCS": x509.MarshalPKCS1PublicKey(k.Signer.Public().(*rsa.PublicKey)),
		"JWKS": r.JWKS(),
	} {
		for _, alg := range []string{"HS256", "RS256", "ES256"} {
			head := fmt.Sprintf(`{"alg":%q,"kid":%q}`, alg, k.ID)
			refuse(t, r, what+" "+alg, crafted(head, `{"sub":"a"}`, func(input []byte) []byte {
				mac := hmac.New(sha256.New, secret)
				mac.Write(input)
				return mac.Sum(nil)
			}), "")
		}
	}
	// The algorithm is pinned to the key, not only to a list.
	for _, alg := range []string{"ES256", "RS384", "PS256"} {
		refuse(t, r, alg, crafted(fmt.Sprintf(`{"alg":%q,"kid":%q}`, alg, k.ID), `{"sub":"a"}`, by(t, k)), "")
	}
}

func TestJW03KeyInTheHeaderIsRefused(t *testing.T) {
	t.Parallel()
	r := newRing(t, &table{})
	k := keyOf(t, r, UseOIDC, RS256)
	attacker, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := jwks([]*Key{{ID: "x", Algorithm: RS256, Signer: attacker}})
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(public, &set); err != nil {
		t.Fatal(err)
	}
	for _, extra := range []string{
		`"jwk":` + string(set.Keys[0]),
		`"x5c":["MIIB"]`, `"x5t":"AAAA"`, `"crit":["b64"]`, `"crit":["exp"]`, `"b64":false`, `"zip":"DEF"`, `"cty":"JWT"`,
	} {
		for what, key := range map[string]Key{"attacker": {Algorithm: RS256, Signer: attacker}, "our own key": k} {
			head := fmt.Sprintf(`{"alg":"RS256","kid":%q,%s}`, k.ID, extra)
			refuse(t, r, what+" "+extra, crafted(head, `{"sub":"a"}`, by(t, key)), "")
		}
	}
}

func TestJW04KeyURLIsNeverFetched(t *testing.T) {
	t.Parallel()
	canary, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var connections atomic.Int32
	go func() {
		for {
			c, err := canary.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			c.Close()
		}
	}()
	r := newRing(t, &table{})
	k := keyOf(t, r, UseOIDC, RS256)
	for _, name := range []string{"jku", "x5u"} {
		head := fmt.Sprintf(`{"alg":"RS256","kid":%q,%q:"http://%s/keys"}`, k.ID, name, canary.Addr())
		refuse(t, r, name, crafted(head, `{"sub":"a"}`, by(t, k)), "")
	}
	time.Sleep(20 * time.Millisecond)
	canary.Close()
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestJW05StrangeKeyIDIsRefused(t *testing.T) {
	t.Parallel()
	store := &table{}
	r := newRing(t, store)
	k, saml := keyOf(t, r, UseOIDC, RS256), keyOf(t, r, UseSAML, RS256)
	for _, kid := range []string{
		`"../../dev/null"`, `"' OR 1=1--"`, `""`, `null`, `7`, `["` + k.ID + `"]`, `{"a":1}`,
		`"` + strings.ToUpper(k.ID) + `"`, `"` + k.ID + ` "`, `"` + strings.Repeat("k", 8000) + `"`,
	} {
		refuse(t, r, clip(kid), crafted(`{"alg":"RS256","kid":`+kid+`}`, `{"sub":"a"}`, by(t, k)), "")
	}
	refuse(t, r, "1 MB", crafted(`{"alg":"RS256","kid":"`+strings.Repeat("k", 1<<20)+`"}`, `{"sub":"a"}`, by(t, k)), "")
	refuse(t, r, "missing", crafted(`{"alg":"RS256"}`, `{"sub":"a"}`, by(t, k)), "")
	refuse(t, r, "twice", crafted(fmt.Sprintf(`{"alg":"RS256","kid":"x","kid":%q}`, k.ID), `{"sub":"a"}`, by(t, k)), "")
	refuse(t, r, "SAML key", crafted(fmt.Sprintf(`{"alg":"RS256","kid":%q}`, saml.ID), `{"sub":"a"}`, by(t, saml)), "")

	store.retire(UseOIDC, RS256, start)
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	refuse(t, r, "retired", crafted(fmt.Sprintf(`{"alg":"RS256","kid":%q}`, k.ID), `{"sub":"a"}`, by(t, k)), "")
}

func TestJW07AbsurdTokenIsRefusedCheaply(t *testing.T) { // not parallel: it measures
	r := newRing(t, &table{})
	k := keyOf(t, r, UseOIDC, ES256)
	head := fmt.Sprintf(`{"alg":"ES256","kid":%q}`, k.ID)
	signed := func(claims string) string { return crafted(head, claims, by(t, k)) }
	nested := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }

	if _, err := r.Verify(signed(`{"sub":"a","x":{"sub":"b","list":[{"sub":"c"},{"sub":"d"}]}}`), ""); err != nil {
		t.Errorf("the same name in different objects: %v", err)
	}
	if _, err := r.Verify(signed(nested(maxDepth)), ""); err != nil {
		t.Errorf("nested as deep as allowed: %v", err)
	}
	tokens := map[string]string{
		"a million dots":         strings.Repeat(".", 1_000_000),
		"16 KiB of dots":         strings.Repeat(".", maxToken),
		"deep header":            crafted(nested(3000), `{}`, by(t, k)),
		"deep claims":            signed(nested(maxDepth + 1)),
		"deep list":              signed(`{"a":` + strings.Repeat("[", 4000) + strings.Repeat("]", 4000) + "}"),
		"two alg":                crafted(fmt.Sprintf(`{"alg":"none","alg":"ES256","kid":%q}`, k.ID), `{}`, by(t, k)),
		"two sub":                signed(`{"sub":"a","sub":"b"}`),
		"two sub by escape":      signed(`{"sub":"a","\u0073ub":"b"}`),
		"two sub by case":        signed(`{"sub":"a","SUB":"b"}`),
		"two sub by folding":     signed(`{"sub":"a","ſub":"b"}`),
		"two aud":                signed(`{"aud":"a","aud":["b"]}`),
		"two inside":             signed(`{"x":[{"a":{"b":1,"b":2}}]}`),
		"claims cut":             signed(`{"sub":"a"`),
		"claims with a tail":     signed(`{"sub":"a"}{"sub":"b"}`),
		"claims with a tail, no": signed(`{"sub":"a"} x`),
		"list for claims":        signed(`["a"]`),
		"text for claims":        signed(`"a"`),
		"null for claims":        signed(`null`),
		"no claims":              signed(``),
		"header with a tail":     crafted(head+head, `{}`, by(t, k)),
		"header is a list":       crafted(`["alg"]`, `{}`, by(t, k)),
		"short signature":        crafted(head, `{}`, func([]byte) []byte { return []byte{1} }),
		"zero signature":         crafted(head, `{}`, func([]byte) []byte { return make([]byte, 64) }),
		"empty":                  "",
	}
	for what, token := range tokens {
		refuse(t, r, what, token, "")
		if size := allocated(func() { _, _ = r.Verify(token, "") }); size > 1<<20 {
			t.Errorf("%s: %d bytes allocated", what, size)
		}
	}
}

// allocated returns how many bytes f allocates; nothing may run beside it.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func FuzzVerify(f *testing.F) {
	r := newRing(f, &table{})
	token, err := r.Sign(ES256, "JWT", map[string]any{"sub": "a"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add("e30.e30.")
	f.Add(base64url.EncodeToString([]byte(`{"alg":"ES256","kid":{"a":[]}}`)) + ".e30.AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		if claims, err := r.Verify(text, ""); err == nil && text != token {
			t.Errorf("%q verified as %s", text, claims)
		}
	})
}

func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"sub":"a","x":[{"b":1}]}`))
	f.Add([]byte(`{"a":1,"A":2}`))
	f.Add([]byte(`{"a":[}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if unambiguous(raw) != nil {
			return
		}
		if !json.Valid(raw) {
			t.Errorf("accepted %q", raw)
		}
	})
}
