package oidc

import (
	"context"
	"errors"
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
	// publishedSoon is how old they are when they are read again ahead of time,
	// so that nobody waits for it.
	publishedSoon = 4 * time.Minute
	// publishedStale is how long they are used while they cannot be read again.
	publishedStale = time.Hour
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
	mu      sync.Mutex // never held while it is being read
	keys    keys.PeerKeys
	readAt  time.Time // zero: never
	triedAt time.Time
	err     error         // of the last try
	reading chan struct{} // closed when the read that is under way ends; nil: none is
}

// verifyBy returns the claims of a JWT that the app signed with one of its
// registered keys. idp.Unavailable while its keys cannot be read.
func (p *Provider) verifyBy(ctx context.Context, app idp.App, token, typ string) ([]byte, error) {
	set, err := p.keysOf(ctx, app, keys.KeyIDOf(token))
	if err != nil {
		return nil, err
	}
	if app.OIDC.FAPI2 && keys.AlgorithmOf(token) == keys.RS256 {
		return nil, idp.Errorf(idp.Invalid, "With FAPI 2.0 nothing is signed with RS256.").Because(errRS256)
	}
	return set.Verify(token, algsOf(app), typ)
}

// errRS256 is why what an app of FAPI 2.0 signed is refused (Security Profile
// §5.4). It is said to it by name: its key will do, with PS256.
var errRS256 = errors.New("signed with RS256, which FAPI 2.0 does not allow")

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
// copy stays in use for a while.
func (s *publishedSet) get(ctx context.Context, p *Provider, uri, kid string) (keys.PeerKeys, error) {
	if reading := s.due(ctx, p, uri, kid); reading != nil {
		select {
		case <-reading:
		case <-ctx.Done():
			return keys.PeerKeys{}, unread(ctx.Err())
		}
	}
	return s.known(p.Now())
}

// due begins to read the keys where it is time, one read for all, and returns
// what to wait for; nil where what is known will do: an address that is slow
// holds up nobody whose key is known.
func (s *publishedSet) due(ctx context.Context, p *Provider, uri, kid string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := p.Now()
	age, known := now.Sub(s.readAt), s.keys.Knows(kid)
	if s.reading == nil && (age >= publishedSoon || !known) && now.Sub(s.triedAt) >= publishedAgain {
		s.triedAt, s.reading = now, make(chan struct{})
		// That the one who asks first leaves is no reason to stop.
		go s.read(context.WithoutCancel(ctx), p, uri)
	}
	if known && (age < publishedTTL || s.err != nil && age < publishedStale) {
		return nil
	}
	return s.reading
}

func (s *publishedSet) read(ctx context.Context, p *Provider, uri string) {
	found, err := readKeys(ctx, p.Fetch, uri)
	if err != nil {
		p.Log.WarnContext(ctx, "the keys of an app could not be read", "jwks_uri", uri, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err = err; err == nil {
		s.keys, s.readAt = found, s.triedAt
	}
	close(s.reading)
	s.reading = nil
}

func (s *publishedSet) known(now time.Time) (keys.PeerKeys, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.readAt) >= publishedStale {
		return keys.PeerKeys{}, unread(s.err)
	}
	return s.keys, nil
}

func unread(cause error) error {
	return idp.Errorf(idp.Unavailable, "The keys of the app could not be read from its jwks_uri.").Because(cause)
}

func readKeys(ctx context.Context, out *fetch.Client, uri string) (keys.PeerKeys, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
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
