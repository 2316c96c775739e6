// Package storetest is the conformance suite of store: [Run] holds one Store
// against everything its methods promise, and [SQLite] and [Postgres] make
// fresh databases for it and for the tests of other rooms.
//
// It owns no fakes: rooms above the store test against the real one. The one
// invariant: a database it returns is migrated, empty but for the house, and
// gone when the test ends.
package storetest

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"gatehouse/idp"
	"gatehouse/store"
)

// SQLite returns a fresh store on SQLite.
func SQLite(t testing.TB) *store.Store {
	t.Helper()
	b, err := founded()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "founded.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, "sqlite::memory:"+path)
}

// founded is a database with the newest schema and nothing in it: to migrate
// one takes longer than most tests, and this is done once for all of a room.
var founded = sync.OnceValues(func() ([]byte, error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "gatehouse-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "founded.db")
	s, err := store.Open(ctx, "sqlite:"+path)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.Migrate(ctx), s.Close()); err != nil {
		return nil, err
	}
	// Each house has a generation of its own, which Migrate gives it.
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, "DELETE FROM house"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// Postgres returns a fresh store on a database of its own in the server that
// GATEHOUSE_TEST_POSTGRES names. Without the variable the test fails: it is
// never skipped.
func Postgres(t testing.TB) *store.Store {
	t.Helper()
	return open(t, PostgresDSN(t))
}

// PostgresDSN makes an empty database in the server that
// GATEHOUSE_TEST_POSTGRES names, and drops it when the test ends.
func PostgresDSN(t testing.TB) string {
	t.Helper()
	server := os.Getenv("GATEHOUSE_TEST_POSTGRES")
	if server == "" {
		t.Fatal("GATEHOUSE_TEST_POSTGRES names no PostgreSQL server: run make test")
	}
	dsn, err := url.Parse(server)
	if err != nil {
		t.Fatal("GATEHOUSE_TEST_POSTGRES is no URL")
	}
	name := "gatehouse_" + strings.TrimPrefix(string(idp.NewEventID()), "evt_")
	admin(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { admin(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	dsn.Path = "/" + name
	return dsn.String()
}

func admin(t testing.TB, server, sql string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("connect to GATEHOUSE_TEST_POSTGRES: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, dsn string) *store.Store {
	t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}
