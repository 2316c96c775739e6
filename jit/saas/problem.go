package saas

import (
	"encoding/hex"
	"errors"
	"net/http"

	"crypto/rand"
)

// problem is a refusal as the person sees it. Its cause is logged, never shown.
type problem struct {
	status int
	title  string
	detail string
	said   []fact // what the identity provider answered, word for word
	retry  string // path of the way out; "" for none
	cause  error
}

type fact struct{ Label, Value string }

func (p *problem) Error() string {
	if p.cause == nil {
		return p.title
	}
	return p.title + ": " + p.cause.Error()
}

// page is the one adapter from a handler that returns an error to an http.Handler.
func (a *App) page(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		p := &problem{
			status: http.StatusInternalServerError, title: "This page could not be made",
			detail: "Something went wrong inside " + a.cfg.Name + ". The reference below finds it in the log.", cause: err,
		}
		errors.As(err, &p)
		ref := reference()
		a.cfg.Log.WarnContext(r.Context(), "refused", "app", a.cfg.Name, "path", r.URL.Path, "status", p.status,
			"reference", ref, "error", p.Error())
		if p.status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "2")
		}
		a.pages.problem(w, r, p, ref)
	})
}

// reference is the correlation ID that a refusal's page and its log line share.
func reference() string {
	b := make([]byte, 6)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func (a *App) notFound(http.ResponseWriter, *http.Request) error {
	return &problem{
		status: http.StatusNotFound, title: "There is no such page",
		detail: "It may have been moved, or the address was mistyped.", retry: "/",
	}
}
