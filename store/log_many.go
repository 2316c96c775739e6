package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

func (d *sqliteDB) logMany(ctx context.Context, steps []step, rows []logRow) ([]number, error) {
	numbers := make([]number, len(rows))
	err := d.writeTx(ctx, false, func(r runner) error {
		if err := r.batch(ctx, steps); err != nil {
			return err
		}
		for i, l := range rows {
			if err := logOneSQLite(ctx, r, l, &numbers[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return numbers, err
}

// logOneSQLite takes the next number and writes its log row and receipt.
func logOneSQLite(ctx context.Context, r runner, l logRow, n *number) error {
	if _, err := r.exec(ctx, countSQLite); err != nil {
		return err
	}
	if err := r.query(ctx, func(r row) error { return r.Scan(n.dest()...) }, logSQLite, l.args()...); err != nil {
		return err
	}
	_, err := r.exec(ctx, receiptSQLite, n.n, us(l.cut))
	return err
}

// logMany takes the numbers in one round trip with the COMMIT, so that nobody
// waits for the counter while this process sleeps.
func (d *postgresDB) logMany(ctx context.Context, steps []step, rows []logRow) ([]number, error) {
	var conn *pgxpool.Conn
	err := patiently(ctx, func(ctx context.Context) (err error) {
		conn, err = d.lane(ctx).Acquire(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer conn.Release() // closes it when a transaction was left open
	r := pgRunner{conn, d.count}
	if _, err := r.exec(ctx, "BEGIN"); err != nil {
		return nil, err
	}
	undone := func(err error) error {
		_, undo := r.exec(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(err, undo)
	}
	if err := r.batch(ctx, steps); err != nil {
		return nil, undone(err)
	}
	last := make([]step, len(rows), len(rows)+1)
	for i, l := range rows {
		last[i] = do(logPostgres, append(l.args(), us(l.cut), us(l.shared))...)
	}
	numbers := make([]number, len(rows))
	err = r.send(ctx, nil, func(res pgx.BatchResults) error {
		for i := range numbers {
			if err := res.QueryRow().Scan(numbers[i].dest()...); err != nil {
				return err
			}
		}
		_, err := res.Exec()
		return err
	}, append(last, do("COMMIT"))...)
	if err != nil {
		return nil, undone(err)
	}
	return numbers, nil
}
