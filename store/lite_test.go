package store

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
)

func newLite(t *testing.T) *liteConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lite.db")
	if _, err := prepareFile(path); err != nil {
		t.Fatal(err)
	}
	c, err := openLite(path, time.Second, new(atomic.Uint64), "journal_mode = WAL", "foreign_keys = 1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.close() })
	if _, err := c.exec(t.Context(), `CREATE TABLE things (id TEXT PRIMARY KEY, n INTEGER) STRICT`); err != nil {
		t.Fatal(err)
	}
	return c
}

// The number of a parameter says which argument it is, wherever it stands.
func TestLiteArgumentsGoByNumber(t *testing.T) {
	c := newLite(t)
	for _, tc := range []struct {
		sql  string
		args []any
		want []any
	}{
		{`SELECT $2, $1, $2`, []any{"one", 2}, []any{int64(2), "one", int64(2)}},
		{`SELECT $3, $1`, []any{"one", nil, idp.UserID("three")}, []any{"three", "one"}},
		{`SELECT $1, $2`, []any{nil, time.Duration(7)}, []any{nil, int64(7)}},
	} {
		var got []any
		err := c.query(t.Context(), func(r row) error {
			values, dest := make([]any, len(tc.want)), make([]any, len(tc.want))
			for i := range values {
				dest[i] = &values[i]
			}
			err := r.Scan(dest...)
			got = values
			return err
		}, tc.sql, tc.args...)
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%s with %v: %v, %v, want %v", tc.sql, tc.args, got, err, tc.want)
		}
	}
	for _, bad := range []struct {
		sql  string
		args []any
	}{
		{`SELECT $1, $2`, []any{"one"}}, {`SELECT ?`, []any{1}}, {`SELECT $name`, []any{1}},
		{`SELECT $1`, []any{1.5}}, {`SELECT 1; SELECT 2`, nil},
	} {
		if err := c.run(nil, bad.sql, bad.args); err == nil {
			t.Errorf("%s with %v was run", bad.sql, bad.args)
		}
	}
}

// What is stored is read into what can hold it, or not at all: a NULL is not
// "", and a text is no number.
func TestLiteReadsOnlyWhatFits(t *testing.T) {
	c := newLite(t)
	var (
		text  string
		name  idp.UserID
		big   int64
		small int8
		when  time.Time
		yes   bool
	)
	read := func(sql string, dest ...any) error {
		return c.query(t.Context(), func(r row) error { return r.Scan(dest...) }, sql)
	}
	if err := read(`SELECT 'a', 'b', 3, 4, 5000000, 1`, &text, &name, &big, &small, at(&when), flag(&yes)); err != nil {
		t.Fatal(err)
	}
	if text != "a" || name != "b" || big != 3 || small != 4 || when.Unix() != 5 || !yes {
		t.Errorf("read %q %q %d %d %s %t", text, name, big, small, when, yes)
	}
	var words []string
	for sql, dest := range map[string]any{
		`SELECT NULL`: &text, `SELECT 1`: &text, `SELECT x'00'`: &text, `SELECT 2`: &name, `SELECT NULL AS n`: &big,
		`SELECT '3'`: &big, `SELECT 300`: &small, `SELECT ''`: at(&when), `SELECT 3`: opaque(new([]byte)), `SELECT 4`: &words,
	} {
		if err := read(sql, dest); err == nil {
			t.Errorf("%s was read into a %T", sql, dest)
		}
	}
	if err := read(`SELECT 'a', 'b'`, &text); err == nil {
		t.Error("two columns were read into one")
	}
}

// However a transaction ends, the next one can begin.
func TestLiteTransactionsAlwaysEnd(t *testing.T) {
	c, ctx := newLite(t), context.Background()
	if err := c.tx(ctx, func(r runner) error {
		_, err := r.exec(ctx, `INSERT INTO things VALUES ('kept', 1)`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	wrong := errors.New("no")
	if err := c.tx(ctx, func(r runner) error {
		_, err := r.exec(ctx, `INSERT INTO things VALUES ('refused', 2)`)
		return errors.Join(wrong, err)
	}); !errors.Is(err, wrong) {
		t.Errorf("what was refused ended with %v", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = c.tx(ctx, func(r runner) error {
			_, _ = r.exec(ctx, `INSERT INTO things VALUES ('panicked', 3)`)
			panic("in the middle")
		})
	}()
	if err := c.tx(ctx, func(r runner) error {
		if _, err := r.exec(ctx, `INSERT INTO things VALUES ('kept', 4)`); err == nil {
			t.Error("a key was given twice")
		}
		// The transaction goes on after a statement that failed.
		n, err := r.exec(ctx, `UPDATE things SET n = 5 WHERE id = 'kept'`)
		if n != 1 {
			t.Errorf("%d rows were changed", n)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	ids, err := texts(ctx, c, `SELECT id FROM things WHERE n = 5 OR id <> 'kept'`)
	if err != nil || !slices.Equal(ids, []string{"kept"}) {
		t.Errorf("there are %v, %v", ids, err)
	}
}

// A pool lends no more than it has, gives up with its caller, and closes what
// comes back after its end.
func TestLitePoolLendsWhatItHas(t *testing.T) {
	base := newLite(t)
	opened := 0
	p := litePool{taken: make(chan struct{}, 2)}
	path := base.path(t)
	p.open = func() (*liteConn, error) {
		opened++
		return openLite(path, time.Second, new(atomic.Uint64), "query_only = 1")
	}
	ctx := t.Context()
	nothing := func(c *liteConn) error { return c.run(nil, `SELECT 1`, nil) }
	err := p.use(ctx, func(a *liteConn) error {
		return p.use(ctx, func(b *liteConn) error {
			if a == b {
				t.Error("a connection was lent twice")
			}
			short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
			defer cancel()
			if err := p.use(short, nothing); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a third was lent: %v", err)
			}
			return nil
		})
	})
	if err := errors.Join(err, p.use(ctx, nothing)); err != nil || opened != 2 {
		t.Errorf("%d were opened, %v", opened, err)
	}
	if err := p.use(ctx, func(c *liteConn) error {
		if _, err := c.exec(ctx, `INSERT INTO things VALUES ('x', 1)`); err == nil {
			t.Error("a reader wrote")
		}
		return errors.Join(p.close(), nothing(c))
	}); err != nil {
		t.Errorf("whoever had one when the pool was closed could not end: %v", err)
	}
	if err := p.use(ctx, nothing); !errors.Is(err, errClosed) {
		t.Errorf("a closed pool lends: %v", err)
	}
}

func (c *liteConn) path(t *testing.T) (path string) {
	t.Helper()
	err := c.query(t.Context(), func(r row) error { return r.Scan(&path) }, `SELECT file FROM pragma_database_list WHERE name = 'main'`)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
