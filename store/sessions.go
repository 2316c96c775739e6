package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	sessionColumns = `s.id, s.user_id, s.epoch, s.generation, s.auth_time, s.methods, s.created_at, s.last_seen_at,
		s.expires_at, s.ended_at, s.ended_by, s.address, s.user_agent, s.remembered, s.vouched`

	sessionByHash = `SELECT ` + sessionColumns + `, u.status, u.epoch, h.generation, h.cut_before, c.n
		FROM sessions s JOIN users u ON u.id = s.user_id CROSS JOIN house h CROSS JOIN counter c WHERE s.secret_hash = $1`
	sessionByID = `SELECT ` + sessionColumns + ` FROM sessions s WHERE s.id = $1`

	endsOf         = `SELECT s.id, s.expires_at FROM sessions s WHERE s.id IN (`
	endsOfSQLite   = endsOf + `SELECT value FROM json_each($1))`
	endsOfPostgres = endsOf + `SELECT jsonb_array_elements_text(CAST($1 AS JSONB)))`

	// A session that is alive, as far as SQL knows: the idle limit is the
	// gate's. $2 is now.
	alive = `s.ended_at = 0 AND s.expires_at > $2
		AND u.status = 'active' AND s.epoch = u.epoch AND s.generation = h.generation AND s.created_at >= h.cut_before`
	// Of the row that a statement without other tables writes to.
	sinceCut     = `created_at >= (SELECT h.cut_before FROM house h)`
	liveSessions = `SELECT ` + sessionColumns + ` FROM sessions s JOIN users u ON u.id = s.user_id CROSS JOIN house h
		WHERE s.user_id = $1 AND ` + alive + ` ORDER BY s.created_at DESC, s.id LIMIT 200`

	touchSession = `UPDATE sessions SET last_seen_at = $2 WHERE secret_hash = $1 AND ended_at = 0 AND last_seen_at < $2`

	// $4 is the SignIn, $5 the session, $6 when it starts.
	finishSignIn = `UPDATE sign_ins SET done_at = $6, session_id = $5 WHERE id = $4 AND done_at = 0 AND expires_at > $6
		AND user_id = $1 AND epoch = $2 AND generation = $3 AND ` + sinceCut
	sessionInto = `INSERT INTO sessions (id, secret_hash, user_id, epoch, generation, auth_time, methods, created_at,
		last_seen_at, expires_at, ended_at, ended_by, address, user_agent, remembered, vouched) `

	finishSignInSQLite = finishSignIn + ` AND EXISTS (` + standing + `)`
	sessionSQLite      = sessionInto + `SELECT $5, $4, u.id, $2, $3, $7, $8, $6, $9, $10, 0, '', $11, $12, $13, $14
		FROM users u CROSS JOIN house h WHERE ` + proven
	sessionPostgres = standingPostgres + `,
		done AS (` + finishSignIn + ` AND EXISTS (SELECT 1 FROM ok) RETURNING id)
		` + sessionInto + `SELECT $5, $7, ok.id, $2, $3, $8, $9, $6, $10, $11, 0, '', $12, $13, $14, $15
		FROM ok WHERE $4 = '' OR EXISTS (SELECT 1 FROM done)`

	// $7 is the new secret's hash, $8 to $12 are what was proven anew.
	renewed = `UPDATE sessions SET secret_hash = $7, auth_time = $8, methods = $9, last_seen_at = $6, expires_at = $10, remembered = $11, vouched = $12, settled_at = 0
		WHERE id = $5 AND user_id = $1 AND epoch = $2 AND generation = $3 AND ended_at = 0 AND expires_at > $6
		AND ` + sinceCut
	// SQLite wants no gap in the numbers: $4, the SignIn, is named for it.
	renewSQLite = renewed + ` AND $4 <> '' AND EXISTS (` + standing + `)`
	// Copies know a session by its secret, so the old one's end is in the log.
	renewPostgres = standingPostgres + `,
		done AS (` + finishSignIn + ` AND EXISTS (SELECT 1 FROM ok) RETURNING id),
		renewed AS (` + renewed + ` AND EXISTS (SELECT 1 FROM done) RETURNING id),
		c AS (UPDATE counter SET n = n + 1 WHERE id = 1 AND EXISTS (SELECT 1 FROM renewed) RETURNING n, ` + registered + `),
		e AS (INSERT INTO endings ` + logColumns + ` SELECT c.n, 'change', $1, $5, '', '', '', '', 0, $2, $13, '', $14, $6, '' FROM c)
		SELECT n, CAST($2 AS BIGINT), ` + registered + ` FROM c`
)

func sessionDest(s *idp.Session) []any {
	return []any{&s.ID, &s.UserID, &s.Epoch, &s.Generation, at(&s.AuthTime), words(&s.Methods), at(&s.CreatedAt),
		at(&s.LastSeenAt), at(&s.ExpiresAt), at(&s.EndedAt), &s.EndedBy, &s.Address, &s.UserAgent, flag(&s.Remembered), &s.Vouched}
}

func scanSession(r row) (s idp.Session, err error) { return s, r.Scan(sessionDest(&s)...) }

