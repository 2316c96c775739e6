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
	entry = `SELECT ` + appColumns + `, ` + userColumns + `, COALESCE(w.role, ''), COALESCE(w.until_at, -1), ` + logAt + `,
		COALESCE((SELECT string_agg(ug.name, CAST($5 AS TEXT) ORDER BY ug.name) FROM members m JOIN user_groups ug ON ug.id = m.group_id
			WHERE m.user_id = $1), '')
		FROM apps a JOIN users u ON u.id = $1 LEFT JOIN grants w ON w.id = ` + reason + `
		WHERE a.identifier = $4 AND a.protocol = $3`
)

// Entry returns the app with this client_id or entityID, in the tongue it speaks,
// and what a sign-on of the user to it goes by; idp.NotFound where there is no
// such app, or no such user. One statement.
func (s *Store) Entry(ctx context.Context, p idp.Protocol, identifier string, user idp.UserID, now time.Time) (idp.Entry, error) {
	return one(ctx, s, "app", func(r row) (e idp.Entry, err error) {
		var (
			a      appRow
			until  int64
			groups string
		)
		if err := r.Scan(append(append(a.dest(), userDest(&e.User)...), &e.Role, &until, &e.N, &groups)...); err != nil {
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
	}, entry, user, us(now), p, identifier, groupsApart)
}
