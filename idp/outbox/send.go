package outbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"gatehouse/idp"
)

// Probes are asked a few times, then the acknowledgement stands alone.
const (
	probeTries   = 3
	probeTimeout = 3 * time.Second
	probePause   = 500 * time.Millisecond
)

// shared is what the lines of one claim have in common. It is read when the
// first of them needs it, and again after an error.
type shared struct {
	receipt func() (idp.Receipt, error)
	app     func() (idp.App, error)
}

// once reads a value when it is first asked for, and again after an error.
func once[T any](read func() (T, error)) func() (T, error) {
	var mu sync.Mutex
	var value T
	known := false
	return func() (T, error) {
		mu.Lock()
		defer mu.Unlock()
		if known {
			return value, nil
		}
		got, err := read()
		if err == nil {
			value, known = got, true
		}
		return got, err
	}
}

// claimDeliveries holds up to free due lines and returns the work on each.
func (w *Worker) claimDeliveries(stop, work context.Context, free int) ([]func(), error) {
	hand := w.hand()
	due, err := w.Store.ClaimDeliveries(stop, hand, idp.Time(w.Now()), w.lease(), free, w.perApp())
	if err != nil {
		return nil, fmt.Errorf("claim deliveries: %w", err)
	}
	receipts := map[idp.ReceiptID]shared{}
	apps := map[idp.AppID]func() (idp.App, error){}
	jobs := make([]func(), 0, len(due))
	for _, d := range due {
		if _, known := receipts[d.ReceiptID]; !known {
			receipts[d.ReceiptID] = shared{
				receipt: once(func() (idp.Receipt, error) { return w.Store.Receipt(work, d.ReceiptID) }),
			}
		}
		if apps[d.AppID] == nil {
			apps[d.AppID] = once(func() (idp.App, error) { return w.Store.App(work, d.AppID) })
		}
		of := receipts[d.ReceiptID]
		of.app = apps[d.AppID]
		jobs = append(jobs, func() {
			// What is aborted by the end of work is given back by Run.
			if err := w.deliver(work, hand, d, of); err != nil && work.Err() == nil {
				w.Log.Log(work, levelOf(err), "a delivery was interrupted; it is taken up when the claim runs out",
					"delivery", d.ID, "receipt", d.ReceiptID, "app", d.AppID, "error", err)
			}
		})
	}
	return jobs, nil
}

// deliver makes one attempt at d, which hand holds, and writes down what became
// of it.
func (w *Worker) deliver(ctx context.Context, hand string, d idp.Delivery, of shared) error {
	if d.SessionID != "" && !d.AgainAt.IsZero() && !w.Now().Before(d.AgainAt) {
		var err error
		if d, err = w.relisted(ctx, d); err != nil {
			return err
		}
	}
	r, err := of.receipt()
	if err != nil {
		return fmt.Errorf("read the receipt: %w", err)
	}
	o, err := w.attempt(ctx, d, of.app)
	if err != nil {
		return err
	}
	o.kind, o.cutAt = r.Kind, r.CutAt
	d = after(d, o, w.Now(), rand.Float64())
	err = w.save(ctx, hand, d)
	if idp.IsKind(err, idp.Conflict) {
		// The claim ran out, or the line was superseded or verified meanwhile:
		// what is written there is right. Of a superseded line the store keeps
		// what the app answered.
		return nil
	}
	if err == nil {
		w.report(ctx, d, r.Actor.CorrelationID)
		if w.Tried != nil {
			w.Tried(d.Lever, d.State, o.answerAt.Sub(o.sentAt))
		}
	}
	return err
}

