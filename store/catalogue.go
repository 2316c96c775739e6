package store

import (
	"context"
	"errors"
	"slices"
)

const (
	tablesSQLite = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`
	tablesPG     = `SELECT CAST(table_name AS TEXT) FROM information_schema.tables
		WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name`
	columnsSQLite = `SELECT name FROM pragma_table_info($1)`
	columnsPG     = `SELECT CAST(column_name AS TEXT) FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`
	leansOnSQLite = `SELECT "table" FROM pragma_foreign_key_list($1)`
	leansOnPG     = `SELECT CAST(p.relname AS TEXT) FROM pg_constraint c JOIN pg_class p ON p.oid = c.confrelid
		WHERE c.contype = 'f' AND c.conrelid = to_regclass($1)`

	schemaVersion = `SELECT CAST(max(version_id) AS BIGINT) FROM goose_db_version`
)

// Tables that are of the running nodes alone, or of the migrations.
var notCopied = []string{"goose_db_version", "nodes", "throttles"}

// table is a table of ours with its columns.
type table struct {
	name    string
	columns []string
}

// catalogue returns the tables that a backup holds, in an order in which each
// comes after those it leans on.
func (s *Store) catalogue(ctx context.Context, r runner) ([]table, error) {
	names, err := texts(ctx, r, s.db.dialect(tablesSQLite, tablesPG))
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(notCopied, n) })
	leans := map[string][]string{}
	for _, n := range names {
		if leans[n], err = texts(ctx, r, s.db.dialect(leansOnSQLite, leansOnPG), n); err != nil {
			return nil, err
		}
	}
	ordered, err := inOrder(names, leans)
	if err != nil {
		return nil, err
	}
	tables := make([]table, len(ordered))
	for i, n := range ordered {
		columns, err := texts(ctx, r, s.db.dialect(columnsSQLite, columnsPG), n)
		if err != nil {
			return nil, err
		}
		tables[i] = table{n, columns}
	}
	return tables, nil
}

// inOrder puts each name after those it leans on; leaning on oneself is no
// order.
func inOrder(names []string, leans map[string][]string) ([]string, error) {
	var ordered []string
	for len(ordered) < len(names) {
		before := len(ordered)
		for _, n := range names {
			ready := !slices.Contains(ordered, n) && !slices.ContainsFunc(leans[n], func(on string) bool {
				return on != n && !slices.Contains(ordered, on)
			})
			if ready {
				ordered = append(ordered, n)
			}
		}
		if len(ordered) == before {
			return nil, errors.New("tables lean on each other in a circle")
		}
	}
	return ordered, nil
}

func texts(ctx context.Context, r runner, sql string, args ...any) ([]string, error) {
	var list []string
	err := r.query(ctx, func(r row) error {
		var s string
		err := r.Scan(&s)
		list = append(list, s)
		return err
	}, sql, args...)
	return list, err
}
