package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/idp"
)

// Store is the house's memory. Its methods are safe for concurrent use; each
// is one atomic step. Times it is given and returns are [idp.Time].
type Store struct {
	// Now is the clock of what no caller gives a time for: the moment of a
	// commit, and when a spent value may be forgotten. Set before first use.
	Now func() time.Time
	// Kept, where set, is told of each ending after its commit and before
	// success is answered: the cut journal. Set before first use.
	Kept func(ctx context.Context, e idp.Ending)
	// Mails says that somebody sends mails: without, those of a Change are not
	// written. Set before first use.
	Mails bool

	// ahead is how far the clock of this node is ahead of the database's, in
	// nanoseconds, as Position saw it last.
	ahead atomic.Int64

	db         engine
	statements *atomic.Uint64
	settings   sync.Map // idp.AppID to appSettings
}

// Open opens the database that dsn names: "sqlite:PATH", "sqlite::memory:"
// (nothing is kept after Close; with a path behind it, it begins as a copy of the
// database that stands closed there) or "postgres://...". It refuses, with a
// sentence, a SQLite file that is damaged or has lost its other half, and a
// PostgreSQL server that would call a commit done before it is durable.
func Open(ctx context.Context, dsn string) (*Store, error) {
	s := &Store{Now: time.Now, statements: new(atomic.Uint64)}
	var err error
	path, isSQLite := strings.CutPrefix(dsn, "sqlite:")
	switch {
	case isSQLite:
		s.db, err = openSQLite(ctx, path, s.statements)
	case strings.HasPrefix(dsn, "postgres://"), strings.HasPrefix(dsn, "postgresql://"):
		s.db, err = openPostgres(ctx, dsn, s.statements)
	default:
		return nil, idp.Errorf(idp.Invalid, "The database must be named as sqlite:PATH or postgres://...")
	}
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return s, nil
}

// Close gives all connections back. A memory database is gone.
func (s *Store) Close() error { return s.db.close() }

const (
	houseSQLite   = `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'house'`
	housePostgres = `SELECT CASE WHEN to_regclass('house') IS NULL THEN 0 ELSE 1 END`
	houses        = `SELECT count(*) FROM house`
)

// Empty reports whether no house was ever founded in this database. It may have
// some of the schema: a first start that was killed left it, or it has lost its
// write-ahead log since.
func (s *Store) Empty(ctx context.Context) (bool, error) {
	scan := func(r row) (n int, err error) { return n, r.Scan(&n) }
	n, err := one(ctx, s, "schema", scan, s.db.dialect(houseSQLite, housePostgres))
	if err == nil && n > 0 {
		n, err = one(ctx, s, "house", scan, houses)
	}
	return err == nil && n == 0, err
}

// Migrate brings the schema up to date and, the first time, gives the house
// its generation. Several nodes may call it at once.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.db.migrate(ctx, 0); err != nil {
		return fmt.Errorf("migrate the database: %w", s.db.translate(err))
	}
	_, err := s.exec(ctx, "write the house", foundHouse, newGeneration(), us(s.Now()))
	return err
}

// Ping answers nil when the database can be written to right now: it writes.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.exec(ctx, "ping the database", touchHouse)
	return err
}

// Generation returns the house's generation.
func (s *Store) Generation(ctx context.Context) (string, error) {
	return one(ctx, s, "house", func(r row) (g string, err error) {
		return g, r.Scan(&g)
	}, selectGeneration)
}

// Statements returns how many statements were sent since Open, BEGIN and
// COMMIT included: what an operation costs can be counted.
func (s *Store) Statements() uint64 { return s.statements.Load() }

const (
	foundHouse       = `INSERT INTO house (id, generation, created_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING`
	touchHouse       = `UPDATE house SET created_at = created_at WHERE id = 1`
	selectGeneration = `SELECT generation FROM house WHERE id = 1`
)

// one reads the single row of a noun; idp.NotFound when there is none.
func one[T any](ctx context.Context, s *Store, noun string, scan func(row) (T, error), sql string, args ...any) (T, error) {
	list, err := list(ctx, s, noun, scan, sql, args...)
	if err == nil && len(list) == 0 {
		err = idp.Errorf(idp.NotFound, "There is no such %s.", noun)
	}
	if err != nil {
		var none T
		return none, err
	}
	return list[0], nil
}

// list reads all rows of a statement.
func list[T any](ctx context.Context, s *Store, noun string, scan func(row) (T, error), sql string, args ...any) ([]T, error) {
	var list []T
	err := s.db.read(ctx, collect(&list, scan), sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", noun, s.db.translate(err))
	}
	return list, nil
}

func collect[T any](list *[]T, scan func(row) (T, error)) func(row) error {
	return func(r row) error {
		v, err := scan(r)
		*list = append(*list, v)
		return err
	}
}

// returning runs one writing statement and reads the rows it returns.
func returning[T any](ctx context.Context, s *Store, what string, scan func(row) (T, error), sql string, args ...any) ([]T, error) {
	var list []T
	if err := s.db.query(ctx, collect(&list, scan), sql, args...); err != nil {
		return nil, fmt.Errorf("%s: %w", what, s.db.translate(err))
	}
	return list, nil
}

// exec runs one writing statement and returns how many rows it touched.
func (s *Store) exec(ctx context.Context, what, sql string, args ...any) (int64, error) {
	n, err := s.db.exec(ctx, sql, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, s.db.translate(err))
	}
	return n, nil
}

// tx runs fn in one transaction.
func (s *Store) tx(ctx context.Context, what string, fn func(runner) error) error {
	if err := s.db.tx(ctx, fn); err != nil {
		return fmt.Errorf("%s: %w", what, s.db.translate(err))
	}
	return nil
}

// wrap says what was being done when the database refused.
func (s *Store) wrap(what string, err error) error {
	return fmt.Errorf("%s: %w", what, s.db.translate(err))
}
