package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	refreshColumns = `app_id, source, next_at, checked_at, outcome, detail, failures, waiting, waiting_since`

	// $4 is the document that is registered now: what waited is no longer to be
	// decided when it is that.
	sameSource    = `metadata_refreshes.source = excluded.source`
	upsertRefresh = `INSERT INTO metadata_refreshes (` + refreshColumns + `) VALUES ($1, $2, $3, 0, '', '', 0, '', 0)
		ON CONFLICT (app_id) DO UPDATE SET
		next_at = CASE WHEN ` + sameSource + ` THEN metadata_refreshes.next_at ELSE excluded.next_at END,
		outcome = CASE WHEN metadata_refreshes.waiting <> '' AND metadata_refreshes.waiting = $4 THEN '` + idp.RefreshApplied + `'
			WHEN ` + sameSource + ` THEN metadata_refreshes.outcome ELSE '' END,
		detail = CASE WHEN ` + sameSource + ` AND metadata_refreshes.waiting <> $4 THEN metadata_refreshes.detail ELSE '' END,
		failures = CASE WHEN ` + sameSource + ` THEN metadata_refreshes.failures ELSE 0 END,
		waiting = CASE WHEN ` + sameSource + ` AND metadata_refreshes.waiting <> $4 THEN metadata_refreshes.waiting ELSE '' END,
		source = excluded.source`
	deleteRefresh = `DELETE FROM metadata_refreshes WHERE app_id = $1`

	refreshOf    = `SELECT ` + refreshColumns + ` FROM metadata_refreshes WHERE app_id = $1`
	dueRefreshes = `SELECT ` + refreshColumns + ` FROM metadata_refreshes WHERE next_at <= $1 ORDER BY next_at, app_id LIMIT $2`
	claimRefresh = `UPDATE metadata_refreshes SET next_at = $4 WHERE app_id = $1 AND source = $2 AND next_at = $3`
	saveRefresh  = `UPDATE metadata_refreshes SET next_at = $3, checked_at = $4, outcome = $5, detail = $6, failures = $7,
		waiting = $8, waiting_since = $9 WHERE app_id = $1 AND source = $2`
	tallyRefreshes = `SELECT COALESCE(SUM(CASE WHEN failures > 0 THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN waiting <> '' THEN 1 ELSE 0 END), 0) FROM metadata_refreshes`
)

func scanRefresh(r row) (m idp.MetadataRefresh, err error) {
	return m, r.Scan(&m.AppID, &m.Source, at(&m.NextAt), at(&m.CheckedAt), &m.Outcome, &m.Detail, &m.Failures, &m.Waiting, at(&m.WaitingSince))
}

// refreshSteps follow where an app says that its metadata is read again.
func refreshSteps(a idp.App) []step {
	switch {
	case a.SAML == nil:
		return nil
	case a.SAML.Metadata.URL != "":
		return []step{do(upsertRefresh, a.ID, a.SAML.Metadata.URL+" "+a.SAML.Metadata.Pin, us(a.UpdatedAt), a.SAML.MetadataXML)}
	case a.Version > 0:
		return []step{do(deleteRefresh, a.ID)}
	}
	return nil
}

// MetadataRefresh returns how reading an app's metadata again stands;
// idp.NotFound for one that says no address.
func (s *Store) MetadataRefresh(ctx context.Context, id idp.AppID) (idp.MetadataRefresh, error) {
	return one(ctx, s, "address of metadata", scanRefresh, refreshOf, id)
}

// DueRefreshes returns up to limit whose time has come, the oldest first.
func (s *Store) DueRefreshes(ctx context.Context, now time.Time, limit int) ([]idp.MetadataRefresh, error) {
	return list(ctx, s, "metadata that is to be read again", scanRefresh, dueRefreshes, us(now), limit)
}

// ClaimRefresh takes one until then; idp.Conflict where another has it, or the
// app says another address.
func (s *Store) ClaimRefresh(ctx context.Context, m idp.MetadataRefresh, until time.Time) error {
	n, err := s.exec(ctx, "claim a refresh", claimRefresh, m.AppID, m.Source, us(m.NextAt), us(until))
	if err == nil && n == 0 {
		err = idp.Errorf(idp.Conflict, "Somebody else reads this metadata now.")
	}
	return err
}

// SaveRefresh writes down how it went, unless the app says another address now.
func (s *Store) SaveRefresh(ctx context.Context, m idp.MetadataRefresh) error {
	_, err := s.exec(ctx, "write down a refresh", saveRefresh, m.AppID, m.Source, us(m.NextAt), us(m.CheckedAt), m.Outcome, m.Detail, m.Failures, m.Waiting, us(m.WaitingSince))
	return err
}

// RefreshTally counts the apps whose metadata could not be read last time, and
// those where a document waits for an owner.
func (s *Store) RefreshTally(ctx context.Context) (failing, waiting int, err error) {
	_, err = one(ctx, s, "tally of metadata", func(r row) (struct{}, error) {
		return struct{}{}, r.Scan(&failing, &waiting)
	}, tallyRefreshes)
	return failing, waiting, err
}
