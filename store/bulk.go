package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// Whole tables are read and written on a connection of their own, in one
// transaction that may take the time it takes and is in nobody's way: readers
// of a snapshot lock nothing, and a house that is loaded serves nobody.

// snapshot runs fn on one consistent state of the database. It takes long in a
// large house: it ends when ctx does, however it ends nothing of it is left.
func (d *sqliteDB) snapshot(ctx context.Context, fn func(runner) error) (err error) {
	conn, err := d.readers.fresh()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(ctx.Err(), err, conn.close()) }() // ends the transaction, too
	conn.conn.SetInterrupt(ctx.Done())
	if _, err := conn.exec(ctx, "BEGIN"); err != nil {
		return err
	}
	return fn(conn)
}

// load runs fn in one transaction and commits it when fn returns nil.
func (d *sqliteDB) load(ctx context.Context, fn func(runner) error) error {
	return d.writeTx(ctx, false, func(r runner) error {
		if _, err := r.exec(ctx, "PRAGMA defer_foreign_keys = 1"); err != nil {
			return err
		}
		return fn(r)
	})
}

func (d *postgresDB) snapshot(ctx context.Context, fn func(runner) error) error {
	return d.alone(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, fn)
}

func (d *postgresDB) load(ctx context.Context, fn func(runner) error) error {
	return d.alone(ctx, pgx.TxOptions{}, fn)
}

// alone runs fn in a transaction on a connection without the limits of the
// pool.
func (d *postgresDB) alone(ctx context.Context, o pgx.TxOptions, fn func(runner) error) error {
	cfg := d.pool.Config().ConnConfig.Copy()
	for _, limit := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		cfg.RuntimeParams[limit] = "0"
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	tx, err := conn.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	// After a commit there is nothing to take back.
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if err := fn(pgBulk{tx}); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// pgBulk waits as long as the caller does.
type pgBulk struct{ tx pgx.Tx }

func (b pgBulk) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	tag, err := b.tx.Exec(ctx, sql, args...)
	return tag.RowsAffected(), err
}

func (b pgBulk) query(ctx context.Context, each func(row) error, sql string, args ...any) error {
	rows, err := b.tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	return scanAll(rows, each)
}

func (b pgBulk) batch(ctx context.Context, steps []step) error {
	var list pgx.Batch
	for _, st := range steps {
		list.Queue(st.sql, st.args...)
	}
	res := b.tx.SendBatch(ctx, &list)
	err := readSteps(res, steps)
	return errors.Join(err, res.Close())
}
