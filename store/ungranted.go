package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	// The families of one user (in one app, or in any) that nothing covers any
	// more. Revoked, they stay dead when the app is granted again.
	revokeOfUser = `UPDATE token_families AS f SET revoked_at = $2 WHERE f.revoked_at = 0 AND f.expires_at > $2
		AND f.user_id = $1 AND (CAST($3 AS TEXT) = '' OR f.app_id = $3) AND NOT ` + familyGrant

	// Offline families that this very ending revoked, of whom it may have
	// concerned: a person, an app ('' is all), or a person in an app. And those that
	// ended by themselves since $4, where nothing covers the person any more.
	familiesUngranted = `SELECT ` + familyColumns + ` FROM token_families f
		WHERE f.offline = 1 AND f.revoked_at <> 0 AND f.revoked_at >= $4 AND f.revoked_at <= $3
		AND (CAST($1 AS TEXT) = '' OR f.user_id = $1) AND (CAST($2 AS TEXT) = '' OR f.app_id = $2)
		AND (f.revoked_at = $3 OR f.expires_at > $3 AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.app_id = f.app_id
			AND (g.user_id = f.user_id OR g.group_id IN (SELECT m.group_id FROM members m WHERE m.user_id = f.user_id))
			AND (g.ended_at = 0 OR g.ended_at > $3) AND g.from_at <= $3 AND (g.until_at = 0 OR g.until_at > $3)))
		ORDER BY f.app_id, f.id`

	// What an app was about to be told of people who may use it again.
	supersedeRegranted = `UPDATE deliveries SET state = 'superseded', finished_at = $2, claimed_by = '', claimed_until = 0,
		signed = 0 WHERE finished_at = 0 AND receipt_id IN (SELECT r.id FROM receipts r WHERE r.kind = 'grant')
		AND EXISTS (SELECT 1 FROM grants g WHERE g.app_id = deliveries.app_id
			AND (g.user_id = deliveries.user_id OR g.group_id IN (SELECT m.group_id FROM members m WHERE m.user_id = deliveries.user_id))
			AND g.ended_at = 0 AND g.from_at <= $2 AND (g.until_at = 0 OR g.until_at > $2)) AND `
	supersedeInApp  = supersedeRegranted + `deliveries.app_id = $1`
	supersedeOfUser = supersedeRegranted + `deliveries.user_id = $1`

	// Grants whose end has come and is in the log of endings not yet.
	dueGrants = `SELECT ` + grantColumns + ` FROM grants g WHERE g.until_at <> 0 AND g.until_at <= $1 AND g.ended_at = 0
		ORDER BY g.until_at LIMIT $2`
)

// revokeStep revokes what the end of a grant or a membership leaves uncovered,
// after the change that ended it: at once what one person holds, and what a
// group's grant let everybody hold page by page, see ungrants.go.
func revokeStep(e idp.Ending, now time.Time) step {
	if e.UserID == "" {
		return do(insertUngrant, e.ReceiptID, e.AppID, us(now))
	}
	return do(revokeOfUser, e.UserID, us(now), e.AppID)
}

func (s *Store) familiesByGrant(ctx context.Context, r idp.Receipt) ([]idp.TokenFamily, error) {
	return list(ctx, s, "token families that a grant's end cut", scanFamily, familiesUngranted, r.UserID, r.AppID, us(r.CutAt), handedOutSince(r))
}

// regrantedSteps take back what apps were about to be told of people whom the
// change lets in again.
func regrantedSteps(c idp.Change, now time.Time) []step {
	var steps []step
	for _, g := range c.Grants {
		steps = append(steps, do(supersedeInApp, g.AppID, us(now)))
	}
	for _, m := range c.Members {
		steps = append(steps, do(supersedeOfUser, m.UserID, us(now)))
	}
	return steps
}

// DueGrants returns grants whose end has come and was written to the log of
// endings not yet, the oldest first.
func (s *Store) DueGrants(ctx context.Context, now time.Time, limit int) ([]idp.Grant, error) {
	return list(ctx, s, "grants whose end has come", scanGrant, dueGrants, us(now), limit)
}
