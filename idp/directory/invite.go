package directory

import (
	"context"

	"gatehouse/idp"
)

// AddInvited adds a person like AddUser, and has an invitation mailed to them.
// It answers idp.Invalid, too, for a person without an address, and where the
// house sends no mails.
func (d *Directory) AddInvited(ctx context.Context, p Person) (idp.User, error) {
	u, err := d.NewUser(p)
	if err != nil {
		return idp.User{}, err
	}
	if err := d.reachable(u); err != nil {
		return idp.User{}, err
	}
	return d.addUser(ctx, u, idp.Change{Mails: []idp.Mail{idp.NewMail(idp.MailInvitation, u, d.now())}})
}

// MailInvitation has a one-time link mailed to a person with which they set a
// password: an invitation, or, where they have something to sign in with, a
// short link. It answers idp.Invalid like AddInvited. The mail of somebody who is
// suspended before it is sent is not.
func (d *Directory) MailInvitation(ctx context.Context, u idp.User) error {
	if u.Status != idp.UserActive {
		return idp.Errorf(idp.Conflict, "%s is suspended. Restore them first.", u.Name())
	}
	if err := d.reachable(u); err != nil {
		return err
	}
	has, err := d.Store.Credentials(ctx, u.ID)
	if err != nil {
		return err
	}
	kind := idp.MailInvitation
	if len(has) > 0 {
		kind = idp.MailReset
	}
	e := d.event(ctx, "user.invite")
	e.UserID = u.ID
	_, err = d.Store.Commit(ctx, idp.Change{Mails: []idp.Mail{idp.NewMail(kind, u, d.now())}, Events: []idp.Event{e}})
	return err
}

// reachable refuses whoever cannot be written to.
func (d *Directory) reachable(u idp.User) error {
	switch {
	case !d.Mails:
		return invalid("email", "This house sends no mails. Name a mail server in GATEHOUSE_SMTP, or hand the link over yourself.")
	case u.Email == "":
		return invalid("email", "An invitation needs an address to go to.")
	}
	return nil
}

// Invite issues a one-time link with which the person sets a password. For
// somebody who has something to sign in with it is short, and they are told by
// mail that it was made. It answers idp.Unauthenticated while the person is
// suspended.
func (d *Directory) Invite(ctx context.Context, u idp.User) (raw string, l idp.Link, err error) {
	generation, err := d.Store.Generation(ctx)
	if err != nil {
		return "", idp.Link{}, err
	}
	has, err := d.Store.Credentials(ctx, u.ID)
	if err != nil {
		return "", idp.Link{}, err
	}
	e := d.event(ctx, "link.make")
	e.UserID = u.ID
	purpose, with := idp.LinkPassword, idp.Change{Events: []idp.Event{e}}
	if len(has) > 0 {
		purpose, with.Mails = idp.LinkReset, []idp.Mail{idp.NewMail(idp.MailLinkMade, u, d.now())}
	}
	proof := idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: generation}
	return d.Passes.NewLinkWith(ctx, proof, purpose, with)
}