// relisted is d with the session index that its session now has in its app: what
// was handed out while the cut was being made is not left out of the second
// logout. That is the one row the line is about, not the receipt's whole walk.
func (w *Worker) relisted(ctx context.Context, d idp.Delivery) (idp.Delivery, error) {
	p, err := w.Store.Participant(ctx, d.SessionID, d.AppID)
	switch {
	case idp.IsKind(err, idp.NotFound):
		return d, nil // forgotten meanwhile: the line says all there is
	case err != nil:
		return d, fmt.Errorf("read again what was cut: %w", err)
	case p.SessionIndex != "":
		d.SessionIndexes = union(d.SessionIndexes, []string{p.SessionIndex})
	}
	return d, nil
}

// attempt tells the app once and, when it acknowledged, asks it. An error
// means that nothing is known, and nothing to be written.
func (w *Worker) attempt(ctx context.Context, d idp.Delivery, read func() (idp.App, error)) (outcome, error) {
	app, err := read()
	o := outcome{sentAt: w.Now()}
	switch {
	case idp.IsKind(err, idp.NotFound):
		o.err = Permanent(idp.Errorf(idp.NotFound, "The app is registered no more, so nobody can be told."))
	case err != nil:
		return o, fmt.Errorf("read the app: %w", err)
	default:
		o.answer, o.err = w.pull(ctx, app, d)
	}
	o.answerAt = w.Now()
	if o.err != nil {
		return o, ctx.Err()
	}
	if w.Probe != nil && app.ProbeURL != "" {
		o.probe = w.ask(ctx, app, d)
	}
	return o, nil
}

// pull sends by the lever, within the time an app has.
func (w *Worker) pull(ctx context.Context, app idp.App, d idp.Delivery) (string, error) {
	lever := w.lever(d.Lever)
	if lever == nil {
		return "", Permanent(idp.Errorf(idp.Internal, "This house has no lever %q.", d.Lever))
	}
	ctx, cancel := context.WithTimeout(ctx, w.sendTimeout())
	defer cancel()
	answer, err := lever.Send(ctx, app, d)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "", idp.Errorf(idp.Unavailable, "No answer within %s.", w.sendTimeout())
	}
	return answer, err
}

// ask asks the probe until it answers, a few times; once while the line
// cannot become final anyway.
func (w *Worker) ask(ctx context.Context, app idp.App, d idp.Delivery) probed {
	p := probed{asked: true}
	for try := 1; ; try++ {
		one, cancel := context.WithTimeout(ctx, probeTimeout)
		p.sessions, p.err = w.Probe.Sessions(one, app, d)
		cancel()
		p.at = w.Now()
		if p.err == nil || try == probeTries || w.Now().Before(d.AgainAt) || !pause(ctx, time.Duration(try)*probePause) {
			return p
		}
	}
}

// save writes d. A store that is away for a moment is asked again, so that
// the app is not told twice for it.
func (w *Worker) save(ctx context.Context, hand string, d idp.Delivery) error {
	for try := 1; ; try++ {
		err := w.Store.SaveDelivery(ctx, d, hand)
		if err == nil {
			return nil
		}
		if !idp.IsKind(err, idp.Unavailable) || try == 5 || !pause(ctx, time.Duration(try)*200*time.Millisecond) {
			return fmt.Errorf("write down the answer: %w", err)
		}
	}
}

// report tells the log what an admin should know, and the alarm what has
// failed for good.
func (w *Worker) report(ctx context.Context, d idp.Delivery, correlation string) {
	attrs := []any{"delivery", d.ID, "receipt", d.ReceiptID, "app", d.AppID,
		"attempts", d.Attempts, "answer", d.Answer, "correlation", correlation}
	switch d.State {
	case idp.DeliveryRetrying:
		w.Log.WarnContext(ctx, "an app was told and is not done; it is told again", append(attrs, "next", d.NextAt)...)
	case idp.DeliveryFailed:
		w.Log.ErrorContext(ctx, "an app could not be told for good", attrs...)
		if w.Alarm != nil {
			w.Alarm(ctx, []idp.Delivery{d})
		}
	}
}

// pause waits and reports whether it could wait to the end.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