// SessionByHash finds a session by the hash of its secret, with the truth
// about its user of the same moment. One statement.
func (s *Store) SessionByHash(ctx context.Context, hash string) (idp.Session, idp.Standing, error) {
	var st idp.Standing
	ses, err := one(ctx, s, "session", func(r row) (ses idp.Session, err error) {
		return ses, r.Scan(append(sessionDest(&ses), standingDest(&st)...)...)
	}, sessionByHash, hash)
	return ses, st, err
}

// SessionByID returns the session with this ID, ended or not.
func (s *Store) SessionByID(ctx context.Context, id idp.SessionID) (idp.Session, error) {
	return one(ctx, s, "session", scanSession, sessionByID, id)
}

// SessionEnds returns when these sessions expire, ended or not; one that is not
// known is left out. One statement, none for no session.
func (s *Store) SessionEnds(ctx context.Context, ids []idp.SessionID) (map[idp.SessionID]time.Time, error) {
	ends := make(map[idp.SessionID]time.Time, len(ids))
	if len(ids) == 0 {
		return ends, nil
	}
	_, err := list(ctx, s, "ends of sessions", func(r row) (id idp.SessionID, err error) {
		var end time.Time
		err = r.Scan(&id, at(&end))
		ends[id] = end
		return id, err
	}, s.db.dialect(endsOfSQLite, endsOfPostgres), asJSON(ids))
	return ends, err
}

// Sessions returns a user's live sessions (not ended, not expired, proof
// stands), newest first, at most 200.
func (s *Store) Sessions(ctx context.Context, user idp.UserID, now time.Time) ([]idp.Session, error) {
	return list(ctx, s, "sessions", scanSession, liveSessions, user, us(now))
}

// StartSession writes the session and marks its SignIn done, once and both or
// neither. signIn may be empty. idp.Unauthenticated where the proof does not
// stand or the SignIn is not this user's, done, or expired.
func (s *Store) StartSession(ctx context.Context, ses idp.Session, hash string, signIn idp.SignInID) error {
	var (
		proof = []any{ses.UserID, ses.Epoch, ses.Generation}
		rest  = []any{us(ses.AuthTime), joined(ses.Methods), us(ses.LastSeenAt), us(ses.ExpiresAt), ses.Address, ses.UserAgent, bit(ses.Remembered), ses.Vouched}
		start = us(ses.CreatedAt)
	)
	return s.issue(ctx, "start a session",
		append(append(proof, signIn, ses.ID, start, hash), rest...), sessionPostgres,
		func(r runner) error {
			if signIn != "" {
				if err := r.batch(ctx, []step{must(refused(), finishSignInSQLite, append(proof, signIn, ses.ID, start)...)}); err != nil {
					return err
				}
			}
			return r.batch(ctx, []step{must(refused(), sessionSQLite, append(append(proof, hash, ses.ID, start), rest...)...)})
		})
}

// RenewSession gives a session of the same proof, while it is alive, a new
// secret and what was proven anew, and marks the SignIn done: once and both or
// neither. The old secret's end is a row of the log. idp.Unauthenticated where
// either cannot be.
func (s *Store) RenewSession(ctx context.Context, ses idp.Session, hash string, signIn idp.SignInID) (idp.Committed, error) {
	args := []any{ses.UserID, ses.Epoch, ses.Generation, signIn, ses.ID, us(ses.LastSeenAt),
		hash, us(ses.AuthTime), joined(ses.Methods), us(ses.ExpiresAt), bit(ses.Remembered), ses.Vouched}
	entry := logRow{ending: idp.Ending{
		Kind: idp.LogChange, UserID: ses.UserID, SessionID: ses.ID, Key: newWish(), Actor: idp.ActorOf(ctx), At: ses.LastSeenAt,
	}}
	var n number
	if sql := s.db.dialect("", renewPostgres); sql != "" {
		err := s.db.query(ctx, func(r row) error { return r.Scan(n.dest()...) }, sql, append(args, entry.ending.Key, asJSON(entry.ending.Actor))...)
		if err != nil {
			return idp.Committed{}, s.wrap("renew a session", err)
		}
	} else {
		steps := []step{must(refused(), finishSignInSQLite, args[:6]...), must(refused(), renewSQLite, args...)}
		var err error
		if n, err = s.db.log(ctx, steps, entry); err != nil {
			return idp.Committed{}, s.wrap("renew a session", err)
		}
	}
	if n.n == 0 {
		return idp.Committed{}, refused()
	}
	return s.committed(n, ""), nil
}

// issue writes a pass: on PostgreSQL by one statement that touches a row or
// refuses, on SQLite by fn in one short transaction, which others may share.
func (s *Store) issue(ctx context.Context, what string, args []any, postgres string, fn func(runner) error) error {
	sql := s.db.dialect("", postgres)
	if sql == "" {
		if err := s.db.share(ctx, false, fn); err != nil {
			return s.wrap(what, err)
		}
		return nil
	}
	n, err := s.exec(ctx, what, sql, args...)
	if err == nil && n == 0 {
		err = refused()
	}
	return err
}

// TouchSession sets LastSeenAt of the unended session with this secret,
// forward only; otherwise it changes nothing.
func (s *Store) TouchSession(ctx context.Context, hash string, at time.Time) error {
	_, err := s.exec(ctx, "touch a session", touchSession, hash, us(at))
	return err
}
