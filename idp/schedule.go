package idp

import "time"

// ScheduleState is how a scheduled suspension stands.
type ScheduleState string

const (
	ScheduleWaiting   ScheduleState = "waiting"
	ScheduleDone      ScheduleState = "done"
	ScheduleFailed    ScheduleState = "failed" // refused when its time had come; Note says why
	ScheduleCancelled ScheduleState = "cancelled"
)

// Schedule is a suspension that is to come: at a minute on the clocks of a
// time zone.
type Schedule struct {
	ID     ScheduleID
	UserID UserID
	Wall   string    // what those clocks show, as it was said: 2026-12-01T17:00
	Zone   string    // IANA name
	DueAt  time.Time // what that was resolved to when it was said
	Reason string
	Actor  Actor // who scheduled it
	// CreatedAt orders the list.
	CreatedAt  time.Time
	State      ScheduleState
	FinishedAt time.Time // zero while it waits
	ReceiptID  ReceiptID // of the suspension, when it is done
	// Note is what there is to say of how it went: why it failed, how late it
	// was, that the person was suspended already.
	Note        string
	CancelledBy Actor
	Version     int64
}

// WallLayout is how a minute on a wall clock is written.
const WallLayout = "2006-01-02T15:04"

// ScheduleQuery selects schedules, the newest first.
type ScheduleQuery struct {
	UserID UserID        // empty: any
	State  ScheduleState // empty: any
	After  string        // cursor of the page before
	Limit  int           // 1 to 500; 0: 50
}
