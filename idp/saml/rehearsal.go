package saml

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/idp/saml/wire"
)

// Rehearsals plays sign-ons that nobody makes: the provider's own handler
// answers them, with the directory as it is, and nothing comes of it. No
// session, account or participant is written, no request is spent.
//
// What it signs is worth nothing: the key lives in this process alone and is in
// no metadata that anybody outside has read. An owner who may try a sign-on out
// for somebody must not hold a pass of theirs.
type Rehearsals struct {
	Provider *Provider
	// SessionLife is how long a session at Gatehouse can last.
	SessionLife time.Duration

	making sync.Mutex
	ring   *keys.Ring // signs rehearsals and nothing else
}

// SignOn is what came of a sign-on that was played.
type SignOn struct {
	// Response is the samlp:Response that the app would be posted, at To, with
	// RelayState. It must not leave the process.
	Response       []byte
	To, RelayState string
	// NameNew: the app does not know the person, and NameID was made up.
	NameNew bool
	Refusal *idp.Refused // why it holds no assertion; nil: it does
}

// Metadata is that of the provider as it is played, with the certificate of the
// key that signs rehearsals.
func (r *Rehearsals) Metadata(ctx context.Context) ([]byte, error) {
	p, _, err := r.stage(ctx, idp.App{}, idp.User{})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, pathMetadata, nil)
	if err != nil {
		return nil, err
	}
	got := &answer{}
	p.metadata(got, req)
	if got.code != http.StatusOK {
		return nil, idp.Errorf(idp.Internal, "the metadata of a rehearsal: %d", got.code)
	}
	return got.body.Bytes(), nil
}

// SignOn answers request, an AuthnRequest as a browser would bring it, for a
// person who has just signed in with a password. app is registered as it is
// given, whatever the store has.
func (r *Rehearsals) SignOn(ctx context.Context, app idp.App, u idp.User, request *http.Request) (SignOn, error) {
	settings := *app.SAML
	settings.SigningKey = "" // one of the house's, which signs no rehearsal
	app.SAML = &settings
	p, a, err := r.stage(ctx, app, u)
	if err != nil {
		return SignOn{}, err
	}
	got := &answer{}
	p.sso(got, request.WithContext(ctx))
	if got.code == http.StatusSeeOther { // what came by POST goes on by GET
		next, err := http.NewRequestWithContext(ctx, http.MethodGet, got.Header().Get("Location"), nil)
		if err != nil {
			return SignOn{}, err
		}
		p.goOn(&answer{}, next)
	}
	return a.outcome()
}

// stage is the provider with nothing real in it but what it reads.
func (r *Rehearsals) stage(ctx context.Context, app idp.App, u idp.User) (*Provider, *actor, error) {
	ring, err := r.keys(ctx)
	if err != nil {
		return nil, nil, err
	}
	var seed [32]byte
	rand.Read(seed[:])
	box, err := keys.NewBox(seed[:])
	if err != nil {
		return nil, nil, err
	}
	real := r.Provider
	a := &actor{store: real.Store, app: app, user: u, now: real.now(), life: r.SessionLife}
	return &Provider{
		EntityID: real.EntityID, BaseURL: real.BaseURL, Store: a, Gate: actorsGate{a}, SignIns: a, Browser: a,
		Ring: ring, Box: box, Salt: seed[:], Attributes: real.Attributes, Log: slog.New(slog.DiscardHandler), Now: real.Now,
	}, a, nil
}

// keys makes the key that signs rehearsals, once.
func (r *Rehearsals) keys(ctx context.Context) (*keys.Ring, error) {
	r.making.Lock()
	defer r.making.Unlock()
	if r.ring != nil {
		return r.ring, nil
	}
	var seed [32]byte
	rand.Read(seed[:])
	box, err := keys.NewBox(seed[:])
	if err != nil {
		return nil, err
	}
	ring := &keys.Ring{Store: &inMemory{}, Box: box, Now: r.Provider.Now, Subject: "rehearsal"}
	if err := ring.Load(ctx); err != nil {
		return nil, err
	}
	r.ring = ring
	return ring, nil
}

// inMemory keeps signing keys as long as the process lives. The ring calls it
// from one place at a time.
type inMemory struct{ rows []idp.SigningKey }

func (s *inMemory) SigningKeys(context.Context) ([]idp.SigningKey, error) {
	return slices.Clone(s.rows), nil
}

func (s *inMemory) CreateSigningKey(_ context.Context, k idp.SigningKey) error {
	s.rows = append(s.rows, k)
	return nil
}

// answer is what a handler wrote.
type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header {
	if a.header == nil {
		a.header = http.Header{}
	}
	return a.header
}

