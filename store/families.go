package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	familyColumns = `f.id, f.user_id, f.epoch, f.generation, f.app_id, f.session_id, f.scopes, f.nonce, f.auth_time,
		f.methods, f.offline, f.seq, f.rotated_at, f.created_at, f.expires_at, f.revoked_at`

	// Whether what a family hangs on is alive: $2 is now. An offline family
	// outlives its session's expiry and a sign-out, not an ending by an admin.
	familySession = `((f.offline = 0 AND s.ended_at = 0 AND s.expires_at > $2) OR (f.offline = 1 AND s.ended_by <> 'ended'))`
	familyGrant   = `EXISTS (SELECT 1 FROM grants g WHERE g.app_id = f.app_id
		AND (g.user_id = f.user_id OR g.group_id IN (SELECT m.group_id FROM members m WHERE m.user_id = f.user_id))
		AND g.from_at <= $2 AND (g.until_at = 0 OR g.until_at > $2))`

	familyByID = `SELECT ` + familyColumns + `, ` + userColumns + `, u.status, u.epoch, h.generation,
		CASE WHEN ` + familySession + ` THEN 1 ELSE 0 END, CASE WHEN ` + familyGrant + ` THEN 1 ELSE 0 END
		FROM token_families f JOIN users u ON u.id = f.user_id JOIN sessions s ON s.id = f.session_id
		CROSS JOIN house h WHERE f.id = $1`

	// $3 to $5 are the proof, $6 is the sequence to move on from.
	rotateWhere = `token_families f JOIN users u ON u.id = f.user_id
		JOIN sessions s ON s.id = f.session_id CROSS JOIN house h WHERE f.id = $1
		AND f.user_id = $3 AND f.epoch = $4 AND f.generation = $5
		AND u.status = 'active' AND u.epoch = $4 AND h.generation = $5
		AND f.revoked_at = 0 AND f.expires_at > $2 AND ` + familySession + ` AND ` + familyGrant
	rotateSet = `) UPDATE token_families SET seq = seq + 1, rotated_at = $2
		WHERE id = (SELECT id FROM ok) AND seq = $6 AND seq > 0 AND revoked_at = 0
		RETURNING id, user_id, epoch, generation, app_id, session_id, scopes, nonce, auth_time, methods, offline, seq,
		rotated_at, created_at, expires_at, revoked_at`
	rotateSQLite   = `WITH ok AS (SELECT f.id FROM ` + rotateWhere + rotateSet
	rotatePostgres = `WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(hashtextextended($3, 0))),
		ok AS (SELECT f.id FROM turn CROSS JOIN ` + rotateWhere + lockBoth + rotateSet

	// Of a user's families: those that live on offline.
	offlineFamilies = `SELECT ` + familyColumns + ` FROM token_families f JOIN users u ON u.id = f.user_id
		JOIN sessions s ON s.id = f.session_id CROSS JOIN house h
		WHERE f.user_id = $1 AND f.offline = 1 AND f.revoked_at = 0 AND f.expires_at > $2 AND s.ended_by <> 'ended'
		AND u.status = 'active' AND f.epoch = u.epoch AND f.generation = h.generation
		ORDER BY f.created_at DESC, f.id`
)

func familyDest(f *idp.TokenFamily) []any {
	return []any{&f.ID, &f.UserID, &f.Epoch, &f.Generation, &f.AppID, &f.SessionID, words(&f.Scopes), &f.Nonce,
		at(&f.AuthTime), words(&f.Methods), flag(&f.Offline), &f.Seq, at(&f.RotatedAt), at(&f.CreatedAt),
		at(&f.ExpiresAt), at(&f.RevokedAt)}
}

func scanFamily(r row) (f idp.TokenFamily, err error) { return f, r.Scan(familyDest(&f)...) }

// FamilyByID finds a token family with its user and what it hangs on, of one
// moment. One statement.
func (s *Store) FamilyByID(ctx context.Context, id idp.TokenFamilyID, now time.Time) (idp.FamilyTruth, error) {
	return one(ctx, s, "token family", func(r row) (t idp.FamilyTruth, err error) {
		dest := append(familyDest(&t.Family), userDest(&t.User)...)
		dest = append(append(dest, standingDest(&t.Standing)...), flag(&t.SessionAlive), flag(&t.Granted))
		return t, r.Scan(dest...)
	}, familyByID, id, us(now))
}

// Families returns a user's live families that outlive a sign-out, newest
// first.
func (s *Store) Families(ctx context.Context, user idp.UserID, now time.Time) ([]idp.TokenFamily, error) {
	return list(ctx, s, "token families", scanFamily, offlineFamilies, user, us(now))
}

// Rotate moves the family from refresh token seq to the next and returns it,
// where proof, session and grant stand. The token before the newest, within
// grace of the rotation, gets the family as it stands; any older one is
// idp.Conflict, everything else idp.Unauthenticated.
func (s *Store) Rotate(ctx context.Context, id idp.TokenFamilyID, p idp.Proof, seq int64, now time.Time, grace time.Duration) (idp.TokenFamily, error) {
	rotated, err := returning(ctx, s, "rotate a refresh token", scanFamily, s.db.dialect(rotateSQLite, rotatePostgres),
		id, us(now), p.UserID, p.Epoch, p.Generation, seq)
	if err != nil {
		return idp.TokenFamily{}, err
	}
	if len(rotated) == 1 {
		return rotated[0], nil
	}
	t, err := s.FamilyByID(ctx, id, now)
	switch {
	case idp.IsKind(err, idp.NotFound):
		return idp.TokenFamily{}, refused()
	case err != nil:
		return idp.TokenFamily{}, err
	case !familyAlive(t, p, now), seq < 1, seq >= t.Family.Seq:
		return idp.TokenFamily{}, refused()
	case seq == t.Family.Seq-1 && now.Sub(t.Family.RotatedAt) <= grace:
		return t.Family, nil
	}
	return idp.TokenFamily{}, spentBefore()
}

// familyAlive repeats the statement's conditions on what was read of one
// moment.
func familyAlive(t idp.FamilyTruth, p idp.Proof, now time.Time) bool {
	return p == t.Family.Proof && p.Stands(t.Standing) && t.Family.RevokedAt.IsZero() &&
		now.Before(t.Family.ExpiresAt) && t.SessionAlive && t.Granted
}
