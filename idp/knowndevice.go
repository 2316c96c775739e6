package idp

import "time"

// KnownDeviceID names a known device.
type KnownDeviceID string

// NewKnownDeviceID returns a fresh ID.
func NewKnownDeviceID() KnownDeviceID { return KnownDeviceID(newID("kdv")) }

// KnownDevice is a browser on which a person has signed in: one of each person
// for each browser. Only the hash of the secret that the browser keeps is
// stored. It is a pass, and dies with what else the person holds; that they
// were here before is remembered beyond that.
type KnownDevice struct {
	ID KnownDeviceID
	Proof
	CreatedAt  time.Time // when the proof was given
	FirstAt    time.Time // when the person first signed in here, as far as one can tell
	LastSeenAt time.Time // at most a day behind
	Address    string    // of the browser, when it was last seen
	UserAgent  string    // of the browser, at most 256 bytes
	// TrustedAt is when the person gave their second factor here and asked that the
	// browser be remembered for it, until TrustedUntil, under version TrustedBy of the
	// policy, which says whether that still counts ([Policy.Remembers]). Zero: they
	// have not.
	TrustedAt, TrustedUntil time.Time
	TrustedBy               int64
	// Asks: the person had others before, and has not said yet whether this one
	// is theirs.
	Asks bool
	// Vouched is what speaks for it, beside that the first factor was given here.
	Vouched Vouch
	// ByMail: a code from a mail has let the person in here, and neither a password nor
	// a passkey was given. Whoever reads their mails may have done so.
	ByMail bool
}

// AskedFor is how long a device asks; then it is its person's without their word.
const AskedFor = 30 * 24 * time.Hour

// Vouch is what speaks for a browser's being its person's own, beside a password
// that was given in it: anybody may have that. Rules by risk ask for something where
// too little does. More of it is a greater number.
type Vouch int64

const (
	VouchNone   Vouch = iota
	VouchMail         // a code from a mail, or a one-time link, was used here
	VouchSecond       // a second factor was given here
	// VouchPasskey: a passkey was used here; or it was the first browser of the
	// person, before any rule asked what speaks for it.
	VouchPasskey
)

// FirstVouch is what speaks for the first browser of a person, by version Policy of the
// policy. By another one it was decided on a node that has not heard of a change yet, and
// what was shown in the browser speaks for it, as for any other.
type FirstVouch struct {
	By     Vouch
	Policy int64
}

// Candidate is who a name means that somebody has typed, of one moment.
type Candidate struct {
	User
	PHC        string // of the password; "": the person has none
	Generation string // of the house
	// Device is the person's known device that it was typed on; without an ID, it was
	// on none.
	Device KnownDevice
}
