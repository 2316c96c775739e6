package store

import (
	"context"

	"gatehouse/idp"
)

const (
	insertReminder = `INSERT INTO reminders (subject, days, at) VALUES ($1, $2, $3) ON CONFLICT (subject, days) DO NOTHING`
	allReminders   = `SELECT subject, days, at FROM reminders ORDER BY subject, days`
)

// reminderStep refuses one that was given before.
func reminderStep(r idp.Reminder) step {
	return must(stale("reminder"), insertReminder, r.Subject, r.Days, us(r.At))
}

// Reminders returns the reminders that were given.
func (s *Store) Reminders(ctx context.Context) ([]idp.Reminder, error) {
	return list(ctx, s, "reminders", func(r row) (m idp.Reminder, err error) {
		return m, r.Scan(&m.Subject, &m.Days, at(&m.At))
	}, allReminders)
}
