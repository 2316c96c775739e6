package login

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/login/password"
)

// Store is what login asks of the store; see there for the contracts.
type Store interface {
	User(ctx context.Context, id idp.UserID) (idp.User, error)
	Credential(ctx context.Context, id idp.UserID, kind idp.CredentialKind) (idp.Credential, error)
	Credentials(ctx context.Context, id idp.UserID) ([]idp.Credential, error)
	CredentialByLookup(ctx context.Context, kind idp.CredentialKind, lookup string) (c idp.Credential, u idp.User, generation string, err error)
	Spend(ctx context.Context, kind, value string, until time.Time) error
	SpendCredential(ctx context.Context, c idp.Credential, mark int64, now time.Time, mails ...idp.Mail) error
	RecoveryUnderWay(ctx context.Context, user idp.UserID, now time.Time) (bool, error)
	Count(ctx context.Context, name string, window time.Duration, now time.Time) (n int, resetAt time.Time, err error)
	CountBy(ctx context.Context, name string, by int, window time.Duration, now time.Time) (n int, resetAt time.Time, err error)
	CountTwo(ctx context.Context, first, second idp.Limit, now time.Time) (one, two idp.Tries, err error)
	Uncount(ctx context.Context, names ...string) error
	Record(ctx context.Context, events ...idp.Event) error
	EventsOfKind(ctx context.Context, kind string, since time.Time) ([]idp.Event, error)
	Commit(ctx context.Context, c idp.Change) (idp.Committed, error)
	HashShapes(ctx context.Context, most int) ([]idp.HashShape, error)
	KnownDevices(ctx context.Context, user idp.UserID) ([]idp.KnownDevice, error)
	EveryDevice(ctx context.Context, user idp.UserID) ([]idp.KnownDevice, error)
	OwnKnownDevice(ctx context.Context, id idp.KnownDeviceID, user idp.UserID, by idp.Vouch, e idp.Event) error
	UntrustDevice(ctx context.Context, id idp.KnownDeviceID, user idp.UserID, e idp.Event) error
}

// Gate is what login asks of the gate, *sessions.Gate.
type Gate interface {
	BeginSignIn(ctx context.Context, in idp.SignIn, bind string) (idp.SignIn, error)
	BeginFrom(ctx context.Context, in idp.SignIn, s idp.Session, bind string) (idp.SignIn, error)
	Prove(ctx context.Context, in idp.SignIn, proof idp.Proof, w idp.Witness, methods ...string) (idp.SignIn, error)
	UseLink(ctx context.Context, l idp.Link, change idp.Change) (idp.Committed, error)
	NewLink(ctx context.Context, proof idp.Proof, purpose idp.LinkPurpose) (raw string, l idp.Link, err error)
	StartOver(ctx context.Context, d idp.KnownDevice, change idp.Change) (raw string, done idp.Committed, err error)
	Candidate(ctx context.Context, canonical, raw string) (idp.Candidate, error)
	KnownDevice(ctx context.Context, raw string, user idp.UserID) (idp.KnownDevice, error)
	NewMailCode(ctx context.Context, proof idp.Proof, in idp.SignInID, mac string) (idp.MailCode, error)
	MailCode(ctx context.Context, in idp.SignIn, mac string) (idp.Proof, error)
	TrustDevice(ctx context.Context, d idp.KnownDevice, by idp.Policy) error
	KeepDevice(ctx context.Context, raw string, d idp.KnownDevice, proof idp.Proof) error
}

// Login is the steps. Its methods are safe for concurrent use and take actor
// and address from the context (idp.ActorOf).
type Login struct {
	Store  Store
	Gate   Gate
	Hasher *password.Hasher
	// Passkeys are the ceremonies of passkeys; nil: the house can have none.
	Passkeys *Passkeys
	// Spellings returns the one form of a name, and others by which its person may be
	// stored still, directory.Spellings.
	Spellings func(name string) ([]string, error)
	Box       Box
	// Demand is what the policy asks of somebody for an app, "" for the house
	// itself. nil: nothing.
	Demand func(ctx context.Context, id idp.UserID, app idp.AppID) (idp.Demand, error)
	// Mails: the house sends any. MailCodes says whether people may sign in by a code
	// from a mail; nil: they may not. MailCodeKey is what all codes that are mailed are
	// kept by, the same on every node.
	Mails       bool
	MailCodes   func() bool
	MailCodeKey []byte
	// NobodyKey is by what a name that is nobody's is taken for one of the house's people,
	// the same on every node; see [Login.SeeHashes].
	NobodyKey []byte
	// Wake is told when an ending has written a receipt, so that its lines are
	// worked on at once. May be nil.
	Wake func()
	// Policy is what the house says now; nil: an empty one.
	Policy func() idp.Policy
	// Breached are more passwords that nobody may set. May be nil.
	Breached *password.Breached
	Log      *slog.Logger
	Now      func() time.Time

	shut   Shut
	meter  meter
	alarms alarms
}

func (l *Login) now() time.Time { return idp.Time(l.Now()) }

func (l *Login) event(ctx context.Context, kind string) idp.Event {
	return idp.Event{ID: idp.NewEventID(), At: l.now(), Kind: kind, Actor: idp.ActorOf(ctx)}
}

// logAfter logs an error about something that follows on what is done already, and
// would be taken for its failure.
func (l *Login) logAfter(ctx context.Context, what string, err error) {
	l.Log.LogAttrs(ctx, slog.LevelError, "not done after what was asked for",
		slog.String("correlation_id", idp.ActorOf(ctx).CorrelationID), slog.String("what", what), slog.String("error", err.Error()))
}

// maxResume bounds what a SignIn remembers of where the browser goes on.
const maxResume = 16 << 10

// Begin starts a sign-in that is bound to the browser which holds the raw
// secret bind. Of in, the tongue sets what it knows; an empty ResumeURL is the
// portal. It answers idp.Invalid for a ResumeURL that is not a path of this
// house.
func (l *Login) Begin(ctx context.Context, in idp.SignIn, bind string) (idp.SignIn, error) {
	if in.ResumeURL == "" {
		in.ResumeURL = "/"
	}
	if !localPath(in.ResumeURL) {
		return idp.SignIn{}, idp.Errorf(idp.Invalid, "A sign-in goes on at a page of this house only.")
	}
	in.LoginHint = readable(in.LoginHint, maxHint)
	return l.Gate.BeginSignIn(ctx, in, bind)
}

// localPath reports whether every browser takes s as a path of the same
// origin: "//host" and "/\host" name another one.
func localPath(s string) bool {
	return len(s) <= maxResume && strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f })
}
