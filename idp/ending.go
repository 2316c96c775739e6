package idp

import "time"

// EndingKind is what an ending ends.
type EndingKind string

const (
	EndUser    EndingKind = "user"    // suspend
	EndSession EndingKind = "session" // one session, by an admin, its owner or a sign-out
	EndPasses  EndingKind = "passes"  // everything one user holds, who may sign in again
	EndFamily  EndingKind = "family"  // one token family: revoked, or its refresh token used twice
	EndToken   EndingKind = "token"   // one token of an app itself, or one that came of an exchange
	EndGrant   EndingKind = "grant"   // a grant or a membership: what was issued by it alone, in its apps
	EndApp     EndingKind = "app"     // everything one app holds, of everybody
	EndBefore  EndingKind = "before"  // everything issued before a moment, of everybody
	EndKey     EndingKind = "key"     // everything signed by one key

	// Rows of the log that end nothing.

	// LogChange: what copies say of a user, a session, an app or the house is
	// no longer so.
	LogChange EndingKind = "change"
	// LogRegistration: another Redis process, or another generation of its
	// keys, is trusted from here on; see [Registration].
	LogRegistration EndingKind = "registration"
)

// Ending is one row of the revocation log. It carries no version check: it
// only ever moves forward and always wins. Commit gives it the next number of
// the gap-free counter.
type Ending struct {
	N         int64 // set by Commit
	Kind      EndingKind
	UserID    UserID        // whose; empty where it is everybody's, or nobody's
	SessionID SessionID     // EndSession
	FamilyID  TokenFamilyID // EndFamily; EndToken: on which it hangs, if on one
	TokenID   TokenID       // EndToken; not read back
	AppID     AppID         // EndApp, EndGrant; EndToken: whose token it is
	GroupID   GroupID       // EndGrant: of a group's grant, or of a membership
	KeyID     KeyID         // EndKey
	Before    time.Time     // EndBefore
	Until     time.Time     // EndToken: when it would have expired; not read back
	Epoch     int64         // the user's epoch after it; set by Commit
	// Key identifies the wish, so that a commit whose answer was lost is read
	// again instead of made twice. Unique.
	Key       string
	SignedOut bool // EndSession: the person's own sign-out; offline families live on
	Expired   bool // EndSession: it had run out by itself, if it has still; offline families live on
	Reason    string
	Actor     Actor
	At        time.Time
	// ReceiptID is set when the ending has a receipt.
	ReceiptID ReceiptID
}

// Receipt is the head of the list of what an ending ended and how.
// Its lines are deliveries.
type Receipt struct {
	ID        ReceiptID
	N         int64 // number of the ending
	Kind      EndingKind
	UserID    UserID    // empty where it is everybody's
	SessionID SessionID // EndSession
	AppID     AppID     // EndApp, EndGrant
	GroupID   GroupID   // EndGrant
	KeyID     KeyID     // EndKey
	Before    time.Time // EndBefore
	Epoch     int64
	Reason    string
	Actor     Actor
	AskedAt   time.Time // when the request for it came in
	CutAt     time.Time // when Commit returned success: nothing is accepted from here on
	ListedAt  time.Time // zero while the lines are being listed
	// Version is the newest signed version, 0 before the first; SignedFinal:
	// all lines were final in it.
	Version     int64
	SignedAt    time.Time
	SignedFinal bool
}

// Listing reports whether lines may still be added.
func (r Receipt) Listing() bool { return r.ListedAt.IsZero() }

// DeliveryState is the only vocabulary for how a line of a receipt stands.
type DeliveryState string

const (
	DeliveryPending      DeliveryState = "sent" // to be sent at once, or sent and not yet final
	DeliveryRetrying     DeliveryState = "retrying"
	DeliveryAcknowledged DeliveryState = "acknowledged"
	DeliveryVerified     DeliveryState = "verified"
	DeliveryAlive        DeliveryState = "alive" // until Ceiling, or nobody knows until when; no lever, or it cannot reach all
	DeliveryFailed       DeliveryState = "failed"
	DeliveryManual       DeliveryState = "manual" // nothing is known to end it but somebody's hands
	DeliverySuperseded   DeliveryState = "superseded"
	DeliveryEnded        DeliveryState = "ended" // its ceiling has passed
)

