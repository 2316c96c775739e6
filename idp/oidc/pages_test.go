package oidc_test

import (
	"fmt"
	"html"
	"net/http"
	"strings"
	"sync"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/sessions"
)

// pages is the smallest Browser: real cookies, pages of one line.
type pages struct {
	gate *sessions.Gate
	dir  *directory.Directory

	mu       sync.Mutex
	posted   [][2]string // fields of the last PostForm
	problems []error
	spoken   [][]string // the languages of each Speak
}

func (b *pages) Session(r *http.Request) (idp.Session, error) {
	return b.gate.Session(r.Context(), b.value(r, "session"))
}

func (b *pages) value(r *http.Request, name string) string {
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}

func (b *pages) Bind(w http.ResponseWriter, r *http.Request) string {
	if raw := b.value(r, "bind"); raw != "" {
		return raw
	}
	raw := string(idp.NewEventID()) // random enough for a test
	http.SetCookie(w, &http.Cookie{Name: "bind", Value: raw, Path: "/"})
	return raw
}

func (b *pages) Bound(r *http.Request) string { return b.value(r, "bind") }

func (b *pages) SignIn(w http.ResponseWriter, r *http.Request, id idp.SignInID) {
	http.Redirect(w, r, "/signin/"+string(id), http.StatusSeeOther)
}

func (b *pages) PostForm(w http.ResponseWriter, _ *http.Request, app, action string, fields [][2]string) {
	b.mu.Lock()
	b.posted = fields
	b.mu.Unlock()
	fmt.Fprintf(w, "post to %s at %s", html.EscapeString(app), html.EscapeString(action))
}

func (b *pages) Problem(w http.ResponseWriter, _ *http.Request, err error) {
	b.mu.Lock()
	b.problems = append(b.problems, err)
	b.mu.Unlock()
	detail := "internal"
	if e, ok := err.(*idp.Error); ok {
		detail = e.Detail // not escaped: no text of the request may get here
	}
	http.Error(w, detail, idp.KindOf(err).Status())
}

func (b *pages) ConfirmSignOut(w http.ResponseWriter, _ *http.Request, app string, carry [][2]string, stays bool) {
	b.mu.Lock()
	b.posted = carry
	b.mu.Unlock()
	fmt.Fprintf(w, "confirm sign-out %s", app)
	if stays {
		fmt.Fprint(w, " and stay")
	}
}

func (b *pages) Speak(_ *http.Request, languages []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spoken = append(b.spoken, languages)
}

func (b *pages) ConfirmedSignOut(r *http.Request) bool { return r.PostFormValue("csrf") == "good" }

func (b *pages) SignOut(w http.ResponseWriter, r *http.Request, s idp.Session, _ string) (answered bool, err error) {
	if _, err := b.dir.SignOut(r.Context(), s); err != nil {
		return false, err
	}
	http.SetCookie(w, &http.Cookie{Name: "session", Path: "/", MaxAge: -1})
	return false, nil
}

func (b *pages) AskConsent(w http.ResponseWriter, _ *http.Request, q idp.ConsentQuestion) {
	b.mu.Lock()
	b.posted = [][2]string{{"ticket", q.Ticket}, {"scopes", strings.Join(q.Scopes, " ")}, {"allowed", strings.Join(q.Allowed, " ")}}
	b.mu.Unlock()
	fmt.Fprintf(w, "ask %s for %s", q.UserID, q.App.Name)
}

// OwnForm looks at a copy, as web does: the body is read once.
func (b *pages) OwnForm(r *http.Request) bool {
	return r.WithContext(r.Context()).PostFormValue("csrf") == "good"
}

func (b *pages) SignedOut(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "signed out") }

func (b *pages) fields() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := make(map[string]string)
	for _, f := range b.posted {
		m[f[0]] = f[1]
	}
	return m
}
