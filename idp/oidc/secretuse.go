package oidc

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gatehouse/idp"
)

// secretUses are the secrets that apps have used here since the last time that
// was written down: one line each, however many calls there were, so that a
// call costs no statement.
type secretUses struct {
	mu   sync.Mutex
	seen map[usedSecret]time.Time
}

type usedSecret struct {
	app idp.AppID
	id  idp.SecretID
}

func (u *secretUses) note(app idp.AppID, hash string, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.seen == nil {
		u.seen = map[usedSecret]time.Time{}
	}
	u.seen[usedSecret{app, idp.SecretIDOf(hash)}] = now
}

func (u *secretUses) take() map[usedSecret]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := u.seen
	u.seen = nil
	return seen
}

// WriteSecretUses hands to write when each app last used each of its secrets
// here, of those that were used since the last call. What write could not keep
// is lost: it is for an admin's eye and decides nothing.
func (p *Provider) WriteSecretUses(ctx context.Context, write func(ctx context.Context, app idp.AppID, id idp.SecretID, at time.Time) error) error {
	for used, at := range p.secretUses.take() {
		if err := write(ctx, used.app, used.id, at); err != nil {
			return fmt.Errorf("note the use of a secret of %s: %w", used.app, err)
		}
	}
	return nil
}
