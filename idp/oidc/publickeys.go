package oidc

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/fetch"
	"gatehouse/idp/keys"
)

const (
	// publishedTTL is how long keys are used that an app publishes: for so long
	// a key that it withdrew is still believed.
	publishedTTL = 5 * time.Minute
	// publishedAgain is how soon they may be asked for again, by a kid that is
	// not among them or because they could not be read.
	publishedAgain = 30 * time.Second
	publishedSize  = 64 << 10
)

// publicKeys are the keys that apps publish, as they were last read: by
// address, one set each.
type publicKeys struct {
	mu   sync.Mutex
	sets map[string]*publishedSet
}

type publishedSet struct {
	mu      sync.Mutex // held while it is being read, so that it is read once
	keys    keys.PeerKeys
	readAt  time.Time // zero: never
	triedAt time.Time
	err     error // of the last try
}

// verifyBy returns the claims of a JWT that the app signed with one of its
// registered keys. idp.Unavailable while its keys cannot be read.
func (p *Provider) verifyBy(ctx context.Context, app idp.App, token, typ string) ([]byte, error) {
	set, err := p.keysOf(ctx, app, keys.KeyIDOf(token))
	if err != nil {
		return nil, err
	}
	return set.Verify(token, algsOf(app), typ)
}

// keysOf returns the app's public keys, read anew where a signature names one
// that is not known: the app may have begun to use it just now.
func (p *Provider) keysOf(ctx context.Context, app idp.App, kid string) (keys.PeerKeys, error) {
	switch {
	case app.OIDC.JWKS != "":
		return keys.ParsePeerKeys([]byte(app.OIDC.JWKS))
	case app.OIDC.JWKSURI == "" || p.Fetch == nil:
		return keys.PeerKeys{}, idp.Errorf(idp.Invalid, "No keys are registered for this app.")
	}
	return p.publicKeys.at(app.OIDC.JWKSURI).get(ctx, p, app.OIDC.JWKSURI, kid)
}

func (k *publicKeys) at(uri string) *publishedSet {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sets == nil {
		k.sets = map[string]*publishedSet{}
	}
	if k.sets[uri] == nil {
		k.sets[uri] = &publishedSet{}
	}
	return k.sets[uri]
}

// get returns the keys at uri. When they cannot be read again, the last good
// copy stays in use.
func (s *publishedSet) get(ctx context.Context, p *Provider, uri, kid string) (keys.PeerKeys, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := p.Now()
	fresh := !s.readAt.IsZero() && now.Sub(s.readAt) < publishedTTL
	if fresh && s.keys.Knows(kid) || !s.triedAt.IsZero() && now.Sub(s.triedAt) < publishedAgain {
		return s.known()
	}
	s.triedAt = now
	found, err := readKeys(ctx, p.Fetch, uri)
	if s.err = err; err != nil {
		p.Log.WarnContext(ctx, "the keys of an app could not be read", "jwks_uri", uri, "error", err)
		return s.known()
	}
	s.keys, s.readAt = found, now
	return s.keys, nil
}

func (s *publishedSet) known() (keys.PeerKeys, error) {
	if s.readAt.IsZero() {
		return keys.PeerKeys{}, idp.Errorf(idp.Unavailable, "The keys of the app could not be read from its jwks_uri.").Because(s.err)
	}
	return s.keys, nil
}

func readKeys(ctx context.Context, out *fetch.Client, uri string) (keys.PeerKeys, error) {
	// One caller reads for all who wait: that this one leaves is no reason to stop.
	req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, uri, nil)
	if err != nil {
		return keys.PeerKeys{}, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	answer, err := out.Do(req, fetch.MaxBody(publishedSize))
	if err != nil {
		return keys.PeerKeys{}, err
	}
	if answer.Status != http.StatusOK {
		return keys.PeerKeys{}, fmt.Errorf("it answered with status %d", answer.Status)
	}
	return keys.ParsePeerKeys(answer.Body)
}
