package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	knownDeviceColumns = `d.id, d.user_id, d.epoch, d.generation, d.created_at, d.first_at, d.last_seen_at, d.address,
		d.user_agent, d.trusted_until, d.asks, d.trusted_at, d.trusted_by, d.vouched, d.by_mail`

	// The same of what was written.
	knownDeviceReturned = ` RETURNING id, user_id, epoch, generation, created_at, first_at, last_seen_at, address,
		user_agent, trusted_until, asks, trusted_at, trusted_by, vouched, by_mail`

	// The same where there may be none.
	knownDeviceOrNone = `COALESCE(d.id, ''), COALESCE(d.user_id, ''), COALESCE(d.epoch, 0), COALESCE(d.generation, ''),
		COALESCE(d.created_at, 0), COALESCE(d.first_at, 0), COALESCE(d.last_seen_at, 0), COALESCE(d.address, ''),
		COALESCE(d.user_agent, ''), COALESCE(d.trusted_until, 0), COALESCE(d.asks, 0), COALESCE(d.trusted_at, 0), COALESCE(d.trusted_by, 0),
		COALESCE(d.vouched, 0), COALESCE(d.by_mail, 0)`

	knownDevice = `SELECT ` + knownDeviceColumns + `, u.status, u.epoch, h.generation, h.cut_before, c.n
		FROM known_devices d JOIN users u ON u.id = d.user_id CROSS JOIN house h CROSS JOIN counter c
		WHERE d.secret_hash = $1 AND d.user_id = $2`

	// A browser that gets to know one more person gets another secret, for all
	// who are known there: one that somebody had put there knows nobody then.
	// On PostgreSQL in the turn of the user ($3), which others take before these rows.
	moveKnownDevices         = `UPDATE known_devices SET secret_hash = $2 WHERE secret_hash = $1 AND $3 <> ''`
	moveKnownDevicesPostgres = `WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(hashtextextended($3, 0)))
		UPDATE known_devices SET secret_hash = $2 FROM turn WHERE secret_hash = $1`
	// $4 is the secret, $5 the ID of a new one, $6 now; $9 what speaks for it, and
	// $10 what does for the first of a person by version $12 of the policy, $11 whether
	// that asks; $13 when the person was first here, $14 whether a
	// mail alone let them in. Who was here before is no news; mostly the first is none
	// either, there is nothing to tell it from. Of whom nobody has said, while the person
	// was asked (since $15), that they are the person, that they were here before is
	// nothing: whoever has waited for so long with a stolen password is asked about anew.
	knownDeviceInto = `INSERT INTO known_devices (id, user_id, secret_hash, epoch, generation, created_at, first_at,
		last_seen_at, address, user_agent, trusted_until, by_mail, asks, vouched) `
	hasOthers = `CASE WHEN EXISTS (SELECT 1 FROM known_devices o WHERE o.user_id = $1) THEN 1 ELSE CAST($11 AS BIGINT) END,
		CASE WHEN EXISTS (SELECT 1 FROM known_devices o WHERE o.user_id = $1) OR NOT EXISTS (SELECT 1 FROM house_policy WHERE version = $12)
			THEN CAST($9 AS BIGINT) ELSE CAST($10 AS BIGINT) END`
	knownDeviceAgain = ` ON CONFLICT (secret_hash, user_id) DO UPDATE SET epoch = excluded.epoch, generation = excluded.generation,
		created_at = excluded.created_at, first_at = CASE WHEN known_devices.asks = 1 AND known_devices.first_at < CAST($15 AS BIGINT) THEN excluded.first_at ELSE known_devices.first_at END,
		last_seen_at = excluded.last_seen_at, address = excluded.address,
		user_agent = excluded.user_agent, trusted_until = 0, trusted_at = 0, vouched = excluded.vouched,
		by_mail = excluded.by_mail` + knownDeviceReturned
	knowDeviceSQLite = knownDeviceInto + `SELECT $5, u.id, $4, $2, $3, $6, $13, $6, $7, $8, 0, $14, ` + hasOthers + `
		FROM users u CROSS JOIN house h WHERE ` + proven + knownDeviceAgain
	knowDevicePostgres = standingPostgres + ` ` + knownDeviceInto + `SELECT $5, ok.id, $4, $2, $3, CAST($6 AS BIGINT), CAST($13 AS BIGINT), $6, $7, $8, 0, $14, ` + hasOthers + ` FROM ok` + knownDeviceAgain
	// Those beyond are forgotten: nobody fills the table by signing in without a cookie,
	// and nobody empties it so. $3 is the one that was just written, which stays. The
	// person's first and those they have answered for come before what anybody has who
	// has stolen a password, whatever they have set up since; of that, what came in a
	// crowd, and last in it, goes first, be it the thief's own; of the rest the longest
	// unseen. $4 is since when there is a crowd, of
	// more than $5.
	tooMany = `DELETE FROM known_devices WHERE id IN (SELECT id FROM (SELECT id,
		ROW_NUMBER() OVER (ORDER BY CASE WHEN id = $3 THEN 0 ELSE 1 END,
			CASE WHEN since = 0 THEN 0 WHEN since >= $4 AND nth > $5 THEN 2 ELSE 1 END,
			CASE WHEN since >= $4 AND nth > $5 THEN nth ELSE 0 END, last_seen_at DESC, id DESC) AS place
		FROM (SELECT id, last_seen_at, since, ROW_NUMBER() OVER (PARTITION BY since >= $4 ORDER BY since, id) AS nth
			FROM (SELECT id, last_seen_at, CASE WHEN asks = 1 THEN first_at ELSE 0 END AS since
				FROM known_devices WHERE user_id = $1) a) b) c WHERE place > $2)`

	trustDevice = ` UPDATE known_devices SET trusted_until = $5, trusted_at = $6, trusted_by = $7 WHERE id = $4 AND user_id = $1 AND epoch = $2 AND generation = $3
		AND ` + sinceCut + ` AND EXISTS (SELECT 1 FROM ok)`
	trustDeviceSQLite   = standingSQLite + trustDevice
	trustDevicePostgres = standingPostgres + trustDevice

	untrusted      = ` SET trusted_until = 0, trusted_at = 0 WHERE trusted_at <> 0 AND `
	untrustDevice  = `UPDATE known_devices` + untrusted + `id = $1 AND user_id = $2`
	untrustDevices = `UPDATE known_devices` + untrusted + `user_id = $1`

	touchKnownDevice = `UPDATE known_devices SET last_seen_at = $2, address = $3, user_agent = $4 WHERE id = $1 AND last_seen_at < $2`
	knownDevices     = `SELECT ` + knownDeviceColumns + ` FROM known_devices d JOIN users u ON u.id = d.user_id CROSS JOIN house h
		WHERE d.user_id = $1 AND u.status = 'active' AND d.epoch = u.epoch AND d.generation = h.generation AND d.created_at >= h.cut_before
		ORDER BY d.last_seen_at DESC, d.id`
	everyDevice = `SELECT ` + knownDeviceColumns + ` FROM known_devices d WHERE d.user_id = $1 ORDER BY d.last_seen_at DESC, d.id`

	// Whoever says that it is theirs speaks for it no louder than their own browser.
	ownKnownDevice = `UPDATE known_devices SET asks = 0, vouched = CASE WHEN vouched < $3 THEN CAST($3 AS BIGINT) ELSE vouched END
		WHERE id = $1 AND user_id = $2 AND asks = 1`
	vouchKnownDevice = `UPDATE known_devices SET vouched = CASE WHEN vouched < $4 THEN CAST($4 AS BIGINT) ELSE vouched END,
		by_mail = CASE WHEN by_mail > $5 THEN CAST($5 AS BIGINT) ELSE by_mail END
		WHERE id = $1 AND epoch = $2 AND generation = $3 AND (vouched < $4 OR by_mail > $5)`
	forgetKnownDevice  = `DELETE FROM known_devices WHERE id = $1 AND user_id = $2`
	forgetOtherDevices = `DELETE FROM known_devices WHERE user_id = $1 AND id <> $2`
)

