package idp

import "time"

// Change is a decision, ready to be made so by store.Commit in one
// transaction: all of it, or nothing. A row whose Version is 0 is new; any
// other is written only over that very version, else Commit answers
// [Conflict] and the verb reads and decides again.
type Change struct {
	Users         []User
	Look          *Look   // how the pages look; nil: as they did
	Policy        *Policy // what is asked of people who sign in; nil: as it was
	Groups        []Group
	Apps          []App
	Grants        []Grant
	Members       []Membership
	RemoveMembers []Membership
	RemoveGrants  []GrantID
	// Consents are new ones, say more than they did, or are being taken back.
	Consents       []Consent
	RemoveConsents []ConsentID
	// EndGrants have come to their end with this Ending; one that was changed
	// meanwhile is left alone.
	EndGrants []Grant
	// Passwords replaces the password of each credential's user.
	Passwords []Credential
	// Credentials are new ones of other kinds, or have a new name or new data;
	// without Data, they keep theirs. A
	// Lookup that is taken makes the change a [Conflict]. Who decides by what a
	// user has sends the user along: its version keeps two of them apart.
	Credentials       []Credential
	RemoveCredentials []Credential // ID and UserID are looked at
	// ForgetDevices forgets every known device of each one's user but that one.
	ForgetDevices []KnownDevice
	// UntrustDevices has these users' browsers remembered no more in place of a
	// second factor. They stay known.
	UntrustDevices []UserID
	// EndLinks ends every unused link and mailed code of these users: the mailbox
	// that has them is theirs no more.
	EndLinks []UserID
	// Supersede marks what is still pending of these users' earlier endings:
	// they were restored.
	Supersede []UserID
	Events    []Event
	// Mails are written where the house sends any, see store.Store.Mails.
	Mails []Mail
	// Schedules are new ones, or say how theirs went. One that comes with the
	// ending it brought about gets its receipt.
	Schedules []Schedule
	// SigningKeys are new ones: in the place of what the ending revokes, or of
	// those that TurnKeys retire.
	SigningKeys []SigningKey
	// TurnKeys move signing keys in time, before new ones are written.
	TurnKeys []KeyTurn
	// Reminders are given once: one that was given before makes the change stale.
	Reminders []Reminder
	// KeysHad are what owners say of apps having our certificates.
	KeysHad []KeyRead
	// ReleaseAccounts are records of people in apps that are no more, so that
	// somebody else may be known there by their Subject. One whose Subject is
	// another by now makes the change stale.
	ReleaseAccounts []Account
	// Ending, when set, ends something. A Change with an Ending carries no
	// versioned rows but the Schedule that brought it about; Grants that stand
	// are narrowed by it whatever their version.
	Ending *Ending
}

// Committed says what Commit did.
type Committed struct {
	N     int64     // number of its row in the log; 0 without one
	Epoch int64     // the user's epoch after the ending
	At    time.Time // when the commit was known to be durable
	// CutAt is the time of the cut, where this very call made it; zero when
	// the same wish was committed before.
	CutAt time.Time
	// ReceiptID is the receipt of the ending: that of the first commit, when
	// the same wish came twice.
	ReceiptID ReceiptID
	// Registration is the one that stood when the number was taken.
	Registration Registration
}
