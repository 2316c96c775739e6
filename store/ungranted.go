package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	// A grant whose end was made covers nobody after it, whatever its dates say by
	// the clock of the one who asks.
	uncoveredParticipant = `NOT EXISTS (SELECT 1 FROM grants g WHERE g.app_id = p.app_id
		AND (g.user_id = p.user_id OR g.group_id IN (SELECT m.group_id FROM members m WHERE m.user_id = p.user_id))
		AND (g.ended_at = 0 OR g.ended_at > $3) AND g.from_at <= $3 AND (g.until_at = 0 OR g.until_at > $3))`

	// The families of one user (in one app, or in any) that nothing covers any
	// more. Revoked, they stay dead when the app is granted again.
	revokeOfUser = `UPDATE token_families AS f SET revoked_at = $2 WHERE f.revoked_at = 0 AND f.expires_at > $2
		AND f.user_id = $1 AND (CAST($3 AS TEXT) = '' OR f.app_id = $3) AND NOT ` + familyGrant

	// Whom an ended grant may have concerned, by the user ($1) and the app ($2)
	// of its row in the log; '' is all. Who was a member, and what was granted to
	// the group, is not asked: by the time of the listing both may be gone. What
	// nothing covers any more says the rest.
	ofGrantToUser  = `p.user_id = $1 AND p.app_id = $2`
	ofMembership   = `p.user_id = $1 AND CAST($2 AS TEXT) = ''`
	ofGrantToGroup = `p.app_id = $2 AND CAST($1 AS TEXT) = ''`

	// $3 is the cut, $4 ten minutes before it: see cutSession and cutLately. The
	// epoch of the session does not count: who is suspended and restored before
	// the listing is told of by nobody else.
	cutUngranted = `SELECT ` + participantColumns + ` FROM participants p JOIN sessions s ON s.id = p.session_id
		WHERE ((s.ended_at = 0 OR s.ended_at >= $3) AND s.expires_at > $3 OR p.last_answer_at >= $4 OR ` + unconfirmed + `$8` + unconfirmedOf + `$8))
		AND ` + uncoveredParticipant + ` AND (p.session_id, p.app_id) > ($5, $6) AND `
	cutUngrantedPage = ` ORDER BY p.session_id, p.app_id LIMIT $7`

	// Offline families of the same people that this very ending revoked.
	familiesUngranted = `SELECT ` + familyColumns + ` FROM token_families f JOIN participants p
		ON p.session_id = f.session_id AND p.app_id = f.app_id WHERE f.offline = 1 AND f.revoked_at = $3 AND `
	familiesUngrantedOrder = ` ORDER BY f.app_id, f.id`

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

// concerned is whom the end of a grant concerned, as a condition on
// participants with its $1 and $2.
func concerned(r idp.Receipt) string {
	switch {
	case r.GroupID == "":
		return ofGrantToUser
	case r.UserID != "":
		return ofMembership
	}
	return ofGrantToGroup
}

func (s *Store) cutByGrant(ctx context.Context, r idp.Receipt, key []string, n int) ([]idp.Participant, error) {
	return list(ctx, s, "what a grant's end cut", scanParticipant, cutUngranted+concerned(r)+cutUngrantedPage,
		r.UserID, r.AppID, us(r.CutAt), us(r.CutAt.Add(-landing)), key[0], key[1], n, r.N)
}

func (s *Store) familiesByGrant(ctx context.Context, r idp.Receipt) ([]idp.TokenFamily, error) {
	return list(ctx, s, "token families that a grant's end cut", scanFamily, familiesUngranted+concerned(r)+familiesUngrantedOrder,
		r.UserID, r.AppID, us(r.CutAt))
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
