package store

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"gatehouse/idp"
)

// patience is how long one statement may take altogether, the way there and
// back included: a database that went silent is an error, not a wait. It is
// above the server's own limits, which tell more.
const patience = 3 * time.Second

// An ending is answered within two seconds, whatever holds it up: it is tried
// for so long, and where that did not end well, looked for.
const (
	endingPatience = 1500 * time.Millisecond
	recallPatience = 400 * time.Millisecond
)

// endingsConns is how many connections stand by for endings alone.
const endingsConns = 2

// postgresDB is a PostgreSQL primary behind a pool. Endings have a small one
// of their own, so that none waits for a connection behind what is less
// urgent; and what nobody waits for has another, so that whoever asks for an
// ending does not wait for their reads behind it.
type postgresDB struct {
	pool    *pgxpool.Pool
	endings *pgxpool.Pool
	quiet   *pgxpool.Pool
	count   *atomic.Uint64
}

type quietKey struct{}

// InBackground returns a context whose work nobody waits for: on PostgreSQL it
// has connections of its own, half as many as everybody else, and takes none of
// theirs. Endings keep their lane.
func InBackground(ctx context.Context) context.Context {
	return context.WithValue(ctx, quietKey{}, true)
}

// lane is the pool for what is done in ctx.
func (d *postgresDB) lane(ctx context.Context) *pgxpool.Pool {
	if ctx.Value(quietKey{}) != nil {
		return d.quiet
	}
	return d.pool
}

func openPostgres(ctx context.Context, dsn string, count *atomic.Uint64) (engine, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		// pgx leaves the password out of this error.
		return nil, idp.Errorf(idp.Invalid, "The database's postgres:// URL cannot be read.").Because(err)
	}
	if !strings.Contains(dsn, "pool_max_conns") {
		cfg.MaxConns = int32(max(16, 4*runtime.GOMAXPROCS(0)))
	}
	cfg.ConnConfig.ConnectTimeout = 2 * time.Second
	// A standby answers with yesterday's truth: only the primary will do.
	cfg.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	limits := cfg.ConnConfig.RuntimeParams
	limits["application_name"] = "gatehouse"
	// So that a frozen node cannot hold up a suspension (DESIGN section 4, item 3).
	limits["statement_timeout"] = "2s"
	limits["lock_timeout"] = "1s"
	limits["idle_in_transaction_session_timeout"] = "400ms"
	limits["default_transaction_isolation"] = "read committed"
	// Compiling a statement takes longer than any of ours runs.
	limits["jit"] = "off"
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, unavailable(err)
	}
	d := &postgresDB{pool: pool, count: count}
	if err := d.assertDurable(ctx); err != nil {
		pool.Close()
		return nil, d.translate(err)
	}
	lane := pool.Config()
	// One is always open: a server that is full has room for it.
	lane.MinConns, lane.MaxConns = 1, endingsConns
	lane.ConnConfig.RuntimeParams["application_name"] = "gatehouse endings"
	if d.endings, err = pgxpool.NewWithConfig(ctx, lane); err != nil {
		pool.Close()
		return nil, unavailable(err)
	}
	quiet := pool.Config()
	quiet.MaxConns = max(2, quiet.MaxConns/2)
	if d.quiet, err = pgxpool.NewWithConfig(ctx, quiet); err != nil {
		pool.Close()
		d.endings.Close()
		return nil, unavailable(err)
	}
	return d, nil
}

// assertDurable refuses a server that answers COMMIT before it is on disk (and
// on the synchronous standbys, where there are some).
func (d *postgresDB) assertDurable(ctx context.Context) error {
	var commit, fsync string
	err := d.query(ctx, func(r row) error { return r.Scan(&commit, &fsync) },
		`SELECT current_setting('synchronous_commit'), current_setting('fsync')`)
	if err != nil {
		return err
	}
	if commit != "on" && commit != "remote_apply" {
		return idp.Errorf(idp.Unavailable, "PostgreSQL's synchronous_commit is %q: a suspension could be lost after it was confirmed. Set it to on.", commit)
	}
	if fsync != "on" {
		return idp.Errorf(idp.Unavailable, "PostgreSQL's fsync is %q: a suspension could be lost after it was confirmed. Set it to on.", fsync)
	}
	return nil
}

func (d *postgresDB) close() error {
	d.endings.Close()
	d.quiet.Close()
	d.pool.Close()
	return nil
}

func (d *postgresDB) dialect(_, postgres string) string { return postgres }

func (d *postgresDB) migrate(ctx context.Context, version int64) error {
	cfg := d.pool.Config().ConnConfig.Copy()
	// Migrations take the time they take; nodes that start together wait for
	// each other at the lock.
	for _, limit := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		cfg.RuntimeParams[limit] = "0"
	}
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return err
	}
	return up(ctx, version, goose.DialectPostgres, db, migrations, goose.WithSessionLocker(locker))
}

func (d *postgresDB) read(ctx context.Context, each func(row) error, sql string, args ...any) error {
	begun := false
	first := func(r row) error {
		begun = true
		return each(r)
	}
	return d.again(ctx, func(err error) bool { return !begun && broken(err) }, func(ctx context.Context) error {
		return pgRunner{d.lane(ctx), d.count}.query(ctx, first, sql, args...)
	})
}

