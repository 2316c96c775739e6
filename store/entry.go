package store

import (
	"context"
	"strings"
	"time"

	"gatehouse/idp"
)

const (
	// No name of a group holds a control character.
	groupsApart = "\x1f"

	// The grant that is the reason: to the user before through a group.
	reason = `COALESCE(
		(SELECT g.id FROM grants g WHERE g.app_id = a.id AND g.user_id = $1 AND ` + covers + `),
		(SELECT g.id FROM members m JOIN grants g ON g.app_id = a.id AND g.group_id = m.group_id JOIN user_groups ug ON ug.id = m.group_id
			WHERE m.user_id = $1 AND ` + covers + ` ORDER BY ug.name LIMIT 1))`
	selectEntry = `SELECT ` + appColumns + `, ` + userColumns + `, COALESCE(w.role, ''), COALESCE(w.until_at, -1), ` + logAt + `,
		COALESCE((SELECT string_agg(ug.name, CAST($5 AS TEXT) ORDER BY ug.name) FROM members m JOIN user_groups ug ON ug.id = m.group_id
			WHERE m.user_id = $1), '')`
	fromEntry = ` FROM apps a JOIN users u ON u.id = $1 LEFT JOIN grants w ON w.id = ` + reason + `
		WHERE a.identifier = $4 AND a.protocol = $3`
	entry      = selectEntry + fromEntry
	entryTurns = selectEntry + `, COALESCE((SELECT min(CASE WHEN g.from_at > $2 THEN g.from_at ELSE g.until_at END) FROM grants g
		WHERE g.app_id = a.id AND (g.user_id = $1 OR g.group_id IN (SELECT m.group_id FROM members m WHERE m.user_id = $1))
		AND (g.from_at > $2 OR g.until_at > $2)), 0)` + fromEntry
)

// Entry returns the app with this client_id or entityID, in the tongue it speaks,
// and what a sign-on of the user to it goes by; idp.NotFound where there is no
// such app, or no such user. One statement.
func (s *Store) Entry(ctx context.Context, p idp.Protocol, identifier string, user idp.UserID, now time.Time) (idp.Entry, error) {
	return one(ctx, s, "app", func(r row) (idp.Entry, error) { return s.scanEntry(r) }, entry, user, us(now), p, identifier, groupsApart)
}

// EntryTurns is Entry with when time alone may change what it says of grants;
// zero: never.
func (s *Store) EntryTurns(ctx context.Context, p idp.Protocol, identifier string, user idp.UserID, now time.Time) (e idp.Entry, turns time.Time, err error) {
	e, err = one(ctx, s, "app", func(r row) (idp.Entry, error) { return s.scanEntry(r, at(&turns)) }, entryTurns, user, us(now), p, identifier, groupsApart)
	return e, turns, err
}

// scanEntry reads an entry, and more columns after it.
func (s *Store) scanEntry(r row, more ...any) (e idp.Entry, err error) {
	var (
		a      appRow
		until  int64
		groups string
	)
	dest := append(append(a.dest(), userDest(&e.User)...), &e.Role, &until, &e.N, &groups)
	if err := r.Scan(append(dest, more...)...); err != nil {
		return idp.Entry{}, err
	}
	if e.Granted = until >= 0; until > 0 {
		e.Until = time.UnixMicro(until).UTC()
	}
	if groups != "" {
		e.Groups = strings.Split(groups, groupsApart)
	}
	e.App, err = s.app(&a)
	return e, err
}
