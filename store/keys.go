package store

import (
	"context"

	"gatehouse/idp"
)

const (
	selectKeys = `SELECT id, use, algorithm, sealed, certificate, created_at, signs_at, retired_at, revoked_at FROM signing_keys ORDER BY created_at, id`
	insertKey  = `INSERT INTO signing_keys (id, use, algorithm, sealed, certificate, created_at, retired_at, signs_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	turnKey = `UPDATE signing_keys SET signs_at = $4, retired_at = $5
		WHERE id = $1 AND signs_at = $2 AND retired_at = $3 AND revoked_at = 0`
)

// SigningKeys returns all signing keys, oldest first, retired ones too.
func (s *Store) SigningKeys(ctx context.Context) ([]idp.SigningKey, error) {
	return list(ctx, s, "signing keys", func(r row) (k idp.SigningKey, err error) {
		return k, r.Scan(&k.ID, &k.Use, &k.Algorithm, &k.Sealed, &k.Certificate, at(&k.CreatedAt), at(&k.SignsAt), at(&k.RetiredAt), at(&k.RevokedAt))
	}, selectKeys)
}

// CreateSigningKey writes a key; idp.Conflict while another of its use and
// algorithm is in use, so that nodes which start at once make one.
func (s *Store) CreateSigningKey(ctx context.Context, k idp.SigningKey) error {
	st := keyStep(k)
	_, err := s.exec(ctx, "create a signing key", st.sql, st.args...)
	return err
}

func keyStep(k idp.SigningKey) step {
	return do(insertKey, k.ID, k.Use, k.Algorithm, k.Sealed, k.Certificate, us(k.CreatedAt), us(k.RetiredAt), us(k.SignsAt))
}

func turnStep(t idp.KeyTurn) step {
	return must(stale("signing key"), turnKey, t.Was.ID, us(t.Was.SignsAt), us(t.Was.RetiredAt), us(t.SignsAt), us(t.RetiredAt))
}