func (d *postgresDB) exec(ctx context.Context, sql string, args ...any) (n int64, err error) {
	err = d.again(ctx, unsent, func(ctx context.Context) (err error) {
		n, err = pgRunner{d.lane(ctx), d.count}.exec(ctx, sql, args...)
		return err
	})
	return n, err
}

func (d *postgresDB) query(ctx context.Context, each func(row) error, sql string, args ...any) error {
	return d.again(ctx, unsent, func(ctx context.Context) error {
		return pgRunner{d.lane(ctx), d.count}.query(ctx, each, sql, args...)
	})
}

func (d *postgresDB) behind(ctx context.Context, lock step, each func(row) error, sql string, args ...any) error {
	// Two statements, so that the second sees what the lock's last holder wrote.
	return d.again(ctx, unsent, func(ctx context.Context) error {
		return pgRunner{d.lane(ctx), d.count}.send(ctx, []step{lock}, func(res pgx.BatchResults) error {
			if _, err := res.Exec(); err != nil {
				return err
			}
			rows, err := res.Query()
			if err != nil {
				return err
			}
			return scanAll(rows, each)
		}, do(sql, args...))
	})
}

func (d *postgresDB) batch(ctx context.Context, steps []step) error {
	return d.tx(ctx, func(r runner) error { return r.batch(ctx, steps) })
}

func (d *postgresDB) tx(ctx context.Context, fn func(runner) error) error {
	d.count.Add(2)
	var tx pgx.Tx
	// Only BEGIN has gone out when this fails.
	err := d.again(ctx, broken, func(ctx context.Context) (err error) {
		tx, err = d.lane(ctx).Begin(ctx)
		return err
	})
	if err != nil {
		return err
	}
	// The connection goes back also when the caller has gone. After a commit
	// there is nothing to take back.
	defer func() { _ = patiently(context.WithoutCancel(ctx), tx.Rollback) }()
	if err := fn(pgRunner{tx, d.count}); err != nil {
		return err
	}
	return patiently(ctx, tx.Commit)
}

// patiently runs what needs the database once.
func patiently(ctx context.Context, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return fn(ctx)
}

// pgConn is what a pool and a transaction have in common.
type pgConn interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// pgRunner gives each round trip its time.
type pgRunner struct {
	pgConn
	count *atomic.Uint64
}

func (r pgRunner) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	r.count.Add(1)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tag, err := r.Exec(ctx, sql, args...)
	return tag.RowsAffected(), err
}

func (r pgRunner) query(ctx context.Context, each func(row) error, sql string, args ...any) error {
	r.count.Add(1)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rows, err := r.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	return scanAll(rows, each)
}

func scanAll(rows pgx.Rows, each func(row) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// batch sends all steps in one round trip. What it refuses has run: only a
// transaction around it takes it back.
func (r pgRunner) batch(ctx context.Context, steps []step) error {
	if len(steps) == 0 {
		return nil
	}
	return r.send(ctx, steps, func(res pgx.BatchResults) error { return readSteps(res, steps) })
}

// send queues the steps and then more, sends all in one round trip, and has
// the results read. Its error is nil only when the server has confirmed the
// whole batch.
func (r pgRunner) send(ctx context.Context, steps []step, read func(pgx.BatchResults) error, more ...step) error {
	var b pgx.Batch
	for _, list := range [][]step{steps, more} {
		for _, st := range list {
			b.Queue(st.sql, st.args...)
		}
	}
	r.count.Add(uint64(b.Len()))
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	res := r.SendBatch(ctx, &b)
	err := read(res)
	return errors.Join(err, res.Close())
}

func readSteps(res pgx.BatchResults, steps []step) error {
	for _, st := range steps {
		tag, err := res.Exec()
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 && st.refuse != nil {
			return st.refuse
		}
	}
	return nil
}

func (d *postgresDB) translate(err error) error {
	if err, ok := translateCommon(err); ok {
		return err
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		if local := localError(err); local {
			return err
		}
		return unavailable(err)
	}
	switch e.Code {
	case "23505": // unique_violation
		return conflict(e.ConstraintName, err)
	case "23503": // foreign_key_violation
		return dangling(err)
	case "23502": // not_null_violation
		return missing(e.TableName, e.ColumnName, err)
	case "22021", "22P05": // a byte that text cannot hold
		return idp.Errorf(idp.Invalid, "This holds a character that cannot be stored.").Because(err)
	case "40001", "40P01", // serialization failure, deadlock
		"55P03", "57014", "25P03", "25006", "55000": // lock timeout, statement timeout, idle in transaction, read-only, no connections taken
		return unavailable(err)
	}
	switch e.Code[:2] {
	case "08", "53", "57", "58", "28", "3D": // connection, resources, operator, system, authorization, no such database
		return unavailable(err)
	}
	return err
}

// localError reports whether the mistake is in how a value was read or
// written here, not in the connection.
func localError(err error) bool {
	_, scan := errors.AsType[pgx.ScanArgError](err)
	return scan || strings.Contains(err.Error(), "unable to encode")
}
