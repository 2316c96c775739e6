package portal

import (
	"context"
	"net/http"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/login"
	"gatehouse/web/ui"
)

// Store is what the portal reads.
type Store interface {
	AccessOf(ctx context.Context, id idp.UserID, now time.Time) ([]idp.Access, error)
	Accounts(ctx context.Context, id idp.UserID) ([]idp.Account, error)
	Sessions(ctx context.Context, id idp.UserID, now time.Time) ([]idp.Session, error)
	Participants(ctx context.Context, id idp.UserID, now time.Time) ([]idp.Participant, error)
	SessionsStarted(ctx context.Context, id idp.UserID, n int) ([]idp.Session, error)
	AppsOpened(ctx context.Context, id idp.UserID, since time.Time) ([]idp.AppOpened, error)
	GroupsOf(ctx context.Context, id idp.UserID) ([]idp.Group, error)
	Credentials(ctx context.Context, id idp.UserID) ([]idp.Credential, error)
	Look(ctx context.Context) (idp.Look, error)
	SessionByID(ctx context.Context, id idp.SessionID) (idp.Session, error)
	Events(ctx context.Context, q idp.EventQuery) ([]idp.Event, string, error)
	App(ctx context.Context, id idp.AppID) (idp.App, error)
	Consent(ctx context.Context, id idp.ConsentID) (idp.Consent, error)
	Consents(ctx context.Context, user idp.UserID) ([]idp.Consent, error)

	// The rest of what is kept about the person.
	EveryDevice(ctx context.Context, id idp.UserID) ([]idp.KnownDevice, error)
	Families(ctx context.Context, id idp.UserID, now time.Time) ([]idp.TokenFamily, error)
	APITokens(ctx context.Context, id idp.UserID) ([]idp.APIToken, error)
	MailsOf(ctx context.Context, id idp.UserID, n int) ([]idp.Mail, error)
	LinksOf(ctx context.Context, id idp.UserID, n int) ([]idp.Link, error)
	Receipts(ctx context.Context, id idp.UserID, after string, n int) ([]idp.Receipt, string, error)
}

// Portal is the room's table of contents and what its page stands on.
type Portal struct {
	Store     Store
	Directory *directory.Directory
	Login     *login.Login
	Issuer    string // what an authenticator app calls this house
	// Launch says how the tile of an app opens it.
	Launch  func(idp.App) Launch
	Devices Devices
	// Place says in a language (BCP 47) where an address is: a city and a country,
	// as far as that is known. May be nil.
	Place func(address, language string) string
	// Newcomers and Cookies are for new browsers that the person is asked about.
	Newcomers Newcomers
	Cookies   Cookies
}

// Launch is how a tile opens its app: by the address Href, or by posting Fields
// to Action, which is ours; with neither, the app can only be opened from its
// own page. At is an address of the app's, for its host.
type Launch struct {
	Href   string
	Action string
	Fields [][2]string
	At     string
}

// Routes lists every page of the room with the access it demands.
func (p *Portal) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /{$}", Access: ui.SignedIn, Handler: p.home},
		{Pattern: "GET /password", Access: ui.JustProven, Handler: p.passwordAsk},
		{Pattern: "POST /password", Access: ui.JustProven, Handler: p.passwordChange},
		{Pattern: "GET /device", Access: ui.SignedIn, Handler: p.deviceAsk},
		{Pattern: "POST /device", Access: ui.SignedIn, Handler: p.deviceDecide},
		{Pattern: "POST /devices/{id}/untrust", Access: ui.SignedIn, Handler: p.untrustDevice},
		{Pattern: "POST /devices/{id}/own", Access: ui.SignedIn, Handler: p.ownDevice},
		{Pattern: "GET /devices/{id}/disown", Access: ui.SignedIn, Handler: p.askDisown},
		{Pattern: "POST /devices/{id}/disown", Access: ui.SignedIn, Handler: p.disown},
		{Pattern: "GET /codes", Access: ui.JustProven, Handler: p.codes},
		{Pattern: "POST /codes/app", Access: ui.JustProven, Handler: p.addTOTP},
		{Pattern: "POST /codes/recovery", Access: ui.JustProven, Handler: p.renewRecovery},
		{Pattern: "GET /codes/remove", Access: ui.JustProven, Handler: p.askRemoveCodes},
		{Pattern: "POST /codes/remove", Access: ui.JustProven, Handler: p.removeCodes},
		{Pattern: "POST /sessions/{id}/end", Access: ui.SignedIn, Handler: p.endSession},
		{Pattern: "POST /sessions/end-others", Access: ui.SignedIn, Handler: p.endOthers},
		{Pattern: "POST /language", Access: ui.SignedIn, Handler: p.setLanguage},
		{Pattern: "GET /my-data", Access: ui.JustProven, Handler: p.askMyData},
		{Pattern: "POST /my-data", Access: ui.JustProven, Handler: p.myData},
		{Pattern: "GET /deletion", Access: ui.SignedIn, Handler: p.deletion},
		{Pattern: "POST /deletion", Access: ui.SignedIn, Handler: p.askDeletion},
		{Pattern: "POST /deletion/withdraw", Access: ui.SignedIn, Handler: p.withdrawDeletion},
		{Pattern: "POST /consents/{id}/revoke", Access: ui.SignedIn, Handler: p.takeBack},
		{Pattern: "GET /passkeys", Access: ui.JustProven, Handler: p.passkeys},
		{Pattern: "POST /passkeys", Access: ui.JustProven, Handler: p.addPasskey},
		{Pattern: "GET /passkeys/offer", Access: ui.JustProven, Handler: p.offerPasskey},
		{Pattern: "POST /passkeys/{id}/rename", Access: ui.JustProven, Handler: p.renamePasskey},
		{Pattern: "GET /passkeys/{id}/remove", Access: ui.JustProven, Handler: p.askRemovePasskey},
		{Pattern: "POST /passkeys/{id}/remove", Access: ui.JustProven, Handler: p.removePasskey},
	}
}

// endSession ends one session of the person; somebody else's is not found.
func (p *Portal) endSession(w http.ResponseWriter, r *http.Request) error {
	me := ui.VisitOf(r.Context()).User.ID
	session, err := p.Store.SessionByID(r.Context(), idp.SessionID(r.PathValue("id")))
	if err != nil {
		return err
	}
	if session.UserID != me {
		return idp.Errorf(idp.NotFound, "You have no such session.")
	}
	if _, err := p.Directory.EndSession(r.Context(), session.ID, byThemselves); err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/#sessions")
}

// endOthers ends every session of the person but this one.
func (p *Portal) endOthers(w http.ResponseWriter, r *http.Request) error {
	v := ui.VisitOf(r.Context())
	live, err := p.Store.Sessions(r.Context(), v.User.ID, v.Now)
	if err != nil {
		return err
	}
	for _, s := range live {
		if s.ID == v.Session.ID {
			continue
		}
		if _, err := p.Directory.EndSession(r.Context(), s.ID, byThemselves); err != nil {
			return err
		}
	}
	return ui.SeeOther(w, r, "/#sessions")
}

// byThemselves is the reason on the receipt of an ending from this page.
const byThemselves = "Ended by the person in the portal"
