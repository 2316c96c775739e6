package outbox

import (
	"context"
	"fmt"
	"slices"

	"gatehouse/idp"
)

// pageSize bounds a page of listing (DESIGN section 2, mass verbs).
const pageSize = 500

// listing is one worker's work on one receipt.
type listing struct {
	*Worker
	hand    string // that holds the receipt
	receipt idp.Receipt
	apps    map[idp.AppID]idp.App // read so far
	// written is what this worker has written of lines that speak for the whole
	// person: page after page finds them again, and says mostly the same.
	written map[idp.DeliveryID]idp.Delivery
}

// claimReceipts holds up to free receipts and returns the work on each.
func (w *Worker) claimReceipts(stop, work context.Context, free int) (jobs []func(), err error) {
	for len(jobs) < free {
		hand := w.hand()
		r, cursor, err := w.Store.ClaimReceipt(stop, hand, idp.Time(w.Now()), w.lease())
		switch {
		case idp.IsKind(err, idp.NotFound):
			return jobs, nil
		case err != nil:
			return jobs, fmt.Errorf("claim a receipt: %w", err)
		}
		l := &listing{Worker: w, hand: hand, receipt: r, apps: map[idp.AppID]idp.App{}, written: map[idp.DeliveryID]idp.Delivery{}}
		jobs = append(jobs, func() {
			if err := l.run(stop, work, cursor); err != nil && work.Err() == nil {
				w.Log.Log(work, levelOf(err), "listing a receipt stopped; it goes on when the claim runs out",
					"receipt", r.ID, "correlation", r.Actor.CorrelationID, "error", err)
			}
		})
	}
	return jobs, nil
}

// run lists page after page until done, or until stop ends; what is not done
// goes on from the cursor, here or elsewhere.
func (l *listing) run(stop, ctx context.Context, cursor string) error {
	for stop.Err() == nil {
		lines, next, err := l.page(ctx, cursor)
		if err != nil {
			return err
		}
		done := next == ""
		if done {
			rest, err := l.rest(ctx, lines)
			if err != nil {
				return err
			}
			lines = append(lines, rest...)
		}
		lines = l.news(lines)
		err = l.Store.ListPage(ctx, l.receipt.ID, l.hand, lines, next, done, idp.Time(l.Now()))
		switch {
		case idp.IsKind(err, idp.Conflict):
			return nil // the claim ran out and another worker lists it
		case err != nil:
			return fmt.Errorf("write a page of lines: %w", err)
		}
		if len(lines) > 0 {
			l.sends.ring()
		}
		if done {
			return nil
		}
		cursor = next
	}
	return nil
}

// page makes the lines of the participants after cursor: there may be none, and
// more to come.
func (l *listing) page(ctx context.Context, cursor string) (lines []idp.Delivery, next string, err error) {
	participants, next, err := l.Store.CutParticipants(ctx, l.receipt, cursor, pageSize)
	if err != nil {
		return nil, "", fmt.Errorf("read what was cut: %w", err)
	}
	sessions := make([]idp.SessionID, 0, len(participants))
	for _, p := range participants { // mostly by session
		if n := len(sessions); n == 0 || sessions[n-1] != p.SessionID {
			sessions = append(sessions, p.SessionID)
		}
	}
	ends, err := l.Store.SessionEnds(ctx, sessions)
	if err != nil {
		return nil, "", fmt.Errorf("read when the sessions would have ended: %w", err)
	}
	told, err := l.Store.NamesTold(ctx, sessions)
	if err != nil {
		return nil, "", fmt.Errorf("read what else apps were told: %w", err)
	}
	now := idp.Time(l.Now())
	for _, p := range participants {
		app, err := l.app(ctx, p.AppID)
		if err != nil {
			return nil, "", err
		}
		if !p.TokensEndedAt.IsZero() {
			d := idp.Delivery{UserID: p.UserID, SessionID: p.SessionID, NameID: p.NameID}
			lines = append(lines, jwtLines(l.receipt, app, d, p.TokensEndedAt, now)...)
			continue
		}
		end, known := ends[p.SessionID]
		if !known {
			return nil, "", fmt.Errorf("session %s of a participant is gone", p.SessionID)
		}
		named := byAllNames(p, told)
		r := l.receipt
		if len(named) > 1 { // what it asked by one name ends nothing that it opened by another
			r.Actor.AppID = ""
		}
		for _, p := range named {
			for _, lever := range l.LeversOf(app) {
				lines = append(lines, line(r, app, p, lever, end, l.windows(), now))
			}
		}
		lines = append(lines, jwtLines(l.receipt, app, lines[len(lines)-1], l.receipt.CutAt, now)...)
	}
	return merge(lines), next, nil
}

