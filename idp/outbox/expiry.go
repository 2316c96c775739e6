package outbox

import (
	"time"

	"gatehouse/idp"
)

// jwtsLive is what the line of an app's JWT access tokens says.
const jwtsLive = "Its access tokens are JWTs: Gatehouse refuses them at once, an API that reads them by itself takes them until they expire."

// jwtLine is the line of the JWT access tokens that app was given for the
// person of d; false where it has none that lives. d is any line of the app
// and the person.
func jwtLine(r idp.Receipt, app idp.App, d idp.Delivery, now time.Time) (idp.Delivery, bool) {
	until := app.JWTsUntil(r.CutAt)
	if until.IsZero() {
		return idp.Delivery{}, false
	}
	session := d.SessionID
	if r.Kind != idp.EndSession {
		session = ""
	}
	return idp.Delivery{
		ID:        deliveryID(r.ID, app.ID, idp.LeverExpiry, session, d.NameID),
		ReceiptID: r.ID, UserID: d.UserID, AppID: app.ID, SessionID: session, Lever: idp.LeverExpiry, NameID: d.NameID,
		State: idp.DeliveryAlive, Answer: jwtsLive, CreatedAt: now, NextAt: until, Ceiling: until,
	}, true
}
