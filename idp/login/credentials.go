package login

import (
	"context"
	"fmt"
	"slices"

	"gatehouse/idp"
)

// mayChange refuses a person of a session who may not change what they sign in
// with: one whose session has ended in between, and one who has a second factor
// and has not proven it, for a password alone must not add another way in; nor, in a
// house that asks by risk, in a browser for which nothing speaks. Nor must a mailbox
// alone, which lets somebody in, take the place of their password for good.
func (l *Login) mayChange(u idp.User, all []idp.Credential, s idp.Session) error {
	switch {
	case u.Status != idp.UserActive || u.Epoch != s.Epoch:
		return notSignedIn()
	case len(l.secondFactors(all)) == 0 && l.unconfirmed(s):
		return idp.Errorf(idp.Denied, "This browser is not known as yours yet. Confirm by a code from a mail that it is you, and open the page again.")
	case len(l.secondFactors(all)) > 0 && !MultiFactor(s.Methods):
		return idp.Errorf(idp.Denied, "Prove your second factor first. Open the page again: it asks for it.")
	case l.byMailBeside(all, s):
		return idp.Errorf(idp.Denied, "You came in by a code from a mail. Sign in with your password, and open the page again.")
	}
	return nil
}

func notSignedIn() *idp.Error {
	return idp.Errorf(idp.Unauthenticated, "You are not signed in, or no longer. Sign in again.")
}

// MayChange reports whether the person of a session has proven enough to change
// what they sign in with.
func (l *Login) MayChange(ctx context.Context, s idp.Session) (bool, error) {
	if MultiFactor(s.Methods) {
		return true, nil
	}
	all, err := l.Store.Credentials(ctx, s.UserID)
	if err != nil {
		return false, fmt.Errorf("look what the person signs in with: %w", err)
	}
	return len(l.secondFactors(all)) == 0 && !l.unconfirmed(s) && !l.byMailBeside(all, s), nil
}

// ByMailAlone reports whether a mail alone began a session of somebody who has a
// password, in a house where a mail is not to replace it: it changes nothing that anybody
// signs in with.
func (l *Login) ByMailAlone(ctx context.Context, s idp.Session) (bool, error) {
	if !ByMail(s.Methods) {
		return false, nil
	}
	all, err := l.Store.Credentials(ctx, s.UserID)
	if err != nil {
		return false, fmt.Errorf("look what the person signs in with: %w", err)
	}
	return l.byMailBeside(all, s), nil
}

// byMailBeside reports whether a session that a mail alone began is of somebody who has
// a password, in a house where a mail is not to replace it.
func (l *Login) byMailBeside(all []idp.Credential, s idp.Session) bool {
	return ByMail(s.Methods) && !l.policy().MailRecovers &&
		slices.ContainsFunc(all, func(c idp.Credential) bool { return c.Kind == idp.CredentialPassword })
}

// RenamePasskey gives one of the passkeys of a session's person another name.
func (l *Login) RenamePasskey(ctx context.Context, s idp.Session, id idp.CredentialID, name string) error {
	name, err := passkeyName(name)
	if err != nil {
		return err
	}
	return retry(func() error {
		u, all, err := l.ownFactors(ctx, s)
		if err != nil {
			return err
		}
		c, err := among(all, id)
		if err == nil && c.Kind != idp.CredentialPasskey {
			err = noCredential()
		}
		if err != nil {
			return err
		}
		// Without Data: what the passkey is by now is not to be overwritten.
		c.Name, c.Data, c.UpdatedAt = name, "", l.now()
		_, err = l.Store.Commit(ctx, idp.Change{Users: []idp.User{u}, Credentials: []idp.Credential{c}, Events: []idp.Event{l.credentialEvent(ctx, "passkey.rename", c)}})
		return err
	})
}

// RemovePasskey removes one of the passkeys of a session's person at their own
// wish, and ends everything that they hold with it, this session too, with a
// receipt: whoever signed in with it is out. It answers idp.Conflict when nothing
// would be left with which they can sign in, and idp.Unauthenticated where what
// the session stands on was ended meanwhile.
func (l *Login) RemovePasskey(ctx context.Context, s idp.Session, id idp.CredentialID) error {
	u, all, err := l.ownFactors(ctx, s)
	if err != nil {
		return err
	}
	c, err := among(all, id)
	switch {
	case err != nil:
		return err
	case c.Kind != idp.CredentialPasskey:
		return noCredential()
	case !signsInWithout(all, id):
		return idp.Errorf(idp.Conflict, "This is the last thing you can sign in with. Add another passkey first.")
	}
	return l.removeOwn(ctx, s, []idp.Credential{c}, l.credentialEvent(ctx, "passkey.remove", c), l.passkeyNotice(idp.MailPasskeyRemoved, u, c))
}

