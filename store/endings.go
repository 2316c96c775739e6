package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"gatehouse/idp"
)

// logRow is what an ending leaves behind: its row in the revocation log and
// the head of its receipt.
type logRow struct {
	ending idp.Ending
	cut    time.Time
	shared time.Time // the same, by the clock that nodes share
}

// The log row finds its user through what it ends. Where that is not there the
// user is NULL, which no log row may hold: everything is taken back.
const (
	endedUser = `(CASE WHEN CAST($1 AS TEXT) NOT IN ('user', 'passes', 'session', 'family') THEN $2
		ELSE (SELECT u.id FROM users u WHERE u.id =
			CASE CAST($1 AS TEXT)
				WHEN 'session' THEN (SELECT s.user_id FROM sessions s WHERE s.id = $3)
				WHEN 'family' THEN (SELECT f.user_id FROM token_families f WHERE f.id = $4)
				ELSE $2 END
			AND ($2 = '' OR u.id = $2)) END)`
	loggedUser = `(CASE WHEN CAST($1 AS TEXT) = 'app' AND NOT EXISTS (SELECT 1 FROM apps x WHERE x.id = $10)
		OR CAST($1 AS TEXT) = 'key' AND NOT EXISTS (SELECT 1 FROM signing_keys x WHERE x.id = $12) THEN NULL
		ELSE ` + endedUser + ` END)`
	endedEpoch = `COALESCE(CASE WHEN CAST($1 AS TEXT) = 'app' THEN (SELECT x.epoch FROM apps x WHERE x.id = $10)
		ELSE (SELECT x.epoch FROM users x WHERE x.id = ` + endedUser + `) END, 0)`

	logColumns = `(n, kind, user_id, session_id, family_id, app_id, group_id, key_id, before_at, epoch, wish, reason,
		actor, at, receipt_id)`
	logValues      = `c.n, $1, ` + loggedUser + `, $3, $4, $10, $11, $12, $13, ` + endedEpoch + `, $5, $6, $7, $8, $9`
	receiptColumns = `(id, n, kind, user_id, session_id, app_id, group_id, key_id, before_at, epoch, reason, actor, asked_at,
		bulk, cut_at, listed_at, cursor, claimed_by, claimed_until)`
	receiptValues = `e.receipt_id, e.n, e.kind, e.user_id, e.session_id, e.app_id, e.group_id, e.key_id, e.before_at, e.epoch,
		e.reason, e.actor, e.at, CASE WHEN e.wish LIKE '` + idp.BulkWish + `%' THEN 1 ELSE 0 END`
	// An issue waits for the cut of its user, and is refused or listed. That of
	// everybody waits for nobody: what was being issued when it was made is over
	// when the longest statement is, and listed after that. Microseconds.
	inFlight = `2500000`

	registered = `redis_n, redis_run, redis_repl, redis_generation`

	// PostgreSQL: one statement, the last before the commit and in the same
	// round trip (DESIGN section 4, item 5).
	logPostgres = `WITH
		c AS (UPDATE counter SET n = n + 1 WHERE id = 1 RETURNING n, ` + registered + `),
		e AS (INSERT INTO endings ` + logColumns + ` SELECT ` + logValues + ` FROM c RETURNING *),
		r AS (INSERT INTO receipts ` + receiptColumns + ` SELECT ` + receiptValues + `, CAST($14 AS BIGINT), 0, '', '',
			CASE WHEN e.user_id = '' THEN CAST($15 AS BIGINT) + ` + inFlight + ` ELSE 0 END
			FROM e WHERE e.receipt_id <> '')
		SELECT e.n, e.epoch, ` + registered + ` FROM e CROSS JOIN c`

	// SQLite: the one writer makes the order of statements free.
	countSQLite = `UPDATE counter SET n = n + 1 WHERE id = 1`
	logSQLite   = `INSERT INTO endings ` + logColumns + ` SELECT ` + logValues + ` FROM counter c
		RETURNING n, epoch, (SELECT redis_n FROM counter), (SELECT redis_run FROM counter),
		(SELECT redis_repl FROM counter), (SELECT redis_generation FROM counter)`
	receiptSQLite = `INSERT INTO receipts ` + receiptColumns + ` SELECT ` + receiptValues + `, $2, 0, '', '', 0
		FROM endings e WHERE e.n = $1 AND e.receipt_id <> ''`

	turnOfEnding = `SELECT pg_advisory_xact_lock(hashtextextended(` + endedUser + `, 0))`

	endingColumns = `n, kind, user_id, session_id, family_id, app_id, group_id, key_id, before_at, epoch, wish, reason, actor,
		at, receipt_id`
	selectEnding = `SELECT ` + endingColumns + ` FROM endings WHERE wish = $1`
)

// args are those of the log statement; the PostgreSQL one takes the time of
// the cut on top, by both clocks.
func (l logRow) args() []any {
	e := l.ending
	return []any{e.Kind, e.UserID, e.SessionID, e.FamilyID, e.Key, e.Reason, asJSON(e.Actor), us(e.At), e.ReceiptID,
		e.AppID, e.GroupID, e.KeyID, us(e.Before)}
}

