package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/idp"
	"gatehouse/store/storetest"
)

// TestF09ConnectionsThatDiedInThePoolAreNoAnswer: all of them are ended behind
// the store's back, as a restart of the server does. Who reads, changes or ends
// something after it does not notice. (A single statement that writes may have
// had an effect before the connection died: it answers idp.Unavailable.)
func TestF09ConnectionsThatDiedInThePoolAreNoAnswer(t *testing.T) {
	t.Parallel()
	dsn := storetest.PostgresDSN(t)
	s := opened(t, dsn)
	admin, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	u := idp.User{ID: idp.NewUserID(), Username: "ada", Status: idp.UserActive, Role: idp.RoleEmployee, CreatedAt: time.Now(), UpdatedAt: time.Now()}
	if _, err := s.Commit(t.Context(), idp.Change{Users: []idp.User{u}}); err != nil {
		t.Fatal(err)
	}
	kill := func() {
		t.Helper()
		var reading sync.WaitGroup
		for range 30 { // fills the pool, as far as they meet there
			reading.Go(func() { _, _ = s.Generation(t.Context()) })
		}
		reading.Wait()
		var ended []int32
		if err := admin.QueryRow(t.Context(), `SELECT array_agg(pid) FILTER (WHERE told) FROM (
			SELECT pid, pg_terminate_backend(pid) AS told FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()) AS connections`).Scan(&ended); err != nil || len(ended) == 0 {
			t.Fatalf("ended %v: %v", ended, err)
		}
		soon(t, "they have ended", func() bool {
			var left int
			if err := admin.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)`, ended).Scan(&left); err != nil {
				t.Fatal(err)
			}
			return left == 0
		})
	}
	for name, do := range map[string]func() error{
		"a read": func() error { _, err := s.Generation(t.Context()); return err },
		"a change": func() error {
			_, err := s.Commit(t.Context(), idp.Change{Events: []idp.Event{{ID: idp.NewEventID(), At: time.Now(), Kind: "test"}}})
			return err
		},
		"an ending": func() error {
			_, err := s.Commit(t.Context(), idp.Change{Ending: &idp.Ending{
				Kind: idp.EndUser, UserID: u.ID, Key: "once", ReceiptID: idp.NewReceiptID(), At: time.Now(),
			}})
			return err
		},
	} {
		kill()
		if err := do(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
