package store

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"gatehouse/idp"
)

const (
	isEmpty = `SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM apps) + (SELECT count(*) FROM user_groups)`

	// From here on nothing is accepted or issued: no pass carries ''.
	beginRestore = `UPDATE house SET state = 'restoring', generation = '' WHERE id = 1`

	// $1 now, $2 to $4 what was restored, $5 whether in place.
	endRestore = `UPDATE house SET state = 'unconfirmed', generation = '', restored_at = $1, backup_at = $2, backup_n = $3,
		backup_era = $4, in_place = $5 WHERE id = 1`
	forgetReplays = `DELETE FROM replays`
	// Whatever a worker held when the backup was made is anybody's now.
	freeDeliveries = `UPDATE deliveries SET claimed_by = '', claimed_until = 0 WHERE finished_at = 0 AND claimed_by <> ''`
	freeReceipts   = `UPDATE receipts SET claimed_by = '', claimed_until = 0 WHERE listed_at = 0 AND claimed_by <> ''`
	freeBatches    = `UPDATE batches SET claimed_by = '', claimed_until = 0 WHERE claimed_by <> ''`
	// No Redis is trusted: whatever any of them holds is of a house that is gone.
	dropRegistration = `UPDATE counter SET n = n + 1, redis_n = n + 1, redis_run = '', redis_repl = '', redis_generation = '' WHERE id = 1`
)

// rowsAtOnce is how many rows are sent together.
const rowsAtOnce = 500

// Restore brings a backup into this database, which must be empty, and brings
// the schema up to date. Every pass made before is dead, no Redis is trusted,
// and the house is idp.HouseUnconfirmed until [Store.ConfirmRestore]. What was
// being told to apps when the backup was made is told again. The file is
// checked to its last byte before anything is written. It answers
// idp.Invalid for a file that is no whole backup or is of a newer version,
// idp.Conflict for a database that is not empty. Where it is cut short, the
// house is idp.HouseRestoring, and the same call again does it.
func (s *Store) Restore(ctx context.Context, file io.ReadSeeker) (idp.Backup, error) {
	sealed, err := readSealed(file)
	if err != nil {
		return idp.Backup{}, fmt.Errorf("read the backup: %w", err)
	}
	b, err := readLines(sealed, backupVisitor{})
	if err != nil {
		return idp.Backup{}, fmt.Errorf("read the backup: %w", err)
	}
	if b.Schema > newestSchema() {
		return idp.Backup{}, idp.Errorf(idp.Invalid, "This backup has schema %d, and this version of Gatehouse knows schemas up to %d. Use the version that made it (%s) or a later one.", b.Schema, newestSchema(), b.By)
	}
	if err := s.makeRoom(ctx, b); err != nil {
		return idp.Backup{}, err
	}
	if sealed, err = readSealed(file); err != nil {
		return idp.Backup{}, fmt.Errorf("read the backup again: %w", err)
	}
	err = s.db.load(ctx, func(r runner) error { return s.fill(ctx, r, sealed) })
	if err != nil {
		return idp.Backup{}, s.wrap("restore the backup", err)
	}
	if err := s.Migrate(ctx); err != nil {
		return idp.Backup{}, err
	}
	return b, s.unconfirm(ctx, b, false)
}

// makeRoom brings an empty database to the backup's schema and closes the
// house.
func (s *Store) makeRoom(ctx context.Context, b idp.Backup) error {
	if err := s.db.migrate(ctx, b.Schema); err != nil {
		return s.wrap("migrate the database", err)
	}
	if _, err := s.exec(ctx, "write the house", foundHouse, newGeneration(), us(s.Now())); err != nil {
		return err
	}
	schema, err := one(ctx, s, "schema", scanCount, schemaVersion)
	if err != nil {
		return err
	}
	h, err := s.House(ctx)
	if err != nil {
		return err
	}
	things, err := one(ctx, s, "house", scanCount, isEmpty)
	switch {
	case err != nil:
		return err
	case things > 0 && h.State != idp.HouseRestoring:
		return idp.Errorf(idp.Conflict, "There is a house in this database already. A backup is restored into an empty one: name a new one in GATEHOUSE_DATABASE, or move this one away.")
	case schema != b.Schema:
		return idp.Errorf(idp.Conflict, "The database has a later schema (%d) than the backup (%d). Restore into one that was never used: name a new one in GATEHOUSE_DATABASE, or move this one away.", schema, b.Schema)
	}
	_, err = s.exec(ctx, "begin to restore", beginRestore)
	return err
}