const (
	// maxKnownDevices is how many browsers are remembered of one person.
	maxKnownDevices = 40
	// More than so many new ones within so long are a crowd.
	crowdOf, crowdWithin = 8, 7 * 24 * time.Hour
)

func knownDeviceDest(d *idp.KnownDevice) []any {
	return []any{&d.ID, &d.UserID, &d.Epoch, &d.Generation, at(&d.CreatedAt), at(&d.FirstAt), at(&d.LastSeenAt), &d.Address,
		&d.UserAgent, at(&d.TrustedUntil), flag(&d.Asks), at(&d.TrustedAt), &d.TrustedBy, &d.Vouched, flag(&d.ByMail)}
}

func scanKnownDevice(r row) (d idp.KnownDevice, err error) { return d, r.Scan(knownDeviceDest(&d)...) }

// KnownDevice finds the known device of a user by the hash of its secret, with
// the standing of the user of the same moment. One statement.
func (s *Store) KnownDevice(ctx context.Context, hash string, user idp.UserID) (idp.KnownDevice, idp.Standing, error) {
	var st idp.Standing
	d, err := one(ctx, s, "known device", func(r row) (d idp.KnownDevice, err error) {
		return d, r.Scan(append(knownDeviceDest(&d), standingDest(&st)...)...)
	}, knownDevice, hash, user)
	return d, st, err
}

