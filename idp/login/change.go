package login

import (
	"context"
	"fmt"

	"gatehouse/idp"
)

// ChangePassword sets a new password for the person of a live session, who
// knows the current one. Everything that was signed in ends, this session too,
// with a receipt: whoever else knows the old one is out. It answers idp.Invalid
// under the field "current" or "password", a [*ThrottledError] after too many
// tries, and idp.Unauthenticated where what the session stands on was ended
// meanwhile.
func (l *Login) ChangePassword(ctx context.Context, s idp.Session, current, password string) error {
	u, err := l.Store.User(ctx, s.UserID)
	if err != nil {
		return fmt.Errorf("read whose password it is: %w", err)
	}
	if err := l.checkFor(u, password); err != nil {
		return err
	}
	if err := l.throttleAddress(ctx); err != nil {
		return err
	}
	// Apart from what strangers try at the sign-in: only who is in counts here.
	if _, err := l.count(ctx, perAccount(), "change", string(u.ID)); err != nil {
		return err
	}
	c, err := l.Store.Credential(ctx, u.ID, idp.CredentialPassword)
	if err != nil && !idp.IsKind(err, idp.NotFound) {
		return fmt.Errorf("read the current password: %w", err)
	}
	right, _, err := l.Hasher.Verify(ctx, c.Data, current)
	if err != nil {
		return l.soon(err)
	}
	if !right {
		e := l.event(ctx, "password.change.refuse")
		e.UserID, e.Detail = u.ID, map[string]string{"reason": "wrong password"}
		if err := l.Store.Record(ctx, e); err != nil {
			return fmt.Errorf("record the refusal: %w", err)
		}
		wrong := idp.Errorf(idp.Invalid, "This is not your current password.")
		wrong.Fields = map[string]string{"current": wrong.Detail}
		return wrong
	}
	// A link that is used at once: it is written, and spent, only where what the
	// session was proven by still stands, in the statements that write.
	_, link, err := l.Gate.NewLink(ctx, s.Proof, idp.LinkReset)
	if err != nil {
		return err
	}
	return l.SetPassword(ctx, link, password, "")
}