// Final reports whether the line will not change again.
func (s DeliveryState) Final() bool {
	switch s {
	case DeliveryPending, DeliveryRetrying, DeliveryAlive:
		return false
	}
	return true
}

// Lever is one way to end something in an app.
type Lever string

const (
	LeverBackchannel Lever = "oidc_backchannel" // OpenID Connect Back-Channel Logout 1.0
	LeverSOAP        Lever = "saml_soap"        // LogoutRequest over SOAP, saml-bindings §3.2
	LeverNone        Lever = "none"             // ends by itself at its ceiling
	// LeverExpiry stands on the line of the JWT access tokens that an app was
	// given: nobody can take them back, they end at their exp (RFC 9068).
	LeverExpiry Lever = "jwt_expiry"

	// Levers that only the person's own browser can pull, when they sign out.
	LeverFrontchannel Lever = "oidc_frontchannel" // OpenID Connect Front-Channel Logout 1.0
	LeverSAMLFront    Lever = "saml_front"        // LogoutRequest by HTTP-Redirect or HTTP-POST, saml-profiles §4.4
)

// Delivery is one thing to tell the world, and one line of a receipt.
type Delivery struct {
	ID        DeliveryID
	ReceiptID ReceiptID
	UserID    UserID
	AppID     AppID
	Lever     Lever
	SessionID SessionID // empty: all sessions of the user in that app
	NameID    NameID
	// SessionIndexes to name in the logout; empty: whole user.
	SessionIndexes []string
	State          DeliveryState
	Attempts       int
	CreatedAt      time.Time
	NextAt         time.Time // when it is due
	FirstSentAt    time.Time
	AckedAt        time.Time // first acknowledgement
	LatencyMS      int64     // from the cut to the first acknowledgement
	Answer         string    // the app's last answer, in plain words, at most 300 bytes
	// AgainAt: when what was handed out before the cut can land no more; the
	// logout is sent again then and the line is not final before. Zero: not
	// needed, or done.
	AgainAt    time.Time
	Ceiling    time.Time // by when the app's session has ended by itself; zero: unknown
	VerifiedAt time.Time
	Evidence   string    // what the app itself said or did that proves the end
	FinishedAt time.Time // when the state became final
	// RevivedAt is when an admin had a line that had failed tried again; its
	// time to be tried counts from then. Zero: never.
	RevivedAt time.Time
	// NotedAt is when an admin took note that the line has failed. Zero: nobody
	// has, and the alarm stands.
	NotedAt time.Time
}

// FrontCall is what a person's browser is to do to be signed out of an app that
// nobody else can tell: to open URL, or to post Fields to it.
type FrontCall struct {
	DeliveryID DeliveryID
	App        string // its name
	URL        string // http or https
	Fields     [][2]string
	// Answers: the app says by the browser how it went, so that it can be
	// verified. Others are told and say nothing.
	Answers bool
}

// Actor is who did something: a user, a token of a user, what a user had
// scheduled, an app, the house itself, or someone not known.
type Actor struct {
	Kind   string // user, token, schedule, app, bootstrap, machine, system, anonymous
	UserID UserID
	// AppID is set where an app asked by its own protocol. It needs not be told
	// of what it asked for.
	AppID   AppID `json:",omitempty"`
	Address string
	// CorrelationID ties the event to the request's log lines.
	CorrelationID string
}

// Event is one audit line.
type Event struct {
	ID        EventID
	At        time.Time
	Kind      string // dotted words: user.suspend, signin.password.refuse, oidc.code.reuse ...
	Actor     Actor
	UserID    UserID
	AppID     AppID
	SessionID SessionID
	// Detail holds further facts; never a secret. Values at most 300 bytes.
	Detail map[string]string
}
