package outbox

import (
	"context"
	"fmt"
	"time"

	"gatehouse/idp"
)

// jwtsLive is what the line of an app's JWT access tokens says.
const jwtsLive = "Its access tokens are JWTs: Gatehouse refuses them at once, an API that reads them by itself takes them until they expire."

// jwtLines is the line of the JWT access tokens that app was given for the
// person of d until given; none where none of them outlives the cut. d is any
// line of the app and the person.
func jwtLines(r idp.Receipt, app idp.App, d idp.Delivery, given, now time.Time) []idp.Delivery {
	until := app.JWTsUntil(given)
	if !until.After(r.CutAt) {
		return nil
	}
	session := d.SessionID
	if r.Kind != idp.EndSession {
		session = ""
	}
	return []idp.Delivery{{
		ID:        deliveryID(r.ID, app.ID, idp.LeverExpiry, session, d.NameID),
		ReceiptID: r.ID, UserID: d.UserID, AppID: app.ID, SessionID: session, Lever: idp.LeverExpiry, NameID: d.NameID,
		State: idp.DeliveryAlive, Answer: jwtsLive, CreatedAt: now, NextAt: until, Ceiling: until,
	}}
}

// machines makes the lines of the JWT access tokens that apps were given for
// themselves, where r ended those: they are of nobody.
func (l *listing) machines(ctx context.Context) ([]idp.Delivery, error) {
	var apps []idp.App
	switch l.receipt.Kind {
	case idp.EndApp:
		a, err := l.app(ctx, l.receipt.AppID)
		if err != nil {
			return nil, err
		}
		apps = []idp.App{a}
	case idp.EndBefore, idp.EndKey:
		var err error
		if apps, err = l.Store.Apps(ctx); err != nil {
			return nil, fmt.Errorf("read the apps: %w", err)
		}
	}
	var lines []idp.Delivery
	for _, a := range apps {
		d := idp.Delivery{NameID: idp.NameID{Value: a.Identifier}}
		if a.OIDC != nil && a.OIDC.ApplicationType == idp.ApplicationMachine {
			lines = append(lines, jwtLines(l.receipt, a, d, l.receipt.CutAt, idp.Time(l.Now()))...)
		}
	}
	return lines, nil
}
