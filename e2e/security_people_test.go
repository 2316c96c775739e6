package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"gatehouse/web/api/client"
)

// somebody is a person with a password.
type somebody struct {
	ID, Username, Password string
}

// join adds a person, who chooses a password by the one-time link.
func (h *secured) join(t testing.TB, p client.Person) somebody {
	t.Helper()
	invited, err := h.admin.AddUser(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	who := somebody{invited.User.ID, p.Username, rand.Text()}
	h.choosePassword(t, invited.Link, who.Password)
	return who
}

func (h *secured) choosePassword(t testing.TB, link, password string) {
	t.Helper()
	v := h.visitor(t)
	if got := submit(t, v.get(t, link), "/link/", url.Values{"password": {password}}); got.Status != http.StatusSeeOther {
		t.Fatalf("the link answered %d:\n%s", got.Status, got.Body)
	}
}

// signIn signs a browser in to the house itself.
func (h *secured) signIn(t testing.TB, v *visitor, who somebody) {
	t.Helper()
	page := v.get(t, securedURL+"/signin").follow(t)
	if got := h.prove(t, page, who); got.Status != http.StatusSeeOther {
		t.Fatalf("%s did not get in: %d\n%s", who.Username, got.Status, got.Body)
	}
}

// prove fills in the two pages of a sign-in, beginning with the first.
func (h *secured) prove(t testing.TB, page *answer, who somebody) *answer {
	t.Helper()
	page = submit(t, page, "/identifier", url.Values{"username": {who.Username}})
	return submit(t, page, "/password", url.Values{"password": {who.Password}})
}

// signedIn is a browser of that person.
func (h *secured) signedIn(t testing.TB, who somebody) *visitor {
	t.Helper()
	v := h.visitor(t)
	h.signIn(t, v, who)
	return v
}

// form is what a page would post.
type form struct {
	action string
	fields url.Values
}

// forms reads the forms of a page.
func forms(t testing.TB, page string) (all []form) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		switch n.Data {
		case "form":
			all = append(all, form{attribute(n, "action"), url.Values{}})
		case "input":
			if name := attribute(n, "name"); name != "" && len(all) > 0 {
				all[len(all)-1].fields.Add(name, attribute(n, "value"))
			}
		}
	}
	return all
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// formTo is the form of the page whose action contains part.
func formTo(t testing.TB, page *answer, part string) form {
	t.Helper()
	for _, f := range forms(t, page.Body) {
		// That of a passkey is sent by a script, beside another.
		if strings.Contains(f.action, part) && (strings.Contains(part, "passkey") || !strings.HasSuffix(f.action, "/passkey")) {
			return f
		}
	}
	t.Fatalf("%s answered %d and has no form to %s:\n%s", page.URL.Path, page.Status, part, page.Body)
	return form{}
}

// submit sends that form as the browser does that shows it.
func submit(t testing.TB, page *answer, part string, fill url.Values) *answer {
	t.Helper()
	f := formTo(t, page, part)
	for name, values := range fill {
		f.fields[name] = values
	}
	to, err := page.URL.Parse(f.action)
	if err != nil {
		t.Fatal(err)
	}
	v := page.visitor
	v.Header.Set("Sec-Fetch-Site", "same-origin")
	v.Header.Set("Origin", securedURL)
	defer func() { v.Header.Del("Sec-Fetch-Site"); v.Header.Del("Origin") }()
	return v.postForm(t, to.String(), f.fields)
}

// party is a registered relying party.
type party struct {
	ID, Secret, Redirect string
	AppID                string
	post                 bool // client_secret_post
}

// register makes an OIDC app whose redirect URI is the first, which everybody
// of the group staff may use.
func (h *secured) register(t testing.TB, name string, settings client.OIDC) party {
	t.Helper()
	app, err := h.admin.AddApp(t.Context(), client.App{Name: name, Protocol: "oidc", Identifier: name, OIDC: &settings})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.admin.AddGrant(t.Context(), client.Grant{App: name, Group: "staff"}); err != nil {
		t.Fatal(err)
	}
	return party{ID: name, Secret: h.secret("client secret", app.Secret), Redirect: settings.RedirectURIs[0], AppID: app.ID, post: settings.AuthMethod == "client_secret_post"}
}

