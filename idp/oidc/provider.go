package oidc

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
	"gatehouse/idp/fetch"
	"gatehouse/idp/keys"
	"gatehouse/idp/login"
)

// Where the provider answers, below the issuer.
const (
	pathAuthorize  = "/oauth/authorize"
	pathResume     = "/oauth/authorize/resume"
	pathPAR        = "/oauth/par"
	pathToken      = "/oauth/token"
	pathIntrospect = "/oauth/introspect"
	pathRevoke     = "/oauth/revoke"
	pathUserinfo   = "/oauth/userinfo"
	pathKeys       = "/oauth/keys"
	pathEndSession = "/oauth/end_session"
	pathDevice     = "/oauth/device_authorization"
	pathDiscovery  = oidc.DiscoveryEndpoint
	// pathMetadata is where clients of OAuth that know nothing of OpenID look for
	// the same (RFC 8414 §3).
	pathMetadata = "/.well-known/oauth-authorization-server"
)

// Store is what the provider reads of the directory, and where it writes
// audit lines. *store.Store does.
type Store interface {
	AppTruthByIdentifier(ctx context.Context, p idp.Protocol, identifier string) (idp.AppTruth, error)
	Admission(ctx context.Context, p idp.Protocol, identifier string, user idp.UserID, now time.Time) (idp.Admission, error)
	App(ctx context.Context, id idp.AppID) (idp.App, error)
	Apps(ctx context.Context) ([]idp.App, error)
	User(ctx context.Context, id idp.UserID) (idp.User, error)
	GroupsOf(ctx context.Context, id idp.UserID) ([]idp.Group, error)
	AccountBySubject(ctx context.Context, app idp.AppID, subject string) (idp.Account, error)
	Access(ctx context.Context, user idp.UserID, app idp.AppID, now time.Time) (idp.Access, error)
	ConsentTo(ctx context.Context, user idp.UserID, app idp.AppID) (idp.Consent, error)
	Record(ctx context.Context, events ...idp.Event) error
}

// Gate accepts and issues; *sessions.Gate does.
type Gate interface {
	SignIn(ctx context.Context, id idp.SignInID, bind string) (idp.SignIn, error)
	Resume(ctx context.Context, id idp.SignInID, bind string) (idp.SignIn, error)
	SpendCode(ctx context.Context, f idp.TokenFamily, p idp.Participant, a idp.Account) error
	Rotate(ctx context.Context, id idp.TokenFamilyID, proof idp.Proof, seq int64) (idp.TokenFamily, error)
	Family(ctx context.Context, id idp.TokenFamilyID, proof idp.Proof) (idp.FamilyTruth, error)
	FamilyAndApp(ctx context.Context, id idp.TokenFamilyID, app idp.AppID, proof idp.Proof) (idp.FamilyTruth, idp.App, error)
	Exchanged(ctx context.Context, id idp.TokenFamilyID, tokens []idp.TokenID, proof idp.Proof) (idp.FamilyTruth, error)
	RefreshFamily(ctx context.Context, id idp.TokenFamilyID, proof idp.Proof) (idp.FamilyTruth, error)
	NewApp(t idp.AppTruth, secret string, asked time.Time) (idp.AppProof, error)
	App(ctx context.Context, p idp.AppProof) (idp.App, error)
	SpendOnce(ctx context.Context, kind, value string, until time.Time) error
	NewDevice(ctx context.Context, d idp.DeviceCode) (raw, userCode string, issued idp.DeviceCode, err error)
	Device(ctx context.Context, typed string) (idp.DeviceCode, error)
	ConfirmDevice(ctx context.Context, s idp.Session, d idp.DeviceCode) error
	DenyDevice(ctx context.Context, d idp.DeviceCode) error
	PollDevice(ctx context.Context, raw string, app idp.AppID) (idp.DeviceCode, error)
}

