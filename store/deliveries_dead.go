package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gatehouse/idp"
)

const (
	// The index of these holds nothing else.
	deadLetters = `SELECT count(*) FROM deliveries WHERE state = 'failed' AND noted_at = 0`
	noteLine    = `UPDATE deliveries SET noted_at = $2 WHERE id = $1 AND state = 'failed' AND noted_at = 0`
	noteLines   = `UPDATE deliveries SET noted_at = $2 WHERE id IN (SELECT id FROM deliveries
		WHERE state = 'failed' AND noted_at = 0 AND finished_at <= $1 ORDER BY finished_at, id LIMIT 500)`

	tallyState = `SELECT '%[1]s', count(*) FROM deliveries WHERE state = '%[1]s'`
	// The eldest that was never answered well. The order is the index's.
	eldest = `SELECT COALESCE(min(created_at), 0) FROM (SELECT * FROM (SELECT created_at FROM deliveries
			WHERE state = 'retrying' ORDER BY created_at LIMIT 1) a
		UNION ALL SELECT * FROM (SELECT created_at FROM deliveries
			WHERE state = 'sent' AND acked_at = 0 ORDER BY created_at LIMIT 1) b) c`
)

// DeadLetters returns how many lines have failed for good without anybody
// having taken note of it or having had them tried again.
func (s *Store) DeadLetters(ctx context.Context) (int, error) {
	return one(ctx, s, "dead letters", func(r row) (n int, err error) { return n, r.Scan(&n) }, deadLetters)
}

// NoteDelivery notes that an admin has seen that a line has failed, in one
// transaction with the event, and returns it as it then stands. Where nothing
// was to be noted nothing is written, no event either.
func (s *Store) NoteDelivery(ctx context.Context, id idp.DeliveryID, now time.Time, e idp.Event) (idp.Delivery, error) {
	err := s.tx(ctx, "take note of a delivery", func(r runner) error {
		n, err := r.exec(ctx, noteLine, id, us(now))
		if err != nil || n == 0 {
			return err
		}
		return r.batch(ctx, eventSteps([]idp.Event{e}))
	})
	if err != nil {
		return idp.Delivery{}, err
	}
	return s.Delivery(ctx, id)
}

// NoteDeadLetters notes the same of every line that had failed by that moment,
// 500 to a transaction, and returns of how many.
func (s *Store) NoteDeadLetters(ctx context.Context, by, now time.Time) (int, error) {
	for all := 0; ; {
		n, err := s.exec(ctx, "take note of deliveries", noteLines, us(by), us(now))
		all += int(n)
		if err != nil || n == 0 {
			return all, err
		}
	}
}

// DeliveryTally returns how many lines stand in each state that is not
// settled, or failed, and since when the eldest waits that no app has answered
// well; zero when none does.
func (s *Store) DeliveryTally(ctx context.Context) (map[idp.DeliveryState]int, time.Time, error) {
	states := unsettled()
	parts := make([]string, len(states))
	for i, state := range states {
		parts[i] = fmt.Sprintf(tallyState, state)
	}
	tally := make(map[idp.DeliveryState]int, len(states))
	_, err := list(ctx, s, "the tally of deliveries", func(r row) (n int, err error) {
		var state idp.DeliveryState
		err = r.Scan(&state, &n)
		tally[state] = n
		return n, err
	}, strings.Join(parts, " UNION ALL "))
	if err != nil {
		return nil, time.Time{}, err
	}
	since, err := one(ctx, s, "the eldest delivery", func(r row) (t time.Time, err error) {
		return t, r.Scan(at(&t))
	}, eldest)
	return tally, since, err
}
