package directory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/idp"
)

// SigningKeys is the keys, and what is said and known of their change.
type SigningKeys interface {
	SigningKeys(ctx context.Context) ([]idp.SigningKey, error)
	Reminders(ctx context.Context) ([]idp.Reminder, error)
	KeyReads(ctx context.Context) ([]idp.KeyRead, error)
}

const (
	// keyPublished is how long a key is published before it signs: as long as
	// apps keep a key set (a day is what libraries do), and some more for
	// caches on the way and clocks that differ.
	keyPublished = 24*time.Hour + 30*time.Minute
	// keyHurried is the same where nobody waits for the apps: until every node
	// publishes it.
	keyHurried = 5 * time.Second
	// skew is by how much the clocks of nodes and apps may differ.
	skew = 5 * time.Minute
	// keyOverlap is how long a key is published when it signs no more: as long as
	// the last thing that it signed is good. Nothing that one of these keys signs
	// is good for longer than an ID token: a JWT access token for idp.MaxJWTTTL,
	// a logout token for minutes.
	keyOverlap = max(idp.MaxIDTokenTTL, idp.MaxJWTTTL) + skew
	// MinKeyRotation is the shortest schedule: a key signs longer than it is
	// published before and after.
	MinKeyRotation = 72 * time.Hour

	useOIDC = "oidc"
)

// algorithms of the keys that are rotated: those of the OpenID Provider. A SAML
// app knows its one certificate and is told of another by hand; a receipt key
// stays known for ever.
func rotated() []string { return []string{"RS256", "ES256"} }

// RotateKeys publishes the keys that come next and has them sign when every app
// can know them, or at once where hurry is set, also when they are published
// already: then apps that keep a key set without asking again refuse sign-ins
// for as long as they do. It returns the keys as they then are; idp.Conflict
// when the next keys are published already and there is no hurry.
func (d *Directory) RotateKeys(ctx context.Context, hurry bool) ([]idp.SigningKey, error) {
	published := keyPublished
	if hurry {
		published = keyHurried
	}
	err := d.turnKeys(ctx, func(r *rotation, k *idp.SigningKey) error {
		switch {
		case !r.pending(k):
			return r.follow(d, k, r.now.Add(published))
		case hurry && k.SignsAt.After(r.now.Add(keyHurried)):
			r.hasten(d, k, r.now.Add(published))
		case !hurry:
			return idp.Errorf(idp.Conflict, "The next keys are published already. They sign from %s.", k.SignsAt.Format(time.RFC3339))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d.Store.SigningKeys(ctx)
}

// RotateDueKeys publishes the next key where the one that signs will have
// signed for every when it takes over; every 0: never. It may run on every node:
// one rotates.
func (d *Directory) RotateDueKeys(ctx context.Context, every time.Duration) error {
	err := d.turnKeys(ctx, func(r *rotation, k *idp.SigningKey) error {
		signs := k.SignsAt
		if signs.IsZero() {
			signs = k.CreatedAt
		}
		if every <= 0 || r.pending(k) || r.now.Before(signs.Add(every-keyPublished)) {
			return nil
		}
		return r.follow(d, k, r.now.Add(keyPublished))
	})
	if idp.IsKind(err, idp.Conflict) {
		return nil // another node has done it
	}
	return err
}

// rotation decides on one moment's keys.
type rotation struct {
	ctx    context.Context // a rotation lives for one decision
	now    time.Time
	keys   []idp.SigningKey
	change idp.Change
}

// turnKeys lets decide look at the newest key of each algorithm, and commits.
func (d *Directory) turnKeys(ctx context.Context, decide func(*rotation, *idp.SigningKey) error) error {
	keys, err := d.Store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	r := &rotation{ctx: ctx, now: d.now(), keys: keys}
	for _, alg := range rotated() {
		newest := slices.IndexFunc(keys, func(k idp.SigningKey) bool {
			return k.Use == useOIDC && k.Algorithm == alg && k.RetiredAt.IsZero()
		})
		if newest < 0 {
			continue // the ring makes what is missing
		}
		if err := decide(r, &keys[newest]); err != nil {
			return err
		}
	}
	if len(r.change.TurnKeys) == 0 {
		return nil
	}
	_, err = d.Store.Commit(ctx, r.change)
	return err
}

// pending reports whether k, the newest of its algorithm, waits for its turn.
func (r *rotation) pending(k *idp.SigningKey) bool { return k.SignsAt.After(r.now) }

// follow has a new key sign after k, from that moment on.
func (r *rotation) follow(d *Directory, k *idp.SigningKey, from time.Time) error {
	next, err := d.Keys.Replacement(k.Use, k.Algorithm)
	if err != nil {
		return fmt.Errorf("make the key that follows %s: %w", k.ID, err)
	}
	next.SignsAt = from
	r.change.SigningKeys = append(r.change.SigningKeys, next)
	r.turn(k, k.SignsAt, from.Add(keyOverlap))
	r.tell(d.event(r.ctx, "key.rotate"), next, map[string]string{"follows": string(k.ID)})
	return nil
}

// hasten has the key that waits sign from that moment on.
func (r *rotation) hasten(d *Directory, k *idp.SigningKey, from time.Time) {
	r.turn(k, from, k.RetiredAt)
	if old := r.signer(k); old != nil {
		r.turn(old, old.SignsAt, from.Add(keyOverlap))
	}
	k.SignsAt = from
	r.tell(d.event(r.ctx, "key.hasten"), *k, map[string]string{})
}

// signer is the key that signs in the place of k; nil when it is k itself.
func (r *rotation) signer(k *idp.SigningKey) *idp.SigningKey {
	if s := idp.Signer(r.keys, k.Use, k.Algorithm, r.now); s != nil && s.ID != k.ID {
		return s
	}
	return nil
}

func (r *rotation) turn(k *idp.SigningKey, signs, retires time.Time) {
	r.change.TurnKeys = append(r.change.TurnKeys, idp.KeyTurn{Was: *k, SignsAt: signs, RetiredAt: retires})
}

func (r *rotation) tell(e idp.Event, k idp.SigningKey, detail map[string]string) {
	detail["key"], detail["use"], detail["algorithm"] = string(k.ID), k.Use, k.Algorithm
	detail["signs_at"] = k.SignsAt.Format(time.RFC3339)
	e.Detail = detail
	r.change.Events = append(r.change.Events, e)
}
