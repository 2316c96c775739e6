package store_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"gatehouse/idp"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

func filled(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "house.db")
	s, err := store.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSQLiteKeepsTheHouseOverARestart(t *testing.T) {
	path := filled(t)
	var generations []string
	for range 2 {
		s, err := store.Open(t.Context(), "sqlite:"+path)
		if err != nil {
			t.Fatal(err)
		}
		g, err := s.Generation(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		generations = append(generations, g)
		s.Close()
	}
	if generations[0] != generations[1] {
		t.Error("a restart made a new generation")
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the database is readable to others: %v", info.Mode())
	}
}

func TestOpenRefusesInsteadOfMakingANewDatabase(t *testing.T) {
	for name, c := range map[string]struct {
		dsn  func(t *testing.T) string
		says string
	}{
		"a directory that is not there": {func(t *testing.T) string { return "sqlite:" + t.TempDir() + "/none/house.db" }, "directory"},
		"a file that is no database": {func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "house.db")
			if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
			return "sqlite:" + path
		}, "damaged"},
		"a damaged page": {func(t *testing.T) string {
			path := filled(t)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 3 * 4096; i < 20*4096; i++ {
				b[i] = 0xaa
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			return "sqlite:" + path
		}, "damaged"},
		"a write-ahead log without its database": {func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "house.db")
			if err := os.WriteFile(path+"-wal", []byte("log"), 0o600); err != nil {
				t.Fatal(err)
			}
			return "sqlite:" + path
		}, "write-ahead log"},
		"an unknown kind": {func(*testing.T) string { return "mysql://x" }, "sqlite:PATH"},
		"a server that loses commits": {func(t *testing.T) string {
			dsn := storetest.PostgresDSN(t)
			conn, err := pgx.Connect(t.Context(), dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			u, _ := url.Parse(dsn)
			if _, err := conn.Exec(t.Context(), "ALTER DATABASE "+strings.Trim(u.Path, "/")+" SET synchronous_commit = off"); err != nil {
				t.Fatal(err)
			}
			return dsn
		}, "synchronous_commit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := store.Open(t.Context(), c.dsn(t))
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("says %q, want a word of %q", err, c.says)
			}
		})
	}
}

func TestTheSchemaRefusesWhatNoRowMayHold(t *testing.T) {
	for name, fresh := range map[string]func(testing.TB) *store.Store{"SQLite": storetest.SQLite, "PostgreSQL": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fresh(t)
			u := idp.User{ID: idp.NewUserID(), Username: "x", Role: "king", Status: idp.UserActive}
			if _, err := s.Commit(t.Context(), idp.Change{Users: []idp.User{u}}); !idp.IsKind(err, idp.Internal) {
				t.Errorf("a role that is none: %v", err)
			}
			g := idp.Grant{ID: idp.NewGrantID(), AppID: "app_x"}
			if _, err := s.Commit(t.Context(), idp.Change{Grants: []idp.Grant{g}}); err == nil {
				t.Error("a grant to nobody was written")
			}
		})
	}
}

func TestADatabaseIsEmptyUntilItsHouseIsFounded(t *testing.T) {
	t.Parallel()
	for name, dsn := range map[string]string{
		"SQLite": "sqlite:" + filepath.Join(t.TempDir(), "house.db"), "PostgreSQL": storetest.PostgresDSN(t),
	} {
		s, err := store.Open(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		before, err := s.Empty(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.MigrateTo(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		begun, err := s.Empty(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		after, err := s.Empty(t.Context())
		if err != nil || !before || !begun || after {
			t.Errorf("%s: empty %t before, %t in the midst of its schema, %t after, %v", name, before, begun, after, err)
		}
	}
}