// Tries counts tries under a name and returns how many they are since the
// window began, and when it ends; *redis.Counts and *store.Store do.
type Tries interface {
	Count(ctx context.Context, name string, window time.Duration, now time.Time) (n int, resetAt time.Time, err error)
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
	// HasSecond reports whether somebody can prove a second factor, and by a passkey.
	HasSecond(ctx context.Context, id idp.UserID) (second, passkey bool, err error)
}

// Endings ends token families and single tokens; *directory.Directory does.
type Endings interface {
	EndFamily(ctx context.Context, f idp.TokenFamily, reason string) error
	// EndToken ends a token that is no family's: TokenID, AppID, Until and Reason
	// of g are there, UserID and FamilyID of what came of an exchange.
	EndToken(ctx context.Context, g idp.Ending) error
	// InForce returns when all that has ended up to row n of the log is refused
	// on every node.
	InForce(ctx context.Context, n int64) error
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
	// SignIn sends the browser to the sign-in pages, which send it on to the
	// sign-in's ResumeURL with its ID added as the query parameter signin.
	SignIn(w http.ResponseWriter, r *http.Request, id idp.SignInID)
	// PostForm answers with a page that posts fields to action, an address of
	// the app of this name, by itself.
	PostForm(w http.ResponseWriter, r *http.Request, app, action string, fields [][2]string)
	// Problem answers with the page of a refusal that cannot go back to the app.
	Problem(w http.ResponseWriter, r *http.Request, err error)
	// ConfirmSignOut asks whether to sign out, and posts carry back to the
	// same path. stays: the browser will not go where the app wants it to.
	ConfirmSignOut(w http.ResponseWriter, r *http.Request, appName string, carry [][2]string, stays bool)
	// Speak has the pages of this request in the first of these languages (RFC 5646)
	// that there is.
	Speak(r *http.Request, languages []string)
	// ConfirmedSignOut reports whether r is that answer, from that page.
	ConfirmedSignOut(r *http.Request) bool
	// AskConsent asks the person of the browser's session what q says. Its form
	// is posted to the same path, with the fields ticket and answer (allow or
	// cancel).
	AskConsent(w http.ResponseWriter, r *http.Request, q idp.ConsentQuestion)
	// OwnForm reports whether r is the form of a page of ours, shown to this
	// browser in its session.
	OwnForm(r *http.Request) bool
	// SignOut ends the session and clears its cookie. answered: it has led the
	// browser on, through the apps that nobody else can tell and from there to
	// the address to, or, where that is empty, to a page of its own.
	SignOut(w http.ResponseWriter, r *http.Request, s idp.Session, to string) (answered bool, err error)
	// SignedOut answers with a page that says so.
	SignedOut(w http.ResponseWriter, r *http.Request)
}

// Person is whom claims are about; jit.Person has the same shape.
type Person struct {
	User    idp.User
	Groups  []string
	Role    string // inside the app; may be empty
	Subject string // the sub the app knows the user by
}

// Provider is the OpenID Provider. Fields that may be nil say so.
type Provider struct {
	Issuer  string // no trailing slash
	Store   Store
	Gate    Gate
	SignIns SignIns
	Endings Endings
	Tries   Tries
	Ring    *keys.Ring
	Box     *keys.Box
	Browser Browser
	// Salt is the secret of the house that pairwise subjects follow from.
	Salt []byte
	// Claims maps a person to what these scopes and the app's own rules tell;
	// never a claim of the protocol itself (jit.Claims).
	Claims func(p Person, app idp.App, scopes []string) map[string]any
	// Evidence is told that a token of a session was used and refused. byApp:
	// the app that it was issued to came with it and with its own secret, which
	// is the app's proof that the end of that session reached it; else it was
	// whoever holds the token. what is plain words. May be nil.
	Evidence func(ctx context.Context, app idp.AppID, session idp.SessionID, what string, byApp bool) error
	// ProofNonces: a DPoP proof carries a nonce of ours.
	ProofNonces bool
	// Registration lets apps register themselves. May be nil: they cannot.
	Registration *Registration
	// Fetch reads the keys that apps publish. May be nil: then none are known.
	Fetch *fetch.Client
	// MTLS is how apps come with a certificate. May be nil: then none do.
	MTLS *MTLS
	// NoPasskeys: people can have none in this house.
	NoPasskeys bool
	Log        *slog.Logger
	Now        func() time.Time

	// Consents writes down what people allow apps that are somebody else's.
	Consents Consents

	origins    origins
	secretUses secretUses
	publicKeys publicKeys
	shut       login.Shut
}

