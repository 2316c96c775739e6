package store

import (
	"context"
	"errors"
	"io"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// A connection that died while it lay in the pool (the server restarted, a
// firewall forgot it) says so to the first who uses it, and all of them may be
// dead at once. That is no answer of the database: what cannot have had an
// effect goes out again on the next one, until patience ends.

// again runs fn, and once more for every dead connection that it meets.
func (d *postgresDB) again(ctx context.Context, harmless func(error) bool, fn func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for range d.lane(ctx).Stat().MaxConns() + 1 {
		if err = fn(ctx); err == nil || ctx.Err() != nil || !harmless(err) {
			break
		}
	}
	return err
}

// unsent reports whether nothing of it has reached the server, for the
// connection was dead.
func unsent(err error) bool {
	_, refused := errors.AsType[*pgconn.ConnectError](err)
	return !refused && pgconn.SafeToRetry(err)
}

// broken reports whether the connection ended before the answer came. What
// only reads may be asked again.
func broken(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code == "57P01" || e.Code == "57P02" // the server was stopped, or has crashed
	}
	if _, refused := errors.AsType[*pgconn.ConnectError](err); refused {
		return false
	}
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	return unsent(err)
}
