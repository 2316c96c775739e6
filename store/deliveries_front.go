package store

import (
	"context"

	"gatehouse/idp"
)

const (
	// The line may have been listed already, or is listed later: it has the same
	// ID either way.
	leadLine = insertDeliveryValues + ` ON CONFLICT (id) DO UPDATE SET lever = excluded.lever, attempts = excluded.attempts,
		first_sent_at = excluded.first_sent_at, answer = excluded.answer, again_at = excluded.again_at,
		ceiling = excluded.ceiling, next_at = excluded.next_at, signed = 0 WHERE deliveries.finished_at = 0`
	answerLine = `UPDATE deliveries SET state = $3, acked_at = $4, latency_ms = $5, answer = $6, ceiling = $7, next_at = $8,
		finished_at = $9, signed = 0 WHERE id = $1 AND lever = $2 AND finished_at = 0`
)

// LeadDelivery writes down that the person's browser was led to an app: as the
// line that listing makes for the app, which then stays as it is.
func (s *Store) LeadDelivery(ctx context.Context, d idp.Delivery) error {
	_, err := s.exec(ctx, "lead a browser to an app", leadLine, deliveryArgs(d)...)
	return err
}

// AnswerDelivery writes down how a line stands to which a browser was led, now
// that the app has answered. idp.Conflict when the line is final, or no such.
func (s *Store) AnswerDelivery(ctx context.Context, d idp.Delivery) error {
	n, err := s.exec(ctx, "write down an app's answer", answerLine, d.ID, d.Lever, d.State, us(d.AckedAt), d.LatencyMS,
		d.Answer, us(d.Ceiling), us(d.NextAt), us(d.FinishedAt))
	if err == nil && n == 0 {
		err = idp.Errorf(idp.Conflict, "This line is settled already.")
	}
	return err
}
