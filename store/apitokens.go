package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	apiTokenColumns = `t.id, t.user_id, t.epoch, t.generation, t.name, t.created_at, t.expires_at, t.revoked_at`

	apiTokenInto     = `INSERT INTO api_tokens (id, secret_hash, user_id, epoch, generation, name, created_at, expires_at, revoked_at) `
	apiTokenSQLite   = apiTokenInto + `SELECT $4, $5, u.id, $2, $3, $6, $7, $8, 0 FROM users u CROSS JOIN house h WHERE ` + proven
	apiTokenPostgres = standingPostgres + ` ` + apiTokenInto +
		`SELECT $4, $5, ok.id, $2, $3, $6, $7, $8, 0 FROM ok`

	apiTokenByHash = `SELECT ` + apiTokenColumns + `, ` + userColumns + `, u.status, u.epoch, h.generation, h.cut_before, c.n
		FROM api_tokens t JOIN users u ON u.id = t.user_id CROSS JOIN house h CROSS JOIN counter c WHERE t.secret_hash = $1`
	apiTokensOf    = `SELECT ` + apiTokenColumns + ` FROM api_tokens t WHERE t.user_id = $1 ORDER BY t.created_at DESC, t.id`
	revokeAPIToken = `UPDATE api_tokens SET revoked_at = CASE WHEN revoked_at = 0 THEN $3 ELSE revoked_at END
		WHERE id = $1 AND user_id = $2`
)

func apiTokenDest(t *idp.APIToken) []any {
	return []any{&t.ID, &t.UserID, &t.Epoch, &t.Generation, &t.Name, at(&t.CreatedAt), at(&t.ExpiresAt), at(&t.RevokedAt)}
}

// CreateAPIToken writes an API token of a standing user;
// idp.Unauthenticated where the proof does not stand.
func (s *Store) CreateAPIToken(ctx context.Context, t idp.APIToken, hash string) error {
	n, err := s.exec(ctx, "create an API token", s.db.dialect(apiTokenSQLite, apiTokenPostgres),
		t.UserID, t.Epoch, t.Generation, t.ID, hash, t.Name, us(t.CreatedAt), us(t.ExpiresAt))
	if err == nil && n == 0 {
		err = refused()
	}
	return err
}

// APITokenByHash finds an API token by the hash of its secret, with its user
// as of the same moment. One statement.
func (s *Store) APITokenByHash(ctx context.Context, hash string) (idp.APIToken, idp.User, idp.Standing, error) {
	var (
		u  idp.User
		st idp.Standing
	)
	t, err := one(ctx, s, "API token", func(r row) (t idp.APIToken, err error) {
		return t, r.Scan(append(append(apiTokenDest(&t), userDest(&u)...), standingDest(&st)...)...)
	}, apiTokenByHash, hash)
	return t, u, st, err
}

// APITokens returns a user's API tokens, newest first, dead ones too.
func (s *Store) APITokens(ctx context.Context, user idp.UserID) ([]idp.APIToken, error) {
	return list(ctx, s, "API tokens", func(r row) (t idp.APIToken, err error) {
		return t, r.Scan(apiTokenDest(&t)...)
	}, apiTokensOf, user)
}

// RevokeAPIToken revokes a user's API token, in one transaction with the event;
// one that is revoked stays so. idp.NotFound when it is none of theirs.
func (s *Store) RevokeAPIToken(ctx context.Context, id idp.APITokenID, user idp.UserID, now time.Time, e idp.Event) error {
	none := idp.Errorf(idp.NotFound, "There is no such API token.")
	steps := append([]step{must(none, revokeAPIToken, id, user, us(now))}, eventSteps([]idp.Event{e})...)
	return s.tx(ctx, "revoke an API token", func(r runner) error { return r.batch(ctx, steps) })
}
