package oidc

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
)

const (
	maxBody = 64 << 10
	// maxQuery bounds what a browser brings in a URL. An ID token as a hint
	// and a long state fit.
	maxQuery = 8 << 10
)

func noStore(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
}

// forBrowsers is what every endpoint with pages has in common.
func forBrowsers(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noStore(w.Header())
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		h(w, r)
	})
}

// forClients guards an endpoint that clients post to: the library takes GET,
// credentials in the URL and repeated parameters, and answers some failed
// authentications with 400. public: a client without a secret may call.
func forClients(public bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noStore(w.Header())
		w = &challenger{ResponseWriter: w, challenges: []string{`Basic realm="gatehouse", charset="UTF-8"`}}
		if r.Method != http.MethodPost {
			refuseMethod(w, r, http.MethodPost)
			return
		}
		if r.URL.RawQuery != "" {
			writeError(w, r, invalidRequest("Parameters belong into the body."))
			return
		}
		if r.ContentLength != 0 && !isForm(r.Header) {
			writeError(w, r, invalidRequest("The body is a form: application/x-www-form-urlencoded."))
			return
		}
		if !parseBody(w, r) {
			return
		}
		r = withForm(r, r.Form)
		c, err := present(r.Header, r.PostForm)
		if err == nil && !public && c.method == oidc.AuthMethodNone && chainOf(r.Context()) == nil {
			err = invalidClient(errors.New("no credentials"))
		}
		if err != nil {
			writeError(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// forBearers guards userinfo: the token comes in the header, or in the body of
// a POST (RFC 6750 §2.2). The library takes it from the query too, where it
// ends up in logs.
func (p *Provider) forBearers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noStore(w.Header())
		if r.Method != http.MethodGet && r.Method != http.MethodPost {
			refuseMethod(w, r, "GET, POST")
			return
		}
		// RFC 6750 §3: how it is done is said also where no token counted.
		w = &challenger{ResponseWriter: w, misused: []string{challengeBearer(string(oidc.InvalidRequest)), challengeDPoP("")}}
		if !parseBody(w, r) {
			return
		}
		r = withForm(r, r.Form)
		given := r.Header.Get("Authorization")
		inBody := r.PostForm.Has("access_token")
		switch {
		case r.URL.Query().Has("access_token"):
			writeError(w, r, invalidRequest("The access token belongs into the Authorization header."))
			return
		case inBody && given != "":
			writeError(w, r, invalidRequest("The access token is given in one way only."))
			return
		case inBody:
			given = "Bearer " + r.PostForm.Get("access_token")
			r.Header.Set("Authorization", given)
		}
		scheme, token, _ := strings.Cut(given, " ")
		switch {
		case strings.EqualFold(scheme, typeDPoP) && token != "":
			p.proven(w, r, token, next)
		case strings.EqualFold(scheme, "Bearer") && token != "":
			w = &challenger{
				ResponseWriter: w, challenges: []string{challengeBearer(invalidToken), challengeDPoP("")},
				narrow: []string{challengeBearer(insufficientScope) + `, scope="openid"`},
			}
			next.ServeHTTP(w, r)
		default:
			// RFC 6750 §3.1: no error code for a request without a token.
			w = &challenger{ResponseWriter: w, challenges: []string{challengeBearer(""), challengeDPoP("")}}
			writeError(w, r, op.NewStatusError(invalidRequest("An access token is needed."), http.StatusUnauthorized))
		}
	})
}

// challengeBearer tells a caller how it is done (RFC 6750 §3); code may be empty.
func challengeBearer(code string) string {
	if code == "" {
		return `Bearer realm="gatehouse"`
	}
	return `Bearer realm="gatehouse", error="` + code + `"`
}

// refuseMethod is the answer of an endpoint for apps to any other method than
// these (RFC 9110 §15.5.6).
func refuseMethod(w http.ResponseWriter, r *http.Request, allowed string) {
	noStore(w.Header())
	w.Header().Set("Allow", allowed)
	writeError(w, r, op.NewStatusError(invalidRequest("Allowed here: "+allowed+"."), http.StatusMethodNotAllowed))
}

