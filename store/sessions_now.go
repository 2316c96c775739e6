package store

import (
	"cmp"
	"context"
	"math"
	"strconv"
	"time"

	"gatehouse/idp"
)

const (
	// Candidates come by when they expire, which is the order of sign-ins: so
	// the dead of years are never looked at. $1 is now, $2 and $3 the key that
	// was reached, $4 whose.
	nowUnended = ` s.ended_at = 0 AND s.expires_at > $1 AND (s.expires_at, s.id) < ($2, $3)`
	nowAll     = `SELECT ` + sessionColumns + ` FROM sessions s WHERE` + nowUnended + ` AND $4 = ''`
	nowOfUser  = `SELECT ` + sessionColumns + ` FROM sessions s WHERE s.user_id = $4 AND` + nowUnended
	nowFrom    = `SELECT ` + sessionColumns + ` FROM sessions s WHERE s.address = $4 AND` + nowUnended
	nowInApp   = `SELECT ` + sessionColumns + ` FROM participants p JOIN sessions s ON s.id = p.session_id
		WHERE p.app_id = $4 AND` + nowUnended
	nowOrder = ` ORDER BY s.expires_at DESC, s.id DESC LIMIT `

	// Each candidate is judged by itself: a join may be planned the other way
	// round, and read everybody.
	nowMatching = `) SELECT ` + sessionColumns + ` FROM c s WHERE s.generation = (SELECT generation FROM house WHERE id = 1) AND s.` + sinceCut + `
		AND s.epoch = (SELECT u.epoch FROM users u WHERE u.id = s.user_id AND u.status = 'active')
		AND s.last_seen_at > $6 AND s.created_at < $7 AND ($8 = '' OR s.address = $8)
		AND ($10 = '' OR substr(s.address, 1, length($10)) = $10)
		AND ($9 = '' OR (SELECT q.app_id FROM participants q WHERE q.session_id = s.id AND q.app_id = $9) = $9)` + nowOrder + `$11`

	countParticipants = `SELECT count(*) FROM (SELECT 1 FROM participants WHERE app_id = $1 LIMIT $2) p`

	participantsIn       = `SELECT ` + participantColumns + ` FROM participants p WHERE p.session_id IN (`
	participantsSQLite   = participantsIn + `SELECT value FROM json_each($1)) ORDER BY p.session_id, p.first_at, p.app_id`
	participantsPostgres = participantsIn + `SELECT jsonb_array_elements_text(CAST($1 AS JSONB))) ORDER BY p.session_id, p.first_at, p.app_id`

	usersIn         = `SELECT ` + userColumns + ` FROM users u WHERE u.id IN (`
	usersInSQLite   = usersIn + `SELECT value FROM json_each($1))`
	usersInPostgres = usersIn + `SELECT jsonb_array_elements_text(CAST($1 AS JSONB)))`
)

// SessionsNow returns a page of the sessions that are alive (not ended, not
// expired, not idle, proof stands), the newest sign-in first, and the cursor of
// the next: "" at the end. A page may hold fewer than asked for, even none, and
// still have a next: it then says how far was looked. What one page costs does
// not grow with the number of sessions.
func (s *Store) SessionsNow(ctx context.Context, q idp.SessionQuery, now time.Time) ([]idp.Session, string, error) {
	driver, of, err := s.nowDriver(ctx, q)
	if err != nil {
		return nil, "", err
	}
	exact, prefix, idle, before := q.Address, "", int64(0), us(q.Before)
	if q.Prefix {
		exact, prefix = "", q.Address
	}
	if q.Idle > 0 {
		idle = us(now.Add(-q.Idle))
	}
	if before == 0 {
		before = math.MaxInt64
	}
	read := func(after, sql string, rest ...any) ([]idp.Session, error) {
		key, err := keyOf(after, 2)
		if err != nil {
			return nil, err
		}
		expires, err := wholeNumber(cmp.Or(key[0], strconv.Itoa(latestKey)))
		if err != nil {
			return nil, err
		}
		return list(ctx, s, "sessions", scanSession, sql, append([]any{us(now), expires, key[1], of}, rest...)...)
	}
	sessionKey := func(ses idp.Session) string {
		return cursor(strconv.FormatInt(us(ses.ExpiresAt), 10), string(ses.ID))
	}
	return look[idp.Session]{
		matches: func(after string, among, n int) ([]idp.Session, error) {
			return read(after, `WITH c AS MATERIALIZED (`+driver+nowOrder+`$5`+nowMatching,
				among, idle, before, exact, q.AppID, prefix, n)
		},
		reached: func(after string, among int) (string, error) {
			last, err := read(after, driver+nowOrder+`1 OFFSET $5`, among-1)
			if err != nil || len(last) == 0 {
				return "", err
			}
			return sessionKey(last[0]), nil
		},
		cursor: sessionKey,
	}.page(q.After, limit(q.Limit))
}

// nowDriver chooses what narrows the sessions most, and says of whom or what
// they are. An app with few participants is looked at by them, one with many
// by the sessions.
func (s *Store) nowDriver(ctx context.Context, q idp.SessionQuery) (sql, of string, err error) {
	switch {
	case q.UserID != "":
		return nowOfUser, string(q.UserID), nil
	case q.Address != "" && !q.Prefix:
		return nowFrom, q.Address, nil
	case q.AppID == "":
		return nowAll, "", nil
	}
	n, err := one(ctx, s, "participants", func(r row) (n int, err error) { return n, r.Scan(&n) }, countParticipants, q.AppID, lookAt+1)
	if err != nil || n > lookAt {
		return nowAll, "", err
	}
	return nowInApp, string(q.AppID), nil
}

// ParticipantsOf returns the apps that got something from these sessions, by
// session, in the order in which they were opened.
func (s *Store) ParticipantsOf(ctx context.Context, ids []idp.SessionID) ([]idp.Participant, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return list(ctx, s, "participants", scanParticipant, s.db.dialect(participantsSQLite, participantsPostgres), asJSON(ids))
}

// UsersByID returns the users with these IDs; who does not exist is left out.
func (s *Store) UsersByID(ctx context.Context, ids []idp.UserID) (map[idp.UserID]idp.User, error) {
	found := make(map[idp.UserID]idp.User, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	users, err := list(ctx, s, "users", scanUser, s.db.dialect(usersInSQLite, usersInPostgres), asJSON(ids))
	for _, u := range users {
		found[u.ID] = u
	}
	return found, err
}
