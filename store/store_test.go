package store_test

import (
	"testing"

	"gatehouse/store"
	"gatehouse/store/storetest"
)

func TestConformanceOnSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store { return storetest.SQLite(t) })
}

func TestConformanceOnPostgreSQL(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store { return storetest.Postgres(t) })
}
