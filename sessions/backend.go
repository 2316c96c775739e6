package sessions

import (
	"context"
	"time"

	"gatehouse/idp"
)

// Backend is where passes are remembered. Every method is one atomic step.
// The accepting half returns the pass together with the truth of the same
// moment; the issuing half writes only where the pass's Proof still stands
// (user active, epoch and generation equal) and everything it hangs on is
// alive, and answers idp.Unauthenticated where not.
type Backend interface {
	Accepts
	Issues
}

// Accepts reads passes. Each answers idp.NotFound for what it does not know.
type Accepts interface {
	// SessionByHash finds a session by the hash of its secret.
	SessionByHash(ctx context.Context, hash string) (idp.Session, idp.Standing, error)
	// SignInByID finds a SignIn; the standing is that of its Proof's user,
	// zero while no factor was proven.
	SignInByID(ctx context.Context, id idp.SignInID) (idp.SignIn, idp.Standing, error)
	// FamilyByID finds a token family with its user and what it hangs on.
	FamilyByID(ctx context.Context, id idp.TokenFamilyID, now time.Time) (idp.FamilyTruth, error)
	// FamilyAndApp is FamilyByID with the family's app, which is the one of this ID.
	FamilyAndApp(ctx context.Context, id idp.TokenFamilyID, app idp.AppID, now time.Time) (idp.FamilyTruth, idp.App, error)
	// FamilyOfTokens is FamilyByID with whether one of these tokens, which hang
	// on the family, was ended by itself.
	FamilyOfTokens(ctx context.Context, id idp.TokenFamilyID, tokens []idp.TokenID, now time.Time) (idp.FamilyTruth, error)
	// FamilyOfRefreshToken is FamilyByID for a refresh token: Seq is that of
	// this moment, which moves without an ending.
	FamilyOfRefreshToken(ctx context.Context, id idp.TokenFamilyID, now time.Time) (idp.FamilyTruth, error)
	// LinkByHash finds a one-time link; the standing is zero for a link
	// without a user, but for the generation.
	LinkByHash(ctx context.Context, hash string) (idp.Link, idp.Standing, error)
	// APITokenByHash finds an API token and its user.
	APITokenByHash(ctx context.Context, hash string) (idp.APIToken, idp.User, idp.Standing, error)
	// AppTruth finds an app with what its own passes hang on, and whether this
	// one of them was ended.
	AppTruth(ctx context.Context, id idp.AppID, token idp.TokenID) (idp.AppTruth, error)
	// DeviceByUserCode finds a device by the hash of what its person types.
	DeviceByUserCode(ctx context.Context, userHash string) (idp.DeviceCode, error)
	// KnownDevice finds the known device of a user by the hash of its secret.
	KnownDevice(ctx context.Context, hash string, user idp.UserID) (idp.KnownDevice, idp.Standing, error)
	// Candidate finds who a canonical name means, with their known device of this
	// hash, and their standing.
	Candidate(ctx context.Context, canonical, hash string) (idp.Candidate, idp.Standing, error)
}

