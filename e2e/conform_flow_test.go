package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/web/api/client"
)

// conformRun is a module being run: how answers come, and what the suite calls
// the client.
type conformRun struct {
	*testing.T
	h        *conformHouse
	formPost bool
}

// conformKeys are the house's public keys.
type conformKeys = jose.JSONWebKeySet

func (h *conformHouse) keys(t testing.TB) (set conformKeys) {
	t.Helper()
	h.document(t, "/oauth/keys", &set)
	return set
}

// ask is the authorization request of a module; changes are name=value, or a
// name alone to leave it out.
func (r conformRun) ask(name string, changes ...string) url.Values {
	q := url.Values{
		"client_id": {name}, "redirect_uri": {r.h.clients[name].Redirect}, "response_type": {"code"}, "scope": {"openid"},
		"state": {rand.Text()}, "nonce": {rand.Text()},
	}
	if r.formPost {
		q.Set("response_mode", "form_post")
	}
	for _, c := range changes {
		name, value, set := strings.Cut(c, "=")
		if q.Del(name); set {
			q.Set(name, value)
		}
	}
	return q
}

// send brings the request to the house by a browser.
func (r conformRun) send(v *visitor, q url.Values) *answer {
	r.Helper()
	return v.get(r, r.h.URL+"/oauth/authorize?"+q.Encode())
}

// signsIn expects the pages of a sign-in, fills them in as Ada and goes on to
// the answer to the app.
func (r conformRun) signsIn(a *answer) *answer {
	r.Helper()
	return proveAda(r, a.follow(r, r.h.rp.URL)).follow(r, r.h.rp.URL)
}

// answered reads what the house sends to the app, and how: by redirect with
// everything in the query, or by a form that posts itself to the registered
// address with nothing in the query. State and issuer are in it.
func (r conformRun) answered(a *answer, q url.Values) url.Values {
	r.Helper()
	var got url.Values
	if r.formPost {
		f := formTo(r, a, r.h.rp.URL)
		if a.Status != http.StatusOK || f.action != q.Get("redirect_uri") {
			r.Errorf("%d: a form to %s", a.Status, f.action)
		}
		got = f.fields
	} else {
		to := a.location(r)
		got = to.Query()
		to.RawQuery = ""
		if to.String() != q.Get("redirect_uri") {
			r.Fatalf("sent to %s", to)
		}
	}
	if got.Get("state") != q.Get("state") || got.Get("iss") != r.h.URL {
		r.Errorf("state or issuer are not what they should be: %v", got)
	}
	return got
}

// refused is an answer with an error and no code.
func (r conformRun) refused(a *answer, q url.Values, codes ...string) {
	r.Helper()
	if got := r.answered(a, q); !slices.Contains(codes, got.Get("error")) || got.Has("code") || got.Get("error_description") == "" {
		r.Errorf("answered %v, want an error of %v", got, codes)
	}
}

// granted is a whole flow, as far as every module checks it.
type granted struct {
	tokens
	Code   string
	claims map[string]any // of the ID token
	info   map[string]any // of userinfo
}

// happy runs the flow in a browser with a session.
func (r conformRun) happy(v *visitor, q url.Values, more ...string) granted {
	r.Helper()
	return r.happyEnd(r.send(v, q), q, more...)
}

// happyEnd goes on from the answer to the authorization request; more are
// further parameters of the token request.
func (r conformRun) happyEnd(a *answer, q url.Values, more ...string) granted {
	r.Helper()
	code := r.answered(a, q).Get("code")
	if code == "" {
		r.Fatalf("no code: %v", r.answered(a, q))
	}
	got := granted{Code: code, tokens: r.token(q.Get("client_id"), exchanging(code, q, more...))}
	if got.Access == "" || got.answer.Status != http.StatusOK || got.answer.Header.Get("Cache-Control") != "no-store" {
		r.Fatalf("the token endpoint answered %d %s", got.answer.Status, got.answer.Body)
	}
	var said struct {
		Type    string `json:"token_type"`
		Expires int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(got.answer.Body), &said); err != nil || said.Type != "Bearer" || said.Expires <= 0 {
		r.Errorf("the token answer says %+v, %v", said, err)
	}
	got.claims = r.idToken(got.ID, q)
	if got.claims["at_hash"] != leftHalf(got.Access) {
		r.Errorf("at_hash is not of the access token: %v", got.claims["at_hash"])
	}
	got.info = r.userinfo(http.MethodGet, got.Access)
	if got.info["sub"] != got.claims["sub"] {
		r.Errorf("sub of userinfo %v, of the ID token %v", got.info["sub"], got.claims["sub"])
	}
	return got
}

func exchanging(code string, q url.Values, more ...string) url.Values {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {q.Get("redirect_uri")}}
	for _, m := range more {
		name, value, _ := strings.Cut(m, "=")
		form.Set(name, value)
	}
	return form
}

// token asks the token endpoint as a client.
func (r conformRun) token(name string, form url.Values) tokens {
	r.Helper()
	head, form := r.h.clients[name].authenticated(form)
	return r.h.tokens(r, head, form)
}

