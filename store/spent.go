package store

import (
	"context"
	"time"
)

const (
	spendValue = `INSERT INTO spent (kind, value, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (kind, value) DO UPDATE SET expires_at = excluded.expires_at WHERE spent.expires_at <= $4`

	count = `INSERT INTO throttles (name, count, reset_at) VALUES ($1, CAST($4 AS BIGINT), $3)
		ON CONFLICT (name) DO UPDATE SET
			count = CASE WHEN throttles.reset_at <= $2 THEN excluded.count ELSE throttles.count + excluded.count END,
			reset_at = CASE WHEN throttles.reset_at <= $2 THEN excluded.reset_at ELSE throttles.reset_at END
		RETURNING count, reset_at`
	uncount = `DELETE FROM throttles WHERE name = $1`
)

// Spend spends a value of a kind once: idp.Conflict the second time, until it
// expires by the store's clock.
func (s *Store) Spend(ctx context.Context, kind, value string, until time.Time) error {
	n, err := s.exec(ctx, "spend a value", spendValue, kind, value, us(until), us(s.Now()))
	switch {
	case err != nil:
		return err
	case n == 0:
		return spentBefore()
	}
	return nil
}

// Count counts one more under a name and returns how many that makes since the
// window began, and when it ends; a window that has ended starts anew. Atomic.
func (s *Store) Count(ctx context.Context, name string, window time.Duration, now time.Time) (n int, resetAt time.Time, err error) {
	return s.CountBy(ctx, name, 1, window, now)
}

// CountBy is Count by so many at once.
func (s *Store) CountBy(ctx context.Context, name string, by int, window time.Duration, now time.Time) (n int, resetAt time.Time, err error) {
	err = s.db.share(ctx, true, func(r runner) error {
		return r.query(ctx, func(r row) error { return r.Scan(&n, at(&resetAt)) }, count, name, us(now), us(now.Add(window)), by)
	})
	if err != nil {
		return 0, time.Time{}, s.wrap("count", err)
	}
	return n, resetAt, nil
}

// Uncount forgets a name's count.
func (s *Store) Uncount(ctx context.Context, name string) error {
	_, err := s.exec(ctx, "forget a count", uncount, name)
	return err
}