func (a *answer) WriteHeader(code int) {
	if a.code == 0 {
		a.code = code
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// actor plays everything around the provider: the browser, the gate, the
// sign-ins, and a store that is only read. It embeds no real one, so that a
// method that is added must be decided on here.
type actor struct {
	noDepartures
	store   Store
	app     idp.App
	user    idp.User
	now     time.Time
	life    time.Duration
	refusal *idp.Event
	problem error
	signOn  SignOn
}

// outcome is what came of it.
func (a *actor) outcome() (SignOn, error) {
	if a.refusal != nil {
		rule := a.refusal.Detail["rule"]
		a.signOn.Refusal = &idp.Refused{Rule: rule, Reason: inWords(a.refusal.Detail["reason"]), Explanation: explained[rule]}
		return a.signOn, nil
	}
	if a.problem != nil {
		return SignOn{}, a.problem
	}
	if a.signOn.Response == nil {
		return SignOn{}, idp.Errorf(idp.Internal, "the rehearsal came to no answer")
	}
	return a.signOn, nil
}

// inWords is the reason of an audit line without the kinds of its errors.
func inWords(reason string) string {
	for _, kind := range []idp.Kind{idp.Invalid, idp.NotFound, idp.Unauthenticated, idp.Denied} {
		reason = strings.ReplaceAll(reason, string(kind)+": ", "")
	}
	return strings.ReplaceAll(reason, ".: ", ". ")
}

// The store: read, never written. Audit lines are heard for their rule.

func (a *actor) AppByIdentifier(_ context.Context, p idp.Protocol, identifier string) (idp.App, error) {
	if p != a.app.Protocol || identifier != a.app.Identifier {
		return idp.App{}, idp.Errorf(idp.NotFound, "no such app")
	}
	return a.app, nil
}

func (a *actor) App(_ context.Context, id idp.AppID) (idp.App, error) {
	if id != a.app.ID {
		return idp.App{}, idp.Errorf(idp.NotFound, "no such app")
	}
	return a.app, nil
}

func (a *actor) AppAt(ctx context.Context, id idp.AppID) (idp.App, int64, error) {
	app, err := a.App(ctx, id)
	return app, 0, err
}

func (a *actor) UserByName(ctx context.Context, canonical string) (idp.User, error) {
	return a.store.UserByName(ctx, canonical)
}

func (a *actor) Entry(ctx context.Context, p idp.Protocol, identifier string, user idp.UserID, now time.Time) (idp.Entry, error) {
	app, err := a.AppByIdentifier(ctx, p, identifier)
	if err != nil {
		return idp.Entry{}, err
	}
	e, err := a.store.Entry(ctx, p, identifier, user, now)
	e.App = app
	return e, err
}

func (a *actor) Accounts(ctx context.Context, id idp.UserID) ([]idp.Account, error) {
	return a.store.Accounts(ctx, id)
}

func (a *actor) Record(_ context.Context, events ...idp.Event) error {
	for _, e := range events {
		if e.Kind == kindRequestRefused && a.refusal == nil {
			a.refusal = &e
		}
	}
	return nil
}

func (a *actor) RecordRefused(ctx context.Context, e idp.Event, _ idp.RefusedMessage) error {
	return a.Record(ctx, e)
}

func (a *actor) AccountBySubject(ctx context.Context, app idp.AppID, subject string) (idp.Account, error) {
	return a.store.AccountBySubject(ctx, app, subject)
}

// NameParticipant: nothing is issued at a rehearsal.
func (a *actor) NameParticipant(context.Context, idp.SessionID, idp.AppID, idp.NameID, time.Time) error {
	return nil
}

// ReadKeys: nobody but the simulator reads the metadata of a rehearsal.
func (a *actor) ReadKeys(context.Context, []idp.KeyID, idp.KeyRead) error { return nil }

// The gate: it says what the real one would, and writes nothing.

func (a *actor) Assert(ctx context.Context, _ idp.Proof, p idp.Participant, acc idp.Account) (idp.Participant, idp.Account, error) {
	if a.user.Status != idp.UserActive {
		return p, acc, idp.Errorf(idp.Unauthenticated, "the person is suspended")
	}
	accounts, err := a.store.Accounts(ctx, a.user.ID)
	if err != nil {
		return p, acc, err
	}
	at := slices.IndexFunc(accounts, func(k idp.Account) bool { return k.AppID == acc.AppID && k.Format == acc.Format })
	made := acc.Format == wire.NameIDPersistent || acc.Format == wire.NameIDTransient
	if at < 0 || acc.Follows { // the newest name is the one that counts
		a.signOn.NameNew = made && (acc.Format == wire.NameIDTransient || !acc.Follows)
		return p, acc, nil
	}
	acc.Subject, p.NameID.Value = accounts[at].Subject, accounts[at].Subject
	return p, acc, nil
}

func (a *actor) Answer(ctx context.Context, proof idp.Proof, _ idp.Once, p idp.Participant, acc idp.Account) (idp.Participant, idp.Account, error) {
	return a.Assert(ctx, proof, p, acc)
}

func (a *actor) SpendOnce(context.Context, string, string, time.Time) error { return nil }

func (a *actor) Resume(context.Context, idp.SignInID, string) (idp.SignIn, error) {
	return idp.SignIn{}, idp.Errorf(idp.Unauthenticated, "nobody signs in at a rehearsal")
}

// actorsGate is the actor as the gate, whose SignIn is another thing than the
// browser's.
type actorsGate struct{ *actor }

func (g actorsGate) SignIn(ctx context.Context, id idp.SignInID, bind string) (idp.SignIn, error) {
	return g.Resume(ctx, id, bind)
}

// The sign-ins: a request that a fresh password does not answer.

func (a *actor) Begin(_ context.Context, in idp.SignIn, _ string) (idp.SignIn, error) {
	in.ID = idp.NewSignInID()
	return in, nil
}

// StepUp: the stage's person has no second factor.
func (a *actor) StepUp(ctx context.Context, in idp.SignIn, _ idp.Session, bind string) (idp.SignIn, error) {
	return a.Begin(ctx, in, bind)
}

// Suffices: what the policy asks for is asked of the person, not of the app.
func (a *actor) Suffices(context.Context, idp.Session, idp.AppID) (fresh, whole bool, err error) {
	return true, true, nil
}

func (a *actor) SignIn(http.ResponseWriter, *http.Request, idp.SignInID) {
	a.refusal = &idp.Event{Detail: map[string]string{
		"rule": "authn_context", "reason": "The person would have to sign in in another way than with a password.",
	}}
}

// The browser: somebody who has just signed in with a password.

func (a *actor) Session(*http.Request) (idp.Session, error) {
	return idp.Session{
		ID: idp.NewSessionID(), Proof: idp.Proof{UserID: a.user.ID, Epoch: a.user.Epoch}, Methods: []string{"pwd"}, // RFC 8176 §2
		AuthTime: a.now, CreatedAt: a.now, LastSeenAt: a.now, ExpiresAt: a.now.Add(a.life),
	}, nil
}

func (a *actor) Bind(http.ResponseWriter, *http.Request) string { return "rehearsal" }

func (a *actor) Bound(*http.Request) string { return "rehearsal" }

func (a *actor) OwnForm(*http.Request) bool { return false }

func (a *actor) PostForm(_ http.ResponseWriter, _ *http.Request, _, action string, fields [][2]string) {
	a.signOn.To = action
	for _, f := range fields {
		switch f[0] {
		case wire.ParamResponse:
			a.signOn.Response, a.problem = base64.StdEncoding.DecodeString(f[1])
		case "RelayState":
			a.signOn.RelayState = f[1]
		}
	}
}

func (a *actor) LogoutAnswered(http.ResponseWriter, *http.Request, bool, string) {}

func (a *actor) SignedOut(http.ResponseWriter, *http.Request) {}

func (a *actor) Leave(http.ResponseWriter, *http.Request, idp.Receipt, string) (bool, error) {
	return false, errNoDeparture
}

func (a *actor) Problem(_ http.ResponseWriter, _ *http.Request, err error) {
	if a.problem = err; a.problem == nil {
		a.problem = errors.New("a problem without a name")
	}
}

// noDepartures is that nobody signs out at a rehearsal.
type noDepartures struct{}

var errNoDeparture = idp.Errorf(idp.Internal, "nobody signs out at a rehearsal")

func (noDepartures) ParticipantsNamed(context.Context, idp.AppID, string) ([]idp.Participant, error) {
	return nil, errNoDeparture
}

func (noDepartures) ParticipantsNamedAlso(context.Context, idp.AppID, string) ([]idp.Participant, error) {
	return nil, errNoDeparture
}

func (noDepartures) ParticipantsKnown(context.Context, idp.AppID, string) ([]idp.Participant, error) {
	return nil, errNoDeparture
}

func (noDepartures) Participants(context.Context, idp.UserID, time.Time) ([]idp.Participant, error) {
	return nil, errNoDeparture
}

func (noDepartures) SessionByID(context.Context, idp.SessionID) (idp.Session, error) {
	return idp.Session{}, errNoDeparture
}

func (noDepartures) Receipt(context.Context, idp.ReceiptID) (idp.Receipt, error) {
	return idp.Receipt{}, errNoDeparture
}

func (noDepartures) Deliveries(context.Context, idp.ReceiptID) ([]idp.Delivery, error) {
	return nil, errNoDeparture
}

func (noDepartures) AppAt(context.Context, idp.AppID) (idp.App, int64, error) {
	return idp.App{}, 0, errNoDeparture
}
