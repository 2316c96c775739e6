package directory

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"gatehouse/idp"
)

// EndApp ends everything an app holds, of everybody: codes, tokens and the
// sessions it got from here; and returns the receipt. People stay signed in at
// Gatehouse, and may sign in to the app again.
func (d *Directory) EndApp(ctx context.Context, id idp.AppID, why string) (idp.Receipt, error) {
	why, err := text("reason", why, 500)
	if err != nil {
		return idp.Receipt{}, err
	}
	a, err := d.Store.App(ctx, id)
	if err != nil {
		return idp.Receipt{}, err
	}
	e := d.event(ctx, "app.end")
	e.AppID, e.Detail = id, map[string]string{"app": a.Name}
	return d.end(ctx, idp.Change{Ending: &idp.Ending{
		// One wish per epoch, as with a suspension.
		Kind: idp.EndApp, AppID: id, Key: key("end_app", string(id), a.Epoch), Reason: why, At: d.now(),
	}}, e)
}

// EndBefore ends every pass that was made before a moment, of everybody, and
// returns the receipt: sessions, codes, tokens, links and API tokens, those of
// the caller too. A zero moment is now, and needs no clock: everything made
// until the ending is dead. It answers idp.Invalid for a moment to come.
func (d *Directory) EndBefore(ctx context.Context, before time.Time, why string) (idp.Receipt, error) {
	why, err := text("reason", why, 500)
	if err != nil {
		return idp.Receipt{}, err
	}
	generation, err := d.Store.Generation(ctx)
	if err != nil {
		return idp.Receipt{}, err
	}
	wish, word := key("end_now", generation, 0), "now"
	if before = idp.Time(before); !before.IsZero() {
		if before.After(d.now()) {
			return idp.Receipt{}, idp.Errorf(idp.Invalid, "This moment has not come yet. Give one that has passed, or none for now.")
		}
		wish, word = key("end_before", strconv.FormatInt(before.UnixMicro(), 10), 0), before.Format(time.RFC3339)
	}
	e := d.event(ctx, "house.end_before")
	e.Detail = map[string]string{"before": word}
	return d.end(ctx, idp.Change{Ending: &idp.Ending{
		Kind: idp.EndBefore, Before: before, Key: wish, Reason: why, At: d.now(),
	}}, e)
}

// EndKey revokes a signing key that is no longer ours alone: from the answer on
// no node signs with it or takes what it signed, and none that reaches the
// database publishes it. One in use is
// replaced by a new one in the same step, and one that waits for its turn by one
// that waits. The receipt lists the apps that got
// something signed by it, which are told with the new key.
func (d *Directory) EndKey(ctx context.Context, id idp.KeyID, why string) (idp.Receipt, error) {
	why, err := text("reason", why, 500)
	if err != nil {
		return idp.Receipt{}, err
	}
	keys, err := d.Store.SigningKeys(ctx)
	if err != nil {
		return idp.Receipt{}, err
	}
	i := slices.IndexFunc(keys, func(k idp.SigningKey) bool { return k.ID == id })
	if i < 0 {
		return idp.Receipt{}, idp.Errorf(idp.NotFound, "There is no such signing key.")
	}
	k := keys[i]
	c := idp.Change{Ending: &idp.Ending{
		Kind: idp.EndKey, KeyID: id, Key: key("end_key", string(id), 0), Reason: why, At: d.now(),
	}}
	if k.RetiredAt.IsZero() {
		next, err := d.Keys.Replacement(k.Use, k.Algorithm)
		if err != nil {
			return idp.Receipt{}, fmt.Errorf("make the key that replaces %s: %w", id, err)
		}
		now := d.now()
		if before := idp.Signer(keys, k.Use, k.Algorithm, now); before != nil && before.ID != id {
			// That one signs on until apps can know the new one: it is waited for as long
			// as for any other, however soon it would have been the turn of this one.
			next.SignsAt = now.Add(keyPublished)
			if k.SignsAt.After(next.SignsAt) {
				next.SignsAt = k.SignsAt
			}
			retires := next.SignsAt.Add(keyOverlap)
			if next.Waits() {
				retires = idp.Someday()
			}
			c.TurnKeys = []idp.KeyTurn{{Was: *before, SignsAt: before.SignsAt, RetiredAt: retires}}
		}
		c.SigningKeys = []idp.SigningKey{next}
	} else if before := idp.Signer(keys, k.Use, k.Algorithm, d.now()); before != nil && before.ID == id {
		// What waits for somebody's word signs now, rather than one before.
		if w := slices.IndexFunc(keys, func(w idp.SigningKey) bool { return follows(w, k) && w.Waits() && !w.Over(d.now()) }); w >= 0 {
			c.TurnKeys = []idp.KeyTurn{{Was: keys[w], SignsAt: d.now(), RetiredAt: keys[w].RetiredAt}}
		}
	}
	e := d.event(ctx, "key.revoke")
	e.Detail = map[string]string{"key": string(id), "use": k.Use, "algorithm": k.Algorithm}
	r, err := d.end(ctx, c, e)
	if err != nil {
		return idp.Receipt{}, err
	}
	return r, d.Keys.Settle(ctx)
}

// SigningKeys returns the signing keys of the house, oldest first, retired and
// revoked ones too. Their private parts stay sealed.
func (d *Directory) SigningKeys(ctx context.Context) ([]idp.SigningKey, error) {
	return d.Store.SigningKeys(ctx)
}
