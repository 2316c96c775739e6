package saas

import (
	"sync"
	"time"
)

// maxWaiting bounds what browsers can make the app remember before anybody has signed in.
const maxWaiting = 4096

// begun is a sign-in that this app started and whose answer has not come.
type begun struct {
	browser [32]byte // digest of the browser's binding cookie
	to      string   // local path to land on

	state     string // OIDC state, SAML RelayState: the key
	nonce     string // OIDC
	verifier  string // OIDC: PKCE code verifier
	requestID string // SAML: ID of the AuthnRequest
}

// waiting keeps values that are taken once, until they are too old; when it is full the oldest goes.
type waiting[T any] struct {
	now func() time.Time
	ttl time.Duration

	mu    sync.Mutex
	byKey map[string]held[T]
}

type held[T any] struct {
	value T
	since time.Time
}

func newWaiting[T any](now func() time.Time, ttl time.Duration) *waiting[T] {
	return &waiting[T]{now: now, ttl: ttl, byKey: make(map[string]held[T])}
}

func (w *waiting[T]) put(key string, v T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.byKey) >= maxWaiting {
		w.makeRoom()
	}
	w.byKey[key] = held[T]{value: v, since: w.now()}
}

// take returns the value and forgets it.
func (w *waiting[T]) take(key string) (T, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, ok := w.byKey[key]
	delete(w.byKey, key)
	if !ok || w.now().Sub(h.since) > w.ttl {
		var none T
		return none, false
	}
	return h.value, true
}

// makeRoom drops what is too old, and the oldest when nothing is.
func (w *waiting[T]) makeRoom() {
	now, oldest, since := w.now(), "", time.Time{}
	for key, h := range w.byKey {
		if now.Sub(h.since) > w.ttl {
			delete(w.byKey, key)
			continue
		}
		if oldest == "" || h.since.Before(since) {
			oldest, since = key, h.since
		}
	}
	if len(w.byKey) >= maxWaiting {
		delete(w.byKey, oldest)
	}
}

// maxSpent bounds the replay memory; only messages that already verified are written into it.
const maxSpent = 65536

// spent remembers the IDs of messages that may be used once, for as long as they could be used again.
type spent struct {
	now func() time.Time

	mu    sync.Mutex
	until map[string]time.Time
}

func newSpent(now func() time.Time) *spent {
	return &spent{now: now, until: make(map[string]time.Time)}
}

// spend reports whether id was fresh, and takes it. When the memory is full of IDs that are still
// needed, nothing is fresh: refusing is the safe side.
func (s *spent) spend(id string, until time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if at, ok := s.until[id]; ok && now.Before(at) {
		return false
	}
	if len(s.until) >= maxSpent {
		for key, at := range s.until {
			if !now.Before(at) {
				delete(s.until, key)
			}
		}
		if len(s.until) >= maxSpent {
			return false
		}
	}
	s.until[id] = until
	return true
}