// KnowDevice writes a known device with the hash of its secret where its proof
// stands, and the event in the same transaction: idp.Unauthenticated where it
// does not stand. All that was known by the hash was, is known by the new one
// from then on; a user who was among them keeps ID, Asks and FirstAt, but that where it
// asks and nobody has answered for [idp.AskedFor]. The first of a user asks as d does, and first speaks for it, by the policy as it stands. It returns
// the device as it is kept.
func (s *Store) KnowDevice(ctx context.Context, d idp.KnownDevice, first idp.FirstVouch, was, hash string, e idp.Event, told ...idp.Mail) (idp.KnownDevice, error) {
	before := append([]step{do(s.db.dialect(moveKnownDevices, moveKnownDevicesPostgres), was, hash, d.UserID)}, eventSteps([]idp.Event{e})...)
	args := []any{d.UserID, d.Epoch, d.Generation, hash, d.ID, us(d.CreatedAt), d.Address, d.UserAgent, d.Vouched, first.By, bit(d.Asks), first.Policy, us(d.FirstAt), bit(d.ByMail), us(d.CreatedAt.Add(-idp.AskedFor))}
	var kept []idp.KnownDevice
	err := s.db.share(ctx, false, func(r runner) error {
		kept = nil
		err := r.batch(ctx, before)
		if err == nil {
			err = r.query(ctx, collect(&kept, scanKnownDevice), s.db.dialect(knowDeviceSQLite, knowDevicePostgres), args...)
		}
		switch {
		case err != nil:
			return err
		case len(kept) == 0:
			return refused()
		case kept[0].Asks:
			return r.batch(ctx, s.mailSteps(told))
		}
		return nil
	})
	if err != nil {
		return idp.KnownDevice{}, s.wrap("remember a device", err)
	}
	// By itself: with other locks in hand, two of one person could wait for each
	// other. The device is known by now, and the browser's old secret dead: who is not
	// given the new one is known nowhere. What this leaves, the next one forgets.
	_, _ = s.exec(ctx, "forget the devices beyond", tooMany, d.UserID, maxKnownDevices, kept[0].ID, us(d.CreatedAt.Add(-crowdWithin)), crowdOf)
	return kept[0], nil
}