func scanCount(r row) (n int64, err error) { return n, r.Scan(&n) }

// fill replaces all rows by those of the backup.
func (s *Store) fill(ctx context.Context, r runner, from io.Reader) error {
	tables, err := s.catalogue(ctx, r)
	if err != nil {
		return err
	}
	known := map[string]table{}
	for i := len(tables) - 1; i >= 0; i-- {
		t := tables[i]
		known[t.name] = t
		if _, err := r.exec(ctx, `DELETE FROM "`+t.name+`"`); err != nil {
			return err
		}
	}
	var l loader
	_, err = readLines(from, backupVisitor{
		table: func(t backupTable) error {
			if err := l.flush(ctx, r); err != nil {
				return err
			}
			return l.begin(t, known)
		},
		row: func(values []any) error {
			l.steps = append(l.steps, do(l.insert, values...))
			if len(l.steps) < rowsAtOnce {
				return nil
			}
			return l.flush(ctx, r)
		},
	})
	if err != nil {
		return err
	}
	if err := l.flush(ctx, r); err != nil {
		return err
	}
	// The row of the house came with the others.
	n, err := r.exec(ctx, beginRestore)
	if err == nil && n != 1 {
		err = damagedBackup(fmt.Errorf("%d rows of the house", n))
	}
	return err
}

// loader writes rows of one table.
type loader struct {
	insert string
	steps  []step
}

func (l *loader) begin(t backupTable, known map[string]table) error {
	k, ok := known[t.Table]
	if !ok || !sameNames(k.columns, t.Columns) {
		return damagedBackup(fmt.Errorf("table %s is not one of its schema", t.Table))
	}
	places := make([]string, len(t.Columns))
	for i := range places {
		places[i] = "$" + strconv.Itoa(i+1)
	}
	l.insert = `INSERT INTO "` + t.Table + `" ("` + strings.Join(t.Columns, `", "`) + `") VALUES (` + strings.Join(places, ", ") + `)`
	return nil
}

func sameNames(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	seen := map[string]bool{}
	for _, n := range a {
		seen[n] = true
	}
	for _, n := range b {
		if !seen[n] {
			return false
		}
		delete(seen, n)
	}
	return true
}

func (l *loader) flush(ctx context.Context, r runner) error {
	steps := l.steps
	l.steps = l.steps[:0]
	if len(steps) == 0 {
		return nil
	}
	return r.batch(ctx, steps)
}

// RestoredInPlace closes a house whose database was put back by other means
// than a backup of ours: from here on it is as after [Store.Restore].
func (s *Store) RestoredInPlace(ctx context.Context) (idp.Backup, error) {
	h, err := s.House(ctx)
	switch {
	case err != nil:
		return idp.Backup{}, err
	case h.State == idp.HouseRestoring:
		return idp.Backup{}, unfinished()
	case h.State == idp.HouseUnconfirmed:
		return h.From, nil
	}
	b := idp.Backup{At: idp.Time(s.Now()), N: h.N, Era: h.Era, Schema: newestSchema()}
	return b, s.unconfirm(ctx, b, true)
}

// unconfirm ends a restore: one transaction.
func (s *Store) unconfirm(ctx context.Context, b idp.Backup, inPlace bool) error {
	now := us(s.Now())
	e := idp.Event{ID: idp.NewEventID(), At: idp.Time(s.Now()), Kind: "house.restore", Actor: idp.ActorOf(ctx),
		Detail: map[string]string{"backup_at": b.At.UTC().Format("2006-01-02T15:04:05Z"), "backup_n": strconv.FormatInt(b.N, 10)}}
	steps := []step{
		do(forgetReplays), do(freeDeliveries), do(freeReceipts), do(freeBatches),
		do(endRestore, now, us(b.At), b.N, b.Era, bit(inPlace)),
		do(dropRegistration),
	}
	return s.tx(ctx, "end the restore", func(r runner) error {
		if err := r.batch(ctx, append(steps, eventSteps([]idp.Event{e})...)); err != nil {
			return err
		}
		var n int64
		return r.query(ctx, func(r row) error { return r.Scan(&n) }, registrationSQLite, "", newWish(), now, asJSON(idp.ActorOf(ctx)))
	})
}
