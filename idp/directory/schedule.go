package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
	_ "time/tzdata" // time zones where the machine has none

	"gatehouse/idp"
)

// Schedules is the suspensions that are to come.
type Schedules interface {
	Schedule(ctx context.Context, id idp.ScheduleID) (idp.Schedule, error)
	DueSchedules(ctx context.Context, now time.Time, limit int) ([]idp.Schedule, error)
}

const (
	// farthest is how far ahead a suspension may be scheduled.
	farthest = 10 * 366 * 24 * time.Hour
	// lateAfter is how late one may run without a word about it.
	lateAfter = time.Minute
	// atOnce is how many run beside each other: they wait for Redis together,
	// and leave room for a suspension by hand.
	atOnce = 4
)

// Appointment is what is said of a suspension that is to come.
type Appointment struct {
	Wall   string // a minute on the clocks of Zone: 2026-12-01 17:00
	Zone   string // IANA name: Europe/Berlin
	Reason string
	Myself bool // whoever schedules their own has said so
}

// Schedule has a person suspended at a minute of a time zone. It answers
// idp.Invalid, naming the field, for a zone that is not known, a minute that
// its clocks skip or that is over, and for whoever acts unless they say so.
// A minute that comes twice, when clocks are put back, is the first of the
// two: access ends no later than somebody may have meant.
func (d *Directory) Schedule(ctx context.Context, id idp.UserID, a Appointment) (idp.Schedule, error) {
	why, err := text("reason", a.Reason, 500)
	if err != nil {
		return idp.Schedule{}, err
	}
	wall, due, err := onTheClock(a.Wall, a.Zone)
	if err != nil {
		return idp.Schedule{}, err
	}
	now := d.now()
	switch {
	case !due.After(now):
		return idp.Schedule{}, invalid("at", "This minute is over. To suspend somebody now, leave the time out.")
	case due.Sub(now) > farthest:
		return idp.Schedule{}, invalid("at", "This is more than ten years ahead. Give an earlier minute.")
	}
	if _, err := d.Store.User(ctx, id); err != nil {
		return idp.Schedule{}, err
	}
	if isMyself(ctx, id) && !a.Myself {
		return idp.Schedule{}, d.myself(ctx, id)
	}
	s := idp.Schedule{
		ID: idp.NewScheduleID(), UserID: id, Wall: wall, Zone: a.Zone, DueAt: due, Reason: why, Actor: idp.ActorOf(ctx),
		CreatedAt: now, State: idp.ScheduleWaiting,
	}
	if _, err := d.Store.Commit(ctx, idp.Change{Schedules: []idp.Schedule{s}, Events: []idp.Event{d.ofSchedule(ctx, "user.suspend.schedule", s)}}); err != nil {
		return idp.Schedule{}, err
	}
	s.Version = 1
	return s, nil
}

// onTheClock is the moment at which the clocks of a zone show a minute.
func onTheClock(wall, zone string) (canonical string, at time.Time, err error) {
	var shown time.Time
	for _, layout := range []string{"2006-01-02 15:04", idp.WallLayout} {
		if shown, err = time.Parse(layout, wall); err == nil {
			break
		}
	}
	if err != nil {
		return "", at, invalid("at", "Write the minute as year-month-day hour:minute, like 2026-12-01 17:00.")
	}
	place, err := time.LoadLocation(zone)
	if err != nil || zone == "" || zone == "Local" || len(zone) > 64 {
		return "", at, invalid("zone", "This time zone is not known. Give its IANA name, like Europe/Berlin or UTC.")
	}
	// The clocks are ahead of UTC by what they are the day before or the day
	// after; where both bring the minute about, it comes twice.
	canonical = shown.Format(idp.WallLayout)
	var moments []time.Time
	for _, day := range []time.Duration{-24 * time.Hour, 0, 24 * time.Hour} {
		_, ahead := shown.Add(day).In(place).Zone()
		m := shown.Add(-time.Duration(ahead) * time.Second)
		if m.In(place).Format(idp.WallLayout) == canonical {
			moments = append(moments, m)
		}
	}
	if len(moments) == 0 {
		return "", at, invalid("at", fmt.Sprintf("The clocks of %s are put forward over %s: they never show it. Give another minute.", zone, shown.Format("15:04 on 2006-01-02")))
	}
	return canonical, idp.Time(slices.MinFunc(moments, time.Time.Compare)), nil
}

func (d *Directory) ofSchedule(ctx context.Context, kind string, s idp.Schedule) idp.Event {
	e := d.event(ctx, kind)
	e.UserID = s.UserID
	e.Detail = map[string]string{"schedule": string(s.ID), "at": s.Wall + " " + s.Zone}
	return e
}

