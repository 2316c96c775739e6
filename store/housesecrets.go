package store

import "context"

const (
	insertHouseSecret = `INSERT INTO house_secrets (name, sealed, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING`
	selectHouseSecret = `SELECT sealed FROM house_secrets WHERE name = $1`
)

// HouseSecret returns the sealed secret of this name. Where there is none yet,
// fresh becomes it: of nodes that start at once one wins.
func (s *Store) HouseSecret(ctx context.Context, name, fresh string) (string, error) {
	if _, err := s.exec(ctx, "keep a secret of the house", insertHouseSecret, name, fresh, us(s.Now())); err != nil {
		return "", err
	}
	return one(ctx, s, "secret of the house", func(r row) (sealed string, err error) { return sealed, r.Scan(&sealed) }, selectHouseSecret, name)
}
