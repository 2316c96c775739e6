package saas

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// maxAnswer bounds every answer of the identity provider.
const maxAnswer = 1 << 20

// guarded returns a copy of c that follows no redirect and reads no endless answer.
func guarded(c *http.Client) *http.Client {
	if c == nil {
		c = &http.Client{Timeout: 10 * time.Second}
	}
	next := c.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	return &http.Client{
		Transport: limiter{next}, Timeout: c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type limiter struct{ next http.RoundTripper }

func (l limiter) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := l.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = &limitedBody{ReadCloser: res.Body, left: maxAnswer}
	return res, nil
}

type limitedBody struct {
	io.ReadCloser
	left int
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, errors.New("answer of the identity provider is too large")
	}
	return n, err
}

// lazy holds something that is fetched from the identity provider when it is first needed, tried a few
// times while the provider may still be starting, and fetched again when it has become old. When
// fetching again fails, the old value stays.
type lazy[T any] struct {
	now   func() time.Time
	fetch func() (T, error)

	mu    sync.Mutex
	value T
	at    time.Time // zero: never fetched
	err   error     // of the last attempts, believed for a moment so that requests do not queue up
	errAt time.Time
}

const (
	lazyFresh    = 10 * time.Minute // how long a fetched value is used without asking again
	lazyAttempts = 4
	lazyPause    = 250 * time.Millisecond
	lazyRenewal  = 5 * time.Second // least time between two fetches that a message can cause
)

func (l *lazy[T]) get() (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.at.IsZero() && l.now().Sub(l.at) < lazyFresh {
		return l.value, nil
	}
	if l.err != nil && l.now().Sub(l.errAt) < lazyPause {
		return l.value, l.err
	}
	for attempt := range lazyAttempts {
		if attempt > 0 {
			time.Sleep(lazyPause)
		}
		v, err := l.fetch()
		if err == nil {
			l.value, l.at, l.err = v, l.now(), nil
			return v, nil
		}
		if !l.at.IsZero() {
			l.at = l.now()
			return l.value, nil
		}
		l.err, l.errAt = err, l.now()
	}
	return l.value, l.err
}

// renew fetches again, because a message was signed by a key that the value does not have. It reports
// whether it did.
func (l *lazy[T]) renew() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at.IsZero() || l.now().Sub(l.at) < lazyRenewal {
		return false
	}
	v, err := l.fetch()
	l.at = l.now()
	if err != nil {
		return false
	}
	l.value = v
	return true
}
