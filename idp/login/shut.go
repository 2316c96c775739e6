package login

import (
	"maps"
	"sync"
	"time"
)

const (
	// maxShut bounds what a node remembers of those who are shut out, about
	// 8 MiB.
	maxShut = 64 << 10
	// shutFor is how long it does so without asking again: a person may have set
	// a new password meanwhile, at another node.
	shutFor = 5 * time.Second
)

// Shut is what this node knows to be over its limit, bounded, and for seconds: a
// flood costs neither database nor Redis. The zero value is empty. Safe for
// concurrent use.
type Shut struct {
	mu    sync.Mutex
	names map[string]shutName
}

type shutName struct{ resetAt, asked time.Time }

func (n shutName) over(now time.Time) bool {
	return !now.Before(n.resetAt) || now.Sub(n.asked) >= shutFor || now.Before(n.asked)
}

// Close remembers that a name is over its limit until then. While too many are
// remembered, others are asked for each time.
func (s *Shut) Close(name string, resetAt, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names = map[string]shutName{}
	}
	if len(s.names) >= maxShut {
		maps.DeleteFunc(s.names, func(_ string, n shutName) bool { return n.over(now) })
	}
	if len(s.names) < maxShut {
		s.names[name] = shutName{resetAt, now}
	}
}

// Until returns when a name that is over its limit may be tried again.
func (s *Shut) Until(name string, now time.Time) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.names[name]
	if ok && n.over(now) {
		delete(s.names, name)
		ok = false
	}
	return n.resetAt, ok
}

// Open forgets a name.
func (s *Shut) Open(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.names, name)
}
