package main

import (
	"net/http"
	"sync"
	"time"
)

const (
	// notice is how long a node that is told to stop goes on taking requests
	// where somebody watches it: its /readyz says 503 meanwhile, so that
	// whatever stands in front of it sends the next ones elsewhere.
	notice = 3 * time.Second
	// watching is how old the last look at /readyz is at most while somebody
	// watches.
	watching = 30 * time.Second
)

// leaving is the way in of a node that will stop one day without losing a
// request. A connection that lies idle and is closed in the moment in which a
// request comes over it loses that request: so a node that is about to leave
// says so with every answer, and closes connections only after these.
type leaving struct {
	next http.Handler

	mu      sync.Mutex
	looks   int       // at /readyz, that were answered before stopping
	last    time.Time // of these
	leaving bool
}

func (l *leaving) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.noted(r.URL.Path) {
		w.Header().Set("Connection", "close")
	}
	l.next.ServeHTTP(w, r)
}

func (l *leaving) noted(path string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if path == "/readyz" && !l.leaving {
		l.looks++
		l.last = time.Now()
	}
	return l.leaving
}

// leave begins to say so, and returns when no more requests are to be expected:
// at once where nobody watches the node. Who looked once only waited for its
// start.
func (l *leaving) leave() {
	l.mu.Lock()
	l.leaving = true
	watched := l.looks > 1 && time.Since(l.last) < watching
	l.mu.Unlock()
	if watched {
		time.Sleep(notice)
	}
}
