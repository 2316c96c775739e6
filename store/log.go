package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	selectPosition = `SELECT n, ` + registered + ` FROM counter WHERE id = 1`
	// One statement that commits by itself: only a primary takes the heartbeat,
	// so that a standby's yesterday is never the position.
	beatPosition = `WITH beat AS (INSERT INTO nodes (id, redis, seen_at) VALUES ($1, $2, ` + clockOfAll + `)
		ON CONFLICT (id) DO UPDATE SET redis = excluded.redis, seen_at = excluded.seen_at)
		SELECT n, ` + registered + `, ` + clockOfAll + ` FROM counter WHERE id = 1`
	clockOfAll = `CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`
	redisNodes = `SELECT count(*) FROM nodes WHERE redis = 1 AND id <> $1 AND seen_at > $2`

	endingsAfter = `SELECT ` + endingColumns + ` FROM endings WHERE n > $1 ORDER BY n LIMIT $2`

	// $1 is the row of the registration that is replaced, $2 to $4 the new one.
	replaceRegistration = `UPDATE counter SET n = n + 1, redis_n = n + 1, redis_run = $2, redis_repl = $3, redis_generation = $4
		WHERE id = 1 AND redis_n = $1`
	registerPostgres = `WITH c AS (` + replaceRegistration + ` RETURNING n),
		e AS (INSERT INTO endings ` + logColumns + `
			SELECT c.n, 'registration', '', '', '', '', '', '', 0, 0, $5, $2, $7, $6, '' FROM c)
		SELECT n FROM c`
	registrationSQLite = `INSERT INTO endings ` + logColumns + `
		SELECT c.n, 'registration', '', '', '', '', '', '', 0, 0, $2, $1, $4, $3, '' FROM counter c RETURNING n`
)

func scanPosition(r row) (p idp.Position, err error) {
	return p, r.Scan(&p.N, &p.Registration.N, &p.RunID, &p.ReplID, &p.Generation)
}

func (s *Store) position(ctx context.Context) (idp.Position, error) {
	return one(ctx, s, "position of the log", scanPosition, selectPosition)
}

// Newest is the number of the newest row of the log.
func (s *Store) Newest(ctx context.Context) (int64, error) {
	p, err := s.position(ctx)
	return p.N, err
}

// Position says how far the log has come and which Redis process is trusted,
// of one moment after the call began; and on PostgreSQL that this node is
// alive, and whether it has a Redis to use, and how far its clock is ahead of
// the database's. One statement, on the primary.
func (s *Store) Position(ctx context.Context, node string, redis bool) (idp.Position, error) {
	if s.db.dialect("", beatPosition) == "" {
		return s.position(ctx) // the only node
	}
	asked := s.Now()
	var clock time.Time
	scan := func(r row) (p idp.Position, err error) {
		return p, r.Scan(&p.N, &p.Registration.N, &p.RunID, &p.ReplID, &p.Generation, at(&clock))
	}
	found, err := returning(ctx, s, "say that this node is alive", scan, beatPosition, node, bit(redis))
	if err != nil {
		return idp.Position{}, err
	}
	found[0].Ahead = asked.Add(s.Now().Sub(asked) / 2).Sub(clock)
	s.ahead.Store(int64(found[0].Ahead))
	return found[0], nil
}

// shared is a moment of this node's clock by the one that all nodes share, that
// of the database, as far as Position has compared them: how long a claim is
// held, and how long is waited for what was in flight, must not depend on which
// node asks.
func (s *Store) shared(t time.Time) time.Time { return t.Add(-time.Duration(s.ahead.Load())) }

// RedisNodes returns how many other nodes with a Redis have been seen since.
func (s *Store) RedisNodes(ctx context.Context, except string, since time.Time) (int, error) {
	return one(ctx, s, "nodes", func(r row) (n int, err error) { return n, r.Scan(&n) }, redisNodes, except, us(s.shared(since)))
}

// EndingsAfter returns up to limit rows of the log after number n, in order
// and without a gap.
func (s *Store) EndingsAfter(ctx context.Context, n int64, limit int) ([]idp.Ending, error) {
	return list(ctx, s, "endings", scanEnding, endingsAfter, n, limit)
}

// Register makes to the trusted process where was, by its row, still is, and
// returns it with its own row. idp.Conflict when another node was faster.
func (s *Store) Register(ctx context.Context, was, to idp.Registration) (idp.Registration, error) {
	faster := idp.Errorf(idp.Conflict, "Another node has registered a Redis meanwhile.")
	args := []any{was.N, to.RunID, to.ReplID, to.Generation, newWish(), us(s.Now()), asJSON(idp.ActorOf(ctx))}
	scan := func(r row) error { return r.Scan(&to.N) }
	to.N = 0
	var err error
	if sql := s.db.dialect("", registerPostgres); sql != "" {
		err = s.db.query(ctx, scan, sql, args...)
	} else {
		err = s.db.tx(ctx, func(r runner) error {
			if err := r.batch(ctx, []step{must(faster, replaceRegistration, args[:4]...)}); err != nil {
				return err
			}
			return r.query(ctx, scan, registrationSQLite, args[1], args[4], args[5], args[6])
		})
	}
	switch {
	case err != nil:
		return idp.Registration{}, s.wrap("register a Redis", err)
	case to.N == 0:
		return idp.Registration{}, faster
	}
	return to, nil
}
