package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite"
	"zombiezen.com/go/sqlite"

	"gatehouse/idp"
)

// checkedSize is up to which size a file is checked whole at start. Above it
// the check would take a good part of the time to start; SQLite still refuses
// a damaged page when it meets one.
const checkedSize = 8 << 20

// lockPatience is how long another program's lock is waited for, and nothing but
// that: longer, and a suspension that waits behind one more write takes longer than
// its 2 s.
const lockPatience = time.Second

// sqliteDB is one SQLite file: many connections that only read, and one that
// writes, whose turn endings have before all else. WAL lets the readers see
// the last commit while the writer works; synchronous=FULL makes a commit
// durable before it returns.
type sqliteDB struct {
	path    string
	sync    string // PRAGMA synchronous
	readers litePool

	turns   turns // whose it is may use writer
	sharers sharers
	writer  *liteConn // nil: opened by whoever needs it
	closed  bool

	scratch string // directory to remove at close; memory databases only
	count   *atomic.Uint64
}

func openSQLite(ctx context.Context, path string, count *atomic.Uint64) (engine, error) {
	d := &sqliteDB{count: count, sync: "FULL"}
	if from, ok := strings.CutPrefix(path, ":memory:"); ok {
		// A file after all, since SQLite's own memory databases have no WAL:
		// readers and the writer would lock each other out.
		dir, err := os.MkdirTemp("", "gatehouse-")
		if err != nil {
			return nil, fmt.Errorf("make a place for the memory database: %w", err)
		}
		d.scratch, path, d.sync = dir, filepath.Join(dir, "memory.db"), "OFF"
		if err := copyFile(path, from); err != nil {
			return nil, errors.Join(err, d.close())
		}
	}
	if err := d.open(ctx, path); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// copyFile makes path a copy of the database that stands closed at from, if any.
func copyFile(path, from string) error {
	if from == "" {
		return nil
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("begin with a copy of a database: %w", err)
	}
	return os.WriteFile(path, b, 0o600)
}

func (d *sqliteDB) open(ctx context.Context, path string) error {
	size, err := prepareFile(path)
	if err != nil {
		return err
	}
	d.path = path
	d.readers.open = func() (*liteConn, error) {
		return openLite(path, lockPatience, d.count, "foreign_keys = 1", "query_only = 1")
	}
	d.readers.taken = make(chan struct{}, max(4, 2*runtime.GOMAXPROCS(0)))
	err = d.write(ctx, false, func(w *liteConn) error { return inspect(ctx, w, path, size) })
	if err, ours := translateCommon(err); ours {
		return err
	}
	return damaged(path, err)
}

// inspect refuses a database that would not keep what it is told.
func inspect(ctx context.Context, w *liteConn, path string, size int64) error {
	mode, err := texts(ctx, w, "PRAGMA journal_mode")
	if err != nil {
		return err
	}
	if !slices.Equal(mode, []string{"wal"}) {
		return idp.Errorf(idp.Unavailable, "The file system of %s cannot hold the database: it does not support SQLite's write-ahead log. Use a local disk.", path)
	}
	if size == 0 || size > checkedSize {
		return nil
	}
	verdict, err := texts(ctx, w, "PRAGMA quick_check(1)")
	if err != nil {
		return err
	}
	if !slices.Equal(verdict, []string{"ok"}) {
		return damaged(path, errors.New(strings.Join(verdict, ", ")))
	}
	return nil
}

// prepareFile makes sure that a new database is made only where none was, and
// readable by its owner only. It returns the size of what is there.
func prepareFile(path string) (int64, error) {
	if path == "" || strings.ContainsAny(path, "?#\x00") {
		return 0, idp.Errorf(idp.Invalid, "The database needs a path, without ? and #.")
	}
	info, err := os.Stat(path)
	if err == nil && info.Size() > 0 {
		return info.Size(), nil
	}
	if log, logErr := os.Stat(path + "-wal"); logErr == nil && log.Size() > 0 {
		return 0, idp.Errorf(idp.Unavailable, "The database %s is gone, but its write-ahead log is still there. Put the file back, or restore from a backup; a new database was not made.", path)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return 0, idp.Errorf(idp.Unavailable, "The database %s cannot be made: check that its directory exists and may be written to.", path).Because(err)
	}
	return 0, f.Close()
}

func damaged(path string, cause error) error {
	if code, ok := sqliteCode(cause); ok && code.ToPrimary() != sqlite.ResultCorrupt && code.ToPrimary() != sqlite.ResultNotADB {
		return unavailable(cause)
	}
	return idp.Errorf(idp.Unavailable, "The database %s is damaged. Restore it from a backup; nothing was changed.", path).Because(cause)
}

func (d *sqliteDB) close() error {
	errs := []error{d.readers.close()}
	_ = d.turns.take(context.Background(), true) // never refused
	defer d.turns.give()
	errs = append(errs, d.closeWriter())
	if d.scratch != "" {
		errs = append(errs, os.RemoveAll(d.scratch))
	}
	d.closed = true
	return errors.Join(errs...)
}

// closeWriter closes the writing connection, whose turn the caller has.
func (d *sqliteDB) closeWriter() error {
	if d.writer == nil {
		return nil
	}
	w := d.writer
	d.writer = nil
	return w.close()
}

func (d *sqliteDB) dialect(lite, _ string) string { return lite }

// migrate needs the writing connection for itself.
func (d *sqliteDB) migrate(ctx context.Context, version int64) error {
	if err := d.turns.take(ctx, false); err != nil {
		return err
	}
	defer d.turns.give()
	if err := d.closeWriter(); err != nil {
		return err
	}
	name := url.URL{Scheme: "file", Opaque: (&url.URL{Path: d.path}).EscapedPath(), RawQuery: fmt.Sprintf(
		"_pragma=busy_timeout(%d)&_pragma=foreign_keys(1)&_pragma=synchronous(%s)", lockPatience.Milliseconds(), d.sync)}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	return up(ctx, version, goose.DialectSQLite3, db, strict{migrations})
}

func (d *sqliteDB) read(ctx context.Context, each func(row) error, text string, args ...any) error {
	return d.readers.use(ctx, func(c *liteConn) error { return c.query(ctx, each, text, args...) })
}

// write runs fn on the writing connection when its turn has come.
func (d *sqliteDB) write(ctx context.Context, ending bool, fn func(*liteConn) error) error {
	if err := d.turns.take(ctx, ending); err != nil {
		return err
	}
	defer d.turns.give()
	return d.mine(ctx, fn)
}

// mine runs fn on the writing connection, whose turn the caller has.
func (d *sqliteDB) mine(ctx context.Context, fn func(*liteConn) error) (err error) {
	if d.closed {
		return errClosed
	}
	if d.writer == nil {
		d.writer, err = openLite(d.path, lockPatience, d.count, "journal_mode = WAL", "foreign_keys = 1", "synchronous = "+d.sync)
		if err != nil {
			return err
		}
	}
	return fn(d.writer)
}

// exec is committed together with what others wait to write: the commit is most
// of what a single statement costs.
func (d *sqliteDB) exec(ctx context.Context, text string, args ...any) (n int64, err error) {
	err = d.share(ctx, true, func(r runner) error {
		n, err = r.exec(ctx, text, args...)
		return err
	})
	return n, err
}

func (d *sqliteDB) query(ctx context.Context, each func(row) error, text string, args ...any) error {
	return d.write(ctx, false, func(w *liteConn) error { return w.query(ctx, each, text, args...) })
}

func (d *sqliteDB) behind(ctx context.Context, _ step, each func(row) error, text string, args ...any) error {
	return d.query(ctx, each, text, args...)
}

func (d *sqliteDB) batch(ctx context.Context, steps []step) error {
	return d.tx(ctx, func(r runner) error { return r.batch(ctx, steps) })
}

func (d *sqliteDB) tx(ctx context.Context, fn func(runner) error) error {
	return d.writeTx(ctx, false, fn)
}

func (d *sqliteDB) writeTx(ctx context.Context, ending bool, fn func(runner) error) error {
	return d.write(ctx, ending, func(w *liteConn) error { return w.tx(ctx, fn) })
}

// sqliteCode is the result code that SQLite gave, if it was SQLite: to us, or to
// the driver that the migrations have
// (https://www.sqlite.org/rescode.html).
func sqliteCode(err error) (sqlite.ResultCode, bool) {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return sqlite.ResultCode(e.Code()), true
	}
	code := sqlite.ErrCode(err)
	return code, code != sqlite.ResultError
}

