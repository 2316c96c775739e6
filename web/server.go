package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/sessions"
	"gatehouse/web/ui"
)

// Gate accepts sessions; *sessions.Gate does.
type Gate interface {
	Session(ctx context.Context, raw string) (idp.Session, error)
}

// Users reads the person behind a session, with the role of this moment.
type Users interface {
	User(ctx context.Context, id idp.UserID) (idp.User, error)
}

// Mount is a handler of a tongue at a pattern of the mux, with the ways
// through the gate that it takes: one that declares none of them, not even
// sessions.None, is not mounted. Tongues speak to apps as well as to browsers,
// so their patterns stand outside the cross-origin check and prove origin by
// their protocols' own means.
type Mount struct {
	Pattern string
	Passes  []sessions.Pass
	Handler http.Handler
	// Browsers are the methods by which browsers come, comma-separated, where a
	// person sees the answer; to any other one it is a page as well. Empty: apps
	// come here, and the tongue answers them itself.
	Browsers string
}

// Server joins rooms and tongues under one handler.
type Server struct {
	Gate    Gate
	Users   Users
	Cookies Cookies
	Pages   *ui.Pages
	Faces   *ui.Faces  // how the pages look
	Routes  []ui.Route // of the rooms
	Tongues []Mount
	API     http.Handler // at /api/; no cookies there
	Ready   func(ctx context.Context) error
	// Closed says why nobody is let in at this moment; "" while the house is
	// open. nil: it always is.
	Closed func() string
	// Suffices says how a session does by the policy of the house, for the house
	// itself ("" as the app); nil: there is none. *login.Login does.
	Suffices func(ctx context.Context, s idp.Session, app idp.AppID) (fresh, whole bool, err error)
	// ByMailAlone reports whether a code from a mail, and nothing else, began a session
	// whose person has a password, where a mail is not to stand in for it; nil: it never
	// does. *login.Login knows.
	ByMailAlone func(ctx context.Context, s idp.Session) (bool, error)
	// Record writes the audit line of somebody signed in who was refused an
	// owner's action; nil: none is written.
	Record         func(ctx context.Context, events ...idp.Event) error
	TrustedProxies []netip.Prefix
	// Answered is called after every answer, with the pattern of the mux that
	// the request met; nil: nobody counts.
	Answered func(pattern string, status int, took time.Duration)
	Log      *slog.Logger
	Now      func() time.Time
}

// Handler returns the whole face of the house, or an error for a route that
// declares no access.
func (s *Server) Handler() (http.Handler, error) {
	mux := http.NewServeMux()
	origin := http.NewCrossOriginProtection()
	for _, rt := range s.Routes {
		if err := rt.Check(); err != nil {
			return nil, fmt.Errorf("mount: %w", err)
		}
		mux.Handle(rt.Pattern, s.whileOpen(s.Pages.Handle(s.admit(mux, rt, origin.Check))))
	}
	for _, m := range s.Tongues {
		if len(m.Passes) == 0 {
			return nil, fmt.Errorf("mount: %s does not declare which passes it accepts or issues", m.Pattern)
		}
		if m.Browsers != "" {
			m.Handler = s.byBrowsers(m.Browsers, m.Handler)
		}
		if !m.public() {
			m.Handler = s.whileOpen(m.Handler)
		}
		mux.Handle(m.Pattern, m.Handler)
	}
	mux.Handle("/api/", s.whileOpen(s.API))
	mux.Handle("GET "+ui.AssetsPath, ui.Assets())
	mux.Handle("GET "+ui.LookPath, s.Faces.Files())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("/", s.whileOpen(s.Pages.Handle(func(w http.ResponseWriter, r *http.Request) error {
		if allowed := allowed(mux, r); allowed != "" {
			return s.Pages.NotAllowed(w, r, allowed)
		}
		return idp.Errorf(idp.NotFound, "")
	})))
	return ui.Headers(s.Cookies.HTTPS, s.begin(mux)), nil
}

// byBrowsers answers a request by any other method than these with a page: who
// looks at the answer of next is a person.
func (s *Server) byBrowsers(methods string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(strings.Split(methods, ", "), r.Method) {
			next.ServeHTTP(w, r)
			return
		}
		if err := s.Pages.NotAllowed(w, r, methods); err != nil {
			s.Pages.Problem(w, r, err)
		}
	})
}

// allowed returns the methods that have a route of their own at the address of a
// request that met none (RFC 9110 §10.2.1); "" where there is nothing at all.
func allowed(mux *http.ServeMux, r *http.Request) string {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := mux.Handler(other); strings.Contains(pattern, " ") { // with its method
			methods = append(methods, method)
		}
	}
	return strings.Join(methods, ", ")
}

// readyz says whether this node can decide anything: a refusal carries no
// cause, which is in the log.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if err := s.Ready(r.Context()); err != nil {
		s.Log.LogAttrs(r.Context(), slog.LevelWarn, "not ready", slog.String("error", err.Error()))
		w.Header().Set("Retry-After", "1")
		why := "not ready"
		if s.Closed != nil && s.Closed() != "" {
			why += ": " + s.Closed()
		}
		http.Error(w, why, http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}
