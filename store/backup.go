package store

import (
	"context"
	"fmt"
	"io"
	"strings"

	"gatehouse/idp"
)

// Backup writes everything the house remembers, as of one moment, while it
// goes on working: readers of a snapshot wait for nobody, and nobody for them.
// The same file restores into either database. Secrets are in it as they are
// in the database, sealed with the root key, which is not in it. It answers
// idp.Invalid where the schema is not that of this build.
func (s *Store) Backup(ctx context.Context, to io.Writer, by string) (idp.Backup, error) {
	var b idp.Backup
	err := s.db.snapshot(ctx, func(r runner) (err error) {
		if b, err = s.describe(ctx, r, by); err != nil {
			return err
		}
		w := newBackupWriter(to)
		head := backupHead{backupFormat, backupVersion, b.Schema, b.At, b.N, b.Era, b.By}
		if err := w.line(head); err != nil {
			return err
		}
		tables, err := s.catalogue(ctx, r)
		if err != nil {
			return err
		}
		for _, t := range tables {
			if err := copyOut(ctx, r, w, t); err != nil {
				return fmt.Errorf("table %s: %w", t.name, err)
			}
		}
		b.Rows = w.rows
		return w.close()
	})
	if err != nil {
		return idp.Backup{}, s.wrap("back up", err)
	}
	return b, nil
}

// describe begins the snapshot: what is committed before its first statement
// is in it. The time is taken before that, so that it promises less.
func (s *Store) describe(ctx context.Context, r runner, by string) (idp.Backup, error) {
	b := idp.Backup{At: idp.Time(s.Now()), By: by}
	scan := func(r row) error { return r.Scan(&b.Schema) }
	if err := r.query(ctx, scan, schemaVersion); err != nil {
		return b, idp.Errorf(idp.Invalid, "There is no house in this database.").Because(err)
	}
	if b.Schema != newestSchema() {
		return b, idp.Errorf(idp.Invalid, "The database has schema %d, and this version of Gatehouse works with %d. Use the version that serves it.", b.Schema, newestSchema())
	}
	h, err := houseOf(ctx, r)
	if err != nil {
		return b, err
	}
	if h.State == idp.HouseRestoring {
		return b, unfinished()
	}
	b.N, b.Era = h.N, h.Era
	if h.State == idp.HouseUnconfirmed {
		// What it was restored from is where the journals go on.
		b.N, b.Era = h.From.N, h.From.Era
	}
	return b, nil
}

func copyOut(ctx context.Context, r runner, w *backupWriter, t table) error {
	if err := w.line(backupTable{t.name, t.columns}); err != nil {
		return err
	}
	values, dest := make([]any, len(t.columns)), make([]any, len(t.columns))
	for i := range values {
		dest[i] = &values[i]
	}
	return r.query(ctx, func(r row) error {
		if err := r.Scan(dest...); err != nil {
			return err
		}
		for i, v := range values {
			switch v := v.(type) {
			case nil, int64, string:
			case []byte:
				values[i] = string(v)
			default:
				return fmt.Errorf("column %s holds a %T", t.columns[i], v)
			}
		}
		return w.row(values)
	}, `SELECT "`+strings.Join(t.columns, `", "`)+`" FROM "`+t.name+`"`)
}

func unfinished() error {
	return idp.Errorf(idp.Unavailable, "A backup was being restored into this database, and that was not finished. Run gatehouse restore-backup with the same file again.")
}
