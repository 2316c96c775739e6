package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gatehouse/idp"
)

const (
	familyColumns = `f.id, f.user_id, f.epoch, f.generation, f.app_id, f.session_id, f.scopes, f.nonce, f.auth_time,
		f.methods, f.offline, f.seq, f.rotated_at, f.created_at, f.expires_at, f.revoked_at, f.app_epoch`

	// Whether what a family hangs on is alive: $2 is now. An offline family
	// outlives its session's expiry and a sign-out, not an ending by an admin.
	familySession = `(((f.offline = 0 AND s.ended_at = 0 AND s.expires_at > $2) OR (f.offline = 1 AND s.ended_by <> 'ended'))
		AND s.created_at >= h.cut_before)`
	// Nothing has ended all that its app held since.
	familyOfApp = `EXISTS (SELECT 1 FROM apps a WHERE a.id = f.app_id AND a.epoch = f.app_epoch)`
	// A grant that stands, and that no end of a group's grant lies before whose
	// families are not marked yet; see ungrants.go.
	familyGrants = `g.app_id = f.app_id
		AND (g.user_id = f.user_id OR g.group_id IN (SELECT m.group_id FROM members m WHERE m.user_id = f.user_id))
		AND g.ended_at = 0 AND g.from_at <= $2 AND (g.until_at = 0 OR g.until_at > $2)
		AND NOT EXISTS (SELECT 1 FROM ungrants x WHERE x.app_id = f.app_id AND x.n > f.since_n
			AND (x.n <= g.since_n OR x.at < g.from_at
				OR x.n <= (SELECT m.since_n FROM members m WHERE m.group_id = g.group_id AND m.user_id = f.user_id)))`
	familyGrant = `EXISTS (SELECT 1 FROM grants g WHERE ` + familyGrants + `)`

	// What the grant says, as in accessTo; and when time alone may change it.
	familyRole = `COALESCE((SELECT g.role FROM grants g LEFT JOIN user_groups ug ON ug.id = g.group_id WHERE ` + familyGrants + `
		ORDER BY (g.user_id IS NULL), ug.name LIMIT 1), '')`
	familyGroups = `COALESCE((SELECT string_agg(ug.name, '` + unit + `' ORDER BY ug.name) FROM members m
		JOIN user_groups ug ON ug.id = m.group_id WHERE m.user_id = f.user_id), '')`
	grantsTurn = `COALESCE((SELECT min(CASE WHEN g.from_at > $2 THEN g.from_at ELSE g.until_at END) FROM grants g
		WHERE g.app_id = f.app_id AND (g.user_id = f.user_id OR g.group_id IN (SELECT m.group_id FROM members m WHERE m.user_id = f.user_id))
		AND (g.from_at > $2 OR g.until_at > $2)), 0)`

	familyTruth = `SELECT ` + familyColumns + `, ` + userColumns + `, u.status, u.epoch, h.generation, h.cut_before, c.n,
		CASE WHEN ` + familySession + ` THEN 1 ELSE 0 END, CASE WHEN ` + familyGrant + ` THEN 1 ELSE 0 END,
		` + familyRole + `, ` + familyGroups + `, s.expires_at, ` + grantsTurn + `,
		a.epoch`
	familyFrom = ` FROM token_families f JOIN users u ON u.id = f.user_id JOIN sessions s ON s.id = f.session_id
		JOIN apps a ON a.id = f.app_id CROSS JOIN house h CROSS JOIN counter c WHERE f.id = $1`
	familyByID = familyTruth + familyFrom
	// $3 and on are tokens.
	tokensOfFamily = familyTruth + `, CASE WHEN EXISTS (SELECT 1 FROM ended_tokens x WHERE x.id IN (%s)) THEN 1 ELSE 0 END` + familyFrom
	familyAndApp   = familyTruth + `, ` + appColumns + familyFrom

	// $3 to $5 are the proof, $6 is the sequence to move on from.
	rotateWhere = `token_families f JOIN users u ON u.id = f.user_id
		JOIN sessions s ON s.id = f.session_id CROSS JOIN house h WHERE f.id = $1
		AND f.user_id = $3 AND f.epoch = $4 AND f.generation = $5
		AND u.status = 'active' AND u.epoch = $4 AND h.generation = $5
		AND f.revoked_at = 0 AND f.expires_at > $2 AND f.created_at >= h.cut_before
		AND ` + familySession + ` AND ` + familyOfApp + ` AND ` + familyGrant
	rotateSet = `) UPDATE token_families SET seq = seq + 1, rotated_at = $2
		WHERE id = (SELECT id FROM ok) AND seq = $6 AND seq > 0 AND revoked_at = 0
		RETURNING id, user_id, epoch, generation, app_id, session_id, scopes, nonce, auth_time, methods, offline, seq,
		rotated_at, created_at, expires_at, revoked_at, app_epoch`
	rotateSQLite   = `WITH ok AS (SELECT f.id FROM ` + rotateWhere + rotateSet
	rotatePostgres = `WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(hashtextextended($3, 0))),
		ok AS (SELECT f.id FROM turn CROSS JOIN ` + rotateWhere + lockBoth + rotateSet

	// Of a user's families: those that live on offline.
	offlineFamilies = `SELECT ` + familyColumns + ` FROM token_families f JOIN users u ON u.id = f.user_id
		JOIN sessions s ON s.id = f.session_id CROSS JOIN house h
		WHERE f.user_id = $1 AND f.offline = 1 AND f.revoked_at = 0 AND f.expires_at > $2 AND s.ended_by <> 'ended'
		AND u.status = 'active' AND f.epoch = u.epoch AND f.generation = h.generation
		AND f.created_at >= h.cut_before AND s.created_at >= h.cut_before AND ` + familyOfApp + `
		ORDER BY f.created_at DESC, f.id`
)

