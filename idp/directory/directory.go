package directory

import (
	"context"
	"time"

	"gatehouse/idp"
)

// Store is what the verbs ask of the store; see package store for contracts.
type Store interface {
	Commit(ctx context.Context, c idp.Change) (idp.Committed, error)
	Record(ctx context.Context, events ...idp.Event) error
	// InForce returns when an ending that is committed under this number, or an
	// earlier one, is in force on every node.
	InForce(ctx context.Context, n int64) error
	// Newest is the number of the newest row of the log.
	Newest(ctx context.Context) (int64, error)
	Generation(ctx context.Context) (string, error)
	Look(ctx context.Context) (idp.Look, error)

	People
	Groups
	Apps
	Endings
	Expiries
	Schedules
	Batches
	Consents
	Policies
	Reviews
	SigningKeys
	Deliveries
	Tokens
}

// Passes issues one-time links, API tokens and initial access tokens; *sessions.Gate does.
type Passes interface {
	NewLinkWith(ctx context.Context, proof idp.Proof, purpose idp.LinkPurpose, with idp.Change) (raw string, l idp.Link, err error)
	NewAPIToken(ctx context.Context, proof idp.Proof, name string, ttl time.Duration) (raw string, t idp.APIToken, err error)
	NewInitialToken(ctx context.Context, proof idp.Proof, name string, uses int, ttl time.Duration) (raw string, t idp.InitialToken, err error)
}

// Keys makes signing keys; *keys.Ring does.
type Keys interface {
	// Replacement returns a new key, not yet stored.
	Replacement(use, algorithm string) (idp.SigningKey, error)
	// Settle returns when no node uses a key any more that was revoked before.
	Settle(ctx context.Context) error
}

// Directory is the verbs. Its methods are safe for concurrent use and take
// the actor from the context (idp.ActorOf).
type Directory struct {
	Store  Store
	Passes Passes
	Keys   Keys
	Now    func() time.Time
	// Wake is told when an ending has written a receipt, so that its lines
	// are worked on at once. May be nil.
	Wake func()
	// TakeOver makes a credential of a password hash of another program
	// (idp/login). May be nil: then none is taken over.
	TakeOver func(ctx context.Context, id idp.UserID, hash string) (idp.Credential, error)
	// Passkeys: people can have passkeys here.
	Passkeys bool
	// Mails: the house sends mails.
	Mails bool
	// Reaches reports whether an app can be told of an ending by the house
	// itself; *outbox.Worker does. EndExpiredSessions alone asks.
	Reaches func(app idp.App) bool
	// Looks is told how the pages look from now on. May be nil.
	Looks func(l idp.Look)
	// Ruled is told the policy from now on. May be nil.
	Ruled func(p idp.Policy)
	// Sessions are the house's own lengths of sessions, which no policy exceeds.
	Sessions struct{ Idle, Absolute time.Duration }
	// CheckRules refuses attribute rules that cannot be told (package jit).
	CheckRules func(p idp.Protocol, rules []idp.AttributeRule) error
	// CheckURL refuses a URL the house must not call (idp/fetch). May be nil.
	CheckURL func(raw string) error
	// CheckKeys refuses what is no set of public keys (idp/keys). May be nil.
	CheckKeys func(jwks []byte) error
}

func (d *Directory) now() time.Time { return idp.Time(d.Now()) }

func (d *Directory) event(ctx context.Context, kind string) idp.Event {
	return idp.Event{ID: idp.NewEventID(), At: d.now(), Kind: kind, Actor: idp.ActorOf(ctx)}
}

// attempts bounds how often a verb decides again on what changed meanwhile.
const attempts = 5

// retry runs a read-decide-commit until its decision was not stale.
func retry(f func() error) error {
	var err error
	for range attempts {
		if err = f(); !idp.IsKind(err, idp.Conflict) {
			return err
		}
	}
	return err
}
