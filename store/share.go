package store

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
)

// shareMost is how many share one transaction at most, so that an ending that
// waits for the writer does not wait for a crowd.
const shareMost = 16

// shared is what one caller writes in a transaction that others may share.
type shared struct {
	fn    func(runner) error
	alone bool // fn is one statement, which needs no BEGIN and COMMIT by itself
	err   error
	over  chan struct{} // closed when err counts
}

// sharers are those who wait to share a transaction.
type sharers struct {
	mu      sync.Mutex
	waiting []*shared
}

func (q *sharers) join(s *shared) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, s)
}

// leave reports whether s waited still; else somebody writes, or has written,
// what it wants.
func (q *sharers) leave(s *shared) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, w := range q.waiting {
		if w == s {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// next takes those who have waited longest out of the queue, at most n.
func (q *sharers) next(n int) []*shared {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(len(q.waiting), n)
	group := append([]*shared(nil), q.waiting[:n]...)
	q.waiting = append(q.waiting[:0], q.waiting[n:]...)
	return group
}

var errUnshared = errors.New("the transaction that this was part of did not end")

// share runs fn in a transaction, and commits what others wait to write
// together with it: one commit, which is most of what a small write costs, then
// makes all of it durable, and nobody is answered before. Whoever has the
// writer's turn does it for all who wait. What one of them gets wrong is undone
// for all, and each then writes alone: so fn may run more than once, and what it
// sets must be set anew. alone: fn is one statement.
func (d *sqliteDB) share(ctx context.Context, alone bool, fn func(runner) error) error {
	s := &shared{fn: fn, alone: alone, err: errUnshared, over: make(chan struct{})}
	d.sharers.join(s)
	// Who could join is often about to, and a commit costs more than a word to
	// the scheduler. On an idle machine nobody is waited for.
	runtime.Gosched()
	mine, err := d.turns.takeUnless(ctx, s.over)
	switch {
	case err != nil && d.sharers.leave(s):
		return err
	case !mine, !d.sharers.leave(s):
		if mine {
			d.turns.give()
		}
		<-s.over
		return s.err
	}
	defer d.turns.give()
	return d.writeAll(ctx, s, d.sharers.next(shareMost-1))
}

// writeAll writes what s and others want, with those who come while it does and
// no ending waits, and answers the others.
func (d *sqliteDB) writeAll(ctx context.Context, s *shared, others []*shared) error {
	defer func() {
		for _, o := range others {
			close(o.over)
		}
	}()
	if len(others) == 0 {
		s.err = d.writeOne(ctx, s)
		return s.err
	}
	group := slices.Concat(others, []*shared{s})
	wrong := false
	err := d.mine(ctx, func(w *liteConn) error {
		return w.tx(ctx, func(r runner) error {
			for i := 0; i < len(group); i++ {
				if err := group[i].fn(r); err != nil {
					wrong = true
					return err
				}
				if i == len(group)-1 && !d.turns.endingWaits() {
					late := d.sharers.next(shareMost - len(group))
					others, group = append(others, late...), append(group, late...)
				}
			}
			return nil
		})
	})
	for _, s := range group {
		if s.err = err; wrong {
			s.err = d.writeOne(ctx, s)
		}
	}
	return s.err
}

func (d *sqliteDB) writeOne(ctx context.Context, s *shared) error {
	return d.mine(ctx, func(w *liteConn) error {
		if s.alone {
			return s.fn(w)
		}
		return w.tx(ctx, s.fn)
	})
}

// share runs fn by itself: PostgreSQL has ways of its own to commit together.
func (d *postgresDB) share(ctx context.Context, alone bool, fn func(runner) error) error {
	if alone {
		return fn(d)
	}
	return d.tx(ctx, fn)
}
