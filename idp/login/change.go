package login

import (
	"context"
	"fmt"

	"gatehouse/idp"
)

// AsksCurrent reports whether the person of a session has to know their current
// password to choose another. Who has come in by a passkey has shown more than
// that, and may have forgotten it, or never had one.
func AsksCurrent(s idp.Session) bool { return !ByPasskey(s.Methods) }

// HasPassword reports whether the user has a password.
func (l *Login) HasPassword(ctx context.Context, id idp.UserID) (bool, error) {
	_, err := l.Store.Credential(ctx, id, idp.CredentialPassword)
	if idp.IsKind(err, idp.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// ChangePassword sets a new password for the person of a live session, who
// knows the current one, where [AsksCurrent] says so. Everything that was signed
// in ends, this session too, with a receipt: whoever else knows the old one is
// out. Only who has just proven that it is them may ask for it, and as much of it as
// [Login.MayChange] demands: a stolen password alone must not shut its owner out. It
// answers idp.Denied where less was proven, idp.Invalid under the field "current" or
// "password", a [*ThrottledError] after too many tries, and idp.Unauthenticated where
// what the session stands on was ended meanwhile. The browser with the raw device secret
// device ("" for none) is known as theirs as it was: they have been in it all the time.
func (l *Login) ChangePassword(ctx context.Context, s idp.Session, device, current, password string) error {
	u, _, err := l.ownFactors(ctx, s)
	if err != nil {
		return err
	}
	if err := l.checkFor(u, password); err != nil {
		return err
	}
	if AsksCurrent(s) {
		if err := l.knowsPassword(ctx, u.ID, current, "change", string(u.ID), "password.change.refuse"); err != nil {
			return err
		}
	}
	// A link that is used at once: it is written, and spent, only where what the
	// session was proven by still stands, in the statements that write.
	_, link, err := l.Gate.NewLink(ctx, s.Proof, idp.LinkReset)
	if err != nil {
		return err
	}
	here, err := l.deviceOf(ctx, device, u.ID)
	if err != nil {
		return err
	}
	after, err := l.SetPassword(ctx, link, "", password, "")
	if err != nil || here.ID == "" {
		return err
	}
	if err := l.Gate.KeepDevice(ctx, device, here, after); err != nil {
		l.logAfter(ctx, "keep a browser known over a change of the password", err)
	}
	return nil
}

// deviceOf is the device with this raw secret, where it is known as this person's;
// without an ID, none is.
func (l *Login) deviceOf(ctx context.Context, raw string, id idp.UserID) (idp.KnownDevice, error) {
	if raw == "" {
		return idp.KnownDevice{}, nil
	}
	d, err := l.Gate.KnownDevice(ctx, raw, id)
	switch {
	case idp.IsKind(err, idp.Unauthenticated):
		return idp.KnownDevice{}, nil
	case err != nil:
		return idp.KnownDevice{}, fmt.Errorf("look for a known device: %w", err)
	}
	return d, nil
}

// knowsPassword refuses who does not know the password of a user whose session
// they hold, under the field "current", with an event of this kind; tries are counted as
// what, for whom.
func (l *Login) knowsPassword(ctx context.Context, id idp.UserID, current, what, whom, kind string) error {
	// Apart from what strangers try at the sign-in, for this person or from this
	// address: only who is in counts here.
	if _, err := l.count(ctx, perAccount(), what, whom); err != nil {
		return err
	}
	c, err := l.Store.Credential(ctx, id, idp.CredentialPassword)
	if err != nil && !idp.IsKind(err, idp.NotFound) {
		return fmt.Errorf("read the current password: %w", err)
	}
	right, _, err := l.Hasher.Verify(ctx, c.Data, current)
	if err != nil {
		return l.soon(err)
	}
	if !right {
		e := l.event(ctx, kind)
		e.UserID, e.Detail = id, map[string]string{"reason": "wrong password"}
		if err := l.Store.Record(ctx, e); err != nil {
			return fmt.Errorf("record the refusal: %w", err)
		}
		wrong := idp.Errorf(idp.Invalid, "This is not your current password.")
		wrong.Fields = map[string]string{"current": wrong.Detail}
		return wrong
	}
	return nil
}