// Issues writes passes and spends what may be used once.
type Issues interface {
	// CreateSignIn writes a SignIn without a user.
	CreateSignIn(ctx context.Context, s idp.SignIn) error
	// ProveSignIn records a factor: Proof, Methods and AuthTime of s, where
	// the stored SignIn is unfinished, unexpired and of nobody or the same
	// user and epoch, and with it what w says, in one step.
	ProveSignIn(ctx context.Context, s idp.SignIn, now time.Time, w idp.Witness) error
	// StartSession writes the session and marks its SignIn done, once, in one
	// step. signIn may be empty.
	StartSession(ctx context.Context, s idp.Session, hash string, signIn idp.SignInID) error
	// RenewSession gives a session of the same proof, while it is alive, a new
	// secret and what was proven anew (AuthTime, Methods, Remembered, Vouched, ExpiresAt,
	// LastSeenAt), and marks the SignIn done, in one step. The old secret is
	// dead.
	RenewSession(ctx context.Context, s idp.Session, hash string, signIn idp.SignInID) (idp.Committed, error)
	// TouchSession sets LastSeenAt of the unended session with this secret,
	// forward only.
	TouchSession(ctx context.Context, hash string, at time.Time) error
	// SpendSignIn marks a finished SignIn, bound by the secret of this hash, as
	// answered, once, and returns it: idp.Conflict the second time. Its session must
	// be alive.
	SpendSignIn(ctx context.Context, id idp.SignInID, bindHash string, now time.Time) (idp.SignIn, error)
	// SpendCode writes the token family (its ID is the code's), its
	// participant and account where session and grant are alive:
	// idp.Conflict when the code was spent before.
	SpendCode(ctx context.Context, f idp.TokenFamily, p idp.Participant, a idp.Account) error
	// Rotate moves the family from refresh token seq to the next and returns
	// it. A token one step behind, within grace of the rotation, returns the
	// family as it stands. idp.Conflict: seq was used before (the caller ends
	// the family).
	Rotate(ctx context.Context, id idp.TokenFamilyID, p idp.Proof, seq int64, now time.Time, grace time.Duration) (idp.TokenFamily, error)
	// RecordAssertion writes participant and account where session and grant
	// are alive, and returns both as they now stand: a known account keeps
	// its Subject unless it follows, a known participant its SessionIndex and
	// NameID; the NameID.Value of a new one is the account's Subject.
	RecordAssertion(ctx context.Context, proof idp.Proof, p idp.Participant, a idp.Account) (idp.Participant, idp.Account, error)
	// RecordAnswer is RecordAssertion that spends a value with it, all or
	// nothing: idp.Conflict where that is spent already.
	RecordAnswer(ctx context.Context, proof idp.Proof, once idp.Once, p idp.Participant, a idp.Account) (idp.Participant, idp.Account, error)
	// Spend spends a value of a kind once: idp.Conflict the second time,
	// until it expires.
	Spend(ctx context.Context, kind, value string, until time.Time) error
	// CreateLink writes a link and the change that goes with it for a standing
	// user, or, for idp.LinkFirstOwner, where no owner exists, or, for
	// idp.LinkOwner, for nobody.
	CreateLink(ctx context.Context, l idp.Link, hash string, with idp.Change) error
	// UseLink spends an unused, unexpired link whose proof stands and commits
	// the change that it allows, in one transaction. idp.Conflict when a
	// first-owner link finds an owner.
	UseLink(ctx context.Context, id idp.LinkID, now time.Time, change idp.Change) (idp.Committed, error)
	// StartOver commits a change that ends everything the user of d holds, where d's
	// proof stands, and writes a link for them and has d known still, by what that
	// leaves, in one transaction.
	StartOver(ctx context.Context, d idp.KnownDevice, l idp.Link, hash string, change idp.Change) (idp.Committed, error)
	// CreateAPIToken writes an API token of a standing user.
	CreateAPIToken(ctx context.Context, t idp.APIToken, hash string) error
	// CreateInitialToken writes an initial access token of a standing user.
	CreateInitialToken(ctx context.Context, t idp.InitialToken, hash string) error
	// SpendInitialToken takes one use of an initial access token whose proof
	// stands; idp.Unauthenticated for any other.
	SpendInitialToken(ctx context.Context, hash string, now time.Time) (idp.InitialToken, error)
	Devices
	MailCodes
	KnownDevices
}

// KnownDevices remembers browsers.
type KnownDevices interface {
	// KnowDevice writes a known device and the event, in one step, and the mails where
	// it asks. Whatever was
	// known by the hash was, is known by hash from then on. Of a person who has no
	// other it asks as d does, and first speaks for it. It returns the device as it is
	// kept.
	KnowDevice(ctx context.Context, d idp.KnownDevice, first idp.FirstVouch, was, hash string, e idp.Event, told ...idp.Mail) (idp.KnownDevice, error)
	// VouchKnownDevice raises Vouched and takes ByMail away, where d still carries its proof.
	VouchKnownDevice(ctx context.Context, d idp.KnownDevice) error
	// TouchKnownDevice sets LastSeenAt, Address and UserAgent, forward only.
	TouchKnownDevice(ctx context.Context, d idp.KnownDevice) error
	// TrustDevice sets TrustedAt, TrustedUntil and TrustedBy, where d still carries
	// its proof, and writes the event, in one step.
	TrustDevice(ctx context.Context, d idp.KnownDevice, e idp.Event) error
}

// Devices issues to devices without a browser.
type Devices interface {
	// CreateDevice writes a device that waits for a person, with the hashes of
	// its two codes.
	CreateDevice(ctx context.Context, d idp.DeviceCode, hash, userHash string, wait time.Duration) error
	// ConfirmDevice writes the proof of d where the device waits still and
	// session and grant are alive; idp.Conflict when it was decided before.
	ConfirmDevice(ctx context.Context, d idp.DeviceCode, now time.Time) error
	// DenyDevice turns a device away; idp.Conflict when it was decided before.
	DenyDevice(ctx context.Context, id idp.TokenFamilyID, now time.Time) error
	// PollDevice finds a device of an app and notes that it asked. One that
	// asked too soon is Hurried, and has to wait longer by that much.
	PollDevice(ctx context.Context, hash string, app idp.AppID, now time.Time, longer time.Duration) (idp.DeviceCode, error)
}
