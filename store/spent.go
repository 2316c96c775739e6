package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	spendValue = `INSERT INTO spent (kind, value, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (kind, value) DO UPDATE SET expires_at = excluded.expires_at WHERE spent.expires_at <= $4`

	count = `INSERT INTO throttles (name, count, reset_at) VALUES ($1, CAST($4 AS BIGINT), $3)
		ON CONFLICT (name) DO UPDATE SET
			count = CASE WHEN throttles.reset_at <= $2 THEN excluded.count ELSE throttles.count + excluded.count END,
			reset_at = CASE WHEN throttles.reset_at <= $2 THEN excluded.reset_at ELSE throttles.reset_at END
		RETURNING count, reset_at`
	// Two limits of one thing: what the first refuses, the second does not count.
	// $1 to $3 and $4 to $5 are name and end of the window of both, $2 is now, $6 what
	// the first allows.
	countedOn = ` ON CONFLICT (name) DO UPDATE SET
			count = CASE WHEN throttles.reset_at <= $2 THEN 1 ELSE throttles.count + 1 END,
			reset_at = CASE WHEN throttles.reset_at <= $2 THEN excluded.reset_at ELSE throttles.reset_at END
		RETURNING name, count, reset_at`
	countTwoSQLite = `INSERT INTO throttles (name, count, reset_at) SELECT $1, 1, $3
		UNION ALL SELECT $4, 1, $5 WHERE NOT EXISTS (SELECT 1 FROM throttles t WHERE t.name = $1 AND t.reset_at > $2 AND t.count >= $6)` + countedOn
	countTwoPostgres = `WITH one AS (INSERT INTO throttles (name, count, reset_at) VALUES ($1, 1, $3)` + countedOn + `),
		two AS (INSERT INTO throttles (name, count, reset_at) SELECT $4, 1, CAST($5 AS BIGINT) FROM one WHERE one.count <= $6` + countedOn + `)
		SELECT name, count, reset_at FROM one UNION ALL SELECT name, count, reset_at FROM two`

	uncountSQLite = `DELETE FROM throttles WHERE name IN (SELECT value FROM json_each($1))`
	// By their index, and in the order in which they are counted, so that nobody
	// waits for somebody who waits for them.
	uncountPostgres = `DELETE FROM throttles WHERE name = ANY (ARRAY(SELECT t.name FROM throttles t
		WHERE t.name = ANY (ARRAY(SELECT jsonb_array_elements_text(CAST(CAST($1 AS TEXT) AS JSONB))))
		ORDER BY strpos(CAST($1 AS TEXT), t.name) FOR UPDATE))`
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

// CountTwo is Count for two limits of one thing, which have different names. Where
// the first is over, the second is not counted, and zero. Atomic, one statement.
func (s *Store) CountTwo(ctx context.Context, first, second idp.Limit, now time.Time) (one, two idp.Tries, err error) {
	err = s.db.share(ctx, true, func(r runner) error {
		two = idp.Tries{}
		return r.query(ctx, func(r row) error {
			var name string
			var t idp.Tries
			if err := r.Scan(&name, &t.N, at(&t.ResetAt)); err != nil {
				return err
			}
			if name == first.Name {
				one = t
			} else {
				two = t
			}
			return nil
		}, s.db.dialect(countTwoSQLite, countTwoPostgres), first.Name, us(now), us(now.Add(first.Window)),
			second.Name, us(now.Add(second.Window)), first.Most)
	})
	if err != nil {
		return idp.Tries{}, idp.Tries{}, s.wrap("count", err)
	}
	return one, two, nil
}

// Uncount forgets the counts of these names. One statement.
func (s *Store) Uncount(ctx context.Context, names ...string) error {
	_, err := s.exec(ctx, "forget a count", s.db.dialect(uncountSQLite, uncountPostgres), asJSON(names))
	return err
}