// news leaves out the lines that say nothing which this worker has not written
// already. Only what speaks for a whole person comes again, so only that is
// remembered; of an ending of many people nothing is.
func (l *listing) news(lines []idp.Delivery) []idp.Delivery {
	if l.receipt.UserID == "" {
		return lines
	}
	return slices.DeleteFunc(lines, func(d idp.Delivery) bool {
		if d.SessionID != "" {
			return false
		}
		known, again := l.written[d.ID]
		if again && !d.AgainAt.After(known.AgainAt) && !d.Ceiling.After(known.Ceiling) &&
			len(union(slices.Clone(known.SessionIndexes), d.SessionIndexes)) == len(known.SessionIndexes) {
			return true
		}
		if again {
			d = merge([]idp.Delivery{known, d})[0]
		}
		l.written[d.ID] = d
		return false
	})
}

// app reads an app once. One that is registered no more has no lever, but it
// has a line.
func (l *listing) app(ctx context.Context, id idp.AppID) (idp.App, error) {
	if a, ok := l.apps[id]; ok {
		return a, nil
	}
	a, err := l.Store.App(ctx, id)
	switch {
	case idp.IsKind(err, idp.NotFound):
		a = idp.App{ID: id}
	case err != nil:
		return idp.App{}, fmt.Errorf("read app %s: %w", id, err)
	}
	l.apps[id] = a
	return a, nil
}

// rest makes the lines of the apps where no session was cut: those that hold
// a token family that outlives its session, and those that know the person
// only by an account; and those of apps that act for themselves. last are the
// lines of the page that ends the listing.
func (l *listing) rest(ctx context.Context, last []idp.Delivery) ([]idp.Delivery, error) {
	lines, err := l.machines(ctx)
	if err != nil {
		return nil, err
	}
	accounts, err := l.Store.CutAccounts(ctx, l.receipt)
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	families, err := l.Store.CutFamilies(ctx, l.receipt)
	if err != nil {
		return nil, fmt.Errorf("read token families: %w", err)
	}
	if len(accounts)+len(families) == 0 {
		return lines, nil
	}
	listed, err := l.listed(ctx, last)
	if err != nil {
		return nil, err
	}
	more, err := l.families(ctx, families, listed)
	if err != nil {
		return nil, err
	}
	lines = append(lines, more...)
	for _, a := range accounts {
		if !listed[door{a.AppID, a.UserID}] {
			lines = append(lines, accountLine(l.receipt, a, idp.Time(l.Now())))
		}
	}
	return merge(lines), nil
}

// families makes the lines of token families where the app has none, and notes
// in listed where it has now. One that had ended before has none but that of the
// tokens which it handed out: nothing else of it was there to be ended.
func (l *listing) families(ctx context.Context, families []idp.TokenFamily, listed map[door]bool) (lines []idp.Delivery, err error) {
	over := func(f idp.TokenFamily) bool { return !f.RevokedAt.IsZero() && f.RevokedAt.Before(l.receipt.CutAt) }
	live := slices.DeleteFunc(slices.Clone(families), over)
	now := idp.Time(l.Now())
	for _, f := range append(live, slices.DeleteFunc(families, func(f idp.TokenFamily) bool { return !over(f) })...) {
		in := door{f.AppID, f.UserID}
		if listed[in] {
			continue
		}
		app, err := l.app(ctx, f.AppID)
		if err != nil {
			return nil, err
		}
		p, err := l.Store.Participant(ctx, f.SessionID, f.AppID)
		if err != nil && !idp.IsKind(err, idp.NotFound) {
			return nil, fmt.Errorf("read what an app got: %w", err)
		}
		if over(f) {
			d := idp.Delivery{UserID: f.UserID, SessionID: f.SessionID, NameID: p.NameID}
			lines = append(lines, jwtLines(l.receipt, app, d, f.RevokedAt, now)...)
			continue
		}
		listed[in] = true
		for _, lever := range l.LeversOf(app) {
			lines = append(lines, familyLine(l.receipt, app, f, p, lever, now))
		}
		lines = append(lines, jwtLines(l.receipt, app, lines[len(lines)-1], l.receipt.CutAt, now)...)
	}
	return lines, nil
}

// door is one person's way into one app.
type door struct {
	app  idp.AppID
	user idp.UserID
}

// listed is the doors that have a line. The store is asked, because another
// worker may have listed the pages before.
func (l *listing) listed(ctx context.Context, last []idp.Delivery) (map[door]bool, error) {
	written, err := l.Store.Deliveries(ctx, l.receipt.ID)
	if err != nil {
		return nil, fmt.Errorf("read the lines so far: %w", err)
	}
	doors := map[door]bool{}
	for _, d := range slices.Concat(written, last) {
		doors[door{d.AppID, d.UserID}] = true
	}
	return doors, nil
}
