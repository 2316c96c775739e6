package idp

import "time"

// MetadataSource is where a service provider publishes its metadata, how what
// comes from there is proven, and until when what is registered holds.
type MetadataSource struct {
	URL string `json:",omitempty"` // read again on a schedule; empty: never
	// Pin is the certificate (PEM) that signs the document at URL. With it, what
	// is proven is registered by itself; without it, what changed waits for an
	// owner.
	Pin string `json:",omitempty"`
	// Until is when the document that is registered ends (validUntil); zero: it
	// does not say.
	Until time.Time `json:",omitzero"`
	// PublishedAt is when that document was published, as it says itself
	// (creationInstant); zero: it does not.
	PublishedAt time.Time `json:",omitzero"`
	// Before are what tells the documents that were registered before it, oldest
	// first; at most MaxBefore.
	Before []string `json:",omitempty"`
}

// MaxBefore is how many documents of before are told from a new one.
const MaxBefore = 32

// Metadata is what the metadata of one service provider says (SAML Metadata
// §2.4.4), read and not yet believed.
type Metadata struct {
	EntityID string
	Name     string // what it calls itself for people; may be empty
	Settings SAMLSettings
	// CacheFor is for how long the document may be kept; 0: it does not say.
	CacheFor time.Duration
	// Warnings say in plain words what an admin should know before it is
	// registered.
	Warnings []string
}

// ListedEntity is one service provider of an aggregate.
type ListedEntity struct {
	EntityID string
	Name     string // for people; may be empty
	Offset   int64  // where it begins in the document, in bytes
}

// SettingChange is one setting that a change of a registration changes: Old is
// empty for what is new, New for what goes.
type SettingChange struct{ Setting, Old, New string }

// The outcomes of reading metadata again.
const (
	RefreshUnchanged   = "unchanged"   // it says what is registered
	RefreshApplied     = "applied"     // it was proven and is registered now
	RefreshWaiting     = "waiting"     // it says something else, and an owner decides
	RefreshRefused     = "refused"     // it cannot be used, or is not proven
	RefreshUnreachable = "unreachable" // there was no answer
)

// MetadataRefresh is how reading an app's metadata again stands.
type MetadataRefresh struct {
	AppID     AppID
	Source    string // the address and what proves it, as the store compares it
	NextAt    time.Time
	CheckedAt time.Time // zero: never
	Outcome   string    // RefreshUnchanged ...; empty: never
	Detail    string    // in plain words
	Failures  int       // in a row
	// Waiting is the document that waits for an owner, and since when.
	Waiting      string
	WaitingSince time.Time
}
