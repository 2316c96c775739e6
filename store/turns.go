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
	_, err := t.wait(ctx, ending, nil)
	return err
}

// takeUnless does so for somebody who needs no turn any more when over is
// closed: then it is not mine, and no error.
func (t *turns) takeUnless(ctx context.Context, over <-chan struct{}) (mine bool, err error) {
	return t.wait(ctx, false, over)
}

func (t *turns) wait(ctx context.Context, ending bool, over <-chan struct{}) (taken bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	t.mu.Lock()
	if !t.taken {
		t.taken = true
		t.mu.Unlock()
		return true, nil
	}
	queue, mine := &t.others, make(chan struct{})
	if ending {
		queue = &t.endings
	}
	place := queue.PushBack(mine)
	t.mu.Unlock()
	select {
	case <-mine:
		return true, nil
	case <-over:
	case <-ctx.Done():
		err = ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-mine: // it came in the same moment
		t.pass()
	default:
		queue.Remove(place)
	}
	return false, err
}

// endingWaits reports whether the next turn is an ending's.
func (t *turns) endingWaits() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.endings.Len() > 0
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
