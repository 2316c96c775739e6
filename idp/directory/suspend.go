package directory

import (
	"context"

	"gatehouse/idp"
)

// Suspend ends everything a user holds, now and on every node, and returns
// the receipt. Once it has returned without an error, no pass of the user is
// accepted or issued anywhere. A user already suspended keeps the receipt of
// that suspension. It answers idp.NotFound, idp.Denied for the last active
// owner, and idp.Unavailable when the suspension is not durable.
func (d *Directory) Suspend(ctx context.Context, id idp.UserID, why string) (idp.Receipt, error) {
	asked := d.now()
	why, err := text("reason", why, 500)
	if err != nil {
		return idp.Receipt{}, err
	}
	u, err := d.Store.User(ctx, id)
	if err != nil {
		return idp.Receipt{}, err
	}
	if u.Status == idp.UserSuspended {
		return d.Store.LastReceipt(ctx, id, idp.EndUser)
	}
	if u.Role == idp.RoleOwner {
		if err := d.keepsAnOwner(ctx, id); err != nil {
			return idp.Receipt{}, err
		}
	}
	e := d.event(ctx, "user.suspend")
	e.UserID = id
	return d.end(ctx, idp.Change{Ending: &idp.Ending{
		// One wish per epoch: two admins who click at once get one receipt.
		Kind: idp.EndUser, UserID: id, Key: key("suspend", string(id), u.Epoch), Reason: why, At: asked,
	}}, e)
}

// Restore lets a suspended user sign in again. Nothing that was ended comes
// back: the epoch stays. Lines of earlier receipts that are not final become
// superseded.
func (d *Directory) Restore(ctx context.Context, id idp.UserID) (idp.User, error) {
	var restored idp.User
	err := retry(func() error {
		u, err := d.Store.User(ctx, id)
		if err != nil {
			return err
		}
		restored = u
		if u.Status == idp.UserActive {
			return nil
		}
		e := d.event(ctx, "user.restore")
		e.UserID = id
		restored.Status, restored.SuspendedAt, restored.UpdatedAt = idp.UserActive, noTime, d.now()
		_, err = d.Store.Commit(ctx, idp.Change{
			Users: []idp.User{restored}, Supersede: []idp.UserID{id}, Events: []idp.Event{e},
		})
		restored.Version++
		return err
	})
	return restored, err
}
