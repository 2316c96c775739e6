package directory

import (
	"context"
	"time"

	"gatehouse/idp"
)

// Tokens is the tokens that are ended by one statement, with its line.
type Tokens interface {
	RevokeInitialToken(ctx context.Context, id idp.InitialTokenID, now time.Time, e idp.Event) error
	RevokeAPIToken(ctx context.Context, id idp.APITokenID, of idp.UserID, now time.Time, e idp.Event) error
}

// AddToken issues an API token that carries the proof of whoever asks for it.
// ttl zero: no end of its own. The raw secret is returned and never stored. It
// answers idp.Unauthenticated where the proof no longer stands.
func (d *Directory) AddToken(ctx context.Context, proof idp.Proof, name string, ttl time.Duration) (raw string, t idp.APIToken, err error) {
	if name, err = text("name", name, 128); err != nil {
		return "", idp.APIToken{}, err
	}
	if name == "" {
		return "", idp.APIToken{}, invalid("name", "Name the token, so that you know later what it is for.")
	}
	if ttl < 0 {
		return "", idp.APIToken{}, invalid("ttl", "A time span is not negative.")
	}
	if raw, t, err = d.Passes.NewAPIToken(ctx, proof, name, ttl); err != nil {
		return "", idp.APIToken{}, err
	}
	return raw, t, d.Store.Record(ctx, d.tokenEvent(ctx, "token.add", proof.UserID, t.ID))
}

// RevokeToken revokes an API token of a user; idp.NotFound when it is none of
// theirs.
func (d *Directory) RevokeToken(ctx context.Context, id idp.APITokenID, of idp.UserID) error {
	return d.Store.RevokeAPIToken(ctx, id, of, d.now(), d.tokenEvent(ctx, "token.revoke", of, id))
}

func (d *Directory) tokenEvent(ctx context.Context, kind string, of idp.UserID, id idp.APITokenID) idp.Event {
	e := d.event(ctx, kind)
	e.UserID, e.Detail = of, map[string]string{"token": string(id)}
	return e
}
