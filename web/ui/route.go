package ui

import (
	"fmt"
	"net/http"
	"time"
)

// Handler answers a request, or says why it could not. A returned error means
// that nothing has been written yet; Pages.Handle renders it.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Access is what a route demands before its handler runs. The zero value is no
// declaration at all and is refused when the route is mounted.
type Access int

const (
	undeclared Access = iota
	// Anyone may call: the handler proves what it needs by itself (a one-time
	// link) or shows nothing of anybody.
	Anyone
	// BoundBrowser asks for the cookie that binds a SignIn to one browser; it
	// becomes the Visit's Secret.
	BoundBrowser
	// SignedIn asks for a live session of any user.
	SignedIn
	// JustProven asks for a live session whose person has proven within
	// [RecentlyFor] to be who they are: for what would keep a thief of the
	// session in.
	JustProven
	// OwnerOnly asks for a live session of a user whose role, read from SQL in
	// this request, is owner.
	OwnerOnly
)

// RecentlyFor is how long a proof is a recent one.
const RecentlyFor = 10 * time.Minute

// String names the demand as it stands in the table of routes.
func (a Access) String() string {
	switch a {
	case Anyone:
		return "anyone"
	case BoundBrowser:
		return "bound browser"
	case SignedIn:
		return "signed in"
	case JustProven:
		return "just proven"
	case OwnerOnly:
		return "owner"
	case undeclared:
	}
	return "undeclared"
}

// Route is one line of a room's table of contents: what answers where, and
// what it asks of the caller first.
type Route struct {
	// Pattern is a net/http.ServeMux pattern with its method, such as
	// "POST /console/users/{id}/suspend".
	Pattern string
	Access  Access
	Handler Handler
	// Recent, of a route for owners, asks for a proof within [RecentlyFor] that is not a
	// mail alone: for what would keep a thief of the session in, or let in whom they
	// like.
	Recent bool
	// Upload is how large a form with a file may be that the handler reads as
	// Visit.Upload, in bytes; 0: the route takes forms like any other.
	Upload int64
}

// Check says why the route must not be mounted: no pattern, no handler, or no
// access declared.
func (rt Route) Check() error {
	switch {
	case rt.Pattern == "":
		return fmt.Errorf("route without a pattern")
	case rt.Handler == nil:
		return fmt.Errorf("route %s has no handler", rt.Pattern)
	case rt.Access <= undeclared || rt.Access > OwnerOnly:
		return fmt.Errorf("route %s declares no access", rt.Pattern)
	case rt.Recent && rt.Access != OwnerOnly:
		return fmt.Errorf("route %s asks people for a recent proof who are no owners: its access is to be JustProven", rt.Pattern)
	case rt.Upload > 0 && rt.Access != OwnerOnly:
		return fmt.Errorf("route %s takes uploads of people who are no owners", rt.Pattern)
	}
	return nil
}
