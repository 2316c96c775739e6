package idp

import "time"

// UserQuery selects users for a list. Pages go by key, never by offset.
type UserQuery struct {
	Search string     // every word must occur in username, e-mail or names; may be empty
	Status UserStatus // empty: any
	After  string     // cursor of the page before; empty: the first
	Limit  int        // 1 to 500; 0: 50
}

// EventQuery selects audit lines, newest first.
type EventQuery struct {
	UserID UserID // empty: any
	AppID  AppID  // empty: any
	After  string // cursor of the page before
	Limit  int    // 1 to 500; 0: 50
}

// FamilyTruth is a token family and all that decides whether it is alive, of
// one moment.
type FamilyTruth struct {
	Family   TokenFamily
	User     User
	Standing Standing
	// SessionAlive: its session has not ended (for an offline family: was not
	// ended by an admin) and, unless offline, not expired.
	SessionAlive bool
	// AppEpoch is that of its app: a family of an older one is dead.
	AppEpoch int64
	// TokenEnded: one of the tokens that were asked about was revoked by itself.
	TokenEnded bool `json:",omitzero"`
	// Granted: a grant for its app covers its user, with this role in the app
	// and these groups of the user.
	Granted bool
	Role    string
	Groups  []string
	// Until: time alone changes nothing of this before then; zero: never.
	Until time.Time
}
