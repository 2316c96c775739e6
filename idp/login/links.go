package login

import (
	"context"
	"fmt"
	"strings"

	"gatehouse/idp"
	"gatehouse/idp/login/password"
)

// checkFor refuses, on top of [password.Check], what anybody would try first for
// this person, and what is in the file of breaches.
func (l *Login) checkFor(u idp.User, chosen string) error {
	if err := password.Check(chosen); err != nil {
		return err
	}
	for _, known := range []string{u.Username, u.Email, u.Name()} {
		if known != "" && strings.EqualFold(strings.TrimSpace(chosen), known) {
			return password.Refused("The password must not be your own name or address.")
		}
	}
	if l.Breached == nil {
		return nil
	}
	known, err := l.Breached.Has(chosen)
	if err != nil {
		return err
	}
	if known {
		return password.Refused("This password became known when some other site was broken into. Take one that you use nowhere else.")
	}
	return nil
}

// credential hashes a password for a user.
func (l *Login) credential(ctx context.Context, id idp.UserID, password string) (idp.Credential, error) {
	phc, err := l.Hasher.Hash(ctx, password)
	if err != nil {
		return idp.Credential{}, l.soon(err)
	}
	now := l.now()
	return idp.Credential{
		ID: idp.NewCredentialID(), UserID: id, Kind: idp.CredentialPassword,
		Data: phc, CreatedAt: now, UpdatedAt: now,
	}, nil
}

// SetPassword spends a link that is [ForPassword] and sets its user's password,
// both or neither. Beside a link of recovery, the browser's raw device secret device
// and code are what [Login.Beside] asks for; else they are not looked at. Where there was anything to sign in with before,
// everything the user holds ends with it, with a receipt: whoever knew the old
// password is out. (Before the first one there is nothing to end.) Every other
// link of theirs is dead, and they are told by mail. Nobody is signed in by it; the
// proof that is returned is what it has left them.
//
// It answers idp.Invalid, under the field "password" or "code", for a password
// that may not be and a code that is not right; idp.Denied for a person whose way
// in is a passkey, and in a browser that would have to be known; idp.Unauthenticated for a link that no longer works; a
// [*ThrottledError] when the house is too busy, or after too many codes.
func (l *Login) SetPassword(ctx context.Context, link idp.Link, device, password, code string) (idp.Proof, error) {
	if !ForPassword(link) {
		return idp.Proof{}, idp.Errorf(idp.Invalid, "This link is not for setting a password.")
	}
	u, err := l.Store.User(ctx, link.UserID)
	if err != nil {
		return idp.Proof{}, fmt.Errorf("read whose link it is: %w", err)
	}
	if err := l.checkFor(u, password); err != nil {
		return idp.Proof{}, err
	}
	all, err := l.Store.Credentials(ctx, u.ID)
	if err != nil {
		return idp.Proof{}, fmt.Errorf("read what the person has enrolled: %w", err)
	}
	beside, err := l.beside(ctx, link, all, device)
	if err != nil {
		return idp.Proof{}, err
	}
	tries, err := l.mayTry(ctx, link, beside, code)
	if err != nil {
		return idp.Proof{}, err
	}
	credential, err := l.credential(ctx, u.ID, password)
	if err != nil {
		return idp.Proof{}, err
	}
	e := l.linkEvent(ctx, "password.set", u.ID)
	e.Detail = map[string]string{"link": string(link.Purpose)}
	if beside.Code() { // as late as can be: a code that was spent in vain is lost
		used, err := l.secondProof(ctx, link, all, code)
		if err != nil {
			return idp.Proof{}, err
		}
		e.Detail["code"] = string(used)
	}
	// Who holds the link need not wait for what others tried. Before the link
	// is spent: after it, an error would be about something that is done.
	for _, t := range []tally{accountTally(u.ID), tries} {
		if err := l.forgive(ctx, t); err != nil {
			return idp.Proof{}, err
		}
	}
	change := idp.Change{Passwords: []idp.Credential{credential}, Events: []idp.Event{e}}
	if len(all) > 0 {
		change.Mails = []idp.Mail{l.notice(idp.MailPasswordChanged, u)}
	}
	if link.Purpose == idp.LinkRecovery {
		change.Mails = []idp.Mail{l.notice(idp.MailRecovered, u)}
	}
	return l.useLink(ctx, link, change, all)
}

// useLink spends a link for a change by which its person, who has all of this, signs
// in from then on; what they may hold by what was before ends with it.
func (l *Login) useLink(ctx context.Context, link idp.Link, change idp.Change, all []idp.Credential) (idp.Proof, error) {
	held, err := l.mayHold(ctx, link.UserID, all)
	if err != nil {
		return idp.Proof{}, err
	}
	if held {
		change.Ending = l.endPasses(ctx, link)
	}
	done, err := l.Gate.UseLink(ctx, link, change)
	after := link.Proof
	if held {
		after.Epoch = done.Epoch
	}
	return after, err
}

// mayHold reports whether a person may hold something that is to end with a new
// password: who has nothing to sign in with holds nothing, unless codes by mail
// let them in, now or before.
func (l *Login) mayHold(ctx context.Context, id idp.UserID, all []idp.Credential) (bool, error) {
	if len(all) > 0 || l.TakesMailCodes() {
		return true, nil
	}
	browsers, err := l.Store.KnownDevices(ctx, id)
	if err != nil {
		return false, fmt.Errorf("look for browsers of the person: %w", err)
	}
	return len(browsers) > 0, nil
}

// endPasses ends what was made with the old password. The wish is this try's own:
// of two who use a link at once, one whose answer is lost must not be told that
// the other's password is theirs.
func (l *Login) endPasses(ctx context.Context, link idp.Link) *idp.Ending {
	receipt := idp.NewReceiptID()
	return &idp.Ending{
		Kind: idp.EndPasses, UserID: link.UserID, Key: "password/" + string(link.ID) + "/" + string(receipt),
		Reason: "new password", Actor: l.linkEvent(ctx, "", link.UserID).Actor,
		At: l.now(), ReceiptID: receipt,
	}
}

// linkEvent is an event whose actor is the user that the link was made for.
func (l *Login) linkEvent(ctx context.Context, kind string, id idp.UserID) idp.Event {
	e := l.event(ctx, kind)
	e.UserID = id
	e.Actor.Kind, e.Actor.UserID = "user", id
	return e
}

// FirstOwner spends a link of purpose idp.LinkFirstOwner or idp.LinkOwner and
// makes u, new and in canonical form (directory.NewUser), an owner with this
// password: all or nothing. It answers idp.Conflict when a first owner finds
// another or the name is taken, else like SetPassword.
func (l *Login) FirstOwner(ctx context.Context, link idp.Link, u idp.User, password string) (idp.User, error) {
	if !ForOwner(link) {
		return idp.User{}, idp.Errorf(idp.Invalid, "This link does not make an owner.")
	}
	if err := l.checkFor(u, password); err != nil {
		return idp.User{}, err
	}
	credential, err := l.credential(ctx, u.ID, password)
	if err != nil {
		return idp.User{}, err
	}
	u.Role, u.Status = idp.RoleOwner, idp.UserActive
	kind := "owner.first"
	if link.Purpose == idp.LinkOwner {
		kind = "owner.recover"
	}
	_, err = l.Gate.UseLink(ctx, link, idp.Change{
		Users:     []idp.User{u},
		Passwords: []idp.Credential{credential},
		Events:    []idp.Event{l.linkEvent(ctx, kind, u.ID)},
	})
	if err != nil {
		return idp.User{}, err
	}
	u.Version = 1
	return u, nil
}
