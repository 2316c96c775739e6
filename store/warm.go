package store

import "context"

// Warm prepares, on SQLite, what a sign-in by password asks, where the connections
// are that it will get: who comes first after a start does not wait for it. It reads
// and writes nothing.
func (s *Store) Warm(ctx context.Context) error {
	return s.db.prepare(ctx,
		[]string{signInByID, candidateByName, credentialsOf, knownDevice, userByID, sessionByHash},
		[]string{"BEGIN IMMEDIATE", "COMMIT", insertSignIn, countTwoSQLite, uncountSQLite, proveSQLite, insertEvent,
			moveKnownDevices, knowDeviceSQLite, tooMany, finishSignInSQLite, sessionSQLite, spendSQLite})
}

func (d *sqliteDB) prepare(ctx context.Context, reads, writes []string) error {
	each := func(texts []string) func(*liteConn) error {
		return func(c *liteConn) error {
			for _, text := range texts {
				if _, err := c.stmt(text); err != nil {
					return err
				}
			}
			return nil
		}
	}
	if err := d.readers.use(ctx, each(reads)); err != nil {
		return err
	}
	return d.write(ctx, false, each(writes))
}

// prepare has nothing to do: the server prepares, and keeps what it has with each
// connection.
func (d *postgresDB) prepare(context.Context, []string, []string) error { return nil }