// nothingThere answers at an address where there is nothing for apps.
func nothingThere(w http.ResponseWriter, r *http.Request) {
	noStore(w.Header())
	writeError(w, r, op.NewStatusError(invalidRequest("There is nothing at this address."), http.StatusNotFound))
}

// isForm reports whether a body says that it is what apps post (RFC 6749 §3.2).
func isForm(h http.Header) bool {
	const form = "application/x-www-form-urlencoded"
	said := h.Get("Content-Type")
	if said == form { // what nearly all say, word for word
		return true
	}
	media, _, err := mime.ParseMediaType(said)
	return err == nil && media == form
}

func parseBody(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		writeError(w, r, invalidRequest("The form cannot be read.").WithParent(err))
		return false
	}
	if err := wellFormed(r.Form); err != nil {
		writeError(w, r, invalidRequest("A parameter is repeated or holds characters that are not text.").WithParent(err))
		return false
	}
	leaveOutEmpty(r.Form)
	leaveOutEmpty(r.PostForm)
	return true
}

// leaveOutEmpty takes out the parameters that were sent without a value: they are
// treated as if they had not been sent (RFC 6749 §3.1, §3.2).
func leaveOutEmpty(q url.Values) {
	for name, values := range q {
		if strings.Join(values, "") == "" {
			delete(q, name)
		}
	}
}

// writeError renders an OAuth error as JSON; the library logs it.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	op.WriteError(w, r, err, nil)
}

// answerJSON answers a client; nothing is sent before the whole of it encodes.
func answerJSON(w http.ResponseWriter, status int, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fault(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // an error here means that the client went away
	return nil
}

// challenger adds what the library's errors lack: how to authenticate, to a
// 401; when to come back, to a 503 and a 429.
type challenger struct {
	http.ResponseWriter
	challenges []string
	// misused and narrow are said with a 400 and a 403 of a protected resource; may
	// be nil.
	misused, narrow []string
}

func (c *challenger) WriteHeader(status int) {
	switch status {
	case http.StatusUnauthorized:
		c.say(c.challenges)
	case http.StatusBadRequest:
		c.say(c.misused)
	case http.StatusForbidden:
		c.say(c.narrow)
	case http.StatusServiceUnavailable:
		c.Header().Set("Retry-After", "1")
	case http.StatusTooManyRequests: // of a minute, as it says in words
		c.Header().Set("Retry-After", "60")
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *challenger) say(challenges []string) {
	if challenges != nil {
		c.Header()["Www-Authenticate"] = challenges
	}
}

// wellFormed refuses parameters that occur twice (RFC 6749 §3.1: MUST NOT; only
// resource may, RFC 8707 §2) and text that cannot be stored or shown.
func wellFormed(q url.Values) error {
	for name, values := range q {
		if len(values) > 1 && name != "resource" {
			return idp.Errorf(idp.Invalid, "The app's request names one parameter twice.")
		}
		if !printable(name) || !printable(strings.Join(values, "")) {
			return idp.Errorf(idp.Invalid, "The app's request holds characters that are not text.")
		}
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// queryOf returns the parameters a browser brought, in URL and body.
func queryOf(r *http.Request) (url.Values, error) {
	if len(r.URL.RawQuery) > maxQuery {
		return nil, idp.Errorf(idp.Invalid, "The app's request is too long.")
	}
	if err := r.ParseForm(); err != nil {
		return nil, idp.Errorf(idp.Invalid, "The app's request cannot be read.").Because(err)
	}
	err := wellFormed(r.Form)
	leaveOutEmpty(r.Form)
	return r.Form, err
}

// redirect sends the browser on. 303: whatever the method was, it becomes GET
// (RFC 9700 §4.12).
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}
