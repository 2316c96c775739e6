package saas

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"time"
)

//go:embed templates/*.html static
var assets embed.FS

// pages renders everything a person sees. The pages work without a script and load nothing but the
// app's own stylesheet.
type pages struct {
	app       *App
	templates *template.Template
	style     []byte
	icon      []byte
}

// view is what every page gets.
type view struct {
	Name, IdP, Protocol string
	Product             Product
	Title, Path         string
	Me                  *Account // nil: signed out
	Places              []place
	Data                any
}

type place struct {
	Title, Path string
	Here        bool
}

func parsePages(a *App) (*pages, error) {
	t, err := template.New("").Funcs(template.FuncMap{
		"rfc3339": func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"moment":  func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 MST") },
		"clock":   func(t time.Time) string { return t.UTC().Format("15:04:05 MST") },
	}).ParseFS(assets, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse the pages: %w", err)
	}
	style, err := assets.ReadFile("static/app.css")
	if err != nil {
		return nil, fmt.Errorf("read the stylesheet: %w", err)
	}
	icon, err := assets.ReadFile("static/" + string(a.cfg.Product) + ".svg")
	if err != nil {
		return nil, fmt.Errorf("read the icon: %w", err)
	}
	return &pages{app: a, templates: t, style: style, icon: icon}, nil
}

// show renders a page completely before it sends the first byte.
func (p *pages) show(w http.ResponseWriter, r *http.Request, status int, name, title string, data any) error {
	v := view{
		Name: p.app.cfg.Name, IdP: p.app.cfg.IdPName, Product: p.app.cfg.Product, Protocol: p.protocol(),
		Title: title, Path: r.URL.Path, Data: data,
	}
	if visitor := p.app.visitor(r); visitor.signedIn() {
		v.Me, v.Places = &visitor.account, p.app.places(r.URL.Path)
	}
	var body bytes.Buffer
	if err := p.templates.ExecuteTemplate(&body, name, v); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the browser went away: nobody is left to tell
	return nil
}

func (p *pages) protocol() string {
	if p.app.cfg.OIDC != nil {
		return "OpenID Connect"
	}
	return "SAML 2.0"
}

func (p *pages) problem(w http.ResponseWriter, r *http.Request, problem *problem, ref string) {
	data := struct {
		Title, Detail, Retry, Reference string
		Said                            []fact
	}{problem.title, problem.detail, problem.retry, ref, problem.said}
	if err := p.show(w, r, problem.status, "problem", problem.title, data); err != nil {
		http.Error(w, problem.title, problem.status)
	}
}

// asset serves one embedded file.
func asset(kind string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(content) // the browser went away: nobody is left to tell
	}
}

// notice is what the first page says about a session that has ended.
type notice struct {
	Tone             string // "ended" or "calm"
	Before, After    string // around the time
	At               time.Time
	Detail, Evidence string
}

// farewell says how the visitor's session ended; nil for a browser that had none.
func (a *App) farewell(v visitor) *notice {
	if !v.known || v.signedIn() {
		return nil
	}
	n := &notice{Tone: "calm", At: v.session.ended, After: "."}
	switch v.session.kind {
	case EndedByIdP:
		n.Tone, n.Before = "ended", "You were signed out by "+a.cfg.IdPName+" at "
		n.Detail = "It sent a signed message that named your session, and " + a.cfg.Name + " ended it at once."
		n.Evidence = v.session.endedBy
	case EndedByStatedAt:
		n.Before = "Your session ended at "
		n.After = ", the time that " + a.cfg.IdPName + " had set for it."
	case EndedByLimit:
		n.Before = "Your session ended at "
		n.After = fmt.Sprintf(", after %s, as every session here does.", a.cfg.Lifetime)
	default:
		n.Before = "You signed out at "
		if n.Detail = v.session.beyond; n.Detail == "" && a.cfg.SAML != nil {
			n.Detail = "You may still be signed in at " + a.cfg.IdPName + "."
		}
	}
	return n
}

// landing is the first page for whoever is not signed in.
func (a *App) landing(w http.ResponseWriter, r *http.Request) error {
	to := localPath(r.URL.Query().Get("to"))
	login := LoginPath
	if to != "/" {
		login += "?" + url.Values{"to": {to}}.Encode()
	}
	return a.pages.show(w, r, http.StatusOK, "landing", "", struct {
		Notice *notice
		Login  string
	}{a.farewell(a.visitor(r)), login})
}

// signedOut is where the browser lands after a sign-out, here or at the identity provider.
func (a *App) signedOut(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// inside runs a page for the signed-in, and sends everybody else to the first page.
func (a *App) inside(w http.ResponseWriter, r *http.Request, page func(visitor) error) error {
	v := a.visitor(r)
	if !v.signedIn() {
		http.Redirect(w, r, "/?"+url.Values{"to": {localPath(r.URL.Path)}}.Encode(), http.StatusSeeOther)
		return nil
	}
	return page(v)
}

func (a *App) account(w http.ResponseWriter, r *http.Request) error {
	return a.inside(w, r, func(v visitor) error {
		return a.pages.show(w, r, http.StatusOK, "account", "Your account", v.session.view())
	})
}

func (a *App) accounts(w http.ResponseWriter, r *http.Request) error {
	return a.inside(w, r, func(visitor) error {
		return a.pages.show(w, r, http.StatusOK, "accounts", "Accounts", a.book.people())
	})
}
