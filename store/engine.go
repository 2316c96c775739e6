package store

import (
	"context"

	"gatehouse/idp"
)

// row is one row of a result.
type row interface{ Scan(dest ...any) error }

// step is one statement of a transaction. Where refuse is set, a statement
// that touches no row refuses the whole transaction with it.
type step struct {
	sql    string
	args   []any
	refuse error
}

func do(sql string, args ...any) step { return step{sql: sql, args: args} }

func must(refuse error, sql string, args ...any) step {
	return step{sql: sql, args: args, refuse: refuse}
}

// runner runs statements: each by itself, or all in the transaction it stands
// for.
type runner interface {
	exec(ctx context.Context, sql string, args ...any) (int64, error)
	query(ctx context.Context, each func(row) error, sql string, args ...any) error
	// batch runs the steps in order, in one round trip where there is one.
	batch(ctx context.Context, steps []step) error
}

// engine is one database. Its runner half writes; what only reads goes
// through read.
type engine interface {
	runner
	read(ctx context.Context, each func(row) error, sql string, args ...any) error
	// behind runs a statement that writes and answers with rows, in its own
	// transaction behind a lock (PostgreSQL's; on SQLite the one writer is the
	// lock), in one round trip: nothing waits for this process in between.
	behind(ctx context.Context, lock step, each func(row) error, sql string, args ...any) error
	// tx runs fn in one transaction and commits it when fn returns nil.
	tx(ctx context.Context, fn func(runner) error) error
	// share is tx for small hot writes, which on SQLite are committed together
	// when several wait. fn may run more than once. alone: it is one statement.
	share(ctx context.Context, alone bool, fn func(runner) error) error
	// end runs the steps, then takes the ending's number and writes its log
	// row and receipt as the last thing before the commit.
	end(ctx context.Context, steps []step, l logRow) (number, error)
	// log does the same for what is no ending, in nobody's way: no lane of its
	// own, no second try.
	log(ctx context.Context, steps []step, l logRow) (number, error)
	// logMany does that for several rows in one transaction: each takes its own
	// number, all of them last.
	logMany(ctx context.Context, steps []step, rows []logRow) ([]number, error)
	// snapshot runs fn on one consistent state of everything, load in one
	// transaction that is committed when fn returns nil: both on a connection
	// of their own, for as long as it takes.
	snapshot(ctx context.Context, fn func(runner) error) error
	load(ctx context.Context, fn func(runner) error) error
	// migrate brings the schema to a version; 0 is the newest.
	migrate(ctx context.Context, version int64) error
	// prepare prepares statements that read and statements that write, where that
	// saves those who need them first.
	prepare(ctx context.Context, reads, writes []string) error
	// dialect chooses between two texts of one statement.
	dialect(sqlite, postgres string) string
	// translate turns a driver's error into an idp error; nil stays nil.
	translate(err error) error
	close() error
}

// number is what the database says of an ending it has logged.
type number struct {
	n, epoch     int64
	registration idp.Registration // that stood when n was taken
}
