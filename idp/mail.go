package idp

import "time"

// Mail is one message to a person. It holds no text and no secret: what it
// says is made when it is sent, of its kind and of who the person is by then.
type Mail struct {
	ID   MailID
	Kind MailKind
	// Proof is what a link in it is made by, so that no link outlives an ending
	// that came between. The store sets its generation. An empty UserID: it was
	// asked for in a name that nobody has, and is never sent.
	Proof
	// Language it was asked for in (BCP 47); empty: the person's.
	Language string
	// Data are details that its kind tells, such as "device"; nothing secret.
	Data       map[string]string
	Attempts   int
	CreatedAt  time.Time
	NextAt     time.Time // when it is tried next
	State      MailState
	Answer     string    // why it was not sent, at most 300 bytes
	FinishedAt time.Time // zero while it waits
}

// MailKind names what a mail says.
type MailKind string

const (
	MailInvitation MailKind = "invitation" // with a link of purpose LinkPassword
	MailReset      MailKind = "reset"      // an owner sends a link of purpose LinkReset
	MailRecovery   MailKind = "recovery"   // with a link of purpose LinkRecovery
	MailSignInCode MailKind = "code"       // with a code for one SignIn; Data: sign_in, its ID
	// MailConfirmCode is with a code for one SignIn that is a risk, beside its first
	// factor; Data as in MailSignInCode.
	MailConfirmCode MailKind = "confirm"
	// Notices: something happened that the person should know of.
	MailPasswordChanged MailKind = "password_changed" // their password was set or changed
	MailRecovered       MailKind = "recovered"        // it was chosen anew by a link from a mail
	MailPasswordRemoved MailKind = "password_removed" // an owner took it away
	MailLinkMade        MailKind = "link_made"        // an owner made a one-time link for them
	MailNewDevice       MailKind = "new_device"       // a sign-in by a browser that was not known; Data: device, address
	MailAddressChanged  MailKind = "address_changed"  // to the address of before; Data: old, that address
	MailDisowned        MailKind = "disowned"         // they said that a sign-in was not theirs
	MailPasskeyAdded    MailKind = "passkey_added"    // Data: passkey, its name
	MailPasskeyRemoved  MailKind = "passkey_removed"  // Data: passkey, its name
	MailPasskeyCopied   MailKind = "passkey_copied"   // it was refused, since there may be a copy; Data: passkey, its name
	MailAppAdded        MailKind = "app_added"        // an authenticator app was set up, recovery codes with it
	MailAppRemoved      MailKind = "app_removed"      // it was removed, and the recovery codes
	MailCodesMade       MailKind = "codes_made"       // new recovery codes in place of the old
	MailCodeUsed        MailKind = "code_used"        // a recovery code was used; Data: left, how many are
	MailFactorsReset    MailKind = "factors_reset"    // an owner took second factors away
)

// MailState is what became of a mail.
type MailState string

const (
	MailWaiting MailState = "waiting"
	MailSent    MailState = "sent"    // the mail server has taken it
	MailDropped MailState = "dropped" // nobody may get it any more, or has no address
	MailFailed  MailState = "failed"  // the mail server refused it, or a day went by
)

// NewMail is a mail to u that waits from now on. A notice and a mail with a
// link are written the same way: into the Change that is their reason.
func NewMail(kind MailKind, u User, now time.Time) Mail {
	return Mail{
		ID: NewMailID(), Kind: kind, Proof: Proof{UserID: u.ID, Epoch: u.Epoch},
		CreatedAt: now, NextAt: now, State: MailWaiting,
	}
}
