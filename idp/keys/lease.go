package keys

import (
	"context"
	"fmt"
	"time"

	"gatehouse/idp"
)

const (
	// DefaultLease is the Lease of a house with several nodes.
	DefaultLease = time.Second
	// follow is how often the keys are read, so that nobody who signs waits.
	follow = 400 * time.Millisecond
	// renewal bounds the reading for somebody who does.
	renewal = 2 * time.Second
)

// Follow reads the keys again and again until ctx ends, so that what another
// node made or revoked is known here before the lease runs out. failed hears
// of every reading that went wrong.
func (r *Ring) Follow(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(follow)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := r.Load(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
	}
}

// current is what the last Load found, read again when its lease has run out;
// nil before the first Load.
func (r *Ring) current() (*keySet, error) {
	set := r.loaded.Load()
	if set == nil || r.leased(set) {
		return set, nil
	}
	r.loading.Lock()
	defer r.loading.Unlock()
	if set = r.loaded.Load(); r.leased(set) {
		return set, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), renewal)
	defer cancel()
	if err := r.load(ctx); err != nil {
		return nil, (&idp.Error{Kind: idp.Unavailable, Detail: "The signing keys cannot be read right now. Try again in a moment."}).
			Because(fmt.Errorf("renew the lease of the signing keys: %w", err))
	}
	return r.loaded.Load(), nil
}

func (r *Ring) leased(set *keySet) bool {
	return r.Lease == 0 || time.Since(set.at) < r.Lease
}

// Replacement returns a new key for the place of one of this use and
// algorithm, not yet stored.
func (r *Ring) Replacement(use, alg string) (idp.SigningKey, error) {
	k := kind{use, alg}
	for _, w := range wanted() {
		if w == k {
			return r.generate(k)
		}
	}
	return idp.SigningKey{}, idp.Errorf(idp.Invalid, "The house signs with no %s key for %s.", alg, use)
}

// Settle returns when no node signs any more with what the store no longer had
// when it was called: this one has read the keys again, and the lease of every
// other has run out.
func (r *Ring) Settle(ctx context.Context) error {
	if err := r.Load(ctx); err != nil {
		return err
	}
	if r.Lease == 0 {
		return nil
	}
	wait := time.NewTimer(r.Lease + r.Lease/4)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
