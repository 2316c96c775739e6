package idp

import "time"

// Proof is what every pass carries of its user: whose it is, the user's epoch
// and the house's generation when the proof was made. It is never read again
// for a later write: a pass made from this proof is written only where the
// proof still stands (DESIGN: issue re-checks in the statement that writes).
type Proof struct {
	UserID     UserID
	Epoch      int64
	Generation string
}

// Once is a value of a kind that is spent once, until it expires.
type Once struct {
	Kind, Value string
	Until       time.Time
}

// Standing is the truth a Proof is compared with, read in the same statement
// as the pass itself.
type Standing struct {
	Status     UserStatus
	Epoch      int64
	Generation string
	// CutBefore: what was made before this moment is dead; zero: nothing is.
	CutBefore time.Time
	// N is the number of the newest row of the log at that moment: all rows up
	// to it are in what was read, and none after it.
	N int64
}

// Stands reports whether a pass that carries p and was made at that moment is
// still good, as far as its user and the house are concerned.
func (p Proof) Stands(s Standing, made time.Time) bool {
	return s.Status == UserActive && p.Epoch == s.Epoch && s.Keeps(p.Generation, made)
}

// Keeps reports whether the house still takes what was made at that moment in
// that generation of it.
func (s Standing) Keeps(generation string, made time.Time) bool {
	return generation == s.Generation && generation != "" && !made.Before(s.CutBefore)
}

// Session is a signed-in browser.
type Session struct {
	ID SessionID
	Proof
	AuthTime   time.Time // when a whole sign-in was last gone through, not a step-up alone
	Methods    []string  // RFC 8176 amr values: pwd, ...; and mail, a code from a mail
	CreatedAt  time.Time
	LastSeenAt time.Time // at most a tenth of the idle limit behind
	ExpiresAt  time.Time // absolute
	EndedAt    time.Time // zero while alive
	EndedBy    string    // signed_out, expired, ended, or empty
	Address    string    // of the browser at sign-in
	UserAgent  string    // of the browser at sign-in, at most 256 bytes
	// Remembered: a second factor was not asked for, because the browser is
	// remembered. Methods do not say so: it was not given.
	Remembered bool
	// Vouched is what spoke for the browser when the session began or was renewed,
	// beside what Methods say.
	Vouched Vouch
}

// NameID is a subject's name for a service provider, exactly as issued
// (saml-core §2.2.3).
type NameID struct {
	Value           string
	Format          string
	NameQualifier   string
	SPNameQualifier string
}

// Participant is an app that got an assertion or a token from a session.
type Participant struct {
	SessionID    SessionID
	AppID        AppID
	UserID       UserID
	SessionIndex string // SAML SessionIndex or OIDC sid, stable for (session, app)
	NameID       NameID // the first that it got; OIDC: Value is the subject
	FirstAt      time.Time
	// LastAnswerAt is when the newest assertion or code answer was handed out:
	// until its acceptance window has passed, it can still land in the app.
	LastAnswerAt time.Time
	// AppEpoch is the app's Epoch when it asked: an answer is written only
	// while it still is.
	AppEpoch int64
	// GrantedN is the [Access].N by which the answer is given. It is not kept.
	GrantedN int64
	// Also: NameID is one more that the app got in this session, after the first.
	// It is not kept.
	Also bool
	// TokensEndedAt is set in the list of what an ending cut, where nothing is
	// left to end but what a token family handed out that ended by itself, then,
	// after its session. It is not kept.
	TokensEndedAt time.Time
}

// Limit is how many tries of something there may be, which are counted under a name.
type Limit struct {
	Name   string
	Most   int // within the Window
	Window time.Duration
}

// Tries is how many there were, and when their window ends.
type Tries struct {
	N       int
	ResetAt time.Time
	// Anew: what was counted before could not be asked, and is not in N.
	Anew bool
}

// Witness is what is written down in the step that records a factor.
type Witness struct {
	Events []Event
	// Used is the credential that was used, with what its Data has become by that;
	// without an ID, none.
	Used Credential
	// Spent is the credential that is spent by it, with the Mark that it has then, and
	// Told are the mails that tell of that; without an ID, none.
	Spent Credential
	Told  []Mail
	// MailCode is the MAC of the code that was mailed for the SignIn and is spent by
	// it; "": none.
	MailCode string
}

