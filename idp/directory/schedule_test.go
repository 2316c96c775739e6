package directory_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
)

func as(u idp.User) context.Context {
	return idp.WithActor(context.Background(), idp.Actor{Kind: "user", UserID: u.ID})
}

// TestAMinuteOfATimeZone: also where clocks are put forward and back. One that
// never comes is refused; of one that comes twice it is the first.
func TestAMinuteOfATimeZone(t *testing.T) {
	d, _ := newDirectory(t)
	grace := add(t, d, "grace", idp.RoleOwner)
	ada := add(t, d, "ada", idp.RoleEmployee)
	d.Now = func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct{ wall, zone, want string }{
		{"2026-12-01 17:00", "Europe/Berlin", "2026-12-01T16:00:00Z"},
		{"2026-07-01T17:00", "Europe/Berlin", "2026-07-01T15:00:00Z"},
		{"2026-12-01 17:00", "UTC", "2026-12-01T17:00:00Z"},
		{"2026-12-01 17:00", "Asia/Kathmandu", "2026-12-01T11:15:00Z"},
		{"2026-12-01 17:00", "Pacific/Kiritimati", "2026-12-01T03:00:00Z"},
		// Europe/Berlin is put forward at 02:00 on 29 March, back at 03:00 on
		// 25 October.
		{"2026-03-29 01:59", "Europe/Berlin", "2026-03-29T00:59:00Z"},
		{"2026-03-29 02:00", "Europe/Berlin", "never show it"},
		{"2026-03-29 02:59", "Europe/Berlin", "never show it"},
		{"2026-03-29 03:00", "Europe/Berlin", "2026-03-29T01:00:00Z"},
		{"2026-10-25 01:59", "Europe/Berlin", "2026-10-24T23:59:00Z"},
		{"2026-10-25 02:00", "Europe/Berlin", "2026-10-25T00:00:00Z"},
		{"2026-10-25 02:59", "Europe/Berlin", "2026-10-25T00:59:00Z"},
		{"2026-10-25 03:00", "Europe/Berlin", "2026-10-25T02:00:00Z"},
		// Lord Howe Island is put by half an hour.
		{"2026-10-04 02:15", "Australia/Lord_Howe", "never show it"},
		{"2026-04-05 01:45", "Australia/Lord_Howe", "2026-04-04T14:45:00Z"},
		{"2026-02-30 12:00", "UTC", "like 2026-12-01 17:00"},
		{"tomorrow", "UTC", "like 2026-12-01 17:00"},
		{"2026-12-01 17:00", "", "not known"},
		{"2026-12-01 17:00", "Local", "not known"},
		{"2026-12-01 17:00", "Berlin", "not known"},
		{"2026-12-01 17:00", "../../etc/passwd", "not known"},
		{"2026-01-01 00:00", "UTC", "is over"},
		{"2036-12-01 17:00", "UTC", "ten years"},
	} {
		s, err := d.Schedule(as(grace), ada.ID, directory.Appointment{Wall: c.wall, Zone: c.zone})
		got := s.DueAt.Format(time.RFC3339)
		if err != nil {
			got = err.Error()
			if !idp.IsKind(err, idp.Invalid) {
				t.Errorf("%s %s: %v", c.wall, c.zone, err)
			}
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s %s: %s, want %s", c.wall, c.zone, got, c.want)
		}
		if err == nil && s.Wall != strings.Replace(c.wall, " ", "T", 1) {
			t.Errorf("kept as %q", s.Wall)
		}
	}
}

