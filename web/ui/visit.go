package ui

import (
	"context"
	"time"

	"gatehouse/idp"
)

// Visit is what the mux found out about a request before the handler ran. The
// handlers and the views read it from the context. Who acts, from which address
// and under which correlation ID stands beside it, as the idp.Actor.
type Visit struct {
	// Now is the time the request came in; relative times are counted from it.
	Now time.Time
	// Secret is the raw value of the cookie that forms are tied to: the
	// session's, or that of the browser binding. It is never rendered.
	Secret string
	// Session and User are the live session and its person, read in this
	// request; zero when nobody is signed in.
	Session idp.Session
	User    idp.User
	// Page is the address of the page that a form stands on which was sent; "" for
	// what was asked for without one.
	Page string
	// Upload is the form of a route that takes uploads, after its token; nil on
	// any other.
	Upload *Upload
}

// SignedIn reports whether the visit has a live session.
func (v Visit) SignedIn() bool { return v.User.ID != "" }

// JustProven reports whether the person has proven within [RecentlyFor] to be
// who they are.
func (v Visit) JustProven() bool {
	return v.SignedIn() && v.Now.Sub(v.Session.AuthTime) < RecentlyFor
}

// Owner reports whether the person signed in may use the console.
func (v Visit) Owner() bool { return v.SignedIn() && v.User.Role == idp.RoleOwner }

type visitKey struct{}

// WithVisit returns a context that carries v.
func WithVisit(ctx context.Context, v Visit) context.Context {
	return context.WithValue(ctx, visitKey{}, v)
}

// VisitOf returns the Visit of a request, zero when the mux has set none.
func VisitOf(ctx context.Context) Visit {
	v, _ := ctx.Value(visitKey{}).(Visit)
	return v
}
