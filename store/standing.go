package store

import "gatehouse/idp"

// What every statement that issues a pass begins with. $1 to $3 are the proof:
// user, epoch, generation. In PostgreSQL the row of the user (and of the
// session the pass hangs on) is locked until the statement's own commit: a cut
// that is just being made is waited for and then refuses this statement, and
// one that comes after waits until the pass can be seen. In SQLite the one
// writer stands for the lock.
//
// Row locks alone would let a storm of sign-ons starve a suspension, because
// those who share a row's lock never wait for who wants it alone. So each
// issue first queues for its user's turn, which is given in the order of
// asking: issues share it, endings and edits have it alone.
//
// A statement sees what was committed when it began, and after waiting reads
// anew only the rows that it locks. That will do for what hangs on its user and
// session alone. What hangs on grants and the app too asks for its turns in a
// statement of its own, in the same round trip, so that it begins behind them
// and sees their end. It shares the turn of the app as well, which whatever
// ends something of everybody in it has alone; always after the user's.
const (
	proven = `u.id = $1 AND u.status = 'active' AND u.epoch = $2 AND h.generation = $3 AND h.generation <> ''`

	standing         = `SELECT u.id FROM users u CROSS JOIN house h WHERE ` + proven
	standingSQLite   = `WITH ok AS (` + standing + `)`
	standingPostgres = shareTurn + `, ok AS (SELECT u.id FROM turn CROSS JOIN users u CROSS JOIN house h
		WHERE ` + proven + lockUser + `)`

	shareTurn = `WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0)))`
	takeTurn  = `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`
	lockUser  = ` FOR SHARE OF u`
	lockBoth  = ` FOR SHARE OF u, s`

	// A session that passes may hang on, and a grant that stands and has stood
	// since the app was found to be granted, for all that has ended in between:
	// what was given back after it, or began after it, gives no life to a code of
	// before. $4 is the session, $5 now, $6 the app, $7 the number that the log
	// had then.
	issuableFrom = `users u CROSS JOIN house h JOIN sessions s ON s.user_id = u.id
		WHERE ` + proven + ` AND s.id = $4 AND s.epoch = $2 AND s.generation = $3
		AND s.ended_at = 0 AND s.expires_at > $5 AND s.created_at >= h.cut_before
		AND EXISTS (SELECT 1 FROM grants g WHERE g.app_id = $6
			AND (g.user_id = u.id OR g.group_id IN (SELECT m.group_id FROM members m WHERE m.user_id = u.id))
			AND g.ended_at = 0 AND g.from_at <= $5 AND (g.until_at = 0 OR g.until_at > $5)
			AND NOT EXISTS (SELECT 1 FROM endings x WHERE x.kind = 'grant' AND x.n > $7
				AND (x.user_id = u.id AND x.app_id IN ($6, '') OR x.user_id = '' AND x.app_id = $6)
				AND (x.n <= g.since_n OR x.at < g.from_at
					OR x.n <= (SELECT m.since_n FROM members m WHERE m.group_id = g.group_id AND m.user_id = u.id))))`
	issuable         = `SELECT u.id FROM ` + issuableFrom
	issuablePostgres = `WITH ok AS (` + issuable + lockBoth + `), `
	shareTurns       = `SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0)), pg_advisory_xact_lock_shared(hashtextextended($2, 0))`
)

// refused is the answer of an issue whose proof, or what it hangs on, does
// not stand.
func refused() error {
	return idp.Errorf(idp.Unauthenticated, "You are not signed in, or no longer. Sign in again.")
}

func spentBefore() error {
	return idp.Errorf(idp.Conflict, "This was used before.")
}

func standingDest(st *idp.Standing) []any {
	return []any{&st.Status, &st.Epoch, &st.Generation, at(&st.CutBefore), &st.N}
}

// turn queues for a user's turn alone, in PostgreSQL.
func (s *Store) turn(sql string, args ...any) []step {
	if sql = s.db.dialect("", sql); sql == "" {
		return nil
	}
	return []step{do(sql, args...)}
}