// SignIn is one persisted attempt to prove identity. The dispatcher
// (login.Next) reads it and says which step comes next; steps never call one
// another.
type SignIn struct {
	ID       SignInID
	Protocol Protocol // empty: the portal or console itself
	AppID    AppID    // empty: the portal or console itself
	AppName  string   // what people call it now; not stored, empty where there is no such app
	// Request is the tongue's own record of what was asked, opaque to others.
	Request []byte
	// ResumeURL is the local path (with query) the browser goes on to when the
	// SignIn is done.
	ResumeURL string
	// EndOrigin is the origin at which the answer will be posted or
	// redirected; the pages' CSP names it in form-action. May be empty.
	EndOrigin string
	BindHash  string // hex SHA-256 of the cookie that binds the SignIn to its browser
	LoginHint string
	// UILocales are the languages that the app wishes for the pages, best first
	// (OpenID Connect Core 1.0 §3.1.2.1).
	UILocales []string
	// NotBefore: a factor counts only when proven after this moment
	// (prompt=login, max_age, ForceAuthn). Zero: any live session is enough.
	NotBefore time.Time
	// Proof, Methods and AuthTime are set by the steps; Proof.UserID is empty
	// until the first factor is proven.
	Proof
	Methods  []string
	AuthTime time.Time
	// Several: one factor is not enough, because the app asks for more or
	// because the person has a second one.
	Several bool
	// Passkey: nothing is enough but a passkey, which no other site can ask for.
	Passkey bool
	// Remember says how the browser stands that may be remembered.
	Remember Remembrance
	// Vouched is what spoke for the browser before this sign-in, and Confirm whether
	// a code by mail is asked for because that is too little.
	Vouched Vouch
	Confirm Confirmation
	// Has are the kinds of credentials by which the person can prove a second
	// factor, found out together with the first.
	Has []CredentialKind
	// Renews is the session with whose proofs the SignIn began, so that only
	// what is missing is asked for. It renews that session or nothing: it never
	// starts another.
	Renews    SessionID
	SessionID SessionID // set when done
	CreatedAt time.Time
	ExpiresAt time.Time
	DoneAt    time.Time // zero until a session was started from it
	SpentAt   time.Time // zero until the tongue has answered from it
	// Device is the raw secret of a known device that this very request brings;
	// empty: it brings none. It is not kept.
	Device string
	// Person is whom the step has read that has just proven a factor, and Known the
	// known device of theirs that this very request comes from; zero where it has read
	// neither. They are not kept.
	Person User
	Known  KnownDevice
}

// Remembrance is how a SignIn stands to the browser that it happens in, where
// browsers may be remembered in place of a second factor. It is found out
// together with the first one.
type Remembrance int64

const (
	RememberNever Remembrance = iota // a second factor that is asked for is given
	RememberOffer                    // once it is given, this browser may be remembered
	RememberDone                     // this browser is remembered, and it is left out
)

// Confirmation is how a SignIn stands that is a risk, of somebody who has no second
// factor: whoever has stolen their password must not be let in by it.
type Confirmation int64

const (
	ConfirmNothing Confirmation = iota // nothing is asked for
	ConfirmMail                        // a code by mail is
	ConfirmNone                        // it is, and none can be sent to the person
)

// TokenFamily is what one authorization code was exchanged for: its access
// tokens, and a refresh token and its descendants. Its ID is the code's ID,
// so that writing the family is what spends the code.
type TokenFamily struct {
	ID TokenFamilyID
	Proof
	AppID     AppID
	AppEpoch  int64 // the app's Epoch when the code was issued
	GrantedN  int64 // the [Access].N by which the code was issued; it is not kept
	SessionID SessionID
	Scopes    []string
	Nonce     string
	AuthTime  time.Time
	Methods   []string
	// Offline: the family has refresh tokens that outlive a sign-out
	// (offline_access). It never outlives an ending by an admin.
	Offline   bool
	Seq       int64 // sequence of the newest refresh token; 0: the family has none
	RotatedAt time.Time
	CreatedAt time.Time
	ExpiresAt time.Time // absolute
	RevokedAt time.Time // zero while alive
}

// LinkPurpose is what a one-time link lets its holder do.
type LinkPurpose string

const (
	LinkPassword   LinkPurpose = "password"    // an invitation: set the first password, then sign in
	LinkFirstOwner LinkPurpose = "first_owner" // make the first owner; carries no user
	// LinkRecovery came by mail to whoever reads it: one proof. A person who has
	// a second factor gives that too, with the new password.
	LinkRecovery LinkPurpose = "recovery"
	// LinkReset was made by an owner, or on the machine, for somebody who can
	// sign in already, or could: like LinkPassword, and short.
	LinkReset LinkPurpose = "reset"
	// LinkOwner was made on the machine itself: it makes one more owner, and
	// carries no user.
	LinkOwner LinkPurpose = "owner"
)

// Link is a one-time link. Only the hash of its secret is stored.
type Link struct {
	ID LinkID
	Proof
	Purpose   LinkPurpose
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time
}

// APIToken lets automation act as a user on the admin API. Only the hash of
// its secret is stored.
type APIToken struct {
	ID APITokenID
	Proof
	Name      string
	CreatedAt time.Time
	ExpiresAt time.Time // zero: no end of its own
	RevokedAt time.Time
}