// dest is where the log statement's answer goes.
func (n *number) dest() []any {
	r := &n.registration
	return []any{&n.n, &n.epoch, &r.N, &r.RunID, &r.ReplID, &r.Generation}
}

func (d *sqliteDB) end(ctx context.Context, steps []step, l logRow) (number, error) {
	return d.logged(ctx, true, steps, l)
}

func (d *sqliteDB) log(ctx context.Context, steps []step, l logRow) (number, error) {
	return d.logged(ctx, false, steps, l)
}

func (d *sqliteDB) logged(ctx context.Context, ending bool, steps []step, l logRow) (n number, err error) {
	err = d.writeTx(ctx, ending, func(r runner) error {
		if err := r.batch(ctx, steps); err != nil {
			return err
		}
		return logOneSQLite(ctx, r, l, &n)
	})
	return n, err
}

// end goes its own lane. What lost a deadlock, did not get a lock in time, or
// went out on a connection that had died in the pool, is tried again: the
// ending's key is unique, so that it cannot be made twice.
func (d *postgresDB) end(ctx context.Context, steps []step, l logRow) (n number, err error) {
	ctx, cancel := context.WithTimeout(ctx, endingPatience)
	defer cancel()
	for range endingsConns + 1 {
		if n, err = d.logOnce(ctx, d.endings, steps, l); err == nil || ctx.Err() != nil || !passing(err) {
			break
		}
	}
	return n, err
}

// passing reports whether the next try of the same may well go through.
func passing(err error) bool {
	if ours, ok := errors.AsType[*idp.Error](err); ok && ours != nil {
		return false
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return !localError(err)
	}
	switch e.Code {
	case "40P01", "55P03", "57P01", "57P02", "57P03": // deadlock, lock timeout, and a server that stops or starts
		return true
	}
	return strings.HasPrefix(e.Code, "08")
}

func (d *postgresDB) log(ctx context.Context, steps []step, l logRow) (number, error) {
	return d.logOnce(ctx, d.lane(ctx), steps, l)
}

// logOnce sends everything in one round trip, which the server runs as one
// transaction: it ends at the batch's end, however long this process sleeps.
// Only where a step may refuse is its answer awaited before the number is
// taken.
func (d *postgresDB) logOnce(ctx context.Context, lane *pgxpool.Pool, steps []step, l logRow) (n number, err error) {
	number := do(logPostgres, append(l.args(), us(l.cut), us(l.shared))...)
	read := func(steps []step) func(pgx.BatchResults) error {
		return func(res pgx.BatchResults) error {
			if err := readSteps(res, steps); err != nil {
				return err
			}
			return res.QueryRow().Scan(n.dest()...)
		}
	}
	if !refuses(steps) {
		err := pgRunner{lane, d.count}.send(ctx, steps, read(steps), number)
		return n, err
	}
	var conn *pgxpool.Conn
	err = patiently(ctx, func(ctx context.Context) (err error) {
		conn, err = lane.Acquire(ctx)
		return err
	})
	if err != nil {
		return n, err
	}
	defer conn.Release() // closes it when a transaction was left open
	r := pgRunner{conn, d.count}
	if _, err := r.exec(ctx, "BEGIN"); err != nil {
		return n, err
	}
	if err := r.batch(ctx, steps); err != nil {
		_, undo := r.exec(ctx, "ROLLBACK")
		return n, errors.Join(err, undo)
	}
	if err := r.send(ctx, nil, read(nil), number, do("COMMIT")); err != nil {
		_, undo := r.exec(ctx, "ROLLBACK")
		return n, errors.Join(err, undo)
	}
	return n, nil
}

func refuses(steps []step) bool {
	for _, st := range steps {
		if st.refuse != nil {
			return true
		}
	}
	return false
}

// The cuts. Each moves forward only: what has ended stays ended, and an ending
// by an admin is stronger than the sign-out before it.
const (
	endUser = `UPDATE users SET status = CASE WHEN ` + lastOwner + ` THEN NULL ELSE 'suspended' END, epoch = epoch + 1, version = version + 1, updated_at = $2,
		suspended_at = CASE WHEN status = 'suspended' THEN suspended_at ELSE $2 END WHERE id = $1`
	endPasses  = `UPDATE users SET epoch = epoch + 1, version = version + 1 WHERE id = $1`
	endSession = `UPDATE sessions SET
		ended_at = CASE WHEN ended_at = 0 THEN $2 ELSE ended_at END,
		ended_by = CASE WHEN ended_by = 'ended' THEN ended_by ELSE $3 END WHERE id = $1`
	// That it ran out is no wish: one that was renewed since it was seen to have
	// run out lives on. $4 is when it was seen, by the clock that nodes share.
	endExpired = endSession + ` AND expires_at <= $4`
	endToken   = `INSERT INTO ended_tokens (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`
	endFamily  = `UPDATE token_families SET revoked_at = CASE WHEN revoked_at = 0 THEN $2 ELSE revoked_at END WHERE id = $1`
)

