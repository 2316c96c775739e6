package oidc_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"gatehouse/idp"
)

// person is a browser.
type person struct {
	h      *house
	client *http.Client
}

func (h *house) person() *person {
	jar, _ := cookiejar.New(nil) // never fails without options
	return &person{h, &http.Client{
		Transport:     h.server.Client().Transport, // the default one is closed with the server of any test
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// signedIn is a browser with a session of u.
func (h *house) signedIn(u idp.User) *person {
	h.t.Helper()
	p := h.person()
	p.newSession(u)
	return p
}

// newSession signs u in, as the portal would.
func (p *person) newSession(u idp.User) idp.Session {
	p.h.t.Helper()
	const bind = "a secret that binds a browser of the portal"
	in, err := p.h.gate.BeginSignIn(p.h.t.Context(), idp.SignIn{}, bind)
	p.h.must(err)
	return p.finish(in, u)
}

// finish proves u in a SignIn, by a password and whatever is said, and starts the
// session.
func (p *person) finish(in idp.SignIn, u idp.User, more ...string) idp.Session {
	t := p.h.t
	t.Helper()
	generation, err := p.h.store.Generation(t.Context())
	p.h.must(err)
	if u, err = p.h.store.User(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	in, err = p.h.gate.Prove(t.Context(), in, idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: generation}, idp.Witness{}, append([]string{"pwd"}, more...)...)
	p.h.must(err)
	raw, s, err := p.h.gate.Start(t.Context(), in, "127.0.0.1", "test")
	p.h.must(err)
	p.setCookie("session", raw)
	return s
}

func (p *person) setCookie(name, value string) {
	u, _ := url.Parse(p.h.server.URL)
	p.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

func (p *person) cookie(name string) string {
	u, _ := url.Parse(p.h.server.URL)
	for _, c := range p.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// reply is an answer, read.
type reply struct {
	*http.Response
	body string
}

func (p *person) get(path string) reply {
	p.h.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = p.h.server.URL + path
	}
	res, err := p.client.Get(path)
	return read(p.h.t, res, err)
}

func (p *person) post(path string, form url.Values) reply {
	p.h.t.Helper()
	res, err := p.client.PostForm(p.h.server.URL+path, form)
	return read(p.h.t, res, err)
}

func read(t testing.TB, res *http.Response, err error) reply {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res, string(body)}
}

// location returns where the answer sends the browser, query apart.
func (r reply) location(t testing.TB) (string, url.Values) {
	t.Helper()
	u, err := url.Parse(r.Header.Get("Location"))
	if r.StatusCode != http.StatusSeeOther || err != nil {
		t.Fatalf("status %d (%s), want 303 to somewhere: %v", r.StatusCode, r.body, err)
	}
	q := u.Query()
	u.RawQuery = ""
	return u.String(), q
}

// ask makes the query of an authorization request to the wiki; changes are
// name=value, or a name alone to leave it out.
func ask(changes ...string) url.Values {
	q := url.Values{
		"client_id": {"wiki"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"},
		"state": {"st"}, "nonce": {"no"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for _, c := range changes {
		name, value, set := strings.Cut(c, "=")
		if q.Del(name); set {
			q.Set(name, value)
		}
	}
	return q
}

func (p *person) authorize(changes ...string) reply {
	p.h.t.Helper()
	return p.get("/oauth/authorize?" + ask(changes...).Encode())
}

// code is what the app gets when the browser's session suffices.
func (p *person) code(changes ...string) string {
	p.h.t.Helper()
	_, q := p.authorize(changes...).location(p.h.t)
	if q.Get("code") == "" {
		p.h.t.Fatalf("no code in %v", q)
	}
	return q.Get("code")
}
