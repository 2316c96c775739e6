package store

import (
	"context"
	"slices"
	"strconv"
	"time"

	"gatehouse/idp"
)

const (
	insertEvent = `INSERT INTO events (id, at, kind, actor, user_id, app_id, session_id, detail, correlation)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	selectEvents = `SELECT e.id, e.at, e.kind, e.actor, e.user_id, e.app_id, e.session_id, e.detail FROM events e
		WHERE ($1 = '' OR e.app_id = $1) AND (CAST($2 AS BIGINT) = 0 OR (e.at, e.id) < ($2, $3))`
	eventsOrder = ` ORDER BY e.at DESC, e.id DESC LIMIT $4`
	events      = selectEvents + eventsOrder
	eventsAbout = `SELECT e.id, e.at, e.kind, e.actor, e.user_id, e.app_id, e.session_id, e.detail FROM events e
		WHERE e.correlation = $1 AND e.correlation <> '' ORDER BY e.at, e.id LIMIT 100`
	eventsOfKind = `SELECT e.id, e.at, e.kind, e.actor, e.user_id, e.app_id, e.session_id, e.detail FROM events e
		WHERE e.at >= $1 AND e.kind = $2 ORDER BY e.at, e.id LIMIT 500`
	eventsOf = selectEvents + ` AND e.user_id = $5` + eventsOrder
)

func eventSteps(events []idp.Event) []step {
	steps := make([]step, len(events))
	for i, e := range events {
		steps[i] = do(insertEvent, e.ID, us(e.At), e.Kind, asJSON(e.Actor), e.UserID, e.AppID, e.SessionID, asJSON(e.Detail), e.Actor.CorrelationID)
	}
	return steps
}

func scanEvent(r row) (e idp.Event, err error) {
	return e, r.Scan(&e.ID, at(&e.At), &e.Kind, inJSON(&e.Actor), &e.UserID, &e.AppID, &e.SessionID, inJSON(&e.Detail))
}

// Record appends audit lines, all or none.
func (s *Store) Record(ctx context.Context, events ...idp.Event) error {
	if len(events) == 1 {
		st := eventSteps(events)[0]
		_, err := s.exec(ctx, "record an event", st.sql, st.args...)
		return err
	}
	return s.tx(ctx, "record events", func(r runner) error { return r.batch(ctx, eventSteps(events)) })
}

// Events returns a page of audit lines, newest first, and the cursor of the
// next: "" at the end.
func (s *Store) Events(ctx context.Context, q idp.EventQuery) ([]idp.Event, string, error) {
	key, err := keyOf(q.After, 2)
	if err != nil {
		return nil, "", err
	}
	before, err := wholeNumber(key[0])
	if err != nil {
		return nil, "", err
	}
	n := limit(q.Limit)
	sql, args := events, []any{q.AppID, before, key[1], n + 1}
	if q.UserID != "" {
		sql, args = eventsOf, append(args, q.UserID)
	}
	found, err := list(ctx, s, "events", scanEvent, sql, args...)
	if err != nil {
		return nil, "", err
	}
	events, next := page(found, n, func(e idp.Event) string {
		return cursor(strconv.FormatInt(us(e.At), 10), string(e.ID))
	})
	return events, next, nil
}

// EventsOfKind returns the audit lines of a kind since then, oldest first, at most 500.
// All lines since then are looked at.
func (s *Store) EventsOfKind(ctx context.Context, kind string, since time.Time) ([]idp.Event, error) {
	return list(ctx, s, "events", scanEvent, eventsOfKind, us(since), kind)
}

// EventsAbout returns the audit lines of one correlation ID, oldest first, at
// most 100.
func (s *Store) EventsAbout(ctx context.Context, correlation string) ([]idp.Event, error) {
	found, err := list(ctx, s, "events", scanEvent, eventsAbout, correlation)
	if err != nil {
		return nil, err
	}
	// The actor is in the sealed chain; the column beside it is not.
	return slices.DeleteFunc(found, func(e idp.Event) bool { return e.Actor.CorrelationID != correlation }), nil
}

// wholeNumber reads a number of a cursor; "" is 0.
func wholeNumber(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, idp.Errorf(idp.Invalid, "This page does not exist. Start again at the first one.").Because(err)
	}
	return n, nil
}
