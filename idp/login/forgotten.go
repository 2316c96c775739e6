package login

import (
	"context"
	"fmt"

	"gatehouse/idp"
)

// ForPassword reports whether a link is for setting its user's password.
func ForPassword(link idp.Link) bool {
	return link.UserID != "" && (link.Purpose == idp.LinkPassword || link.Purpose == idp.LinkReset || link.Purpose == idp.LinkRecovery)
}

// ForOwner reports whether a link makes a new owner.
func ForOwner(link idp.Link) bool {
	return link.UserID == "" && (link.Purpose == idp.LinkFirstOwner || link.Purpose == idp.LinkOwner)
}

// Recover has a link mailed to the person of this name, with which they set a
// new password; language is what they read, device the raw secret of a known
// device that the request brings, "" for none. Whether there is such a person, who
// may sign in and has an address, shows neither in the answer nor in its work:
// a mail to nobody is written like one to somebody, and what becomes of it is
// seen by the worker alone.
//
// While a link of before works, or waits to be mailed, no other is sent: the one
// in the mailbox stays good, whoever asks. Too many tries from an address are a
// [*ThrottledError]; too many mails to a person are not sent, see mayMail.
func (l *Login) Recover(ctx context.Context, username, device, language string) error {
	a, from, err := l.askedBy(ctx, username, device)
	if err != nil {
		return err
	}
	under, err := l.Store.RecoveryUnderWay(ctx, a.user.ID, l.now())
	if err != nil {
		return fmt.Errorf("look for a link of before: %w", err)
	}
	// Of those who ask in the same moment, one has the link made.
	first, err := l.firstOf(ctx, "recovery", from, !under)
	if err != nil {
		return err
	}
	may, err := l.mayMail(ctx, "recovery mails", from, 4, first)
	if err != nil {
		return err
	}
	m := idp.NewMail(idp.MailRecovery, a.user, l.now())
	m.Language = language
	e := l.event(ctx, "recovery.ask")
	e.UserID = a.user.ID
	switch {
	case a.user.ID == "":
		e.Detail = map[string]string{"name": readable(a.typed, maxTyped)}
	case may:
	case first:
		e.Detail = map[string]string{"mailed": "no, there were too many"}
	default:
		e.Detail = map[string]string{"mailed": "no, the link of before is good"}
	}
	if !may {
		m.Proof = idp.Proof{}
	}
	if _, err := l.Store.Commit(ctx, idp.Change{Mails: []idp.Mail{m}, Events: []idp.Event{e}}); err != nil {
		return fmt.Errorf("write down who asked for a link: %w", err)
	}
	return nil
}
