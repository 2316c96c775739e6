package store

import "context"

// Watch calls saw with every statement that only reads, before it is run; nobody
// else watches any more.
func (s *Store) Watch(saw func(sql string, args []any)) {
	if w, is := s.db.(*watched); is {
		s.db = w.engine
	}
	s.db = &watched{s.db, saw}
}

type watched struct {
	engine
	saw func(sql string, args []any)
}

func (w *watched) read(ctx context.Context, each func(row) error, sql string, args ...any) error {
	w.saw(sql, args)
	return w.engine.read(ctx, each, sql, args...)
}

// LookAt is how many rows a list looks at, at once.
const LookAt = lookAt

// ShareMost is how many share a transaction at most.
const ShareMost = shareMost

// HoldWriter takes SQLite's writer and keeps it until release is called.
func (s *Store) HoldWriter(ctx context.Context) (release func(), err error) {
	turns := &s.db.(*sqliteDB).turns
	return turns.give, turns.take(ctx, false)
}

// Sharing is how many wait to share a transaction.
func (s *Store) Sharing() int {
	q := &s.db.(*sqliteDB).sharers
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// EndingWaits reports whether SQLite's writer goes to an ending next.
func (s *Store) EndingWaits() bool { return s.db.(*sqliteDB).turns.endingWaits() }

// Share runs fn in a transaction that others may share.
func (s *Store) Share(ctx context.Context, fn func() error) error {
	return s.db.share(ctx, false, func(runner) error { return fn() })
}

// MigrateTo brings the schema to a version, as a start that is killed does.
func (s *Store) MigrateTo(ctx context.Context, version int64) error {
	return s.db.migrate(ctx, version)
}

// Exec runs a statement that the store has no method for.
func (s *Store) Exec(ctx context.Context, sql string) error {
	_, err := s.db.exec(ctx, sql)
	return err
}
