package login

import (
	"context"
	"fmt"
	"time"

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

// Who asks for mails, per name that was typed; and how many mails a person gets,
// by whatever name they were asked for.
func perRecovery() []limit { return []limit{{5, 15 * time.Minute}, {20, 24 * time.Hour}} }
func perReader() []limit   { return []limit{{3, 15 * time.Minute}, {10, 24 * time.Hour}} }

// Recover has a link mailed to the person of this name, with which they set a
// new password; language is what they read. Whether there is such a person, who
// may sign in and has an address, shows neither in the answer nor in its work:
// a mail to nobody is written like one to somebody, and what becomes of it is
// seen by the worker alone. Too many tries for a name or from an address are a
// [*ThrottledError]; too many mails to a person are not sent.
func (l *Login) Recover(ctx context.Context, username, language string) error {
	if err := l.throttleAddress(ctx); err != nil {
		return err
	}
	a, err := l.lookup(ctx, username)
	if err != nil {
		return err
	}
	if _, err := l.count(ctx, perRecovery(), "recovery name", a.typed); err != nil {
		return err
	}
	m := idp.NewMail(idp.MailRecovery, a.user, l.now())
	m.Language = language
	enough, err := l.enoughMails(ctx, a)
	if err != nil {
		return err
	}
	e := l.event(ctx, "recovery.ask")
	e.UserID = a.user.ID
	switch {
	case a.user.ID == "":
		e.Detail = map[string]string{"name": readable(a.typed, maxTyped)}
	case enough:
		m.Proof = idp.Proof{}
		e.Detail = map[string]string{"mailed": "no, there were too many"}
	}
	if _, err := l.Store.Commit(ctx, idp.Change{Mails: []idp.Mail{m}, Events: []idp.Event{e}}); err != nil {
		return fmt.Errorf("write down who asked for a link: %w", err)
	}
	return nil
}

// enoughMails counts one more to the person, or to nobody: the same work.
func (l *Login) enoughMails(ctx context.Context, a attempt) (bool, error) {
	enough := false
	for _, lim := range perReader() {
		n, _, err := l.Store.Count(ctx, throttleName("recovery mails", string(a.user.ID), lim.window), lim.window, l.now())
		if err != nil {
			return false, fmt.Errorf("count mails: %w", err)
		}
		enough = enough || n > lim.tries
	}
	return enough, nil
}
