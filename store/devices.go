package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	deviceColumns = `id, app_id, app_epoch, scopes, address, created_at, expires_at, hurried, decided_at, denied,
		user_id, epoch, generation, session_id, session_ends, auth_time, methods, granted_n`

	insertDevice = `INSERT INTO device_codes (` + deviceColumns + `, code_hash, user_code_hash, wait, polled_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, '', 0, '', '', 0, 0, '', 0, $8, $9, $10, 0)`
	deviceByUserCode = `SELECT ` + deviceColumns + ` FROM device_codes WHERE user_code_hash = $1`

	// $1 to $7 as in issuable, then the device and what the session has.
	confirmSet = ` device_codes SET user_id = $1, epoch = $2, generation = $3, session_id = $4, decided_at = $5,
		granted_n = $7, session_ends = $9, auth_time = $10, methods = $11`
	confirmWhere = ` device_codes.id = $8 AND decided_at = 0 AND device_codes.expires_at > $5 AND app_id = $6
		AND EXISTS (SELECT 1 FROM apps a WHERE a.id = $6 AND a.epoch = device_codes.app_epoch)`
	confirmSQLite   = `UPDATE` + confirmSet + ` WHERE` + confirmWhere + ` AND EXISTS (` + issuable + `) RETURNING id`
	confirmPostgres = issuablePostgres + `dev AS (UPDATE` + confirmSet + ` FROM ok WHERE` + confirmWhere + ` RETURNING device_codes.id)
		SELECT id FROM dev`
	deviceDecided = `SELECT count(*) FROM device_codes WHERE id = $1 AND decided_at <> 0`

	denyDevice = `UPDATE device_codes SET decided_at = $2, denied = 1 WHERE id = $1 AND decided_at = 0`

	// A poll that comes too soon makes the wait longer. $4 is by how much.
	pollDevice = `UPDATE device_codes SET polled_at = $3,
		hurried = CASE WHEN $3 - polled_at < wait THEN 1 ELSE 0 END,
		wait = CASE WHEN $3 - polled_at < wait THEN wait + $4 ELSE wait END
		WHERE code_hash = $1 AND app_id = $2 RETURNING ` + deviceColumns
)

func scanDevice(r row) (d idp.DeviceCode, err error) {
	return d, r.Scan(&d.ID, &d.AppID, &d.AppEpoch, words(&d.Scopes), &d.Address, at(&d.CreatedAt), at(&d.ExpiresAt),
		flag(&d.Hurried), at(&d.DecidedAt), flag(&d.Denied), &d.UserID, &d.Epoch, &d.Generation, &d.SessionID,
		at(&d.SessionEnds), at(&d.AuthTime), words(&d.Methods), &d.GrantedN)
}

// CreateDevice writes a device that waits for a person, with the hashes of its
// two codes.
func (s *Store) CreateDevice(ctx context.Context, d idp.DeviceCode, hash, userHash string, wait time.Duration) error {
	_, err := s.exec(ctx, "write a device code", insertDevice, d.ID, d.AppID, d.AppEpoch, joined(d.Scopes), d.Address,
		us(d.CreatedAt), us(d.ExpiresAt), hash, userHash, wait.Microseconds())
	return err
}

// DeviceByUserCode finds a device by the hash of what its person types.
func (s *Store) DeviceByUserCode(ctx context.Context, userHash string) (idp.DeviceCode, error) {
	return one(ctx, s, "device", scanDevice, deviceByUserCode, userHash)
}

// ConfirmDevice writes the proof of d to the device, which waits still, where
// proof, session and grant stand. idp.Conflict when it was decided before,
// idp.Unauthenticated where something does not stand.
func (s *Store) ConfirmDevice(ctx context.Context, d idp.DeviceCode, now time.Time) error {
	written := false
	err := s.db.behind(ctx, do(shareTurns, d.UserID, d.AppID), func(row) error { written = true; return nil },
		s.db.dialect(confirmSQLite, confirmPostgres), d.UserID, d.Epoch, d.Generation, d.SessionID, us(now), d.AppID,
		d.GrantedN, d.ID, us(d.SessionEnds), us(d.AuthTime), joined(d.Methods))
	switch {
	case err != nil:
		return s.wrap("confirm a device", err)
	case !written:
		return s.whyNot(ctx, deviceDecided, d.ID)
	}
	return nil
}

// DenyDevice turns a device that waits away; idp.Conflict when it was decided
// before.
func (s *Store) DenyDevice(ctx context.Context, id idp.TokenFamilyID, now time.Time) error {
	n, err := s.exec(ctx, "deny a device", denyDevice, id, us(now))
	if err == nil && n == 0 {
		err = spentBefore()
	}
	return err
}

// PollDevice finds a device of an app by the hash of its code, and notes that
// it asked; Hurried says that it did so too soon, after which it has to wait
// longer by that much.
func (s *Store) PollDevice(ctx context.Context, hash string, app idp.AppID, now time.Time, longer time.Duration) (idp.DeviceCode, error) {
	found, err := returning(ctx, s, "poll a device", scanDevice, pollDevice, hash, app, us(now), longer.Microseconds())
	switch {
	case err != nil:
		return idp.DeviceCode{}, err
	case len(found) == 0:
		return idp.DeviceCode{}, idp.Errorf(idp.NotFound, "There is no such device.")
	}
	return found[0], nil
}
