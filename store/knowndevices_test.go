package store_test

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

// known is a person, and what knows them in one more browser.
func known(t *testing.T, s *store.Store) (idp.User, func(i int, told ...idp.Mail) (idp.KnownDevice, error)) {
	t.Helper()
	now := idp.Time(time.Now())
	generation, err := s.Generation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	u := idp.User{ID: idp.NewUserID(), Username: "ada", Role: idp.RoleEmployee, Status: idp.UserActive, Epoch: 1, CreatedAt: now, UpdatedAt: now}
	if _, err := s.Commit(t.Context(), idp.Change{Users: []idp.User{u}}); err != nil {
		t.Fatal(err)
	}
	return u, func(i int, told ...idp.Mail) (idp.KnownDevice, error) {
		at := now.Add(time.Duration(i) * time.Second)
		d := idp.KnownDevice{ID: idp.NewKnownDeviceID(), Proof: idp.Proof{UserID: u.ID, Epoch: 1, Generation: generation}, CreatedAt: at, FirstAt: at, LastSeenAt: at}
		return s.KnowDevice(t.Context(), d, idp.FirstVouch{}, "", fmt.Sprint(i), idp.Event{ID: idp.NewEventID(), At: at, Kind: "signin.device", UserID: u.ID}, told...)
	}
}

// TestOfANewBrowserThePersonIsToldOrItIsNotKnown: where the mail cannot be written, it is
// as new the next time. Of the first there is nothing to tell.
func TestOfANewBrowserThePersonIsToldOrItIsNotKnown(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.SQLite(t), t.Context()
	s.Mails = true
	u, know := known(t, s)
	notice := func() idp.Mail { return idp.NewMail(idp.MailNewDevice, u, time.Now()) }
	_, first := know(0, notice())
	broke := s.Exec(ctx, `CREATE TRIGGER broken BEFORE INSERT ON mails BEGIN SELECT RAISE(ABORT, 'broken'); END`)
	_, untold := know(1, notice())
	mended := s.Exec(ctx, `DROP TRIGGER broken`)
	if first != nil || broke != nil || untold == nil || mended != nil {
		t.Fatal(first, broke, untold, mended)
	}
	for i, want := range []int{1, 2} {
		all, err := s.KnownDevices(ctx, u.ID)
		if err != nil || len(all) != want {
			t.Errorf("known are %+v, %v", all, err)
		}
		mails, err := s.MailsOf(ctx, u.ID, 10)
		if err != nil || len(mails) != want-1 {
			t.Errorf("told are %+v, %v", mails, err)
		}
		if _, err := know(2+i, notice()); err != nil {
			t.Fatal(err)
		}
	}
}

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
	u, know := known(t, s)
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
	_, err := know(43)
	must(err)
	all, err := s.KnownDevices(ctx, u.ID)
	must(err)
	if len(all) != 40 {
		t.Errorf("%d are known", len(all))
	}
}
