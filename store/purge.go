package store

import (
	"context"
	"time"
)

const (
	// $1 is the moment before which things are forgotten, $2 how many at once.
	purgeSignIns   = `DELETE FROM sign_ins WHERE id IN (SELECT id FROM sign_ins WHERE expires_at < $1 LIMIT $2)`
	purgeThrottles = `DELETE FROM throttles WHERE name IN (SELECT name FROM throttles WHERE reset_at < $1 LIMIT $2)`
	purgeSpent     = `DELETE FROM spent WHERE (kind, value) IN (SELECT kind, value FROM spent WHERE expires_at < $1 LIMIT $2)`
	purgeTokens    = `DELETE FROM ended_tokens WHERE id IN (SELECT id FROM ended_tokens WHERE expires_at < $1 LIMIT $2)`
	purgeDevices   = `DELETE FROM device_codes WHERE id IN (SELECT id FROM device_codes WHERE expires_at < $1 LIMIT $2)`
	purgeLinks     = `DELETE FROM links WHERE id IN (SELECT id FROM links
		WHERE expires_at < $1 OR (used_at <> 0 AND used_at < $1) LIMIT $2)`
	purgeMailCodes = `DELETE FROM mail_codes WHERE sign_in_id IN (SELECT sign_in_id FROM mail_codes WHERE expires_at < $1 LIMIT $2)`

	purgeKnown = `DELETE FROM known_devices WHERE id IN (SELECT id FROM known_devices WHERE last_seen_at < $1 LIMIT $2)`
	purgeMails = `DELETE FROM mails WHERE id IN (SELECT id FROM mails WHERE finished_at <> 0 AND finished_at < $1 LIMIT $2)`
	purgeNodes = `DELETE FROM nodes WHERE id IN (SELECT id FROM nodes WHERE seen_at < $1 LIMIT $2)`
)

// purgePage keeps a transaction short, so that a suspension never waits behind
// the cleaning.
const purgePage = 500

// Purge forgets what can matter no more: expired SignIns and mailed codes, spent values, devices,
// tokens that were revoked by themselves,
// counts and refused messages, links thirty days after their use or end, nodes
// that have given no sign of life for a day, known devices that were not seen for
// 400 days, and mails a month after they were sent or given up. In pages; it may
// be interrupted at any time. What receipts are listed from (sessions,
// participants, token families, lines) is
// never forgotten: a receipt may still be listed, and an app still be told.
func (s *Store) Purge(ctx context.Context, now time.Time) error {
	for _, p := range []struct {
		sql    string
		before time.Time
	}{
		{purgeSignIns, now},
		{purgeThrottles, now},
		{purgeSpent, now},
		{purgeTokens, now.Add(-time.Hour)}, // a node whose clock is behind takes the token for longer
		{purgeMailCodes, now},
		{purgeDevices, now.Add(-time.Hour)}, // the device is still told that it came too late
		{purgeRefused, now},
		{purgeLinks, now.Add(-30 * 24 * time.Hour)},
		{purgeKnown, now.Add(-knownDeviceLife)},
		{purgeMails, now.Add(-30 * 24 * time.Hour)},
		{purgeNodes, now.Add(-24 * time.Hour)},
	} {
		for n := int64(purgePage); n == purgePage; {
			var err error
			if n, err = s.exec(ctx, "purge", p.sql, us(p.before), purgePage); err != nil {
				return err
			}
		}
	}
	return nil
}
