package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	// refusedKept is how many messages of one bucket are kept at most.
	refusedKept = 20
	refusedLife = 7 * 24 * time.Hour

	// Two at the same moment may take the same slot: one of them is kept.
	keepRefused = `INSERT INTO refused_messages (bucket, slot, n, event_id, correlation, binding, message, expires_at)
		SELECT $1, (m.n + 1) % $2, m.n + 1, $3, $4, $5, $6, $7 FROM (SELECT COALESCE(MAX(n), 0) AS n FROM refused_messages WHERE bucket = $1) m WHERE true
		ON CONFLICT (bucket, slot) DO UPDATE SET n = excluded.n, event_id = excluded.event_id, correlation = excluded.correlation,
			binding = excluded.binding, message = excluded.message, expires_at = excluded.expires_at WHERE excluded.n > refused_messages.n`
	refusedAbout = `SELECT event_id, binding, message FROM refused_messages
		WHERE correlation = $1 AND correlation <> '' AND expires_at > $2 ORDER BY bucket, n LIMIT 100`
	purgeRefused = `DELETE FROM refused_messages WHERE (bucket, slot) IN (SELECT bucket, slot FROM refused_messages WHERE expires_at < $1 LIMIT $2)`
)

// RecordRefused appends the audit line of a refusal, and keeps the message that
// was refused for a week. Of one app the newest are kept: those that are proven
// to be its own never make room for what a stranger may have sent in its name.
func (s *Store) RecordRefused(ctx context.Context, e idp.Event, m idp.RefusedMessage) error {
	bucket := string(e.AppID)
	if m.Proven {
		bucket += "+"
	}
	return s.tx(ctx, "record a refusal", func(r runner) error {
		return r.batch(ctx, append(eventSteps([]idp.Event{e}),
			do(keepRefused, bucket, refusedKept, e.ID, e.Actor.CorrelationID, m.Binding, m.Text, us(e.At.Add(refusedLife)))))
	})
}

// RefusedMessages are those that are kept of one correlation ID, by the ID of the
// audit line.
func (s *Store) RefusedMessages(ctx context.Context, correlation string) (map[idp.EventID]idp.RefusedMessage, error) {
	type kept struct {
		id idp.EventID
		m  idp.RefusedMessage
	}
	found, err := list(ctx, s, "refused messages", func(r row) (k kept, err error) {
		return k, r.Scan(&k.id, &k.m.Binding, &k.m.Text)
	}, refusedAbout, correlation, us(s.Now()))
	out := make(map[idp.EventID]idp.RefusedMessage, len(found))
	for _, k := range found {
		out[k.id] = k.m
	}
	return out, err
}