// CancelSchedule takes a scheduled suspension back. Asked twice, it is
// cancelled once; idp.Conflict when it has run, or was refused.
func (d *Directory) CancelSchedule(ctx context.Context, id idp.ScheduleID) (idp.Schedule, error) {
	var s idp.Schedule
	err := retry(func() (err error) {
		if s, err = d.Store.Schedule(ctx, id); err != nil {
			return err
		}
		switch s.State {
		case idp.ScheduleCancelled:
			return nil
		case idp.ScheduleWaiting:
		default:
			return over(s)
		}
		s.State, s.FinishedAt, s.CancelledBy = idp.ScheduleCancelled, d.now(), idp.ActorOf(ctx)
		_, err = d.Store.Commit(ctx, idp.Change{Schedules: []idp.Schedule{s}, Events: []idp.Event{d.ofSchedule(ctx, "user.suspend.cancel", s)}})
		return err
	})
	return s, err
}

// over says why a schedule cannot be cancelled any more.
func over(s idp.Schedule) error {
	if s.State == idp.ScheduleDone {
		return idp.Errorf(idp.Conflict, "This suspension has run. Restore the person instead.")
	}
	return idp.Errorf(idp.Conflict, "This suspension was tried and failed; there is nothing to cancel.")
}

// RunDueSchedules suspends those whose scheduled minute has come, up to limit
// of them, and returns how many that were. It may run on every node, late, and
// again after a crash: each runs once, because it is said of the schedule in
// the transaction of its suspension. One that cannot run now holds up no
// other, and is tried again by the next call.
func (d *Directory) RunDueSchedules(ctx context.Context, limit int) (int, error) {
	due, err := d.Store.DueSchedules(ctx, d.now(), limit)
	if err != nil {
		return 0, err
	}
	errs := make([]error, len(due))
	free := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for i, s := range due {
		free <- struct{}{}
		running.Go(func() {
			defer func() { <-free }()
			if err := d.run(ctx, s); err != nil {
				errs[i] = fmt.Errorf("run schedule %s: %w", s.ID, err)
			}
		})
	}
	running.Wait()
	return len(due), errors.Join(errs...)
}

// run suspends whom the schedule names, as whoever scheduled it.
func (d *Directory) run(ctx context.Context, s idp.Schedule) error {
	ctx = idp.WithActor(ctx, idp.Actor{Kind: "schedule", UserID: s.Actor.UserID, CorrelationID: string(s.ID)})
	now := d.now()
	s.FinishedAt = now
	e := d.ofSchedule(ctx, "user.suspend", s)
	if late := now.Sub(s.DueAt); late > lateAfter {
		s.Note = fmt.Sprintf("It ran %s late: no server was at work when its time came.", late.Round(time.Second))
		e.Detail["late"] = late.Round(time.Second).String()
	}
	u, err := d.Store.User(ctx, s.UserID)
	switch {
	case idp.IsKind(err, idp.NotFound):
		return d.refuse(ctx, s, err)
	case err != nil:
		return err
	case u.Status == idp.UserSuspended:
		return d.ranAlready(ctx, s)
	}
	if u.Role == idp.RoleOwner {
		if err := d.keepsAnOwner(ctx, u.ID); idp.IsKind(err, idp.Denied) {
			return d.refuse(ctx, s, err)
		} else if err != nil {
			return err
		}
	}
	s.State = idp.ScheduleDone
	_, err = d.end(ctx, idp.Change{
		Schedules: []idp.Schedule{s},
		Ending:    &idp.Ending{Kind: idp.EndUser, UserID: u.ID, Key: key("schedule", string(s.ID), 0), Reason: s.Reason, At: now},
	}, e)
	switch {
	case idp.IsKind(err, idp.Denied): // the other owner has gone in this moment
		return d.refuse(ctx, s, err)
	case idp.IsKind(err, idp.Conflict): // cancelled in this moment, or another node said how it went
		return nil
	}
	return err
}

// ranAlready notes that there was nothing left to do.
func (d *Directory) ranAlready(ctx context.Context, s idp.Schedule) error {
	r, err := d.suspendedAlready(ctx, s.UserID)
	if err != nil && !idp.IsKind(err, idp.NotFound) {
		return err
	}
	s.State, s.ReceiptID = idp.ScheduleDone, r.ID
	s.Note = spaced("The person was suspended already.", s.Note)
	e := d.ofSchedule(ctx, "user.suspend.already", s)
	e.Detail["receipt"] = string(r.ID)
	return d.saySchedule(ctx, s, e)
}

// refuse writes down, where admins look, that a schedule did not suspend.
func (d *Directory) refuse(ctx context.Context, s idp.Schedule, why error) error {
	s.State = idp.ScheduleFailed
	s.Note = why.Error()
	if e, ok := errors.AsType[*idp.Error](why); ok {
		s.Note = e.Detail
	}
	e := d.ofSchedule(ctx, "user.suspend.fail", s)
	e.Detail["reason"] = s.Note
	return d.saySchedule(ctx, s, e)
}

// saySchedule writes how a schedule went, unless somebody was faster.
func (d *Directory) saySchedule(ctx context.Context, s idp.Schedule, e idp.Event) error {
	_, err := d.Store.Commit(ctx, idp.Change{Schedules: []idp.Schedule{s}, Events: []idp.Event{e}})
	if idp.IsKind(err, idp.Conflict) {
		return nil
	}
	return err
}

func spaced(a, b string) string {
	if b == "" {
		return a
	}
	return a + " " + b
}
