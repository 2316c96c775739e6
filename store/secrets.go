package store

import (
	"context"
	"slices"
	"time"

	"gatehouse/idp"
)

const (
	insertSecret = `INSERT INTO client_secrets (app_id, id, made_at, used_at) VALUES ($1, $2, $3, 0) ON CONFLICT (app_id, id) DO NOTHING`
	deleteOthers = `DELETE FROM client_secrets WHERE app_id = $1 AND id <> $2 AND id <> $3`
	secretsOf    = `SELECT s.id, s.made_at, s.used_at FROM client_secrets s WHERE s.app_id = $1`
	useSecret    = `UPDATE client_secrets SET used_at = $3 WHERE app_id = $1 AND id = $2 AND used_at < $3`
)

// secretSteps write down when the secrets that an app now has were made, and
// forget those it has no longer.
func secretSteps(a idp.App) []step {
	if a.OIDC == nil {
		return nil
	}
	var steps []step
	var ids [idp.MaxSecrets]idp.SecretID
	for i, hash := range a.OIDC.SecretHashes[:min(len(a.OIDC.SecretHashes), idp.MaxSecrets)] {
		ids[i] = idp.SecretIDOf(hash)
		steps = append(steps, do(insertSecret, a.ID, ids[i], us(a.UpdatedAt)))
	}
	if a.Version > 0 {
		steps = append(steps, do(deleteOthers, a.ID, ids[0], ids[1]))
	}
	return steps
}

// ClientSecrets returns what is known of an app's secrets, in the order in
// which the app has them.
func (s *Store) ClientSecrets(ctx context.Context, a idp.App) ([]idp.ClientSecret, error) {
	if a.OIDC == nil || len(a.OIDC.SecretHashes) == 0 {
		return nil, nil
	}
	known, err := list(ctx, s, "secrets of an app", func(r row) (c idp.ClientSecret, err error) {
		return c, r.Scan(&c.ID, at(&c.MadeAt), at(&c.UsedAt))
	}, secretsOf, a.ID)
	if err != nil {
		return nil, err
	}
	out := make([]idp.ClientSecret, len(a.OIDC.SecretHashes))
	for i, hash := range a.OIDC.SecretHashes {
		out[i].ID = idp.SecretIDOf(hash)
		if at := slices.IndexFunc(known, func(c idp.ClientSecret) bool { return c.ID == out[i].ID }); at >= 0 {
			out[i] = known[at]
		}
	}
	return out, nil
}

// UseSecret writes down that a secret of an app was used; one that is gone is
// no error. It never goes back.
func (s *Store) UseSecret(ctx context.Context, app idp.AppID, id idp.SecretID, now time.Time) error {
	_, err := s.exec(ctx, "note the use of a secret", useSecret, app, id, us(now))
	return err
}
