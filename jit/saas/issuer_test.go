package saas

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const clientID, clientSecret = "wiki-client", "a secret, with / and : in it"

type claims map[string]any

// issuer is a small OpenID provider that signs in one person without asking.
type issuer struct {
	t       *testing.T
	URL     string
	key     *ecdsa.PrivateKey
	handler http.Handler

	mu       sync.Mutex
	sub, sid string
	person   claims // into the ID token
	userinfo claims
	idToken  func(claims)     // changes an ID token before it is signed
	callback func(url.Values) // changes an answer before it is sent
	codes    map[string]url.Values
	ended    []url.Values // what end_session got
}

func startIssuer(t *testing.T) *issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	is := &issuer{
		t: t, key: key, sub: "u-1", sid: "sid-1", codes: map[string]url.Values{},
		person:   claims{"name": "Grace Hopper", "groups": []string{"crew", "admirals"}},
		userinfo: claims{"email": "grace@example.com", "email_verified": true},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, claims{
			"issuer": is.URL, "authorization_endpoint": is.URL + "/oauth/authorize", "token_endpoint": is.URL + "/oauth/token",
			"userinfo_endpoint": is.URL + "/oauth/userinfo", "jwks_uri": is.URL + "/oauth/keys", "end_session_endpoint": is.URL + "/oauth/end_session",
			"id_token_signing_alg_values_supported": []string{"ES256"}, "authorization_response_iss_parameter_supported": true,
		})
	})
	mux.HandleFunc("GET /oauth/keys", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /oauth/authorize", is.authorize)
	mux.HandleFunc("POST /oauth/token", is.token)
	mux.HandleFunc("GET /oauth/userinfo", func(w http.ResponseWriter, r *http.Request) {
		is.mu.Lock()
		defer is.mu.Unlock()
		answer := claims{"sub": is.sub}
		for k, v := range is.userinfo {
			answer[k] = v
		}
		writeJSON(w, 200, answer)
	})
	mux.HandleFunc("GET /oauth/end_session", func(w http.ResponseWriter, r *http.Request) {
		is.mu.Lock()
		is.ended = append(is.ended, r.URL.Query())
		is.mu.Unlock()
		http.Redirect(w, r, r.URL.Query().Get("post_logout_redirect_uri"), http.StatusFound)
	})
	is.handler = mux
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	is.URL = server.URL
	return is
}

// set changes the issuer under its lock.
func (is *issuer) set(change func()) {
	is.mu.Lock()
	defer is.mu.Unlock()
	change()
}

func (is *issuer) authorize(w http.ResponseWriter, r *http.Request) {
	is.mu.Lock()
	defer is.mu.Unlock()
	q := r.URL.Query()
	code := newSecret()
	is.codes[code] = q
	answer := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {is.URL}}
	if is.callback != nil {
		is.callback(answer)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+answer.Encode(), http.StatusFound)
}

func (is *issuer) token(w http.ResponseWriter, r *http.Request) {
	is.mu.Lock()
	defer is.mu.Unlock()
	q, ok := is.codes[r.PostFormValue("code")]
	delete(is.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	user, password, _ := r.BasicAuth()
	password, _ = url.QueryUnescape(password)
	if !ok || q.Get("code_challenge_method") != "S256" || base64.RawURLEncoding.EncodeToString(sum[:]) != q.Get("code_challenge") ||
		user != clientID || password != clientSecret {
		writeJSON(w, 400, claims{"error": "invalid_grant", "error_description": "a secret detail"})
		return
	}
	now := time.Now()
	id := claims{
		"iss": is.URL, "sub": is.sub, "sid": is.sid, "aud": clientID, "nonce": q.Get("nonce"),
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	for k, v := range is.person {
		id[k] = v
	}
	if is.idToken != nil {
		is.idToken(id)
	}
	writeJSON(w, 200, claims{"access_token": newSecret(), "token_type": "Bearer", "expires_in": 60, "id_token": is.sign(id, "")})
}

func (is *issuer) sign(c claims, typ string) string {
	return signWith(is.t, is.key, jose.ES256, c, typ)
}

func signWith(t *testing.T, key any, alg jose.SignatureAlgorithm, c claims, typ string) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithHeader("kid", "k1")
	if typ != "" {
		options = options.WithType(jose.ContentType(typ))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// logoutToken is a good one for the person and session that the issuer signs in.
func (is *issuer) logoutToken(now time.Time) claims {
	return claims{
		"iss": is.URL, "aud": clientID, "sub": is.sub, "sid": is.sid, "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(),
		"jti": newSecret(), "events": claims{"http://schemas.openid.net/event/backchannel-logout": claims{}},
	}
}

// startWiki serves an app that trusts is.
func startWiki(t *testing.T, is *issuer, c *clock) (*App, string) {
	return startApp(t, Config{
		OIDC: &OIDC{Issuer: is.URL, ClientID: clientID, ClientSecret: clientSecret}, Inspect: true, Now: c.now,
	})
}
