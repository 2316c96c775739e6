package sessions

import (
	"context"
	"time"

	"gatehouse/idp"
)

// NewInitialToken issues an initial access token that carries the proof of the
// owner who asks for it, for so many registrations within ttl. It answers
// idp.Unauthenticated where the proof no longer stands.
func (g *Gate) NewInitialToken(ctx context.Context, proof idp.Proof, name string, uses int, ttl time.Duration) (raw string, t idp.InitialToken, err error) {
	now := idp.Time(g.Now())
	t = idp.InitialToken{ID: idp.NewInitialTokenID(), Proof: proof, Name: name, Uses: uses, CreatedAt: now, ExpiresAt: now.Add(ttl)}
	raw = newSecret()
	if err := g.Backend.CreateInitialToken(ctx, t, Hash(raw)); err != nil {
		return "", idp.InitialToken{}, err
	}
	return raw, t, nil
}

// SpendInitialToken accepts the raw secret of an initial access token for one
// registration.
func (g *Gate) SpendInitialToken(ctx context.Context, raw string) (idp.InitialToken, error) {
	if !plausible(raw) {
		return idp.InitialToken{}, refused("no initial access token")
	}
	return g.Backend.SpendInitialToken(ctx, Hash(raw), idp.Time(g.Now()))
}
