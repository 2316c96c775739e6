package idp

import (
	"slices"
	"time"
)

// Consent is a person's word that an app which is not their organisation's own
// may have these scopes of them. There is at most one for a person and an app.
type Consent struct {
	ID        ConsentID
	UserID    UserID
	AppID     AppID
	Scopes    []string  // as OpenID Connect Core §5.4 and §11 name them
	GivenAt   time.Time // for the first time since there was none
	UpdatedAt time.Time // when scopes were last added, or it was given once more
	// RevokedAt is when the person took it back; zero while it stands. Then it
	// counts no more, and is there only until what it let out has ended.
	RevokedAt time.Time
	Version   int64
}

// Missing returns those of scopes that the consent does not speak of.
func (c Consent) Missing(scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return slices.Contains(c.Scopes, s) })
}

// ConsentQuestion is what a person is asked before an app learns of them.
type ConsentQuestion struct {
	App         App
	UserID      UserID
	Scopes      []string // all that the app asks for
	Allowed     []string // those that the person has allowed it before
	RedirectURI string   // where the answer goes; registered for the app
	// Ticket is what the answer must bring back; it is opaque.
	Ticket string
}