// staff makes the group staff and a person in it.
func (h *secured) staff(t testing.TB, names ...string) (people []somebody) {
	t.Helper()
	groups, err := h.admin.Groups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(groups) == 0 {
		if _, err := h.admin.AddGroup(t.Context(), "staff"); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		who := h.join(t, client.Person{Username: name, Email: name + "@example.com", DisplayName: name})
		if err := h.admin.Join(t.Context(), "staff", name); err != nil {
			t.Fatal(err)
		}
		people = append(people, who)
	}
	return people
}

// attempt is one authorization request with its verifier.
type attempt struct {
	party
	verifier string
	query    url.Values
}

func (h *secured) attempt(p party) attempt {
	verifier := h.secret("code_verifier", rand.Text()+rand.Text())
	sum := sha256.Sum256([]byte(verifier))
	return attempt{p, verifier, url.Values{
		"client_id": {p.ID}, "redirect_uri": {p.Redirect}, "response_type": {"code"}, "scope": {"openid email offline_access"},
		"state": {"st-" + rand.Text()}, "nonce": {"no-" + rand.Text()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}}
}

func (a attempt) url() string { return securedURL + "/oauth/authorize?" + a.query.Encode() }

// code is the code that a signed-in browser brings back.
func (a attempt) code(t testing.TB, v *visitor) string {
	t.Helper()
	to := v.get(t, a.url()).location(t)
	code := to.Query().Get("code")
	if code == "" || !strings.HasPrefix(to.String(), a.Redirect) {
		t.Fatalf("no code, but %s", to)
	}
	return code
}

// exchange are the parameters with which the app spends a code.
func (a attempt) exchange(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.Redirect}, "code_verifier": {a.verifier}}
}

// tokens is the answer of the token endpoint.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
	Error   string `json:"error"`

	answer *answer
}

func (p party) authenticated(form url.Values) (http.Header, url.Values) {
	head := http.Header{}
	switch {
	case p.Secret == "":
		form.Set("client_id", p.ID)
	case p.post:
		form.Set("client_id", p.ID)
		form.Set("client_secret", p.Secret)
	default:
		head.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(p.ID)+":"+url.QueryEscape(p.Secret))))
	}
	return head, form
}

// token asks the token endpoint as p.
func (h *secured) token(t testing.TB, p party, form url.Values) tokens {
	t.Helper()
	return h.tokenBy(t, h.client(-1, false), p, form)
}

func (h *secured) tokenBy(t testing.TB, by *http.Client, p party, form url.Values) tokens {
	t.Helper()
	head, form := p.authenticated(form)
	return h.tokenAnswer(t, h.callBy(t, by, http.MethodPost, "/oauth/token", head, form.Encode()))
}

func (h *secured) tokenAnswer(t testing.TB, got *answer) tokens {
	t.Helper()
	found := tokens{answer: got}
	if err := json.Unmarshal([]byte(got.Body), &found); err != nil {
		t.Fatalf("the token endpoint answered %d %q: %v", got.Status, got.Body, err)
	}
	return found
}

// signOn is a whole sign-on of a signed-in browser to p.
func (h *secured) signOn(t testing.TB, v *visitor, p party) tokens {
	t.Helper()
	a := h.attempt(p)
	got := h.token(t, p, a.exchange(a.code(t, v)))
	if got.Access == "" || got.Refresh == "" {
		t.Fatalf("no tokens: %d %s", got.answer.Status, got.answer.Body)
	}
	return got
}

func (h *secured) refresh(t testing.TB, p party, token string) tokens {
	t.Helper()
	return h.token(t, p, refreshing(token))
}

func refreshing(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

// wants is the refusal of the token endpoint.
func (got tokens) wants(t testing.TB, code string) {
	t.Helper()
	status := http.StatusBadRequest
	if code == "invalid_client" {
		status = http.StatusUnauthorized
	}
	if got.Error != code || got.answer.Status != status || got.Access != "" || got.Refresh != "" {
		t.Errorf("answered %d %s, want %d %s", got.answer.Status, got.answer.Body, status, code)
	}
}

// wantsPage is a refusal that is shown to the person and to nobody else.
func (a *answer) wantsPage(t testing.TB, status int) {
	t.Helper()
	if a.Status != status || a.Header.Get("Location") != "" || len(a.Header.Values("Set-Cookie")) != 0 || !strings.Contains(a.Body, a.Header.Get("X-Correlation-ID")) {
		t.Errorf("answered %d to %q, want %d, a page with its correlation ID and nothing else:\n%s", a.Status, a.Header.Get("Location"), status, a.Body)
	}
}
