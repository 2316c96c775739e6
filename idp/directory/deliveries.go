package directory

import (
	"context"
	"strconv"
	"time"

	"gatehouse/idp"
)

// Deliveries is what apps were told, or were to be.
type Deliveries interface {
	Delivery(ctx context.Context, id idp.DeliveryID) (idp.Delivery, error)
	RetryDelivery(ctx context.Context, id idp.DeliveryID, now time.Time, e idp.Event) (idp.Delivery, error)
	NoteDelivery(ctx context.Context, id idp.DeliveryID, now time.Time, e idp.Event) (idp.Delivery, error)
	NoteDeadLetters(ctx context.Context, by, now time.Time) (int, error)
}

// RetryDelivery has an app told at once what it would be told later. A line
// that had failed for good is tried again, for another day. Asked twice it is
// the same: what is due already stays as it is. It answers idp.NotFound, and
// idp.Conflict for a line of which nothing is left to tell.
func (d *Directory) RetryDelivery(ctx context.Context, id idp.DeliveryID) (idp.Delivery, error) {
	line, err := d.Store.Delivery(ctx, id)
	if err != nil {
		return idp.Delivery{}, err
	}
	if err := retryable(line); err != nil {
		return idp.Delivery{}, err
	}
	e := d.event(ctx, "delivery.retry")
	e.UserID, e.AppID, e.SessionID = line.UserID, line.AppID, line.SessionID
	e.Detail = map[string]string{"delivery": string(id), "receipt": string(line.ReceiptID), "state": string(line.State)}
	line, err = d.Store.RetryDelivery(ctx, id, e.At, e)
	if err == nil {
		err = retryable(line) // it may have come to its end meanwhile
	}
	if err == nil && d.Wake != nil {
		d.Wake()
	}
	return line, err
}

// retryable says why there is nothing to tell any more.
func retryable(d idp.Delivery) error {
	switch d.State {
	case idp.DeliveryPending, idp.DeliveryRetrying, idp.DeliveryFailed:
		return nil
	case idp.DeliveryAlive:
		return idp.Errorf(idp.Conflict, "No lever reaches this app: what is open there ends by itself, or by hand.")
	case idp.DeliverySuperseded:
		return idp.Errorf(idp.Conflict, "The person was restored since. What their suspension ended is not told any more.")
	}
	return idp.Errorf(idp.Conflict, "This line is settled: it is %s. There is nothing left to tell.", d.State)
}

// NoteDelivery takes note that a line has failed for good: its alarm is over,
// the line stays failed. Asked twice it is the same. It answers idp.NotFound,
// and idp.Conflict for a line that has not failed.
func (d *Directory) NoteDelivery(ctx context.Context, id idp.DeliveryID) (idp.Delivery, error) {
	line, err := d.Store.Delivery(ctx, id)
	if err != nil {
		return idp.Delivery{}, err
	}
	e := d.event(ctx, "delivery.note")
	e.UserID, e.AppID, e.SessionID = line.UserID, line.AppID, line.SessionID
	e.Detail = map[string]string{"delivery": string(id), "receipt": string(line.ReceiptID)}
	line, err = d.Store.NoteDelivery(ctx, id, e.At, e)
	if err == nil && line.State != idp.DeliveryFailed {
		err = idp.Errorf(idp.Conflict, "Nothing is to be noted: this line is %s, not failed.", line.State)
	}
	return line, err
}

// NoteDeadLetters takes note of every line that had failed by that moment, and
// returns of how many.
func (d *Directory) NoteDeadLetters(ctx context.Context, by time.Time) (int, error) {
	e := d.event(ctx, "delivery.note_all")
	n, err := d.Store.NoteDeadLetters(ctx, by, e.At)
	if err != nil || n == 0 {
		return n, err
	}
	e.Detail = map[string]string{"count": strconv.Itoa(n)}
	return n, d.Store.Record(ctx, e)
}
