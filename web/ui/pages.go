package ui

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"gatehouse/idp"
)

// Pages renders what has the same face in every room: the problem page, and
// the page that posts a form to an app. The tongues use it through small
// interfaces of their own.
type Pages struct {
	Log *slog.Logger
}

// Handle makes an http.Handler of h: an error it returns is logged once, with
// the correlation ID, and shown as the page of its kind.
func (p *Pages) Handle(h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			p.Problem(w, r, err)
		}
	})
}

// Problem answers with the page of err's kind and the status of that kind. The
// page shows the Detail of an idp.Error and never a cause; the log line has
// both. Nothing must have been written before.
func (p *Pages) Problem(w http.ResponseWriter, r *http.Request, err error) {
	kind := idp.KindOf(err)
	level := slog.LevelInfo
	left := r.Context().Err() != nil && errors.Is(err, context.Canceled) // whoever asked did not wait
	if kind.Status() >= http.StatusInternalServerError && !left {
		level = slog.LevelError
	}
	p.Log.LogAttrs(r.Context(), level, "page refused",
		slog.String("correlation_id", idp.ActorOf(r.Context()).CorrelationID),
		slog.String("kind", string(kind)),
		slog.Int("status", kind.Status()),
		slog.String("error", err.Error()))
	if kind == idp.Unauthenticated {
		// RFC 9110 §15.5.2 demands that it is said how; no browser asks for a
		// password because of this one (draft-broyer-http-cookie-auth).
		w.Header().Set("WWW-Authenticate", `Cookie realm="gatehouse", form-action="/signin"`)
	}
	if kind == idp.Unavailable || kind == idp.Throttled {
		if w.Header().Get("Retry-After") == "" {
			w.Header().Set("Retry-After", "5")
		}
	}
	if err := Render(w, r, kind.Status(), problemPage(problemOf(r.Context(), err))); err != nil {
		http.Error(w, "this page could not be shown", http.StatusInternalServerError)
	}
}

// NotAllowed answers a request by a method that is none here (RFC 9110 §15.5.6)
// with a page that says so; allowed are those that are, comma-separated.
func (p *Pages) NotAllowed(w http.ResponseWriter, r *http.Request, allowed string) error {
	w.Header().Set("Allow", allowed)
	return Render(w, r, http.StatusMethodNotAllowed, problemPage(problem{
		Title:   T(r.Context(), "This address is not used in this way"),
		Meaning: T(r.Context(), "Something other than a page or a form asked for it. Nothing was changed."),
		Next:    problemWords(r.Context(), idp.NotFound).Next,
	}))
}

// Again is err for a form that may be sent once more, from the page at this address
// opened anew: the problem page leads there.
func Again(err error, page string) error { return againError{err, page} }

type againError struct {
	error
	page string
}

func (e againError) Unwrap() error { return e.error }

// problem is what the problem page says: what happened, what it means, what to
// do; and where that is done, beside the apps.
type problem struct {
	Title, Meaning, Next string
	Way, Words           string // an address, and what leads there; empty: none
}

// problemOf takes the words of an error's own Detail where it has one that the page's
// language knows, and the fixed words of its kind for the rest.
func problemOf(ctx context.Context, err error) problem {
	pr := problemWords(ctx, idp.KindOf(err))
	if e, ok := errors.AsType[*idp.Error](err); ok && e.Kind != idp.Internal && e.Detail != "" && says(ctx, e) {
		pr.Meaning = sentence(Said(ctx, e))
	}
	if again, ok := errors.AsType[againError](err); ok {
		pr.Way, pr.Words = again.page, T(ctx, "Sign in")
		if idp.KindOf(err) == idp.Denied {
			pr.Title, pr.Next, pr.Words = T(ctx, "Open this page again"), T(ctx, "Nothing was changed. Type it once more on the page itself."), T(ctx, "Open the page")
		}
	}
	return pr
}

func problemWords(ctx context.Context, k idp.Kind) problem {
	switch k {
	case idp.NotFound:
		return problem{
			Title:   T(ctx, "There is nothing at this address"),
			Meaning: T(ctx, "It may be old, or what it showed was removed."),
			Next:    T(ctx, "Go back, or start again from your apps."),
		}
	case idp.Conflict:
		return problem{
			Title:   T(ctx, "This changed while you were looking at it"),
			Meaning: T(ctx, "Somebody else, or another window of yours, was faster. Nothing of your change was kept."),
			Next:    T(ctx, "Reload the page, look again, and repeat the change if it is still right."),
		}
	case idp.Invalid:
		return problem{
			Title:   T(ctx, "We could not use this request"),
			Meaning: T(ctx, "A part of it is missing or has a form we do not accept. Nothing was changed."),
			Next:    T(ctx, "Go back and check what was entered. If an app sent you here, tell the people who run it."),
		}
	case idp.Unauthenticated:
		return problem{
			Title:   T(ctx, "You are not signed in here"),
			Meaning: T(ctx, "Your session has ended, or it began in another browser."),
			Next:    T(ctx, "Sign in and open the page again."),
		}
	case idp.Denied:
		return problem{
			Title:   T(ctx, "This is not open to you"),
			Meaning: T(ctx, "Your account may not do this. Nothing was changed."),
			Next:    T(ctx, "If you should be able to, ask the people who run sign-in."),
		}
	case idp.Throttled:
		return problem{
			Title:   T(ctx, "Too many tries in a short time"),
			Meaning: T(ctx, "We slow down to keep guessing useless."),
			Next:    T(ctx, "Wait a minute, then try again."),
		}
	case idp.Unavailable:
		return problem{
			Title:   T(ctx, "%s cannot answer right now", House(ctx)),
			Meaning: T(ctx, "It cannot reach its own records, and it does not guess. You are still signed in where you were."),
			Next:    T(ctx, "Try again in a few seconds."),
		}
	case idp.Internal:
	}
	return problem{
		Title:   T(ctx, "Something on our side failed"),
		Meaning: T(ctx, "It is our fault, not yours, and it was written to the log."),
		Next:    T(ctx, "Try again. If it stays, give the reference below to the people who run sign-in."),
	}
}

// PostForm answers with a page that posts fields to action, by itself or with
// a button where scripts are off: the HTTP-POST binding of SAML
// (saml-bindings §3.5.4) and form_post of OAuth. action must be http or https
// and was validated against its App before; fields keep their order.
func (p *Pages) PostForm(w http.ResponseWriter, r *http.Request, app, action string, fields []FormField) error {
	u, err := url.Parse(action)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return idp.Errorf(idp.Invalid, "The app has no address a form can be posted to.").Because(err)
	}
	source, err := formSource(action)
	if err != nil {
		return idp.Errorf(idp.Invalid, "The app has no address a form can be posted to.").Because(err)
	}
	w.Header().Set("Content-Security-Policy", policy(source, submitHash))
	return Render(w, r, http.StatusOK, postPage(app, action, fields))
}

// LogoutAnswered answers with a page that says how an app's answer to a logout
// was taken, fit to stand in a frame of ours.
func (p *Pages) LogoutAnswered(w http.ResponseWriter, r *http.Request, done bool, words string) error {
	AllowOwnFrame(w)
	status := http.StatusOK
	if !done {
		status = http.StatusBadRequest
	}
	return Render(w, r, status, outcomePage(done, Said(r.Context(), &idp.Error{Detail: words})))
}

// FormField is one hidden field of a form that is posted on to an app.
type FormField struct {
	Name, Value string
}
