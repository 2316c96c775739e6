package saml

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/idp/saml/wire"
)

// Where the provider answers, below BaseURL.
const (
	pathMetadata = "/saml/metadata"
	pathSSO      = "/saml/sso"
	pathContinue = "/saml/sso/continue"
	pathResume   = "/saml/sso/resume"
	pathSLO      = "/saml/slo"
	pathLaunch   = "/saml/launch"
	pathSLOGoOn  = "/saml/slo/continue"
	pathSLOBack  = "/saml/slo/answer"
	pathSLOSOAP  = "/saml/slo/soap"
)

// Store is what the provider reads of the directory, and where it writes
// audit lines. *store.Store does.
type Store interface {
	App(ctx context.Context, id idp.AppID) (idp.App, error)
	AppByIdentifier(ctx context.Context, p idp.Protocol, identifier string) (idp.App, error)
	UserByName(ctx context.Context, canonical string) (idp.User, error)
	// Entry answers idp.NotFound where there is no such app, or no such user.
	Entry(ctx context.Context, p idp.Protocol, identifier string, user idp.UserID, now time.Time) (idp.Entry, error)
	Accounts(ctx context.Context, id idp.UserID) ([]idp.Account, error)
	AccountBySubject(ctx context.Context, app idp.AppID, subject string) (idp.Account, error)
	// NameParticipant writes down that an app is told a name in a session that is
	// not the first one.
	NameParticipant(ctx context.Context, session idp.SessionID, app idp.AppID, n idp.NameID, now time.Time) error
	ReadKeys(ctx context.Context, keys []idp.KeyID, r idp.KeyRead) error
	Departures
	Record(ctx context.Context, events ...idp.Event) error
	// RecordRefused is Record that keeps the message that was refused with it.
	RecordRefused(ctx context.Context, e idp.Event, m idp.RefusedMessage) error
}

// Departures is what a logout that an app asks for reads: whom it names, and
// what became of the endings.
type Departures interface {
	ParticipantsKnown(ctx context.Context, app idp.AppID, subject string) ([]idp.Participant, error)
	ParticipantsNamed(ctx context.Context, app idp.AppID, name string) ([]idp.Participant, error)
	ParticipantsNamedAlso(ctx context.Context, app idp.AppID, name string) ([]idp.Participant, error)
	// AppAt comes with the number of the newest row of the log at that moment.
	AppAt(ctx context.Context, id idp.AppID) (idp.App, int64, error)
	Participants(ctx context.Context, user idp.UserID, now time.Time) ([]idp.Participant, error)
	SessionByID(ctx context.Context, id idp.SessionID) (idp.Session, error)
	Receipt(ctx context.Context, id idp.ReceiptID) (idp.Receipt, error)
	Deliveries(ctx context.Context, id idp.ReceiptID) ([]idp.Delivery, error)
}

// Endings ends sessions; *directory.Directory does.
type Endings interface {
	SignOut(ctx context.Context, s idp.Session) (idp.Receipt, error)
	InForce(ctx context.Context, n int64) error
}

// Gate accepts and issues; *sessions.Gate does.
type Gate interface {
	SignIn(ctx context.Context, id idp.SignInID, bind string) (idp.SignIn, error)
	Resume(ctx context.Context, id idp.SignInID, bind string) (idp.SignIn, error)
	Assert(ctx context.Context, proof idp.Proof, p idp.Participant, a idp.Account) (idp.Participant, idp.Account, error)
	Answer(ctx context.Context, proof idp.Proof, once idp.Once, p idp.Participant, a idp.Account) (idp.Participant, idp.Account, error)
	SpendOnce(ctx context.Context, kind, value string, until time.Time) error
}

// SignIns begins a sign-in; *login.Login does.
type SignIns interface {
	Begin(ctx context.Context, in idp.SignIn, bind string) (idp.SignIn, error)
	// StepUp begins one in which the person of a session proves only the second
	// factor that it lacks.
	StepUp(ctx context.Context, in idp.SignIn, s idp.Session, bind string) (idp.SignIn, error)
	// Suffices reports how a session does by the policy of the house at an app:
	// fresh, when its proof is young enough; whole, when its factors are enough.
	Suffices(ctx context.Context, s idp.Session, app idp.AppID) (fresh, whole bool, err error)
}

