package store_test

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/store/storetest"
)

// TestABrowserIsKnownWhateverCannotBeForgotten: its old secret is dead by then, and who
// is not told the new one is known nowhere. What was left is forgotten the next time.
func TestABrowserIsKnownWhateverCannotBeForgotten(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.SQLite(t), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	now := idp.Time(time.Now())
	generation, err := s.Generation(ctx)
	must(err)
	u := idp.User{ID: idp.NewUserID(), Username: "ada", Role: idp.RoleEmployee, Status: idp.UserActive, Epoch: 1, CreatedAt: now, UpdatedAt: now}
	_, err = s.Commit(ctx, idp.Change{Users: []idp.User{u}})
	must(err)
	know := func(i int) (idp.KnownDevice, error) {
		at := now.Add(time.Duration(i) * time.Second)
		d := idp.KnownDevice{ID: idp.NewKnownDeviceID(), Proof: idp.Proof{UserID: u.ID, Epoch: 1, Generation: generation}, CreatedAt: at, FirstAt: at, LastSeenAt: at}
		return s.KnowDevice(ctx, d, idp.FirstVouch{}, "", fmt.Sprint(i), idp.Event{ID: idp.NewEventID(), At: at, Kind: "signin.device", UserID: u.ID})
	}
	for i := range 40 {
		_, err := know(i)
		must(err)
	}
	must(s.Exec(ctx, `CREATE TRIGGER broken BEFORE DELETE ON known_devices BEGIN SELECT RAISE(ABORT, 'broken'); END`))
	for i := 40; i < 43; i++ {
		d, err := know(i)
		if err != nil || d.ID == "" {
			t.Fatalf("known as %+v, %v", d, err)
		}
	}
	must(s.Exec(ctx, `DROP TRIGGER broken`))
	_, err = know(43)
	must(err)
	all, err := s.KnownDevices(ctx, u.ID)
	must(err)
	if len(all) != 40 {
		t.Errorf("%d are known", len(all))
	}
}
