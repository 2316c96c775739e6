package login

import (
	"context"
	"fmt"

	"gatehouse/idp"
)

// PasskeyByLink begins the ceremony in which the person of a link makes their first
// passkey, in place of a password, in the browser with the raw device secret device.
// The Ceremony is empty where that is not how they go on: a house without passkeys,
// a person who has something to sign in with, or a link that is not enough by itself.
func (l *Login) PasskeyByLink(ctx context.Context, link idp.Link, device string) (Ceremony, error) {
	k, err := l.firstPasskey(ctx, link, device)
	if idp.IsKind(err, idp.Denied) || idp.IsKind(err, idp.NotFound) {
		return Ceremony{}, nil
	}
	if err != nil {
		return Ceremony{}, err
	}
	return l.creation(k, string(link.ID))
}

// AddPasskeyByLink spends a link and keeps the passkey that its person has made in
// the ceremony of this link, both or neither; name is what the person would call the
// browser, as in [Login.AddPasskey]. What they may hold by codes from mails ends with
// it, as with a password. Nobody is signed in by it: that the key signs is shown by the
// sign-in that comes after it. The proof that is returned is what the link has left them.
//
// It answers idp.Invalid and idp.Conflict like AddPasskey; idp.Denied where
// [Login.PasskeyByLink] offers none; idp.Unauthenticated for a link that no longer works.
func (l *Login) AddPasskeyByLink(ctx context.Context, link idp.Link, device, state, response, name string) (idp.Proof, error) {
	k, err := l.firstPasskey(ctx, link, device)
	if err != nil {
		return idp.Proof{}, err
	}
	data, why, err := l.take(ctx, purposeCreate, string(link.ID), state)
	if err != nil {
		return idp.Proof{}, err
	}
	if why != "" {
		return idp.Proof{}, l.refuseNew(ctx, link.UserID, why, lateNew())
	}
	c, err := l.fresh(ctx, k, data, response, name)
	if err != nil {
		return idp.Proof{}, err
	}
	e := l.linkEvent(ctx, "passkey.add", link.UserID)
	e.Detail = l.credentialEvent(ctx, "", c).Detail
	e.Detail["link"] = string(link.Purpose)
	if err := l.forgive(ctx, accountTally(link.UserID)); err != nil {
		return idp.Proof{}, err
	}
	change := idp.Change{Credentials: []idp.Credential{c}, Events: []idp.Event{e}}
	if link.Purpose == idp.LinkRecovery { // whoever asked for it
		change.Mails = []idp.Mail{l.passkeyNotice(idp.MailPasskeyAdded, k.user, c)}
	}
	return l.useLink(ctx, link, change, nil)
}

// firstPasskey is the person of a link that lets them make their first passkey.
func (l *Login) firstPasskey(ctx context.Context, link idp.Link, device string) (*keeper, error) {
	if l.Passkeys == nil {
		return nil, noPasskeys()
	}
	all, err := l.Store.Credentials(ctx, link.UserID)
	if err != nil {
		return nil, fmt.Errorf("read what the person has enrolled: %w", err)
	}
	beside, err := l.beside(ctx, link, all, device)
	if err != nil {
		return nil, err
	}
	if !ForPassword(link) || len(all) > 0 || beside != (Beside{}) {
		return nil, idp.Errorf(idp.Denied, "A first passkey is made by who has nothing to sign in with yet.")
	}
	u, err := l.Store.User(ctx, link.UserID)
	if err != nil {
		return nil, fmt.Errorf("read whose link it is: %w", err)
	}
	k, err := l.keeping(u.ID)
	if err == nil {
		k.user = u
	}
	return k, err
}
