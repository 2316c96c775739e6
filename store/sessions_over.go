package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

// overFor is how long a session has run out before it is looked at: until then
// it is alive for a node whose clock is a little behind.
const overFor = 5 * time.Second

const (
	expiredSessions = `SELECT ` + sessionColumns + `, u.status, u.epoch, h.generation, h.cut_before, c.n
		FROM sessions s JOIN users u ON u.id = s.user_id CROSS JOIN house h CROSS JOIN counter c
		WHERE s.ended_at = 0 AND s.settled_at = 0 AND s.expires_at <= $1 ORDER BY s.expires_at LIMIT $2`

	settleSessions         = `UPDATE sessions SET settled_at = $2 WHERE ended_at = 0 AND expires_at <= $2 AND id IN (`
	settleSessionsSQLite   = settleSessions + `SELECT value FROM json_each($1))`
	settleSessionsPostgres = settleSessions + `SELECT jsonb_array_elements_text(CAST($1 AS JSONB)))`
)

// ExpiredSessions returns sessions that ran out some seconds ago and that are neither ended
// nor settled, the oldest first, at most n: those whose proof stood to the end,
// and those that something else had cut before, so that its receipt speaks of
// them. One statement.
func (s *Store) ExpiredSessions(ctx context.Context, now time.Time, n int) (whole, cut []idp.Session, err error) {
	_, err = list(ctx, s, "sessions that have run out", func(r row) (ses idp.Session, err error) {
		var st idp.Standing
		if err := r.Scan(append(sessionDest(&ses), standingDest(&st)...)...); err != nil {
			return ses, err
		}
		if ses.Stands(st, ses.CreatedAt) {
			whole = append(whole, ses)
		} else {
			cut = append(cut, ses)
		}
		return ses, nil
	}, expiredSessions, us(s.shared(now).Add(-overFor)), n)
	return whole, cut, err
}

// SettleSessions notes of sessions which have run out that nobody has to be told
// of it; one that was renewed since is left alone. One statement, none for no
// session.
func (s *Store) SettleSessions(ctx context.Context, ids []idp.SessionID, now time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := s.exec(ctx, "settle sessions that have run out", s.db.dialect(settleSessionsSQLite, settleSessionsPostgres), asJSON(ids), us(s.shared(now)))
	return err
}
