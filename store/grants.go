package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	grantColumns = `g.id, g.app_id, COALESCE(g.user_id, ''), COALESCE(g.group_id, ''), g.role,
		g.from_at, g.until_at, g.created_at, g.version`

	insertGrant = `INSERT INTO grants (id, app_id, user_id, group_id, role, from_at, until_at, created_at, version, since_n)
		VALUES ($1, $2, NULLIF($3, ''), NULLIF($4, ''), $5, $6, $7, $8, 1, ` + logAt + `)`
	// Another end is one that has not come; and what did not hold begins anew.
	updateGrant = `UPDATE grants SET role = $3, from_at = $4, until_at = $5, version = version + 1,
		ended_at = CASE WHEN until_at = $5 THEN ended_at ELSE 0 END,
		since_n = CASE WHEN ended_at = 0 AND from_at <= $6 AND (until_at = 0 OR until_at > $6) THEN since_n ELSE ` + logAt + ` END
		WHERE id = $1 AND version = $2`
	narrowGrant = `UPDATE grants SET role = $2, from_at = $3, until_at = $4, version = version + 1,
		ended_at = CASE WHEN CAST($4 AS BIGINT) <> 0 AND CAST($4 AS BIGINT) <= CAST($5 AS BIGINT)
		THEN CAST($5 AS BIGINT) ELSE 0 END WHERE id = $1`
	endGrant    = `UPDATE grants SET ended_at = $3 WHERE id = $1 AND version = $2`
	deleteGrant = `DELETE FROM grants WHERE id = $1`

	// Grants to users first, then those to groups, each by name.
	grantsOfApp = `SELECT ` + grantColumns + ` FROM grants g
		LEFT JOIN users u ON u.id = g.user_id LEFT JOIN user_groups ug ON ug.id = g.group_id
		WHERE g.app_id = $1 ORDER BY (g.user_id IS NULL), u.username, ug.name`

	// Of the grants for one app, the first is the reason: to the user before
	// through a group.
	selectAccess = `SELECT ` + appColumns + `, ` + grantColumns + `,
		COALESCE(ug.id, ''), COALESCE(ug.name, ''), COALESCE(ug.created_at, 0), COALESCE(ug.version, 0), ` + logAt + `
		FROM grants g JOIN apps a ON a.id = g.app_id LEFT JOIN user_groups ug ON ug.id = g.group_id
		WHERE (g.user_id = $1 OR g.group_id IN (SELECT m.group_id FROM members m WHERE m.user_id = $1))
		AND g.ended_at = 0 AND g.from_at <= $2 AND (g.until_at = 0 OR g.until_at > $2)`
	accessOrder = ` ORDER BY a.name, (g.user_id IS NULL), ug.name`
	accessOf    = selectAccess + accessOrder
	accessTo    = selectAccess + ` AND g.app_id = $3` + accessOrder + ` LIMIT 1`

	// When a grant ends that covers the user, 0 for never, -1 where none does.
	covers       = `g.ended_at = 0 AND g.from_at <= $2 AND (g.until_at = 0 OR g.until_at > $2)`
	grantedUntil = `COALESCE(
		(SELECT g.until_at FROM grants g WHERE g.app_id = a.id AND g.user_id = $1 AND ` + covers + `),
		(SELECT g.until_at FROM members m JOIN grants g ON g.app_id = a.id AND g.group_id = m.group_id
			WHERE m.user_id = $1 AND ` + covers + ` LIMIT 1), -1)`
	admission = `SELECT ` + appColumns + `, ` + grantedUntil + `, ` + logAt + ` FROM apps a WHERE a.identifier = $4 AND a.protocol = $3`
)

func grantDest(g *idp.Grant) []any {
	return []any{&g.ID, &g.AppID, &g.UserID, &g.GroupID, &g.Role,
		at(&g.FromAt), at(&g.UntilAt), at(&g.CreatedAt), &g.Version}
}

func scanGrant(r row) (g idp.Grant, err error) { return g, r.Scan(grantDest(&g)...) }

func grantStep(g idp.Grant, now time.Time) step {
	if g.Version == 0 {
		return do(insertGrant, g.ID, g.AppID, g.UserID, g.GroupID, g.Role, us(g.FromAt), us(g.UntilAt), us(g.CreatedAt))
	}
	return must(stale("grant"), updateGrant, g.ID, g.Version, g.Role, us(g.FromAt), us(g.UntilAt), us(now))
}

func (s *Store) scanAccess(r row) (idp.Access, error) {
	var (
		a   appRow
		acc idp.Access
	)
	err := r.Scan(append(append(append(a.dest(), grantDest(&acc.Grant)...), groupDest(&acc.Group)...), &acc.N)...)
	if err != nil {
		return idp.Access{}, err
	}
	acc.App, err = s.app(&a)
	return acc, err
}

// Grants returns the grants for an app, expired and future ones too.
func (s *Store) Grants(ctx context.Context, app idp.AppID) ([]idp.Grant, error) {
	return list(ctx, s, "grants", scanGrant, grantsOfApp, app)
}

// AccessOf returns every app that a grant lets the user use now, by name, none
// that was removed, with the reason: a grant to the user wins over one through a group.
func (s *Store) AccessOf(ctx context.Context, user idp.UserID, now time.Time) ([]idp.Access, error) {
	all, err := list(ctx, s, "access", s.scanAccess, accessOf, user, us(now))
	if err != nil {
		return nil, err
	}
	var apps []idp.Access
	for _, a := range all {
		if a.App.Removed() {
			continue
		}
		if len(apps) == 0 || apps[len(apps)-1].App.ID != a.App.ID {
			apps = append(apps, a)
		}
	}
	return apps, nil
}

// Admission returns the app with this client_id or entityID, in the tongue it
// speaks, and whether the user may use it now. One statement.
func (s *Store) Admission(ctx context.Context, p idp.Protocol, identifier string, user idp.UserID, now time.Time) (idp.Admission, error) {
	return one(ctx, s, "app", func(r row) (idp.Admission, error) {
		var (
			a     appRow
			until int64
			adm   idp.Admission
		)
		err := r.Scan(append(a.dest(), &until, &adm.N)...)
		if err != nil {
			return idp.Admission{}, err
		}
		if adm.Granted = until >= 0; until > 0 {
			adm.Until = time.UnixMicro(until).UTC()
		}
		adm.App, err = s.app(&a)
		return adm, err
	}, admission, user, us(now), p, identifier)
}

// Access returns why the user may use an app now; idp.NotFound when no grant
// covers them, or the app was removed.
func (s *Store) Access(ctx context.Context, user idp.UserID, app idp.AppID, now time.Time) (idp.Access, error) {
	a, err := one(ctx, s, "grant", s.scanAccess, accessTo, user, us(now), app)
	if err == nil && a.App.Removed() {
		return idp.Access{}, idp.Errorf(idp.NotFound, "This app was removed.")
	}
	return a, err
}
