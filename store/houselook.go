package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	selectLook = `SELECT name, language, accent, logo, logo_type, deletion, updated_at, version FROM house_look WHERE id = 1`
	updateLook = `UPDATE house_look SET name = $2, language = $3, accent = $4, logo = $5, logo_type = $6, deletion = $7,
		updated_at = $8, version = version + 1 WHERE id = 1 AND version = $1`

	selectAskedDeletion = `SELECT ` + userColumns + ` FROM users u WHERE u.deletion_asked_at <> 0 ORDER BY u.deletion_asked_at, u.id LIMIT 100`

	selectAppsOpened = `SELECT app_id, count(*), max(last_answer_at) FROM participants
		WHERE user_id = $1 AND last_answer_at >= $2 GROUP BY app_id ORDER BY app_id`

	sessionsStarted = `SELECT ` + sessionColumns + ` FROM sessions s WHERE s.user_id = $1 ORDER BY s.created_at DESC, s.id LIMIT $2`
)

// Look returns how the pages of the house look.
func (s *Store) Look(ctx context.Context) (idp.Look, error) {
	return one(ctx, s, "look of the house", func(r row) (l idp.Look, err error) {
		return l, r.Scan(&l.Name, &l.Language, &l.Accent, opaque(&l.Logo.Data), &l.Logo.Type, flag(&l.DeletionRequests), at(&l.UpdatedAt), &l.Version)
	}, selectLook)
}

func lookStep(l idp.Look) step {
	return must(stale("look of the house"), updateLook, l.Version, l.Name, l.Language, l.Accent, armoured(l.Logo.Data), l.Logo.Type,
		bit(l.DeletionRequests), us(l.UpdatedAt))
}

// AskedDeletion returns people who have asked to be deleted, at most 100, the
// first to ask first.
func (s *Store) AskedDeletion(ctx context.Context) ([]idp.User, error) {
	return list(ctx, s, "users who asked to be deleted", scanUser, selectAskedDeletion)
}

// AppsOpened returns in how many sessions, alive or over, a person has opened each
// app since a moment, by app.
func (s *Store) AppsOpened(ctx context.Context, user idp.UserID, since time.Time) ([]idp.AppOpened, error) {
	return list(ctx, s, "use of apps", func(r row) (u idp.AppOpened, err error) {
		return u, r.Scan(&u.AppID, &u.Sessions, at(&u.LastAt))
	}, selectAppsOpened, user, us(since))
}

// SessionsStarted returns a person's newest sessions, alive or over, at most 10,000.
func (s *Store) SessionsStarted(ctx context.Context, user idp.UserID, n int) ([]idp.Session, error) {
	return list(ctx, s, "sessions", scanSession, sessionsStarted, user, max(1, min(n, 10_000)))
}
