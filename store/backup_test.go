package store_test

import (
	"testing"

	"gatehouse/store"
	"gatehouse/store/storetest"
)

// TestBackupRestoresIntoEitherDatabase: one format for both.
func TestBackupRestoresIntoEitherDatabase(t *testing.T) {
	t.Parallel()
	lite := func(t *testing.T) *store.Store { return storetest.SQLite(t) }
	pg := func(t *testing.T) *store.Store { return storetest.Postgres(t) }
	for _, c := range []struct {
		name       string
		from, into func(*testing.T) *store.Store
	}{
		{"SQLite", lite, lite}, {"PostgreSQL", pg, pg}, {"SQLite to PostgreSQL", lite, pg}, {"PostgreSQL to SQLite", pg, lite},
	} {
		t.Run(c.name, func(t *testing.T) { storetest.RunBackup(t, c.from(t), c.into(t)) })
	}
}

// TestEveryDamagedBackupIsRefused: each byte flipped, each length.
func TestEveryDamagedBackupIsRefused(t *testing.T) {
	t.Parallel()
	storetest.RunDamagedBackup(t, storetest.SQLite(t), storetest.SQLite(t))
}

func TestARestoreThatBreaksOffIsNotAHouse(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) { storetest.RunBrokenRestore(t, storetest.SQLite(t), storetest.SQLite(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { storetest.RunBrokenRestore(t, storetest.SQLite(t), storetest.Postgres(t)) })
}
