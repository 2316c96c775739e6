package saas

import (
	"net/http"
	"strings"
	"time"
)

// sessionCookie names the cookie of the session. Cookies ignore ports, so the app's name is in it.
func (a *App) sessionCookie() string { return a.cookieName("session") }

// loginCookie names the cookie that binds a sign-in to the browser that began it.
func (a *App) loginCookie() string { return a.cookieName("login") }

func (a *App) cookieName(use string) string {
	slug := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, a.cfg.Name)
	if a.secure() {
		return "__Host-" + slug + "_" + use
	}
	return slug + "_" + use
}

func (a *App) secure() bool { return a.base.Scheme == "https" }

// setCookie sets a cookie; an empty value removes it. Lax is enough: answers of the identity provider
// that come as a cross-site POST are finished by a GET of our own.
func (a *App) setCookie(w http.ResponseWriter, name, value string, age time.Duration) {
	c := &http.Cookie{
		Name: name, Value: value, Path: "/", HttpOnly: true, Secure: a.secure(), SameSite: http.SameSiteLaxMode,
		MaxAge: int(age / time.Second),
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// secretCookie returns the value of one of our cookies, or "" when it is not one we would have set.
func secretCookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil || len(c.Value) != secretLen {
		return ""
	}
	return c.Value
}

// visitor is the browser that asks: signed in, signed out by something, or new.
type visitor struct {
	account Account
	session session
	known   bool // the cookie names a session that we remember
}

func (v visitor) signedIn() bool { return v.known && v.session.ended.IsZero() }

func (a *App) visitor(r *http.Request) visitor {
	s, account, ok := a.book.find(secretCookie(r, a.sessionCookie()))
	return visitor{account: account, session: s, known: ok}
}

// localPath returns a path of this app that a browser may be sent to, or "/".
func localPath(to string) string {
	if !strings.HasPrefix(to, "/") || len(to) > 512 || strings.HasPrefix(to, "//") ||
		strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return "/"
	}
	return to
}
