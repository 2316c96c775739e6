package directory

import (
	"context"
	"fmt"
	"time"

	"gatehouse/idp"
)

// Endings is what can be ended, and the receipts of what was.
type Endings interface {
	SessionByID(ctx context.Context, id idp.SessionID) (idp.Session, error)
	Receipt(ctx context.Context, id idp.ReceiptID) (idp.Receipt, error)
	LastReceipt(ctx context.Context, id idp.UserID, kind idp.EndingKind) (idp.Receipt, error)
}

var noTime time.Time

// key identifies a wish to end something, so that the same wish asked twice
// is one ending.
func key(verb, subject string, epoch int64) string {
	return fmt.Sprintf("%s:%s:%d", verb, subject, epoch)
}

// end commits a change with an ending, which gets a receipt, and wakes the
// worker.
func (d *Directory) end(ctx context.Context, c idp.Change, e idp.Event) (idp.Receipt, error) {
	g := c.Ending
	g.Actor = idp.ActorOf(ctx)
	g.ReceiptID = idp.NewReceiptID()
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	e.Detail["receipt"] = string(g.ReceiptID)
	if g.Reason != "" {
		e.Detail["reason"] = g.Reason
	}
	for i := range c.Schedules {
		c.Schedules[i].ReceiptID = g.ReceiptID
	}
	c.Events = append(c.Events, e)
	done, err := d.Store.Commit(ctx, c)
	if err != nil {
		return idp.Receipt{}, fmt.Errorf("end %s %s%s%s: %w", g.Kind, g.UserID, g.AppID, g.KeyID, err)
	}
	if d.Wake != nil {
		d.Wake()
	}
	if done.CutAt.IsZero() {
		return d.Store.Receipt(ctx, done.ReceiptID)
	}
	g.N, g.Epoch = done.N, done.Epoch
	return headOf(*g, done.CutAt), nil
}

// headOf is the receipt of an ending that was just made, as it was written.
func headOf(g idp.Ending, cut time.Time) idp.Receipt {
	return idp.Receipt{
		ID: g.ReceiptID, N: g.N, Kind: g.Kind, UserID: g.UserID, SessionID: g.SessionID, AppID: g.AppID, GroupID: g.GroupID,
		KeyID: g.KeyID, Before: g.Before, Epoch: g.Epoch, Reason: g.Reason, Actor: g.Actor, AskedAt: g.At, CutAt: cut,
	}
}

// EndSession ends one session of a user and everything issued from it, and
// returns the receipt.
func (d *Directory) EndSession(ctx context.Context, id idp.SessionID, why string) (idp.Receipt, error) {
	s, err := d.Store.SessionByID(ctx, id)
	if err != nil {
		return idp.Receipt{}, err
	}
	if why, err = text("reason", why, 500); err != nil {
		return idp.Receipt{}, err
	}
	e := d.event(ctx, "session.end")
	e.UserID, e.SessionID = s.UserID, id
	return d.end(ctx, idp.Change{Ending: &idp.Ending{
		Kind: idp.EndSession, UserID: s.UserID, SessionID: id, Key: key("end", string(id), 0), Reason: why, At: d.now(),
	}}, e)
}

// SignOut ends the person's own session at their wish, which an app may have
// told us of (idp.Actor.AppID). Offline token families
// live on: the person may have asked for just that (offline_access).
func (d *Directory) SignOut(ctx context.Context, s idp.Session) (idp.Receipt, error) {
	e := d.event(ctx, "session.sign_out")
	e.UserID, e.SessionID, e.AppID = s.UserID, s.ID, e.Actor.AppID
	return d.end(ctx, idp.Change{Ending: &idp.Ending{
		Kind: idp.EndSession, UserID: s.UserID, SessionID: s.ID, Key: key("sign_out", string(s.ID), 0), SignedOut: true, At: d.now(),
	}}, e)
}

// EndSessions ends everything a user holds (sessions, tokens, links) and
// returns the receipt. They may sign in again.
func (d *Directory) EndSessions(ctx context.Context, id idp.UserID, why string) (idp.Receipt, error) {
	u, err := d.Store.User(ctx, id)
	if err != nil {
		return idp.Receipt{}, err
	}
	if why, err = text("reason", why, 500); err != nil {
		return idp.Receipt{}, err
	}
	e := d.event(ctx, "user.end_sessions")
	e.UserID = id
	// One wish per epoch, as with a suspension.
	return d.end(ctx, idp.Change{Ending: &idp.Ending{
		Kind: idp.EndPasses, UserID: id, Key: key("end_all", string(id), u.Epoch), Reason: why, At: d.now(),
	}}, e)
}

// EndFamily ends one token family: it was revoked, or one of its passes was
// used twice.
func (d *Directory) EndFamily(ctx context.Context, f idp.TokenFamily, why string) error {
	e := d.event(ctx, "tokens.end")
	e.UserID, e.AppID, e.SessionID = f.UserID, f.AppID, f.SessionID
	e.Detail = map[string]string{"reason": why}
	_, err := d.Store.Commit(ctx, idp.Change{
		Ending: &idp.Ending{
			Kind: idp.EndFamily, UserID: f.UserID, FamilyID: f.ID, Key: key("family", string(f.ID), 0),
			Reason: why, Actor: idp.ActorOf(ctx), At: d.now(),
		},
		Events: []idp.Event{e},
	})
	return err
}

// EndToken ends one token that is a family's no longer, or never was: g says
// which, whose, and until when it would have been good. What came of an exchange
// of it ends with it.
func (d *Directory) EndToken(ctx context.Context, g idp.Ending) error {
	g.Kind, g.Key, g.Actor, g.At = idp.EndToken, key("token", string(g.TokenID), 0), idp.ActorOf(ctx), d.now()
	e := d.event(ctx, "token.end")
	e.UserID, e.AppID = g.UserID, g.AppID
	e.Detail = map[string]string{"reason": g.Reason}
	_, err := d.Store.Commit(ctx, idp.Change{Ending: &g, Events: []idp.Event{e}})
	return err
}

// InForce returns when all that has ended up to row n of the log is refused on
// every node.
func (d *Directory) InForce(ctx context.Context, n int64) error { return d.Store.InForce(ctx, n) }
