package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

// IDs are random, so the first people by ID are as good as chosen by lot.
const (
	appUse = `SELECT (SELECT count(*) FROM (` + somePeople + `) u),
		(SELECT count(*) FROM (` + somePeople + `) u WHERE EXISTS (SELECT 1 FROM grants g WHERE g.app_id = $1
			AND (g.user_id = u.id OR g.group_id IN (SELECT m.group_id FROM members m WHERE m.user_id = u.id))
			AND g.ended_at = 0 AND g.from_at <= $2 AND (g.until_at = 0 OR g.until_at > $2))),
		CASE WHEN EXISTS (SELECT 1 FROM accounts c WHERE c.app_id = $1) THEN 1 ELSE 0 END,
		CASE WHEN EXISTS (SELECT 1 FROM (SELECT c.user_id FROM accounts c WHERE c.app_id = $1 ORDER BY c.subject LIMIT $3) a
			WHERE (SELECT count(*) FROM participants p JOIN sessions s ON s.id = p.session_id
				WHERE p.user_id = a.user_id AND p.app_id = $1 AND s.ended_at = 0 AND s.expires_at > $2) > 1) THEN 1 ELSE 0 END,
		CASE WHEN EXISTS (SELECT 1 FROM token_families f WHERE f.app_id = $1 AND f.revoked_at = 0 AND f.expires_at > $2 AND f.offline = 1) THEN 1 ELSE 0 END`
	somePeople = `SELECT p.id FROM users p WHERE p.status = 'active' ORDER BY p.id LIMIT $3`
)

// AppUse returns how an app is used.
func (s *Store) AppUse(ctx context.Context, id idp.AppID, now time.Time) (idp.AppUse, error) {
	return one(ctx, s, "app", func(r row) (u idp.AppUse, err error) {
		return u, r.Scan(&u.Looked, &u.May, flag(&u.Used), flag(&u.ManySessions), flag(&u.Offline))
	}, appUse, id, us(now), idp.UseSample)
}
