package login

import (
	"context"
	"fmt"
	"slices"

	"gatehouse/idp"
)

// mayChange refuses a person of a session who may not change what they sign in
// with: one whose session has ended in between, and one who has a second factor
// and has not proven it, for a password alone must not add another way in.
func (l *Login) mayChange(u idp.User, all []idp.Credential, s idp.Session) error {
	switch {
	case u.Status != idp.UserActive || u.Epoch != s.Epoch:
		return idp.Errorf(idp.Unauthenticated, "You are not signed in, or no longer. Sign in again.")
	case len(l.secondFactors(all)) > 0 && !MultiFactor(s.Methods):
		return idp.Errorf(idp.Denied, "Prove your second factor first. Open the page again: it asks for it.")
	}
	return nil
}

// MayChange reports whether the person of a session has proven enough to change
// what they sign in with.
func (l *Login) MayChange(ctx context.Context, s idp.Session) (bool, error) {
	if MultiFactor(s.Methods) {
		return true, nil
	}
	has, err := l.HasSecond(ctx, s.UserID)
	return !has, err
}

// RenamePasskey gives one of the passkeys of a session's person another name.
func (l *Login) RenamePasskey(ctx context.Context, s idp.Session, id idp.CredentialID, name string) error {
	name, err := passkeyName(name)
	if err != nil {
		return err
	}
	return l.changeCredential(ctx, s.UserID, &s, id, func(_ idp.User, c idp.Credential, _ []idp.Credential) (idp.Change, error) {
		if c.Kind != idp.CredentialPasskey {
			return idp.Change{}, noCredential()
		}
		// Without Data: what the passkey is by now is not to be overwritten.
		c.Name, c.Data, c.UpdatedAt = name, "", l.now()
		return idp.Change{Credentials: []idp.Credential{c}, Events: []idp.Event{l.credentialEvent(ctx, "passkey.rename", c)}}, nil
	})
}

// RemovePasskey removes one of the passkeys of a session's person at their own
// wish: idp.Conflict when nothing would be left with which they can sign in.
func (l *Login) RemovePasskey(ctx context.Context, s idp.Session, id idp.CredentialID) error {
	return l.changeCredential(ctx, s.UserID, &s, id, func(u idp.User, c idp.Credential, all []idp.Credential) (idp.Change, error) {
		if c.Kind != idp.CredentialPasskey {
			return idp.Change{}, noCredential()
		}
		if !signsInWithout(all, id) {
			return idp.Change{}, idp.Errorf(idp.Conflict, "This is the last thing you can sign in with. Add another passkey first.")
		}
		return l.removal(ctx, "passkey.remove", c, l.passkeyNotice(idp.MailPasskeyRemoved, u, c)), nil
	})
}

// RemoveCredential removes a credential of somebody at an owner's wish, be it
// their last: it was lost or stolen, and a link lets them in again.
func (l *Login) RemoveCredential(ctx context.Context, user idp.UserID, id idp.CredentialID) error {
	return l.changeCredential(ctx, user, nil, id, func(u idp.User, c idp.Credential, _ []idp.Credential) (idp.Change, error) {
		return l.removal(ctx, "credential.remove", c, l.removalNotice(u, c)), nil
	})
}

func (l *Login) removal(ctx context.Context, kind string, c idp.Credential, told idp.Mail) idp.Change {
	return idp.Change{RemoveCredentials: []idp.Credential{c}, Events: []idp.Event{l.credentialEvent(ctx, kind, c)}, Mails: []idp.Mail{told}}
}

// signsInWithout reports whether somebody who has these can sign in without
// this one: a code alone lets nobody in.
func signsInWithout(all []idp.Credential, id idp.CredentialID) bool {
	return slices.ContainsFunc(all, func(c idp.Credential) bool {
		return c.ID != id && (c.Kind == idp.CredentialPassword || c.Kind == idp.CredentialPasskey)
	})
}

// changeCredential decides on one of a person's credentials, knowing all of
// them, and makes it so where the person is as they were when it was decided. own
// is the session in which the person wishes it themselves.
func (l *Login) changeCredential(ctx context.Context, user idp.UserID, own *idp.Session, id idp.CredentialID, decide func(idp.User, idp.Credential, []idp.Credential) (idp.Change, error)) error {
	return retry(func() error {
		u, err := l.Store.User(ctx, user)
		if err != nil {
			return err
		}
		all, err := l.Store.Credentials(ctx, user)
		if err != nil {
			return fmt.Errorf("read the credentials of %s: %w", user, err)
		}
		if own != nil {
			if err := l.mayChange(u, all, *own); err != nil {
				return err
			}
		}
		i := slices.IndexFunc(all, func(c idp.Credential) bool { return c.ID == id })
		if i < 0 {
			return noCredential()
		}
		change, err := decide(u, all[i], all)
		if err != nil {
			return err
		}
		change.Users = []idp.User{u}
		_, err = l.Store.Commit(ctx, change)
		return err
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
