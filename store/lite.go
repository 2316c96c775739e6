package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"
)

// liteConn is one connection to a SQLite file with its prepared statements, for
// one goroutine at a time. Statements run to their end when the caller goes
// away: ours are over before an interrupt would reach them.
type liteConn struct {
	conn     *sqlite.Conn
	prepared map[string]*liteStmt
	count    *atomic.Uint64
}

// liteStmt is a prepared statement.
type liteStmt struct {
	*sqlite.Stmt
	columns int
	args    []int // of which argument each parameter is, from 0
}

// openLite opens the database that is at path. Another program's lock is waited
// for as long as patience.
func openLite(path string, patience time.Duration, count *atomic.Uint64, pragmas ...string) (*liteConn, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(patience)
	c := &liteConn{conn: conn, prepared: map[string]*liteStmt{}, count: count}
	for _, p := range pragmas {
		if err := c.run(nil, "PRAGMA "+p, nil); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	return c, nil
}

func (c *liteConn) close() error { return c.conn.Close() }

func (c *liteConn) stmt(text string) (*liteStmt, error) {
	if s, ok := c.prepared[text]; ok {
		return s, nil
	}
	prepared, err := c.conn.Prepare(text)
	if err != nil {
		return nil, err
	}
	s := &liteStmt{Stmt: prepared, columns: prepared.ColumnCount()}
	// SQLite numbers parameters in the order in which they first appear: $1 is
	// a name to it.
	for i := range prepared.BindParamCount() {
		n, err := strconv.Atoi(strings.TrimPrefix(prepared.BindParamName(i+1), "$"))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("a parameter that is no number: %q", prepared.BindParamName(i+1))
		}
		s.args = append(s.args, n-1)
	}
	c.prepared[text] = s
	return s, nil
}

// run runs one statement and gives its rows to each, which may be nil.
func (c *liteConn) run(each func(row) error, text string, args []any) error {
	s, err := c.stmt(text)
	if err != nil {
		return err
	}
	for i, n := range s.args {
		if n >= len(args) {
			return fmt.Errorf("a statement of %d arguments has a parameter $%d", len(args), n+1)
		}
		if err := s.bind(i+1, args[n]); err != nil {
			return err
		}
	}
	// What went wrong is said by the step.
	defer func() { _ = s.Reset() }()
	for {
		more, err := s.Step()
		if err != nil || !more {
			return err
		}
		if each == nil {
			continue
		}
		if err := each(s); err != nil {
			return err
		}
	}
}

func (s *liteStmt) bind(i int, arg any) error {
	switch v := arg.(type) {
	case nil:
		s.BindNull(i)
	case string:
		s.BindText(i, v)
	case int64:
		s.BindInt64(i, v)
	case int:
		s.BindInt64(i, int64(v))
	default:
		switch v := reflect.ValueOf(arg); v.Kind() {
		case reflect.String:
			s.BindText(i, v.String())
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			s.BindInt64(i, v.Int())
		default:
			return fmt.Errorf("an argument is a %T", arg)
		}
	}
	return nil
}

// Scan reads the row that the statement stands at.
func (s *liteStmt) Scan(dest ...any) error {
	if len(dest) != s.columns {
		return fmt.Errorf("a row of %d columns is read into %d", s.columns, len(dest))
	}
	for i, d := range dest {
		if err := s.read(i, d); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

func (s *liteStmt) read(i int, dest any) error {
	is := s.ColumnType(i)
	switch d := dest.(type) {
	case *any:
		switch is {
		case sqlite.TypeNull:
			*d = nil
		case sqlite.TypeInteger:
			*d = s.ColumnInt64(i)
		default:
			*d = s.ColumnText(i)
		}
		return nil
	case textual:
		if is == sqlite.TypeText {
			return d(s.ColumnText(i))
		}
	case *string:
		if is == sqlite.TypeText {
			*d = s.ColumnText(i)
			return nil
		}
	case integer:
		if is == sqlite.TypeInteger {
			d(s.ColumnInt64(i))
			return nil
		}
	case *int64:
		if is == sqlite.TypeInteger {
			*d = s.ColumnInt64(i)
			return nil
		}
	default:
		v := reflect.ValueOf(dest)
		if v.Kind() != reflect.Pointer {
			break
		}
		switch v = v.Elem(); {
		case v.Kind() == reflect.String && is == sqlite.TypeText:
			v.SetString(s.ColumnText(i))
			return nil
		case v.CanInt() && is == sqlite.TypeInteger && !v.OverflowInt(s.ColumnInt64(i)):
			v.SetInt(s.ColumnInt64(i))
			return nil
		}
	}
	return fmt.Errorf("a stored %s is read into a %T", is, dest)
}

func (c *liteConn) exec(_ context.Context, text string, args ...any) (int64, error) {
	c.count.Add(1)
	err := c.run(nil, text, args)
	return int64(c.conn.Changes()), err
}

func (c *liteConn) query(_ context.Context, each func(row) error, text string, args ...any) error {
	c.count.Add(1)
	return c.run(each, text, args)
}

func (c *liteConn) batch(ctx context.Context, steps []step) error {
	for _, st := range steps {
		n, err := c.exec(ctx, st.sql, st.args...)
		if err != nil {
			return err
		}
		if n == 0 && st.refuse != nil {
			return st.refuse
		}
	}
	return nil
}

// tx runs fn in one transaction and commits it when fn returns nil.
func (c *liteConn) tx(ctx context.Context, fn func(runner) error) (err error) {
	if _, err := c.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	// Some failures (a full disk, say) have rolled back already; and fn may panic.
	defer func() {
		if !c.conn.AutocommitEnabled() {
			_, undo := c.exec(ctx, "ROLLBACK")
			err = errors.Join(err, undo)
		}
	}()
	if err := fn(c); err != nil {
		return err
	}
	_, err = c.exec(ctx, "COMMIT")
	return err
}

// litePool is a number of connections that only read.
type litePool struct {
	open  func() (*liteConn, error)
	taken chan struct{} // a token for each connection that somebody has

	mu     sync.Mutex
	idle   []*liteConn
	closed bool
}

var errClosed = errors.New("the database is closed")

// use runs fn with a connection, once one is free.
func (p *litePool) use(ctx context.Context, fn func(*liteConn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case p.taken <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.taken }()
	c, err := p.take()
	if err != nil {
		return err
	}
	defer p.give(c)
	return fn(c)
}

// take prefers who came back last: it knows most.
func (p *litePool) take() (*liteConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if p.closed || n == 0 {
		return p.another()
	}
	c := p.idle[n-1]
	p.idle = p.idle[:n-1]
	return c, nil
}

// fresh opens a connection that is the caller's own, to close when it has done.
func (p *litePool) fresh() (*liteConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.another()
}

func (p *litePool) another() (*liteConn, error) {
	if p.closed {
		return nil, errClosed
	}
	return p.open()
}

func (p *litePool) give(c *liteConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.close() // it has read all that it will
		return
	}
	p.idle = append(p.idle, c)
}

// close closes what nobody has; the others are closed when they come back.
func (p *litePool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for _, c := range p.idle {
		errs = append(errs, c.close())
	}
	p.idle = nil
	return errors.Join(errs...)
}
