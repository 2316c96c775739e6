package directory

import (
	"context"

	"gatehouse/idp"
)

// Suspend ends everything a user holds, now and on every node, and returns
// the receipt. Once it has returned without an error, no pass of the user is
// accepted or issued anywhere. A user already suspended keeps the receipt of
// that suspension. It answers idp.NotFound, idp.Denied for the last active
// owner, idp.Invalid for whoever acts (see [Directory.SuspendMyself]), and
// idp.Unavailable when the suspension is not durable.
func (d *Directory) Suspend(ctx context.Context, id idp.UserID, why string) (idp.Receipt, error) {
	if isMyself(ctx, id) {
		return idp.Receipt{}, d.myself(ctx, id)
	}
	return d.suspend(ctx, id, why)
}

// SuspendMyself suspends the person who acts, who has said twice that they
// mean it. Whoever acts as nobody is idp.Invalid.
func (d *Directory) SuspendMyself(ctx context.Context, why string) (idp.Receipt, error) {
	id := idp.ActorOf(ctx).UserID
	if !isMyself(ctx, id) {
		return idp.Receipt{}, invalid("myself", "Nobody is signed in who could suspend themselves.")
	}
	return d.suspend(ctx, id, why)
}

// isMyself reports whether the user is whoever acts, by hand or by token.
func isMyself(ctx context.Context, id idp.UserID) bool {
	a := idp.ActorOf(ctx)
	return id != "" && a.UserID == id && (a.Kind == "user" || a.Kind == "token")
}

// myself is the question once more, or why the answer would not matter.
func (d *Directory) myself(ctx context.Context, id idp.UserID) error {
	if err := d.keepsAnOwner(ctx, id); err != nil {
		return err
	}
	return invalid("myself", "This is you: it signs you out, stops your API tokens, and only another owner can restore you. "+
		"If you mean it, say so: \"myself\": true in the API, --yes-myself on the command line.")
}

func (d *Directory) suspend(ctx context.Context, id idp.UserID, why string) (idp.Receipt, error) {
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
		return d.suspendedAlready(ctx, id)
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

// suspendedAlready returns the receipt of the suspension that stands. It may
// have been committed a moment ago by somebody who still waits for it to be in
// force everywhere: whoever asks again waits as well.
func (d *Directory) suspendedAlready(ctx context.Context, id idp.UserID) (idp.Receipt, error) {
	r, err := d.Store.LastReceipt(ctx, id, idp.EndUser)
	if err != nil {
		return idp.Receipt{}, err
	}
	return r, d.Store.InForce(ctx, r.N)
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