// Handler serves all paths of the provider: everything below /oauth/ and
// the two addresses of its metadata. The caller must let requests from other
// sites through to it: authorization and end of session may start by POST,
// and machines have no cookies. It adds no security headers; web does.
func (p *Provider) Handler() http.Handler {
	machines := op.RegisterServer(&server{p: p}, op.Endpoints{
		Token:         op.NewEndpoint(pathToken),
		Introspection: op.NewEndpoint(pathIntrospect),
		Revocation:    op.NewEndpoint(pathRevoke),
		Userinfo:      op.NewEndpoint(pathUserinfo),

		DeviceAuthorization: op.NewEndpoint(pathDevice),
		// The library's default reflects every Origin with credentials.
	}, op.WithServerCORSOptions(nil))

	mux := http.NewServeMux()
	mux.Handle("GET "+pathAuthorize, forBrowsers(p.authorize))
	mux.Handle("POST "+pathAuthorize, forBrowsers(p.authorizeByPost))
	mux.Handle("GET "+pathResume, forBrowsers(p.resume))
	mux.Handle("GET "+pathConsent, forBrowsers(p.consent))
	mux.Handle("POST "+pathConsent, forBrowsers(p.consented))
	mux.Handle("GET "+pathEndSession, forBrowsers(p.endSession))
	mux.Handle("POST "+pathEndSession, forBrowsers(p.endSessionByPost))
	mux.Handle(pathPAR, p.cors(p.nonces(forClients(true, http.HandlerFunc(p.push)))))
	mux.Handle(pathToken, p.cors(p.nonces(forClients(true, knownGrants(machines)))))
	mux.Handle(pathDevice, forClients(true, machines))
	mux.Handle(pathIntrospect, forClients(false, p.introspectByCertificate(machines)))
	mux.Handle(pathRevoke, p.cors(forClients(true, machines)))
	mux.Handle(pathUserinfo, p.cors(p.nonces(p.forBearers(machines))))
	mux.Handle(pathKeys, p.cors(document(p.Ring.JWKS)))
	if p.Registration != nil {
		mux.Handle(pathRegister, p.registrations())
		mux.Handle(pathRegister+"/", p.registrations())
	}
	discovery := p.discovery()
	for _, path := range []string{pathDiscovery, pathMetadata} {
		mux.Handle(path, p.cors(document(func() []byte { return discovery })))
	}
	mux.HandleFunc("/", nothingThere)
	return p.withChain(mux)
}

// server answers what the library has parsed. Its methods are in the files
// named after their endpoint.
type server struct {
	op.UnimplementedServer
	p *Provider
}

// now is the house's time, as it is remembered.
func (p *Provider) now() time.Time { return idp.Time(p.Now()) }

// note writes an audit line, with what an app sent where it is the app that is
// answered. It never stops what is being done: a refusal stays a refusal.
func (p *Provider) note(ctx context.Context, e idp.Event) {
	e.ID, e.At, e.Actor = idp.NewEventID(), p.now(), idp.ActorOf(ctx)
	noteReceived(ctx, &e)
	if err := p.Store.Record(ctx, e); err != nil {
		p.Log.ErrorContext(ctx, "audit line not written", "kind", e.Kind, "error", err)
	}
}

// witness reports that the use of a token of family f was refused, byApp where
// its app authenticated for it.
func (p *Provider) witness(ctx context.Context, f idp.TokenFamily, what string, byApp bool) {
	if p.Evidence == nil || f.ID == "" {
		return
	}
	if err := p.Evidence(ctx, f.AppID, f.SessionID, what, byApp); err != nil {
		p.Log.ErrorContext(ctx, "evidence not written", "app", f.AppID, "session", f.SessionID, "error", err)
	}
}