// Browser is what the provider asks of web: everything that is a cookie or a
// page.
type Browser interface {
	// Session returns the browser's live session; idp.Unauthenticated when
	// there is none.
	Session(r *http.Request) (idp.Session, error)
	// Bind returns the raw secret that binds this browser, and sets its cookie
	// when it has none.
	Bind(w http.ResponseWriter, r *http.Request) string
	// Bound returns the same, or "" when there is none.
	Bound(r *http.Request) string
	// OwnForm reports whether r is a form of a page of ours, shown to this
	// browser in its session.
	OwnForm(r *http.Request) bool
	// SignIn sends the browser to the sign-in pages, which send it on to the
	// sign-in's ResumeURL with its ID added as the query parameter signin.
	SignIn(w http.ResponseWriter, r *http.Request, id idp.SignInID)
	// PostForm answers with a page that posts fields to action by itself; app
	// is the name a person reads where scripts are off.
	PostForm(w http.ResponseWriter, r *http.Request, app, action string, fields [][2]string)
	// Leave takes the cookie of the session away that the receipt has ended, and
	// leads the browser through the apps that nobody else can tell and then to
	// the path to, which may be empty. answered is false where it had none to
	// lead through and the caller is to go on.
	Leave(w http.ResponseWriter, r *http.Request, receipt idp.Receipt, to string) (answered bool, err error)
	// SignedOut answers with the page that says that nobody is signed in here.
	SignedOut(w http.ResponseWriter, r *http.Request)
	// LogoutAnswered answers with a page that says how an app's answer to a
	// logout was taken; it may stand in a frame of a page of ours.
	LogoutAnswered(w http.ResponseWriter, r *http.Request, done bool, words string)
	// Problem answers with the page of a refusal that cannot go back to the app.
	Problem(w http.ResponseWriter, r *http.Request, err error)
}

// Person is whom attributes are about; jit.Person has the same shape.
type Person struct {
	User    idp.User
	Groups  []string
	Role    string // inside the app; may be empty
	Subject string // the NameID the app knows the user by
}

// Attribute is one attribute to tell (SAML Core §2.7.3.1); jit.Attribute has
// the same shape.
type Attribute struct {
	Name         string
	NameFormat   string
	FriendlyName string // may be empty
	Type         string // xsi:type of the values; empty: none is said
	Values       []string
}

// Provider is the identity provider. All fields are required that do not say
// otherwise.
type Provider struct {
	EntityID string
	BaseURL  string // no trailing slash
	Store    Store
	Gate     Gate
	SignIns  SignIns
	Ring     *keys.Ring
	Box      *keys.Box
	Salt     []byte // of transient names; 32 bytes
	Browser  Browser
	// Attributes maps a person to what app is told; idp.Invalid for what must
	// not be signed (jit.Attributes).
	Attributes func(p Person, app idp.App) ([]Attribute, error)
	// Answered writes down what an app answered to the logout that a browser
	// brought it, for the line of a receipt; idp.Conflict when that is settled.
	Answered func(ctx context.Context, id idp.DeliveryID, answer string, done bool) error
	// About says in the metadata who runs the house. May be empty.
	About wire.About
	// Validity is for how long metadata are good at the least; 0: without end. A
	// service provider that minds it and cannot read them anew signs nobody in
	// after that, and one that reads them once, as most do, signs nobody in by
	// then: so there is no end unless the house wants it. With one, whoever holds
	// back an old document cannot have a key believed for long that was revoked.
	Validity time.Duration
	Endings  Endings
	// Patience is how long the answer to an app's LogoutRequest waits for what
	// the other apps say; 0: 3 s.
	Patience time.Duration
	Log      *slog.Logger
	Now      func() time.Time

	documents sync.Map // *document by idp.AppID; that of the house under ""
	readings  sync.Map // reading by idp.AppID
}

// Handler serves all paths of the provider: everything below /saml/. The
// caller must let requests from other sites through to it: a sign-in may start
// by POST. It adds no security headers; web does.
func (p *Provider) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pathMetadata, p.metadata)
	mux.HandleFunc("GET "+pathMetadata+"/{app}", p.metadataFor)
	mux.HandleFunc("GET "+pathSSO, noStore(p.sso))
	mux.HandleFunc("POST "+pathSSO, noStore(p.sso))
	mux.HandleFunc("GET "+pathContinue, noStore(p.goOn))
	mux.HandleFunc("GET "+pathResume, noStore(p.resume))
	mux.HandleFunc("POST "+pathLaunch, noStore(p.launch))
	mux.HandleFunc("GET "+pathSLO, noStore(p.slo))
	mux.HandleFunc("POST "+pathSLO, noStore(p.slo))
	mux.HandleFunc("GET "+pathSLOGoOn, noStore(p.goOnLeaving))
	mux.HandleFunc("GET "+pathSLOBack, noStore(p.sendBack))
	mux.HandleFunc("POST "+pathSLOSOAP, noStore(p.sloBySOAP))
	return mux
}

func noStore(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Pragma", "no-cache")
		next(w, r)
	}
}

// now is the house's time, as it is remembered.
func (p *Provider) now() time.Time { return idp.Time(p.Now()) }

// note writes an audit line. It never stops what is being done: a refusal
// stays a refusal.
func (p *Provider) note(ctx context.Context, e idp.Event) {
	e.ID, e.At, e.Actor = idp.NewEventID(), p.now(), idp.ActorOf(ctx)
	if err := p.Store.Record(ctx, e); err != nil {
		p.Log.ErrorContext(ctx, "audit line not written", "kind", e.Kind, "error", err)
	}
}
