package store

import (
	"context"

	"gatehouse/idp"
)

const (
	sayKey = `INSERT INTO key_reads (app_id, key_id, first_at, last_at, address, agent, said_at) VALUES ($1, $2, 0, 0, '', '', $3)
		ON CONFLICT (app_id, key_id) DO UPDATE SET said_at = excluded.said_at`
	readKey = `INSERT INTO key_reads (app_id, key_id, first_at, last_at, address, agent, said_at) VALUES ($1, $2, $3, $3, $4, $5, 0)
		ON CONFLICT (app_id, key_id) DO UPDATE SET
			first_at = CASE WHEN key_reads.first_at = 0 THEN excluded.first_at ELSE key_reads.first_at END,
			last_at = excluded.last_at, address = excluded.address, agent = excluded.agent
		WHERE key_reads.last_at < excluded.last_at`
	keyReads = `SELECT app_id, key_id, first_at, last_at, address, agent, said_at FROM key_reads ORDER BY app_id, key_id`
)

// ReadKeys writes down that the certificates of these keys were read for an app,
// at r.LastAt by r.Address with r.Agent. What was read later stays.
func (s *Store) ReadKeys(ctx context.Context, keys []idp.KeyID, r idp.KeyRead) error {
	steps := make([]step, len(keys))
	for i, id := range keys {
		steps[i] = do(readKey, r.AppID, id, us(r.LastAt), r.Address, r.Agent)
	}
	return s.tx(ctx, "note who read our certificates", func(run runner) error { return run.batch(ctx, steps) })
}

// KeyReads returns what is known of apps having our certificates.
func (s *Store) KeyReads(ctx context.Context) ([]idp.KeyRead, error) {
	return list(ctx, s, "readings of certificates", func(r row) (k idp.KeyRead, err error) {
		return k, r.Scan(&k.AppID, &k.KeyID, at(&k.FirstAt), at(&k.LastAt), &k.Address, &k.Agent, at(&k.SaidAt))
	}, keyReads)
}
