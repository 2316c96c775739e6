package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/idp"
)

const (
	// batchLease is how long a node's claim on a batch outlives it.
	batchLease = 10 * time.Second
	// cutPage is how many people are suspended in one transaction: five rows
	// for each, some ten milliseconds together, which is what anybody else
	// waits behind it.
	cutPage = 50
)

// WorkBatch works off one batch that nobody holds, until it is done, cancelled
// or ctx ends, and reports whether there was one. It may run on every node,
// and again after a crash: who was suspended by the batch is not suspended by
// it again. A person counts as suspended when that is in force on every node.
func (d *Directory) WorkBatch(ctx context.Context, worker string) (bool, error) {
	b, err := d.Store.ClaimBatch(ctx, worker, d.now(), batchLease)
	switch {
	case idp.IsKind(err, idp.NotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	w := batchWork{Directory: d, batch: b, worker: worker}
	ctx = idp.WithActor(ctx, b.Actor)
	for ctx.Err() == nil {
		more, err := w.page(context.WithoutCancel(ctx)) // a page is short, and is not left half done
		switch {
		case idp.IsKind(err, idp.Conflict):
			return true, nil // cancelled, or another node holds it
		case err != nil:
			return true, fmt.Errorf("work off batch %s: %w", b.ID, err)
		case !more:
			return true, nil
		}
	}
	return true, nil
}

// batchWork is one node's work on one batch.
type batchWork struct {
	*Directory
	batch  idp.Batch
	worker string
}

// page suspends the next people, waits until that is in force, and counts
// them.
func (w *batchWork) page(ctx context.Context) (more bool, err error) {
	people, err := w.Store.BatchToDo(ctx, w.batch.ID, w.batch.Cursor, cutPage)
	if err != nil {
		return false, err
	}
	if len(people) == 0 {
		b, err := w.Store.Batch(ctx, w.batch.ID)
		if err != nil {
			return false, err
		}
		return false, w.Store.FinishBatch(ctx, b.ID, w.worker, w.ofBatch(ctx, "users.suspend.done", b))
	}
	var together, alone []*idp.BatchPerson
	newest := int64(0) // number up to which everything is to be in force
	for i := range people {
		p := &people[i]
		switch {
		case p.ReceiptID != "": // suspended by whoever held the batch before, and not counted
			p.State = idp.PersonDone
			r, err := w.Store.Receipt(ctx, p.ReceiptID)
			if err != nil {
				return false, err
			}
			newest = max(newest, r.N)
			continue
		default:
			*p = w.judge(ctx, *p, w.batch.Myself)
		}
		switch {
		case p.State == idp.PersonAlready:
			r, err := w.Store.LastReceipt(ctx, p.UserID, idp.EndUser)
			if err != nil && !idp.IsKind(err, idp.NotFound) {
				return false, err
			}
			p.ReceiptID = r.ID
			newest = max(newest, r.N)
		case p.State == idp.PersonRefused:
		case p.User.Role == idp.RoleOwner: // may be the last
			alone = append(alone, p)
		default:
			together = append(together, p)
		}
	}
	n, err := w.cut(ctx, together)
	if err != nil {
		return false, err
	}
	newest = max(newest, n)
	for _, p := range alone {
		if n, err = w.cutOne(ctx, p); err != nil {
			return false, err
		}
		newest = max(newest, n)
	}
	if d := w.Directory; d.Wake != nil {
		d.Wake()
	}
	if newest > 0 {
		if err := w.Store.InForce(ctx, newest); err != nil {
			return false, err
		}
	}
	if err := w.Store.SettleBatch(ctx, w.batch.ID, w.worker, people, w.now().Add(batchLease)); err != nil {
		return false, err
	}
	w.batch.Cursor = people[len(people)-1].Place
	return true, nil
}

// cut suspends people in one transaction; where that is refused because of one
// of them, each in their own.
func (w *batchWork) cut(ctx context.Context, people []*idp.BatchPerson) (newest int64, err error) {
	if len(people) == 0 {
		return 0, nil
	}
	newest, err = w.commit(ctx, people...)
	if !idp.IsKind(err, idp.Denied) {
		return newest, err
	}
	for _, p := range people {
		n, err := w.cutOne(ctx, p)
		if err != nil {
			return newest, err
		}
		newest = max(newest, n)
	}
	return newest, nil
}

// cutOne suspends one person, or says why not.
func (w *batchWork) cutOne(ctx context.Context, p *idp.BatchPerson) (int64, error) {
	n, err := w.commit(ctx, p)
	if !idp.IsKind(err, idp.Denied) {
		return n, err
	}
	p.State, p.ReceiptID, p.Note = idp.PersonRefused, "", err.Error()
	if e, ok := errors.AsType[*idp.Error](err); ok {
		p.Note = e.Detail
	}
	return 0, nil
}

// commit suspends people, all or none.
func (w *batchWork) commit(ctx context.Context, people ...*idp.BatchPerson) (int64, error) {
	now := w.now()
	cuts := make([]idp.BatchCut, len(people))
	for i, p := range people {
		g := idp.Ending{
			Kind: idp.EndUser, UserID: p.UserID, Key: idp.BulkWish + key(string(w.batch.ID), string(p.UserID), p.Place), Reason: w.batch.Reason,
			Actor: w.batch.Actor, At: now, ReceiptID: idp.NewReceiptID(),
		}
		e := w.event(ctx, "user.suspend")
		e.UserID = p.UserID
		e.Detail = map[string]string{"receipt": string(g.ReceiptID), "batch": string(w.batch.ID)}
		if g.Reason != "" {
			e.Detail["reason"] = g.Reason
		}
		cuts[i] = idp.BatchCut{Place: p.Place, Ending: g, Event: e}
	}
	n, err := w.Store.CutBatch(ctx, w.batch.ID, w.worker, cuts, batchLease)
	if err != nil {
		return 0, err
	}
	for i, p := range people {
		p.State, p.ReceiptID = idp.PersonDone, cuts[i].Ending.ReceiptID
	}
	return n, nil
}
