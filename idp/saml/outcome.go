package saml

import (
	"cmp"
	"context"
	"errors"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// patience is Patience, or its default.
func (p *Provider) patience() time.Duration { return cmp.Or(p.Patience, 3*time.Second) }

// outcome is what the app is told of a logout that is in force: Success, and
// below it PartialLogout where not every other app has confirmed that it has
// ended what it held (SAML Core §3.7.3.2). Those are told, or tried again, all
// the same. It waits for them no longer than patience.
func (p *Provider) outcome(ctx context.Context, app idp.App, d departure) wire.Status {
	status := wire.Status{Code: wire.StatusSuccess}
	all, err := p.confirmed(ctx, d.Receipts)
	if err != nil {
		p.Log.ErrorContext(ctx, "what became of a logout is not known", "app", app.ID, "correlation", idp.ActorOf(ctx).CorrelationID, "error", err)
	}
	if !all || d.More {
		status.SubCode = wire.StatusPartialLogout
	}
	p.note(ctx, idp.Event{Kind: kindLogoutAnswered, AppID: app.ID, UserID: d.User, Detail: map[string]string{
		"request": clip(d.Request), "status": local(cmp.Or(status.SubCode, status.Code)),
	}})
	return status
}

// confirmed reports whether every app has confirmed; the one that asked has by
// asking. It looks until that is decided, or patience is over.
func (p *Provider) confirmed(ctx context.Context, receipts []idp.ReceiptID) (bool, error) {
	ctx, stop := context.WithTimeout(ctx, p.patience())
	defer stop()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		open, failed, err := p.look(ctx, receipts)
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return false, nil
		case err != nil:
			return false, err
		case failed:
			return false, nil
		case !open:
			return true, nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// look reports whether something is still open, and whether something is
// already known not to be confirmed.
func (p *Provider) look(ctx context.Context, receipts []idp.ReceiptID) (open, failed bool, err error) {
	for _, id := range receipts {
		r, err := p.Store.Receipt(ctx, id)
		if err != nil {
			return false, false, err
		}
		lines, err := p.Store.Deliveries(ctx, id)
		if err != nil {
			return false, false, err
		}
		open = open || r.Listing()
		for _, d := range lines {
			switch {
			case hasEnded(d), d.Lever == idp.LeverExpiry: // tokens are no session there
			case d.State == idp.DeliveryPending, d.State == idp.DeliveryRetrying:
				open = true
			default:
				failed = true
			}
		}
	}
	return open, failed, nil
}

// hasEnded reports whether the app of a line has said that it ended what it
// held, or held nothing.
func hasEnded(d idp.Delivery) bool {
	return d.State == idp.DeliveryEnded || !d.AckedAt.IsZero() && d.State != idp.DeliveryFailed || d.State == idp.DeliveryVerified
}
