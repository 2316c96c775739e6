package store

import (
	chain "container/list"
	"context"
	"sync"
)

// turns gives one thing to one user at a time: to endings before everybody
// else, and among each in the order of asking. The zero value is free.
type turns struct {
	mu              sync.Mutex
	taken           bool
	endings, others chain.List // of chan struct{}, closed when the turn has come
}

// take waits for the turn, or until ctx ends; only nil is a turn.
func (t *turns) take(ctx context.Context, ending bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.mu.Lock()
	if !t.taken {
		t.taken = true
		t.mu.Unlock()
		return nil
	}
	queue, mine := &t.others, make(chan struct{})
	if ending {
		queue = &t.endings
	}
	place := queue.PushBack(mine)
	t.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-mine: // it came in the same moment
		t.pass()
	default:
		queue.Remove(place)
	}
	return ctx.Err()
}

// give ends the turn.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pass()
}

func (t *turns) pass() {
	queue := &t.endings
	if queue.Len() == 0 {
		queue = &t.others
	}
	if queue.Len() == 0 {
		t.taken = false
		return
	}
	close(queue.Remove(queue.Front()).(chan struct{}))
}
