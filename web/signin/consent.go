package signin

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// consentView asks what an app may learn of a person.
type consentView struct {
	Action    string
	Ticket    string
	App       string
	Name      string // whom it is about
	Username  string
	Learns    []string // what is new, where More; else all of it
	Before    []string // what was allowed before, where More
	More      bool
	ComesBack bool
	Host      string // where the answer goes
}

// AskConsent asks the person what q says. The answer is posted to the path of
// the request, with q.Ticket, and as the field answer allow or cancel.
func (s *SignIn) AskConsent(w http.ResponseWriter, r *http.Request, q idp.ConsentQuestion) error {
	// Either answer leads on to the app.
	if err := ui.AllowFormAction(w, q.RedirectURI); err != nil {
		return err
	}
	u, err := s.Store.User(r.Context(), q.UserID)
	if err != nil {
		return err
	}
	ui.Speak(r.Context(), u.Language)
	v := consentView{
		Action: r.URL.Path, Ticket: q.Ticket, App: q.App.Name, Name: u.Name(), Username: u.Username,
		Learns: ui.Learns(r.Context(), q.App, q.Scopes), ComesBack: ui.ComesBack(q.Scopes), Host: destination(r.Context(), q.RedirectURI),
	}
	before := ui.Learns(r.Context(), q.App, q.Allowed)
	added := slices.DeleteFunc(slices.Clone(v.Learns), func(words string) bool { return slices.Contains(before, words) })
	newlyBack := v.ComesBack && !ui.ComesBack(q.Allowed)
	if len(q.Allowed) > 0 && (len(added) > 0 || newlyBack) {
		v.More, v.Learns, v.Before, v.ComesBack = true, added, before, newlyBack
	}
	return ui.Render(w, r, http.StatusOK, consentPage(v))
}

// destination says in a word where an address leads: the host on the web, or
// this very device.
func destination(ctx context.Context, uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ui.T(ctx, "an app on this device")
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
		return ui.T(ctx, "an app on this device")
	}
	return strings.ToLower(u.Host)
}
