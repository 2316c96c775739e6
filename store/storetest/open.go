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
	"fmt"
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
	dir, err := os.MkdirTemp("", "gatehouse-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "founded.db")
	if err := found("sqlite", path, "sqlite:"+path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// foundedPostgres is the name of such a database in PostgreSQL, of which others
// are copies. It goes when its server does.
var foundedPostgres = sync.OnceValues(func() (string, error) {
	dsn, err := newDSN()
	if err != nil {
		return "", err
	}
	name := strings.TrimPrefix(dsn.Path, "/")
	if err := admin("CREATE DATABASE " + name); err != nil {
		return "", err
	}
	return name, found("pgx", dsn.String(), dsn.String())
})

// found migrates a database that driver opens by name, and takes the house out
// again: each has a generation of its own, which Migrate gives it.
func found(driver, name, dsn string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, dsn)
	if err != nil {
		return err
	}
	if err := errors.Join(s.Migrate(ctx), s.Close()); err != nil {
		return err
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "DELETE FROM house")
	return errors.Join(err, db.Close())
}

// Postgres returns a fresh store on a database of its own in the server that
// GATEHOUSE_TEST_POSTGRES names. Without the variable the test fails: it is
// never skipped.
func Postgres(t testing.TB) *store.Store {
	t.Helper()
	founded, err := foundedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	return open(t, database(t, " TEMPLATE "+founded))
}

// PostgresDSN makes an empty database in the server that
// GATEHOUSE_TEST_POSTGRES names, and drops it when the test ends.
func PostgresDSN(t testing.TB) string {
	t.Helper()
	return database(t, "")
}

// database makes a database, as the rest of the statement says, and drops it
// when the test ends.
func database(t testing.TB, as string) string {
	t.Helper()
	dsn, err := newDSN()
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(dsn.Path, "/")
	if err := admin("CREATE DATABASE " + name + as); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := admin("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return dsn.String()
}

// newDSN names a database that is not there yet.
func newDSN() (*url.URL, error) {
	server := os.Getenv("GATEHOUSE_TEST_POSTGRES")
	if server == "" {
		return nil, errors.New("GATEHOUSE_TEST_POSTGRES names no PostgreSQL server: run make test")
	}
	dsn, err := url.Parse(server)
	if err != nil {
		return nil, errors.New("GATEHOUSE_TEST_POSTGRES is no URL")
	}
	dsn.Path = "/gatehouse_" + strings.TrimPrefix(string(idp.NewEventID()), "evt_")
	return dsn, nil
}

// admin runs a statement on the server, in no database of ours.
func admin(sql string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, os.Getenv("GATEHOUSE_TEST_POSTGRES"))
	if err != nil {
		return fmt.Errorf("connect to GATEHOUSE_TEST_POSTGRES: %w", err)
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
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

// TablesOfPeople lists the tables of the newest schema whose rows name a person, by
// name.
func TablesOfPeople(t testing.TB) (names []string) {
	t.Helper()
	b, err := founded()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "founded.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
		WHERE m.type = 'table' AND c.name = 'user_id' ORDER BY m.name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}
