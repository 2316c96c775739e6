package console

import (
	"net/http"
	"sync"
	"time"

	"gatehouse/web/ui"
)

// alarmAge is how old the count on the banner may be.
const alarmAge = 5 * time.Second

// alarm is the count of dead letters, read once for many pages.
type alarm struct {
	mu    sync.Mutex
	asked time.Time
	dead  int
}

// alarmed shows the banner on the pages of h. A count that cannot be read
// keeps nobody from the page.
func (c *Console) alarmed(h ui.Handler) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return h(w, r.WithContext(ui.WithDeadLetters(r.Context(), c.deadLetters(r))))
	}
}

func (c *Console) deadLetters(r *http.Request) int {
	a := &c.alarm
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.asked) < alarmAge {
		return a.dead
	}
	if n, err := c.Store.DeadLetters(r.Context()); err == nil {
		a.dead, a.asked = n, time.Now()
	}
	return a.dead
}

// forget has the next page count again: the alarm has just been answered.
func (a *alarm) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = time.Time{}
}
