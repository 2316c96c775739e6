package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"

	"gatehouse/idp"
)

// checkedSize is up to which size a file is checked whole at start. Above it
// the check would take a good part of the time to start; SQLite still refuses
// a damaged page when it meets one.
const checkedSize = 8 << 20

// sqliteDB is one SQLite file: many connections that only read, and one that
// writes, whose turn endings have before all else. WAL lets the readers see
// the last commit while the writer works; synchronous=FULL makes a commit
// durable before it returns.
type sqliteDB struct {
	readers  *sql.DB
	prepared sync.Map // statement text to *sql.Stmt of readers

	writers *sql.DB
	turns   turns // whose it is may use writer
	sharers sharers
	writer  *sqliteWriter

	scratch string // directory to remove at close; memory databases only
	count   *atomic.Uint64
}

func openSQLite(ctx context.Context, path string, count *atomic.Uint64) (engine, error) {
	d := &sqliteDB{count: count}
	sync := "FULL"
	if from, ok := strings.CutPrefix(path, ":memory:"); ok {
		// A file after all, since SQLite's own memory databases have no WAL:
		// readers and the writer would lock each other out.
		dir, err := os.MkdirTemp("", "gatehouse-")
		if err != nil {
			return nil, fmt.Errorf("make a place for the memory database: %w", err)
		}
		d.scratch, path, sync = dir, filepath.Join(dir, "memory.db"), "OFF"
		if err := copyFile(path, from); err != nil {
			return nil, errors.Join(err, d.close())
		}
	}
	if err := d.open(ctx, path, sync); err != nil {
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

func (d *sqliteDB) open(ctx context.Context, path, sync string) error {
	size, err := prepareFile(path)
	if err != nil {
		return err
	}
	base := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	// Only another program's lock is waited for: longer than that, and a
	// suspension that waits behind one more write takes longer than its 2 s.
	dsn := base.String() + "?_pragma=busy_timeout(1000)&_pragma=foreign_keys(1)&_pragma=synchronous(" + sync + ")"
	if d.writers, err = sql.Open("sqlite", dsn+"&_pragma=journal_mode(WAL)"); err != nil {
		return err
	}
	d.writers.SetMaxOpenConns(1)
	if d.readers, err = sql.Open("sqlite", dsn+"&_pragma=query_only(1)"); err != nil {
		return err
	}
	n := max(4, 2*runtime.GOMAXPROCS(0))
	d.readers.SetMaxOpenConns(n)
	d.readers.SetMaxIdleConns(n)

	var mode string
	if err := d.writers.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return damaged(path, err)
	}
	if mode != "wal" {
		return idp.Errorf(idp.Unavailable, "The file system of %s cannot hold the database: it does not support SQLite's write-ahead log. Use a local disk.", path)
	}
	if size > 0 && size <= checkedSize {
		var verdict string
		if err := d.writers.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
			return damaged(path, err)
		}
		if verdict != "ok" {
			return damaged(path, errors.New(verdict))
		}
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
	if e, ok := errors.AsType[*sqlite.Error](cause); ok && e.Code()&0xff != sqliteCorrupt && e.Code()&0xff != sqliteNotADB {
		return unavailable(cause)
	}
	return idp.Errorf(idp.Unavailable, "The database %s is damaged. Restore it from a backup; nothing was changed.", path).Because(cause)
}

func (d *sqliteDB) close() error {
	var errs []error
	d.prepared.Range(func(_, s any) bool { errs = append(errs, s.(*sql.Stmt).Close()); return true })
	if d.writer != nil {
		_ = d.turns.take(context.Background(), true) // never refused
		errs = append(errs, d.writer.close())
	}
	for _, pool := range []*sql.DB{d.readers, d.writers} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	if d.scratch != "" {
		errs = append(errs, os.RemoveAll(d.scratch))
	}
	return errors.Join(errs...)
}

func (d *sqliteDB) dialect(lite, _ string) string { return lite }

// migrate needs the writing connection for itself.
func (d *sqliteDB) migrate(ctx context.Context, version int64) error {
	if err := d.turns.take(ctx, false); err != nil {
		return err
	}
	defer d.turns.give()
	if d.writer != nil {
		if err := d.writer.close(); err != nil {
			return err
		}
		d.writer = nil
	}
	return up(ctx, version, goose.DialectSQLite3, d.writers, strict{migrations})
}

func (d *sqliteDB) read(ctx context.Context, each func(row) error, text string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, ok := d.prepared.Load(text)
	if !ok {
		fresh, err := d.readers.PrepareContext(ctx, text)
		if err != nil {
			return err
		}
		var lost bool
		if s, lost = d.prepared.LoadOrStore(text, fresh); lost {
			fresh.Close()
		}
	}
	d.count.Add(1)
	return queryStmt(whole(ctx), s.(*sql.Stmt), each, args)
}

// whole lets a statement run to its end when the caller goes away. Ours are
// over before an interrupt would reach them, and the driver starts a goroutine
// for every statement that may be interrupted.
func whole(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

func queryStmt(ctx context.Context, s *sql.Stmt, each func(row) error, args []any) error {
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// write runs fn on the writing connection when its turn has come.
func (d *sqliteDB) write(ctx context.Context, ending bool, fn func(*sqliteWriter) error) error {
	if err := d.turns.take(ctx, ending); err != nil {
		return err
	}
	defer d.turns.give()
	return d.mine(ctx, fn)
}

// mine runs fn on the writing connection, whose turn the caller has.
func (d *sqliteDB) mine(ctx context.Context, fn func(*sqliteWriter) error) error {
	if d.writer == nil {
		conn, err := d.writers.Conn(ctx)
		if err != nil {
			return err
		}
		d.writer = &sqliteWriter{conn: conn, prepared: map[string]*sql.Stmt{}, count: d.count}
	}
	err := fn(d.writer)
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		d.writer.close()
		d.writer = nil
	}
	return err
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
	return d.write(ctx, false, func(w *sqliteWriter) error { return w.query(ctx, each, text, args...) })
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
	return d.write(ctx, ending, func(w *sqliteWriter) error { return w.tx(ctx, fn) })
}

// tx runs fn in one transaction and commits it when fn returns nil.
func (w *sqliteWriter) tx(ctx context.Context, fn func(runner) error) (err error) {
	// Neither end is cut short when the caller goes away. Where they go
	// while it begins, it may have begun.
	detached := context.WithoutCancel(ctx)
	done := false
	defer func() {
		if !done {
			_, undo := w.exec(detached, "ROLLBACK")
			err = errors.Join(err, ignoreNoTx(undo))
		}
	}()
	if _, err := w.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := fn(w); err != nil {
		return err
	}
	if _, err := w.exec(detached, "COMMIT"); err != nil {
		return err
	}
	done = true
	return nil
}

// ignoreNoTx: some failures (a full disk, say) have rolled back already, or
// nothing had begun.
func ignoreNoTx(err error) error {
	if err != nil && strings.Contains(err.Error(), "no transaction is active") {
		return nil
	}
	return err
}

// sqliteWriter is the connection that writes, with its prepared statements.
type sqliteWriter struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
	count    *atomic.Uint64
}

func (w *sqliteWriter) close() error {
	for _, s := range w.prepared {
		s.Close()
	}
	return w.conn.Close()
}

func (w *sqliteWriter) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	w.count.Add(1)
	s, ok := w.prepared[text]
	if ok {
		return s, nil
	}
	s, err := w.conn.PrepareContext(ctx, text)
	if err == nil {
		w.prepared[text] = s
	}
	return s, err
}