func TestAScheduledSuspension(t *testing.T) {
	d, st := newDirectory(t)
	now := idp.Time(time.Now())
	d.Now = func() time.Time { return now }
	grace, other := add(t, d, "grace", idp.RoleOwner), add(t, d, "olga", idp.RoleOwner)
	ada := add(t, d, "ada", idp.RoleEmployee)
	system := context.Background()
	in := func(id idp.UserID, after time.Duration) idp.Schedule {
		t.Helper()
		wall := now.Add(after).Format(idp.WallLayout)
		return must[idp.Schedule](t)(d.Schedule(as(grace), id, directory.Appointment{Wall: wall, Zone: "UTC", Reason: "leaves", Myself: true}))
	}
	run := func(late time.Duration, s idp.Schedule) idp.Schedule {
		t.Helper()
		now = s.DueAt.Add(late)
		must[int](t)(d.RunDueSchedules(system, 100))
		return must[idp.Schedule](t)(st.Schedule(system, s.ID))
	}
	status := func(id idp.UserID) idp.UserStatus { t.Helper(); return must[idp.User](t)(st.User(system, id)).Status }
	events := func(id idp.UserID) (kinds []string) {
		t.Helper()
		list, _, err := st.Events(system, idp.EventQuery{UserID: id, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			kinds = append(kinds, e.Kind)
		}
		return kinds
	}

	s := in(ada.ID, 2*time.Hour)
	if early := run(-time.Microsecond, s); early.State != idp.ScheduleWaiting || status(ada.ID) != idp.UserActive {
		t.Fatalf("before its time: %+v", early)
	}
	s = run(0, s)
	r := must[idp.Receipt](t)(st.Receipt(system, s.ReceiptID))
	if s.State != idp.ScheduleDone || s.Note != "" || status(ada.ID) != idp.UserSuspended || r.Actor.Kind != "schedule" || r.Actor.UserID != grace.ID || r.Reason != "leaves" {
		t.Errorf("%+v with receipt %+v", s, r)
	}
	if _, err := d.CancelSchedule(as(grace), s.ID); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("cancelled what has run: %v", err)
	}
	// It ran once, also when asked again, and one who was restored since stays.
	must[idp.User](t)(d.Restore(as(other), ada.ID))
	run(time.Hour, s)
	if status(ada.ID) != idp.UserActive {
		t.Error("it ran twice")
	}

	// Suspended by hand before, and restored before: the one is said, the other
	// changes nothing.
	s = in(ada.ID, 2*time.Hour)
	by := must[idp.Receipt](t)(d.Suspend(as(other), ada.ID, "today already"))
	if s = run(0, s); s.State != idp.ScheduleDone || s.ReceiptID != by.ID || !strings.Contains(s.Note, "suspended already") {
		t.Errorf("suspended before: %+v", s)
	}
	s = in(ada.ID, 2*time.Hour)
	must[idp.User](t)(d.Restore(as(other), ada.ID))
	if s = run(3*time.Hour, s); s.State != idp.ScheduleDone || status(ada.ID) != idp.UserSuspended || !strings.Contains(s.Note, "3h0m0s late") {
		t.Errorf("restored before, and late: %+v", s)
	}
	must[idp.User](t)(d.Restore(as(other), ada.ID))

	// Cancelled, and once is enough.
	s = in(ada.ID, 2*time.Hour)
	for range 2 {
		c := must[idp.Schedule](t)(d.CancelSchedule(as(other), s.ID))
		if c.State != idp.ScheduleCancelled || c.CancelledBy.UserID != other.ID {
			t.Errorf("cancelled: %+v", c)
		}
	}
	if s = run(time.Hour, s); s.State != idp.ScheduleCancelled || status(ada.ID) != idp.UserActive {
		t.Errorf("it was cancelled, and ran: %+v", s)
	}

	// Oneself takes a word more; the last owner is refused in the open.
	if _, err := d.Schedule(as(grace), grace.ID, directory.Appointment{Wall: "2030-01-01 00:00", Zone: "UTC"}); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("oneself: %v", err)
	}
	s = in(grace.ID, 2*time.Hour)
	must[idp.Receipt](t)(d.Suspend(as(grace), other.ID, ""))
	if s = run(0, s); s.State != idp.ScheduleFailed || !strings.Contains(s.Note, "Make someone else an owner first") || status(grace.ID) != idp.UserActive {
		t.Errorf("the last owner: %+v", s)
	}
	if got := events(grace.ID); got[0] != "user.suspend.fail" || got[1] != "user.suspend.schedule" {
		t.Errorf("audit of the refused one: %v", got)
	}
	if got := strings.Join(events(ada.ID), " "); strings.Count(got, "user.suspend.schedule") != 4 || strings.Count(got, "user.suspend.cancel") != 1 ||
		strings.Count(got, "user.suspend.already") != 1 || strings.Count(got, "user.suspend ") != 3 {
		t.Errorf("audit: %v", got)
	}
	if _, err := d.CancelSchedule(as(grace), idp.NewScheduleID()); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("what is not there: %v", err)
	}
}