// TrustDevice sets TrustedAt, TrustedUntil and TrustedBy of d where its proof
// stands, and d still carries it, and the event in the same transaction;
// idp.Unauthenticated where not.
func (s *Store) TrustDevice(ctx context.Context, d idp.KnownDevice, e idp.Event) error {
	steps := append([]step{must(refused(), s.db.dialect(trustDeviceSQLite, trustDevicePostgres),
		d.UserID, d.Epoch, d.Generation, d.ID, us(d.TrustedUntil), us(d.TrustedAt), d.TrustedBy)}, eventSteps([]idp.Event{e})...)
	return s.tx(ctx, "trust a device", func(r runner) error { return r.batch(ctx, steps) })
}

// UntrustDevice has a device of a user remembered no more in place of a second
// factor, in one transaction with the event; idp.NotFound where it was not.
func (s *Store) UntrustDevice(ctx context.Context, id idp.KnownDeviceID, user idp.UserID, e idp.Event) error {
	return s.knownDeviceStep(ctx, "untrust a device", untrustDevice, e, id, user)
}

// TouchKnownDevice notes when, where from and by what d was seen, forward only.
func (s *Store) TouchKnownDevice(ctx context.Context, d idp.KnownDevice) error {
	_, err := s.exec(ctx, "touch a known device", touchKnownDevice, d.ID, us(d.LastSeenAt), d.Address, d.UserAgent)
	return err
}

// VouchKnownDevice notes what speaks for d by now, and that it is not known by mail
// alone, where d carries the proof that it was read with, and never less than did.
func (s *Store) VouchKnownDevice(ctx context.Context, d idp.KnownDevice) error {
	_, err := s.exec(ctx, "note what speaks for a device", vouchKnownDevice, d.ID, d.Epoch, d.Generation, d.Vouched, bit(d.ByMail))
	return err
}

// KnownDevices returns the known devices of a user whose proof stands, the one
// seen last first, at most 40.
func (s *Store) KnownDevices(ctx context.Context, user idp.UserID) ([]idp.KnownDevice, error) {
	return list(ctx, s, "known devices", scanKnownDevice, knownDevices, user)
}

// EveryDevice returns what is kept of browsers on which a user has signed in, also
// of those whose proof no longer stands, the one seen last first.
func (s *Store) EveryDevice(ctx context.Context, user idp.UserID) ([]idp.KnownDevice, error) {
	return list(ctx, s, "devices of a person", scanKnownDevice, everyDevice, user)
}

// OwnKnownDevice notes that the user says a device is theirs, in a browser for which
// so much speaks, in one transaction with the event; idp.NotFound where that is not
// asked.
func (s *Store) OwnKnownDevice(ctx context.Context, id idp.KnownDeviceID, user idp.UserID, by idp.Vouch, e idp.Event) error {
	return s.knownDeviceStep(ctx, "own a known device", ownKnownDevice, e, id, user, by)
}

// ForgetKnownDevice forgets one device of a user, in one transaction with the
// event; idp.NotFound when there is none.
func (s *Store) ForgetKnownDevice(ctx context.Context, id idp.KnownDeviceID, user idp.UserID, e idp.Event) error {
	return s.knownDeviceStep(ctx, "forget a known device", forgetKnownDevice, e, id, user)
}

func (s *Store) knownDeviceStep(ctx context.Context, what, sql string, e idp.Event, args ...any) error {
	none := idp.Errorf(idp.NotFound, "There is no such device.")
	steps := append([]step{must(none, sql, args...)}, eventSteps([]idp.Event{e})...)
	return s.tx(ctx, what, func(r runner) error { return r.batch(ctx, steps) })
}

// knownDeviceLife is how long a device is remembered without being seen.
const knownDeviceLife = 400 * 24 * time.Hour
