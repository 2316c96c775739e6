package redis_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/sessions/redis"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

// fileStore opens a database in a file.
func fileStore(t *testing.T, path string) *store.Store {
	t.Helper()
	db, err := store.Open(context.Background(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return db
}

// TestARedisAheadOfTheDatabaseIsSeen: yesterday's file was put back under a
// Redis that goes on.
func TestARedisAheadOfTheDatabaseIsSeen(t *testing.T) {
	t.Parallel()
	address, path := "redis://"+startRedis(t).addr(), filepath.Join(t.TempDir(), "house.db")
	db := fileStore(t, path)
	n := newNode(t, "a", address, db)
	n.trusted()
	who := n.person()
	n.stop()
	n.must(db.Close())
	yesterday, err := os.ReadFile(path)
	n.must(err)

	db = fileStore(t, path)
	n = newNode(t, "a", address, db)
	n.trusted()
	if _, err := n.dir.Suspend(n.ctx, who.ID, "left"); err != nil {
		t.Fatal(err)
	}
	n.must(n.redis.Look(n.ctx))
	if n.redis.Behind() {
		t.Error("a database that goes on has gone back")
	}
	n.stop()
	n.must(db.Close())

	n.must(os.WriteFile(path, yesterday, 0o600))
	db = fileStore(t, path)
	t.Cleanup(func() { db.Close() })
	look, err := redis.New(address, db, "a", slog.New(slog.NewTextHandler(io.Discard, nil)))
	n.must(err)
	if err := look.Look(n.ctx); !idp.IsKind(err, idp.Unavailable) || !look.Behind() {
		t.Errorf("before it serves: %v", err)
	}
	n = newNode(t, "a", address, db)
	for deadline := time.Now().Add(time.Minute); !n.redis.Behind(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("while it serves: not seen")
		}
	}
	if n.redis.Status().Trusted {
		t.Error("copies of another time are believed")
	}
	n.stop()

	// Restored as it should be, the house goes on with the same Redis.
	_, err = db.RestoredInPlace(n.ctx)
	n.must(err)
	n.must(db.ConfirmRestore(n.ctx))
	n = newNode(t, "a", address, db)
	n.must(n.redis.Look(n.ctx))
	n.trusted()
}

// wanes is a log that a test cuts short under a running node.
type wanes struct {
	*store.Store
	back atomic.Int64
}

func (w *wanes) Position(ctx context.Context, node string, has bool) (idp.Position, error) {
	p, err := w.Store.Position(ctx, node, has)
	p.N -= w.back.Load()
	return p, err
}

// TestANodeSeesTheLogGoBack: also one without a Redis.
func TestANodeSeesTheLogGoBack(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	n := newNode(t, "b", "", db)
	n.person()
	if _, err := n.dir.Suspend(n.ctx, n.person().ID, "left"); err != nil {
		t.Fatal(err)
	}
	log := &wanes{Store: db}
	r, err := redis.New("", log, "a", slog.New(slog.NewTextHandler(io.Discard, nil)))
	n.must(err)
	ctx, cancel := context.WithCancel(n.ctx)
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	time.Sleep(600 * time.Millisecond)
	if r.Behind() {
		t.Error("a log that stands has gone back")
	}
	log.back.Store(1)
	for deadline := time.Now().Add(time.Minute); !r.Behind(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not seen")
		}
	}
	cancel()
	n.must(<-done)
}
