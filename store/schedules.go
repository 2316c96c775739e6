package store

import (
	"context"
	"strconv"
	"time"

	"gatehouse/idp"
)

const (
	scheduleColumns = `s.id, s.user_id, s.wall, s.zone, s.due_at, s.reason, s.actor, s.created_at, s.state, s.finished_at,
		s.receipt_id, s.note, s.cancelled_by, s.version`
	insertSchedule = `INSERT INTO schedules (id, user_id, wall, zone, due_at, reason, actor, created_at, state, finished_at,
		receipt_id, note, cancelled_by, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1)`
	// How it went is said once.
	updateSchedule = `UPDATE schedules SET state = $3, finished_at = $4, receipt_id = $5, note = $6, cancelled_by = $7,
		version = version + 1 WHERE id = $1 AND version = $2 AND state = 'waiting'`

	scheduleByID  = `SELECT ` + scheduleColumns + ` FROM schedules s WHERE s.id = $1`
	dueSchedules  = `SELECT ` + scheduleColumns + ` FROM schedules s WHERE s.state = 'waiting' AND s.due_at <= $1 ORDER BY s.due_at, s.id LIMIT $2`
	schedulesPage = `SELECT ` + scheduleColumns + ` FROM schedules s
		WHERE (CAST($1 AS BIGINT) = 0 OR (s.created_at, s.id) < ($1, $2)) AND ($3 = '' OR s.state = $3)`
	schedulesOrder = ` ORDER BY s.created_at DESC, s.id DESC LIMIT $4`
	schedulesAll   = schedulesPage + schedulesOrder
	schedulesOf    = schedulesPage + ` AND s.user_id = $5` + schedulesOrder
)

func scanSchedule(r row) (s idp.Schedule, err error) {
	return s, r.Scan(&s.ID, &s.UserID, &s.Wall, &s.Zone, at(&s.DueAt), &s.Reason, inJSON(&s.Actor), at(&s.CreatedAt), &s.State,
		at(&s.FinishedAt), &s.ReceiptID, &s.Note, inJSON(&s.CancelledBy), &s.Version)
}

func scheduleStep(s idp.Schedule) step {
	if s.Version == 0 {
		return do(insertSchedule, s.ID, s.UserID, s.Wall, s.Zone, us(s.DueAt), s.Reason, asJSON(s.Actor), us(s.CreatedAt), s.State,
			us(s.FinishedAt), s.ReceiptID, s.Note, asJSON(s.CancelledBy))
	}
	return must(stale("schedule"), updateSchedule, s.ID, s.Version, s.State, us(s.FinishedAt), s.ReceiptID, s.Note, asJSON(s.CancelledBy))
}

// Schedule returns the scheduled suspension with this ID.
func (s *Store) Schedule(ctx context.Context, id idp.ScheduleID) (idp.Schedule, error) {
	return one(ctx, s, "scheduled suspension", scanSchedule, scheduleByID, id)
}

// DueSchedules returns up to limit scheduled suspensions whose time has come
// and of which nothing is said yet, the oldest first.
func (s *Store) DueSchedules(ctx context.Context, now time.Time, limit int) ([]idp.Schedule, error) {
	return list(ctx, s, "scheduled suspensions that are due", scanSchedule, dueSchedules, us(now), limit)
}

// Schedules returns a page of scheduled suspensions, the newest first, and the
// cursor of the next: "" at the end.
func (s *Store) Schedules(ctx context.Context, q idp.ScheduleQuery) ([]idp.Schedule, string, error) {
	key, err := keyOf(q.After, 2)
	if err != nil {
		return nil, "", err
	}
	before, err := wholeNumber(key[0])
	if err != nil {
		return nil, "", err
	}
	n := limit(q.Limit)
	sql, args := schedulesAll, []any{before, key[1], q.State, n + 1}
	if q.UserID != "" {
		sql, args = schedulesOf, append(args, q.UserID)
	}
	found, err := list(ctx, s, "scheduled suspensions", scanSchedule, sql, args...)
	if err != nil {
		return nil, "", err
	}
	schedules, next := page(found, n, func(s idp.Schedule) string { return cursor(strconv.FormatInt(us(s.CreatedAt), 10), string(s.ID)) })
	return schedules, next, nil
}