func (w *sqliteWriter) exec(ctx context.Context, text string, args ...any) (int64, error) {
	s, err := w.stmt(ctx, text)
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(whole(ctx), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (w *sqliteWriter) query(ctx context.Context, each func(row) error, text string, args ...any) error {
	s, err := w.stmt(ctx, text)
	if err != nil {
		return err
	}
	return queryStmt(whole(ctx), s, each, args)
}

func (w *sqliteWriter) batch(ctx context.Context, steps []step) error {
	for _, st := range steps {
		n, err := w.exec(ctx, st.sql, st.args...)
		if err != nil {
			return err
		}
		if n == 0 && st.refuse != nil {
			return st.refuse
		}
	}
	return nil
}

// SQLite result codes, https://www.sqlite.org/rescode.html.
const (
	sqliteBusy        = 5
	sqliteLocked      = 6
	sqliteReadonly    = 8
	sqliteInterrupt   = 9
	sqliteIOErr       = 10
	sqliteCorrupt     = 11
	sqliteFull        = 13
	sqliteCantOpen    = 14
	sqliteProtocol    = 15
	sqliteNotADB      = 26
	sqliteForeignKey  = 787
	sqliteNotNull     = 1299
	sqlitePrimaryKey  = 1555
	sqliteUnique      = 2067
	sqliteUniqueWords = "UNIQUE constraint failed: "

	sqliteNotNullWords = "NOT NULL constraint failed: "
)

func (d *sqliteDB) translate(err error) error {
	if err, ok := translateCommon(err); ok {
		return err
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
			return unavailable(err)
		}
		return err
	}
	switch e.Code() {
	case sqliteUnique, sqlitePrimaryKey:
		_, columns, _ := strings.Cut(e.Error(), sqliteUniqueWords)
		columns, _, _ = strings.Cut(columns, " (")
		return conflict(columns, err)
	case sqliteForeignKey:
		return dangling(err)
	case sqliteNotNull:
		_, column, _ := strings.Cut(e.Error(), sqliteNotNullWords)
		column, _, _ = strings.Cut(column, " (")
		table, column, _ := strings.Cut(column, ".")
		return missing(table, column, err)
	}
	switch e.Code() & 0xff {
	case sqliteBusy, sqliteLocked, sqliteReadonly, sqliteInterrupt, sqliteIOErr,
		sqliteCorrupt, sqliteFull, sqliteCantOpen, sqliteProtocol, sqliteNotADB:
		return unavailable(err)
	}
	return err
}