func (h *conformHouse) tokens(t testing.TB, head http.Header, form url.Values) tokens {
	t.Helper()
	v := h.visitor(t)
	maps.Copy(v.Header, head)
	found := tokens{answer: v.postForm(t, h.URL+"/oauth/token", form)}
	if err := json.Unmarshal([]byte(found.answer.Body), &found); err != nil {
		t.Fatalf("the token endpoint answered %d %q: %v", found.answer.Status, found.answer.Body, err)
	}
	return found
}

// idToken verifies an ID token by the published keys alone, and what every
// module demands of it.
func (r conformRun) idToken(raw string, q url.Values) map[string]any {
	r.Helper()
	claims, head := r.h.verified(r, raw)
	if head.Algorithm != "RS256" {
		r.Errorf("signed with %s", head.Algorithm)
	}
	now := r.h.now()
	for name, want := range map[string]any{"iss": r.h.URL, "aud": q.Get("client_id"), "acr": "1"} {
		if claims[name] != want {
			r.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	for name, within := range map[string][2]time.Time{
		"iat": {now.Add(-time.Minute), now.Add(time.Second)}, "exp": {now, now.Add(time.Hour)},
		"auth_time": {now.Add(-time.Hour), now.Add(time.Second)}, "session_expiry": {now, now.Add(30 * 24 * time.Hour)},
	} {
		if at := unix(claims[name]); at.Before(within[0]) || at.After(within[1]) {
			r.Errorf("%s is %v", name, claims[name])
		}
	}
	sub, _ := claims["sub"].(string)
	sid, _ := claims["sid"].(string)
	amr, _ := claims["amr"].([]any)
	if sub == "" || len(sub) > 255 || sid == "" || !slices.Equal(amr, []any{"pwd"}) {
		r.Errorf("sub %q, sid %q, amr %v", sub, sid, amr)
	}
	nonce, sent := claims["nonce"]
	if sent != q.Has("nonce") || sent && nonce != q.Get("nonce") {
		r.Errorf("nonce %v, sent %v", nonce, q["nonce"])
	}
	return claims
}

// verified are the claims of a JWT that the house has signed with a published
// key, the one that its header names.
func (h *conformHouse) verified(t testing.TB, raw string) (map[string]any, jose.Header) {
	t.Helper()
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		t.Fatalf("not a signed token: %v", err)
	}
	head := jws.Signatures[0].Header
	keys := h.issued.Key(head.KeyID)
	if head.KeyID == "" || len(keys) != 1 {
		t.Fatalf("%d published keys are called %q", len(keys), head.KeyID)
	}
	plain, err := jws.Verify(keys[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(plain, &claims); err != nil {
		t.Fatal(err)
	}
	return claims, head
}

func unix(claim any) time.Time {
	seconds, _ := claim.(float64)
	return time.Unix(int64(seconds), 0)
}

func leftHalf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// userinfo calls with the token in the header, and expects an answer.
func (r conformRun) userinfo(method, token string) map[string]any {
	r.Helper()
	v := r.h.visitor(r)
	v.Header.Set("Authorization", "Bearer "+token)
	return r.told(v.send(r, method, r.h.URL+"/oauth/userinfo", "", ""))
}

func (r conformRun) told(got *answer) (info map[string]any) {
	r.Helper()
	if got.Status != http.StatusOK || got.Header.Get("Content-Type") != "application/json" {
		r.Fatalf("userinfo answered %d, %s", got.Status, got.Header.Get("Content-Type"))
	}
	if err := json.Unmarshal([]byte(got.Body), &info); err != nil {
		r.Fatal(err)
	}
	return info
}

// dead holds that an access token opens nothing.
func (r conformRun) dead(token string) {
	r.Helper()
	v := r.h.visitor(r)
	v.Header.Set("Authorization", "Bearer "+token)
	if got := v.get(r, r.h.URL+"/oauth/userinfo"); got.Status != http.StatusUnauthorized || !strings.Contains(got.Header.Get("WWW-Authenticate"), "invalid_token") {
		r.Errorf("userinfo answered %d, %q", got.Status, got.Header.Get("WWW-Authenticate"))
	}
}

// nobodyIn holds that the browser has no session: prompt=none must fail.
func (r conformRun) nobodyIn(v *visitor) {
	r.Helper()
	q := r.ask("client", "prompt=none")
	r.refused(r.send(v, q), q, "login_required")
}

// notRegistered holds that the admin API refuses such a client.
func (r conformRun) notRegistered(change func(*client.OIDC)) {
	r.Helper()
	o := client.OIDC{RedirectURIs: []string{r.h.rp.URL + "/cb"}}
	change(&o)
	_, err := r.h.API.AddApp(r.Context(), client.App{Name: "new", Protocol: "oidc", Identifier: "new", OIDC: &o})
	if p, ok := err.(*client.Problem); !ok || p.Status != http.StatusBadRequest {
		r.Errorf("%+v was registered: %v", o, err)
	}
}
