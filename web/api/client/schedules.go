package client

import (
	"context"
	"time"
)

// Schedule is a suspension that is to come.
type Schedule struct {
	ID          string     `json:"id"`
	UserID      string     `json:"user_id"`
	Username    string     `json:"username"`
	At          string     `json:"at"`   // what the clocks of Zone show: 2026-12-01T17:00
	Zone        string     `json:"zone"` // IANA name
	DueAt       time.Time  `json:"due_at"`
	Reason      string     `json:"reason,omitempty"`
	Actor       string     `json:"actor"`
	CreatedAt   time.Time  `json:"created_at"`
	State       string     `json:"state"` // waiting, done, failed or cancelled
	FinishedAt  *time.Time `json:"finished_at,omitempty"`
	ReceiptID   string     `json:"receipt_id,omitempty"`
	Note        string     `json:"note,omitempty"` // why it failed, how late it was
	CancelledBy string     `json:"cancelled_by,omitempty"`
}

// Appointment is what is said of a suspension that is to come.
type Appointment struct {
	At     string `json:"at"`   // 2026-12-01 17:00
	Zone   string `json:"zone"` // Europe/Berlin
	Reason string `json:"reason"`
	Myself bool   `json:"myself,omitempty"` // the token's own person, who means it
}

// Schedule has a person suspended at a minute of a time zone.
func (c *Client) Schedule(ctx context.Context, user string, a Appointment) (Schedule, error) {
	return post[Schedule](ctx, c, "/users/"+seg(user)+"/suspend-schedule", a)
}

// Schedules lists scheduled suspensions, the newest first; user and state may
// be empty.
func (c *Client) Schedules(ctx context.Context, user, state string) ([]Schedule, error) {
	return all[Schedule](ctx, c, "/schedules?"+query("user", user, "state", state))
}

// ScheduleByID returns one scheduled suspension.
func (c *Client) ScheduleByID(ctx context.Context, id string) (Schedule, error) {
	return get[Schedule](ctx, c, "/schedules/"+seg(id))
}

// CancelSchedule takes a scheduled suspension back.
func (c *Client) CancelSchedule(ctx context.Context, id string) (Schedule, error) {
	return post[Schedule](ctx, c, "/schedules/"+seg(id)+"/cancel", nil)
}
