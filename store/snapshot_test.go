package store

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// However a snapshot ends, it ends: nothing of it keeps the write-ahead log from
// being emptied.
func TestSQLiteSnapshotsEnd(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	e, err := openSQLite(ctx, filepath.Join(t.TempDir(), "house.db"), new(atomic.Uint64))
	if err != nil {
		t.Fatal(err)
	}
	d := e.(*sqliteDB)
	for _, text := range []string{`CREATE TABLE things (id INTEGER PRIMARY KEY) STRICT`, `INSERT INTO things VALUES (1), (2), (3)`} {
		if _, err := d.exec(ctx, text); err != nil {
			t.Fatal(err)
		}
	}
	read := func(ctx context.Context, r runner, after func()) (n int, err error) {
		return n, r.query(ctx, func(row) error { n++; after(); return nil }, `SELECT id FROM things`)
	}

	func() {
		defer func() { _ = recover() }()
		_ = d.snapshot(ctx, func(r runner) error {
			_, _ = read(ctx, r, func() { panic("whoever reads it") })
			return nil
		})
	}()
	short, cancel := context.WithCancel(ctx)
	err = d.snapshot(short, func(r runner) error {
		n, err := read(short, r, cancel)
		if n != 1 {
			t.Errorf("read %d rows when nobody wanted them any more", n)
		}
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a snapshot that nobody wants any more: %v", err)
	}

	if _, err := d.exec(ctx, `INSERT INTO things VALUES (4)`); err != nil {
		t.Fatal(err)
	}
	var busy, pages, done int
	if err := d.query(ctx, func(r row) error { return r.Scan(&busy, &pages, &done) }, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil || busy != 0 {
		t.Errorf("a reader that is gone holds the log: %d, %v", busy, err)
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	if err := d.snapshot(ctx, func(runner) error { return nil }); !errors.Is(err, errClosed) {
		t.Errorf("a closed database was read: %v", err)
	}
}
