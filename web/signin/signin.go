package signin

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/login"
	"gatehouse/sessions"
	"gatehouse/web/ui"
)

// Store is what the pages read.
type Store interface {
	User(ctx context.Context, id idp.UserID) (idp.User, error)
	App(ctx context.Context, id idp.AppID) (idp.App, error)

	// What became of a sign-out.
	Receipt(ctx context.Context, id idp.ReceiptID) (idp.Receipt, error)
	CutParticipants(ctx context.Context, r idp.Receipt, after string, n int) ([]idp.Participant, string, error)
	Deliveries(ctx context.Context, id idp.ReceiptID) ([]idp.Delivery, error)
}

// Box seals what a browser keeps for us; *keys.Box does.
type Box interface {
	Seal(purpose string, plain []byte) string
	Open(purpose, sealed string) ([]byte, error)
}

// Cookies gives the browser what proves it to be the same one; web.Cookies
// does.
type Cookies interface {
	Bind(w http.ResponseWriter, r *http.Request) string
	SetSession(w http.ResponseWriter, raw string)
	ClearSession(w http.ResponseWriter)
	SetLeft(w http.ResponseWriter, sealed string, life time.Duration)
	Left(r *http.Request) string
	SetAsked(w http.ResponseWriter, whom string)
	Asked(r *http.Request) string
	SetPeople(w http.ResponseWriter, sealed string, life time.Duration)
	People(r *http.Request) string
	SetDevice(w http.ResponseWriter, raw string)
	Device(r *http.Request) string
}

// SignIn is the room's table of contents and what its pages stand on.
type SignIn struct {
	Gate      *sessions.Gate
	Login     *login.Login
	Directory *directory.Directory
	Store     Store
	Cookies   Cookies
	Fronts    Fronts
	Box       Box
	Log       *slog.Logger
	Now       func() time.Time
	// Place says in a language (BCP 47) where an address is. May be nil.
	Place func(address, language string) string

	refusing sync.Mutex
}

// Fronts says to which apps the browser of somebody who has signed out is to
// be led; *outbox.Fronts does.
type Fronts interface {
	Calls(ctx context.Context, r idp.Receipt) []idp.FrontCall
}

// Routes lists every page of the room with the access it demands.
func (s *SignIn) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /signin", Access: ui.Anyone, Handler: s.begin},
		{Pattern: "GET /signin/trouble", Access: ui.Anyone, Handler: s.trouble},
		{Pattern: "GET /signin/recover", Access: ui.Anyone, Handler: s.recoverAsk},
		{Pattern: "POST /signin/recover", Access: ui.BoundBrowser, Handler: s.recoverSend},
		{Pattern: "GET /signin/{id}", Access: ui.BoundBrowser, Handler: s.identify},
		{Pattern: "GET /signin/{id}/{step}", Access: ui.BoundBrowser, Handler: s.stepAgain},
		{Pattern: "POST /signin/{id}/identifier", Access: ui.BoundBrowser, Handler: s.identified},
		{Pattern: "POST /signin/{id}/forget", Access: ui.BoundBrowser, Handler: s.forget},
		{Pattern: "POST /signin/{id}/password", Access: ui.BoundBrowser, Handler: s.password},
		{Pattern: "POST /signin/{id}/mail", Access: ui.BoundBrowser, Handler: s.mail},
		{Pattern: "GET /signin/{id}/mailed", Access: ui.BoundBrowser, Handler: s.mailedAsk},
		{Pattern: "POST /signin/{id}/mailed", Access: ui.BoundBrowser, Handler: s.mailed},
		{Pattern: "POST /signin/{id}/send", Access: ui.BoundBrowser, Handler: s.confirmSend},
		{Pattern: "GET /signin/{id}/confirm", Access: ui.BoundBrowser, Handler: s.confirmAsk},
		{Pattern: "POST /signin/{id}/confirm", Access: ui.BoundBrowser, Handler: s.confirm},
		{Pattern: "POST /signin/{id}/passkey", Access: ui.BoundBrowser, Handler: s.passkey},
		{Pattern: "POST /signin/{id}/cancel", Access: ui.BoundBrowser, Handler: s.cancel},
		{Pattern: "POST /signin/{id}/code", Access: ui.BoundBrowser, Handler: s.code},
		{Pattern: "POST /signin/{id}/setup", Access: ui.BoundBrowser, Handler: s.setUp},
		{Pattern: "GET /link/{secret}", Access: ui.Anyone, Handler: s.link},
		{Pattern: "POST /link/{secret}", Access: ui.BoundBrowser, Handler: s.useLink},
		{Pattern: "POST /link/{secret}/passkey", Access: ui.BoundBrowser, Handler: s.makePasskey},
		{Pattern: "POST /signout", Access: ui.SignedIn, Handler: s.signOut},
		{Pattern: "GET /signed-out", Access: ui.Anyone, Handler: s.SignedOut},
	}
}

// stepAgain leads to what a SignIn asks for now whoever opens the address of a form of
// its: as a browser does that comes back to a page which a form had answered, and as
// people do who keep it as a bookmark.
func (s *SignIn) stepAgain(w http.ResponseWriter, r *http.Request) error {
	return ui.SeeOther(w, r, "/signin/"+url.PathEscape(r.PathValue("id")))
}

func (s *SignIn) trouble(w http.ResponseWriter, r *http.Request) error {
	return ui.Render(w, r, http.StatusOK, troublePage(s.Directory.Mails, asideFrom(r)))
}

// aside is the SignIn that somebody has left for a page about their trouble with it, and
// comes back to; "" is none.
type aside idp.SignInID

// asideFrom reads what at has written. It says nothing of who asks: the page that it
// leads back to is this browser's, or over.
func asideFrom(r *http.Request) aside { return aside(r.URL.Query().Get("signin")) }

// at is a page beside the sign-in.
func (a aside) at(path string) string {
	if a == "" {
		return path
	}
	return path + "?signin=" + url.QueryEscape(string(a))
}

func (a aside) back() string {
	if a == "" {
		return "/"
	}
	return "/signin/" + url.PathEscape(string(a))
}

// localPath returns a page of this house that a browser may be sent on to, and
// the portal for anything else: exactly one slash first, and nothing that a
// browser reads as another one.
func localPath(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || len(s) > 2048 {
		return "/"
	}
	if !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(u.Path, "\\\t\r\n") {
		return "/"
	}
	local := (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
	if strings.ContainsAny(local, " \\\t\r\n") {
		return "/"
	}
	return local
}