// What SQLite says before the names of columns.
const (
	uniqueWords  = "UNIQUE constraint failed: "
	notNullWords = "NOT NULL constraint failed: "
)

func (d *sqliteDB) translate(err error) error {
	if err, ok := translateCommon(err); ok {
		return err
	}
	if errors.Is(err, errClosed) {
		return unavailable(err)
	}
	code, ok := sqliteCode(err)
	if !ok {
		return err
	}
	switch code {
	case sqlite.ResultConstraintUnique, sqlite.ResultConstraintPrimaryKey:
		return conflict(after(uniqueWords, err), err)
	case sqlite.ResultConstraintForeignKey:
		return dangling(err)
	case sqlite.ResultConstraintNotNull:
		table, column, _ := strings.Cut(after(notNullWords, err), ".")
		return missing(table, column, err)
	}
	switch code.ToPrimary() {
	case sqlite.ResultBusy, sqlite.ResultLocked, sqlite.ResultReadOnly, sqlite.ResultInterrupt, sqlite.ResultIOErr,
		sqlite.ResultCorrupt, sqlite.ResultFull, sqlite.ResultCantOpen, sqlite.ResultProtocol, sqlite.ResultNotADB:
		return unavailable(err)
	}
	return err
}

// after returns what the text of err says after these words.
func after(words string, err error) string {
	_, said, _ := strings.Cut(err.Error(), words)
	said, _, _ = strings.Cut(said, " (")
	return said
}
