package outbox

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"gatehouse/idp"
)

// Front is a way to end something in an app that only the browser of the person
// themselves can go. It is no [Lever]: a suspension never waits for a browser,
// and listing says of such an app that its session ends by itself.
type Front interface {
	// Name is what lines call it.
	Name() idp.Lever
	// Reaches reports whether app can be told by it.
	Reaches(app idp.App) bool
	// Call is what the browser is to do to end in app what d names.
	Call(app idp.App, d idp.Delivery) (idp.FrontCall, error)
}

// FrontStore is what leading a browser reads and writes.
type FrontStore interface {
	App(ctx context.Context, id idp.AppID) (idp.App, error)
	Receipt(ctx context.Context, id idp.ReceiptID) (idp.Receipt, error)
	SessionByID(ctx context.Context, id idp.SessionID) (idp.Session, error)
	CutParticipants(ctx context.Context, r idp.Receipt, after string, limit int) ([]idp.Participant, string, error)
	NamesTold(ctx context.Context, ids []idp.SessionID) ([]idp.Participant, error)
	Delivery(ctx context.Context, id idp.DeliveryID) (idp.Delivery, error)
	LeadDelivery(ctx context.Context, d idp.Delivery) error
	AnswerDelivery(ctx context.Context, d idp.Delivery) error
}

// Fronts leads the browser of somebody who signs out through the apps that
// nobody else can tell, and writes down what they answer.
type Fronts struct {
	Store  FrontStore
	Worker *Worker // which apps it can tell itself
	Fronts []Front
	Now    func() time.Time
	Log    *slog.Logger
}

// maxCalls bounds how much is asked of one browser. What is left out ends by
// itself, as its line says.
const maxCalls = 40

// Calls returns what the browser of the session that r ended is to do, and
// writes down that it was led there. It never keeps anybody from signing out:
// what goes wrong is logged, and that app's line stays as it was.
func (f *Fronts) Calls(ctx context.Context, r idp.Receipt) []idp.FrontCall {
	if r.Kind != idp.EndSession {
		return nil
	}
	session, err := f.Store.SessionByID(ctx, r.SessionID)
	if err != nil {
		f.complain(ctx, r, "", err)
		return nil
	}
	participants, _, err := f.Store.CutParticipants(ctx, r, "", pageSize)
	if err != nil {
		f.complain(ctx, r, "", err)
		return nil
	}
	told, err := f.Store.NamesTold(ctx, []idp.SessionID{r.SessionID})
	if err != nil {
		f.complain(ctx, r, "", err)
		return nil
	}
	var calls []idp.FrontCall
	for _, p := range participants {
		if asked(r, p.AppID) {
			continue
		}
		called, err := f.leadByAllNames(ctx, r, byAllNames(p, told), session.ExpiresAt)
		if err != nil && !errors.Is(err, errNotByBrowser) {
			f.complain(ctx, r, p.AppID, err)
		}
		calls = append(calls, called...)
	}
	return calls[:min(len(calls), maxCalls)]
}

// leadByAllNames makes one call for each name that an app was told.
func (f *Fronts) leadByAllNames(ctx context.Context, r idp.Receipt, named []idp.Participant, sessionEnd time.Time) (calls []idp.FrontCall, err error) {
	app, err := f.Store.App(ctx, named[0].AppID)
	if err != nil {
		return nil, err
	}
	for _, p := range named {
		call, err := f.lead(ctx, r, app, p, sessionEnd)
		if err != nil {
			return calls, err
		}
		calls = append(calls, call)
	}
	return calls, nil
}

var errNotByBrowser = errors.New("the app is told in another way, or in none")

func (f *Fronts) lead(ctx context.Context, r idp.Receipt, app idp.App, p idp.Participant, sessionEnd time.Time) (idp.FrontCall, error) {
	at := slices.IndexFunc(f.Fronts, func(way Front) bool { return way.Reaches(app) })
	if at < 0 || f.Worker.Reaches(app) {
		return idp.FrontCall{}, errNotByBrowser
	}
	now, win := idp.Time(f.Now()), f.Worker.windows()
	d := line(r, app, p, idp.LeverNone, sessionEnd, win, now) // the one that listing makes
	d.Lever, d.Attempts, d.FirstSentAt = f.Fronts[at].Name(), 1, now
	d.Answer = "Their own browser was led there at " + now.Format("15:04:05Z") + ". Nothing has come back."
	if closes := win.closes(app, p.LastAnswerAt); closes.After(r.CutAt) {
		d.AgainAt = closes
	}
	call, err := f.Fronts[at].Call(app, d)
	if err != nil {
		return idp.FrontCall{}, err
	}
	if !call.Answers {
		d.Answer = "Their own browser was led there at " + now.Format("15:04:05Z") + ". This way the app gives no answer."
	}
	call.DeliveryID, call.App = d.ID, app.Name
	return call, f.Store.LeadDelivery(ctx, d)
}

// Answered writes down what an app answered by the browser, after the answer
// was proven to be the app's: done says that it has ended what it was asked to.
// idp.Conflict when the line is settled.
func (f *Fronts) Answered(ctx context.Context, id idp.DeliveryID, answer string, done bool) error {
	d, err := f.Store.Delivery(ctx, id)
	if err != nil {
		return err
	}
	r, err := f.Store.Receipt(ctx, d.ReceiptID)
	if err != nil {
		return err
	}
	return f.Store.AnswerDelivery(ctx, answered(d, r.CutAt, idp.Time(f.Now()), answer, done))
}

// answered says what becomes of a line by an app's answer. While what was
// handed out before the cut can land, and the browser is gone that could tell
// the app again, it is no more than alive until then.
func answered(d idp.Delivery, cut, now time.Time, answer string, done bool) idp.Delivery {
	d.Answer = clip(answer)
	if !done {
		return d
	}
	d.AckedAt, d.LatencyMS = now, max(0, now.Sub(cut).Milliseconds())
	if d.AgainAt.After(now) {
		d.Ceiling, d.NextAt = d.AgainAt, d.AgainAt
		return d
	}
	d.State, d.FinishedAt = idp.DeliveryAcknowledged, now
	return d
}

func (f *Fronts) complain(ctx context.Context, r idp.Receipt, app idp.AppID, err error) {
	f.Log.ErrorContext(ctx, "a browser was not led to an app that only it can tell; what is open there ends by itself",
		"receipt", r.ID, "app", app, "correlation", r.Actor.CorrelationID, "error", err)
}
