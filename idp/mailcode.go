package idp

import "time"

// MailCode is a code that was mailed to the person whom somebody named in a
// SignIn, and that is good in that SignIn alone. It is a pass: it carries the
// proof that the mail was asked for with, and is worth nothing where that does not
// stand.
type MailCode struct {
	SignInID SignInID
	Proof
	MAC       string // of the code and the SignIn
	CreatedAt time.Time
	ExpiresAt time.Time
}
