package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	initialTokenColumns = `id, user_id, epoch, generation, name, uses, created_at, expires_at, revoked_at`

	initialTokenInto     = `INSERT INTO initial_tokens (id, secret_hash, user_id, epoch, generation, name, uses, created_at, expires_at, revoked_at) `
	initialTokenSQLite   = initialTokenInto + `SELECT $4, $5, u.id, $2, $3, $6, $7, $8, $9, 0 FROM users u CROSS JOIN house h WHERE ` + proven
	initialTokenPostgres = standingPostgres + ` ` + initialTokenInto + `SELECT $4, $5, ok.id, $2, $3, $6, CAST($7 AS BIGINT), $8, $9, 0 FROM ok`

	spendInitialToken = `UPDATE initial_tokens SET uses = uses - 1 WHERE secret_hash = $1 AND uses > 0 AND revoked_at = 0 AND expires_at > $2
		AND EXISTS (SELECT 1 FROM users u CROSS JOIN house h WHERE u.id = initial_tokens.user_id AND u.status = 'active'
			AND u.epoch = initial_tokens.epoch AND h.generation = initial_tokens.generation AND h.generation <> ''
			AND initial_tokens.created_at >= h.cut_before)
		RETURNING ` + initialTokenColumns
	initialTokens      = `SELECT ` + initialTokenColumns + ` FROM initial_tokens WHERE revoked_at = 0 ORDER BY created_at DESC, id LIMIT 500`
	revokeInitialToken = `UPDATE initial_tokens SET revoked_at = CASE WHEN revoked_at = 0 THEN $2 ELSE revoked_at END WHERE id = $1`
)

func scanInitialToken(r row) (t idp.InitialToken, err error) {
	return t, r.Scan(&t.ID, &t.UserID, &t.Epoch, &t.Generation, &t.Name, &t.Uses, at(&t.CreatedAt), at(&t.ExpiresAt), at(&t.RevokedAt))
}

// CreateInitialToken writes an initial access token of a standing user;
// idp.Unauthenticated where the proof does not stand.
func (s *Store) CreateInitialToken(ctx context.Context, t idp.InitialToken, hash string) error {
	n, err := s.exec(ctx, "create an initial access token", s.db.dialect(initialTokenSQLite, initialTokenPostgres),
		t.UserID, t.Epoch, t.Generation, t.ID, hash, t.Name, t.Uses, us(t.CreatedAt), us(t.ExpiresAt))
	if err == nil && n == 0 {
		err = refused()
	}
	return err
}

// SpendInitialToken takes one use of an initial access token and returns it as
// it now stands; idp.Unauthenticated where it has none left, or it or its
// user's proof does not stand. One statement.
func (s *Store) SpendInitialToken(ctx context.Context, hash string, now time.Time) (idp.InitialToken, error) {
	found, err := returning(ctx, s, "spend an initial access token", scanInitialToken, spendInitialToken, hash, us(now))
	switch {
	case err != nil:
		return idp.InitialToken{}, err
	case len(found) == 0:
		return idp.InitialToken{}, refused()
	}
	return found[0], nil
}

// InitialTokens returns the initial access tokens that were not revoked,
// newest first, at most 500.
func (s *Store) InitialTokens(ctx context.Context) ([]idp.InitialToken, error) {
	return list(ctx, s, "initial access tokens", scanInitialToken, initialTokens)
}

// RevokeInitialToken revokes an initial access token, in one transaction with
// the event. idp.NotFound when there is none.
func (s *Store) RevokeInitialToken(ctx context.Context, id idp.InitialTokenID, now time.Time, e idp.Event) error {
	none := idp.Errorf(idp.NotFound, "There is no such initial access token.")
	steps := append([]step{must(none, revokeInitialToken, id, us(now))}, eventSteps([]idp.Event{e})...)
	return s.tx(ctx, "revoke an initial access token", func(r runner) error { return r.batch(ctx, steps) })
}