func familyDest(f *idp.TokenFamily) []any {
	return []any{&f.ID, &f.UserID, &f.Epoch, &f.Generation, &f.AppID, &f.SessionID, words(&f.Scopes), &f.Nonce,
		at(&f.AuthTime), words(&f.Methods), flag(&f.Offline), &f.Seq, at(&f.RotatedAt), at(&f.CreatedAt),
		at(&f.ExpiresAt), at(&f.RevokedAt), &f.AppEpoch}
}

func scanFamily(r row) (f idp.TokenFamily, err error) { return f, r.Scan(familyDest(&f)...) }

// FamilyByID finds a token family with its user and what it hangs on, of one
// moment. One statement.
func (s *Store) FamilyByID(ctx context.Context, id idp.TokenFamilyID, now time.Time) (idp.FamilyTruth, error) {
	return one(ctx, s, "token family", func(r row) (idp.FamilyTruth, error) { return scanTruth(r) }, familyByID, id, us(now))
}

// FamilyOfTokens is FamilyByID with whether any of these tokens, which hang on
// the family, was ended by itself. One statement.
func (s *Store) FamilyOfTokens(ctx context.Context, id idp.TokenFamilyID, tokens []idp.TokenID, now time.Time) (idp.FamilyTruth, error) {
	args, names := []any{id, us(now)}, make([]string, len(tokens))
	for i, t := range tokens {
		args = append(args, t)
		names[i] = fmt.Sprintf("$%d", len(args))
	}
	return one(ctx, s, "token family", func(r row) (t idp.FamilyTruth, err error) {
		var ended bool
		t, err = scanTruth(r, flag(&ended))
		t.TokenEnded = ended
		return t, err
	}, fmt.Sprintf(tokensOfFamily, strings.Join(names, ", ")), args...)
}

// FamilyAndApp is FamilyByID with the app of the family, which the caller knows
// the ID of. One statement.
func (s *Store) FamilyAndApp(ctx context.Context, id idp.TokenFamilyID, _ idp.AppID, now time.Time) (t idp.FamilyTruth, app idp.App, err error) {
	t, err = one(ctx, s, "token family", func(r row) (idp.FamilyTruth, error) {
		var a appRow
		t, err := scanTruth(r, a.dest()...)
		if err != nil {
			return t, err
		}
		app, err = s.app(&a)
		return t, err
	}, familyAndApp, id, us(now))
	return t, app, err
}

// scanTruth reads a family with what it hangs on, and more columns after it.
func scanTruth(r row, more ...any) (t idp.FamilyTruth, err error) {
	var groups string
	var sessionEnds, grantsTurn time.Time
	dest := append(familyDest(&t.Family), userDest(&t.User)...)
	dest = append(append(dest, standingDest(&t.Standing)...), flag(&t.SessionAlive), flag(&t.Granted),
		&t.Role, &groups, at(&sessionEnds), at(&grantsTurn), &t.AppEpoch)
	if err := r.Scan(append(dest, more...)...); err != nil {
		return t, err
	}
	if groups != "" {
		t.Groups = strings.Split(groups, unit)
	}
	t.Until = sooner(t.Family.ExpiresAt, grantsTurn)
	if !t.Family.Offline {
		t.Until = sooner(t.Until, sessionEnds)
	}
	return t, nil
}

// FamilyOfRefreshToken is FamilyByID: here nothing but the truth is known.
func (s *Store) FamilyOfRefreshToken(ctx context.Context, id idp.TokenFamilyID, now time.Time) (idp.FamilyTruth, error) {
	return s.FamilyByID(ctx, id, now)
}

// unit separates the names of groups, which hold no control characters.
const unit = "\x1f"

// sooner is the earlier of two moments; zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
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
	rotated, err := s.rotated(ctx, id, us(now), p.UserID, p.Epoch, p.Generation, seq)
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

func (s *Store) rotated(ctx context.Context, args ...any) (rotated []idp.TokenFamily, err error) {
	const what = "rotate a refresh token"
	if sql := s.db.dialect("", rotatePostgres); sql != "" {
		return returning(ctx, s, what, scanFamily, sql, args...)
	}
	err = s.db.share(ctx, true, func(r runner) error {
		rotated = nil
		return r.query(ctx, collect(&rotated, scanFamily), rotateSQLite, args...)
	})
	if err != nil {
		return nil, s.wrap(what, err)
	}
	return rotated, nil
}

// familyAlive repeats the statement's conditions on what was read of one
// moment.
func familyAlive(t idp.FamilyTruth, p idp.Proof, now time.Time) bool {
	return p == t.Family.Proof && p.Stands(t.Standing, t.Family.CreatedAt) && t.Family.RevokedAt.IsZero() &&
		now.Before(t.Family.ExpiresAt) && t.SessionAlive && t.Family.AppEpoch == t.AppEpoch && t.Granted
}