// RemoveCredential removes a credential of somebody at an owner's wish, be it
// their last: it was lost or stolen, and a link lets them in again. Everything
// that they hold ends in the same transaction; it returns the receipt of that.
func (l *Login) RemoveCredential(ctx context.Context, user idp.UserID, id idp.CredentialID) (idp.ReceiptID, error) {
	u, all, err := l.factorsOf(ctx, user)
	if err != nil {
		return "", err
	}
	c, err := among(all, id)
	if err != nil {
		return "", err
	}
	return l.removeFrom(ctx, user, []idp.Credential{c}, l.credentialEvent(ctx, "credential.remove", c), l.removalNotice(u, c))
}

// removal removes credentials of one person with everything that they hold: who
// was let in by them does not stay in, and the person is told. An ending always
// wins, so no version of the person is looked at.
func (l *Login) removal(user idp.UserID, wish string, gone []idp.Credential, e idp.Event, told idp.Mail) idp.Change {
	id := idp.NewReceiptID()
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	e.Detail["receipt"] = string(id)
	return idp.Change{
		RemoveCredentials: gone, Events: []idp.Event{e}, Mails: []idp.Mail{told},
		Ending: &idp.Ending{
			Kind: idp.EndPasses, UserID: user, Key: wish, Reason: "something they signed in with was removed",
			Actor: e.Actor, At: l.now(), ReceiptID: id,
		},
	}
}

// removeFrom removes credentials of somebody at an owner's wish, which is one for
// each credential however often it comes.
func (l *Login) removeFrom(ctx context.Context, user idp.UserID, gone []idp.Credential, e idp.Event, told idp.Mail) (idp.ReceiptID, error) {
	done, err := l.Store.Commit(ctx, l.removal(user, "credential/"+string(gone[0].ID), gone, e, told))
	if err != nil {
		return "", err
	}
	l.wake()
	return done.ReceiptID, nil
}

// removeOwn removes credentials of a session's person at their own wish. A link
// that is used at once keeps it to where what the session was proven by stands:
// it is written, and spent, only there, in the statements that write. Of two at
// once one is refused, since each ends what the other stands on.
func (l *Login) removeOwn(ctx context.Context, s idp.Session, gone []idp.Credential, e idp.Event, told idp.Mail) error {
	_, link, err := l.Gate.NewLink(ctx, s.Proof, idp.LinkPassword)
	if err == nil {
		_, err = l.Gate.UseLink(ctx, link, l.removal(s.UserID, "removal/"+string(link.ID), gone, e, told))
	}
	switch {
	case idp.IsKind(err, idp.Unauthenticated):
		return notSignedIn().Because(err)
	case err != nil:
		return err
	}
	l.wake()
	return nil
}

func (l *Login) wake() {
	if l.Wake != nil {
		l.Wake()
	}
}

func among(all []idp.Credential, id idp.CredentialID) (idp.Credential, error) {
	i := slices.IndexFunc(all, func(c idp.Credential) bool { return c.ID == id })
	if i < 0 {
		return idp.Credential{}, noCredential()
	}
	return all[i], nil
}

// signsInWithout reports whether somebody who has these can sign in without
// this one: a code alone lets nobody in.
func signsInWithout(all []idp.Credential, id idp.CredentialID) bool {
	return slices.ContainsFunc(all, func(c idp.Credential) bool {
		return c.ID != id && (c.Kind == idp.CredentialPassword || c.Kind == idp.CredentialPasskey)
	})
}

func noCredential() error {
	return idp.Errorf(idp.NotFound, "There is no such credential any more. Reload the page.")
}

func (l *Login) credentialEvent(ctx context.Context, kind string, c idp.Credential) idp.Event {
	e := l.event(ctx, kind)
	e.UserID = c.UserID
	e.Detail = map[string]string{"credential": string(c.ID), "kind": string(c.Kind)}
	if c.Name != "" {
		e.Detail["name"] = c.Name
	}
	return e
}

// retry decides anew, some times, where somebody changed what was decided on.
func retry(decide func() error) error {
	for range 4 {
		if err := decide(); !idp.IsKind(err, idp.Conflict) {
			return err
		}
	}
	return decide()
}
