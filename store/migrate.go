package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// newGeneration returns 130 random bits.
func newGeneration() string { return rand.Text() }

// up applies what is missing of the migrations up to a version; 0 is the
// newest.
func up(ctx context.Context, version int64, dialect goose.Dialect, db *sql.DB, files fs.FS, options ...goose.ProviderOption) error {
	dir, err := fs.Sub(files, "migrations")
	if err != nil {
		return err
	}
	options = append(options, goose.WithDisableGlobalRegistry(true))
	p, err := goose.NewProvider(dialect, db, dir, options...)
	if err != nil {
		return err
	}
	if version == 0 {
		version = newestSchema()
	}
	if _, err := p.UpTo(ctx, version); err != nil {
		return fmt.Errorf("apply migrations: %w", err)
	}
	return nil
}

// newestSchema is the version of the schema that this build works with.
func newestSchema() (newest int64) {
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		panic("store: " + err.Error())
	}
	for _, f := range files {
		if v, err := goose.NumericComponent(f.Name()); err == nil {
			newest = max(newest, v)
		}
	}
	return newest
}

// strict reads the migrations as SQLite wants them: STRICT tables, and
// INTEGER for BIGINT, which STRICT does not know.
type strict struct{ fs.FS }

func (s strict) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	defer f.Close()
	text, err := fs.ReadFile(s.FS, name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return &migration{strings.NewReader(strictSQL(string(text))), info}, nil
}

func strictSQL(text string) string {
	return strings.NewReplacer("BIGINT", "INTEGER", "\n);", "\n) STRICT;").Replace(text)
}

// migration is the open file of a migration's SQLite text.
type migration struct {
	*strings.Reader
	info fs.FileInfo
}

func (m *migration) Stat() (fs.FileInfo, error) { return m.info, nil }
func (m *migration) Close() error               { return nil }