func cut(e idp.Ending, now time.Time) (step, error) {
	switch e.Kind {
	case idp.EndUser:
		return do(endUser, e.UserID, us(now)), nil
	case idp.EndPasses:
		return do(endPasses, e.UserID), nil
	case idp.EndSession:
		by := "ended"
		if e.SignedOut {
			by = "signed_out"
		}
		return do(endSession, e.SessionID, us(now), by), nil
	case idp.EndFamily:
		return do(endFamily, e.FamilyID, us(now)), nil
	case idp.EndToken:
		return do(endToken, e.TokenID, us(e.Until)), nil
	case idp.EndGrant:
		return revokeStep(e, now), nil
	case idp.EndApp, idp.EndBefore, idp.EndKey:
		return cutOfAll(e, now), nil
	}
	return step{}, fmt.Errorf("an ending of kind %q", e.Kind)
}

// end commits a change with an ending. before are steps that may refuse it.
func (s *Store) end(ctx context.Context, before []step, c idp.Change) (idp.Committed, error) {
	e := *c.Ending
	if e.Key == "" {
		return idp.Committed{}, errors.New("an ending without a key")
	}
	now := idp.Time(s.Now())
	first, err := cut(e, now)
	if err != nil {
		return idp.Committed{}, err
	}
	if e.Expired {
		first = must(stale("session"), endExpired, e.SessionID, us(now), "expired", us(s.shared(e.At)))
	}
	cuts, rest := []step{first}, s.changeSteps(c, now)
	if e.Kind == idp.EndGrant {
		cuts, rest = rest, cuts // what is left uncovered shows when the grant is gone
	}
	steps := slices.Concat(before, s.userTurns(c), cuts, rest)
	n, err := s.db.end(ctx, steps, logRow{ending: e, cut: now, shared: s.shared(now)})
	if err != nil {
		return s.recall(ctx, e.Key, s.db.translate(err))
	}
	s.keep(ctx, e, n.n, n.epoch)
	done := s.committed(n, e.ReceiptID)
	done.CutAt = now
	return done, nil
}

// recall looks whether the ending was committed after all: before, under the
// same key, or just now, with only the answer lost.
func (s *Store) recall(ctx context.Context, key string, err error) (idp.Committed, error) {
	switch {
	case errors.Is(err, errMissing):
		return idp.Committed{}, idp.Errorf(idp.NotFound, "There is nothing here to end.").Because(err)
	case !idp.IsKind(err, idp.Conflict) && !idp.IsKind(err, idp.Denied) && !idp.IsKind(err, idp.Unavailable):
		return idp.Committed{}, fmt.Errorf("commit an ending: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recallPatience)
	defer cancel()
	e, lookErr := s.EndingByKey(ctx, key)
	var now idp.Position
	if lookErr == nil {
		now, lookErr = s.position(ctx)
	}
	if lookErr != nil {
		// That the key is taken says that it was committed, and nothing against it.
		if idp.IsKind(err, idp.Conflict) && !idp.IsKind(lookErr, idp.NotFound) {
			err = lookErr
		}
		return idp.Committed{}, fmt.Errorf("commit an ending: %w", err)
	}
	s.keep(ctx, e, e.N, e.Epoch)
	return s.committed(number{e.N, e.Epoch, now.Registration}, e.ReceiptID), nil
}

// keep has a committed ending remembered outside the database.
func (s *Store) keep(ctx context.Context, e idp.Ending, n, epoch int64) {
	if s.Kept != nil {
		e.N, e.Epoch = n, epoch
		s.Kept(context.WithoutCancel(ctx), e)
	}
}

// KeepAgain has the ending of that number remembered outside the database, for
// whoever is answered that it stands.
func (s *Store) KeepAgain(ctx context.Context, n int64) error {
	rows, err := s.EndingsAfter(ctx, n-1, 1)
	if err == nil && len(rows) == 1 && rows[0].N == n {
		s.keep(ctx, rows[0], rows[0].N, rows[0].Epoch)
	}
	return err
}

func (s *Store) committed(n number, receipt idp.ReceiptID) idp.Committed {
	return idp.Committed{N: n.n, Epoch: n.epoch, At: idp.Time(s.Now()), ReceiptID: receipt, Registration: n.registration}
}

// InForce returns at once: for whoever asks the database, what is committed is
// in force. Where a Redis stands in front, that has the word.
func (s *Store) InForce(ctx context.Context, _ int64) error { return ctx.Err() }

// EndingByKey returns the ending that was committed under this key.
func (s *Store) EndingByKey(ctx context.Context, key string) (idp.Ending, error) {
	return one(ctx, s, "ending", scanEnding, selectEnding, key)
}

func scanEnding(r row) (e idp.Ending, err error) {
	return e, r.Scan(&e.N, &e.Kind, &e.UserID, &e.SessionID, &e.FamilyID, &e.AppID, &e.GroupID, &e.KeyID, at(&e.Before),
		&e.Epoch, &e.Key, &e.Reason, inJSON(&e.Actor), at(&e.At), &e.ReceiptID)
}
