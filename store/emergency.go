package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

// The endings of everybody: constant in size, whoever holds however much.
const (
	endApp = `UPDATE apps SET epoch = epoch + 1 WHERE id = $1`
	// Now: nothing of the old generation is good, whatever a clock said when it
	// was made. Before: what was made earlier by the clock of its node.
	endAllNow    = `UPDATE house SET generation = $1`
	endAllBefore = `UPDATE house SET cut_before = CASE WHEN cut_before < $1 THEN $1 ELSE cut_before END`
	endKey       = `UPDATE signing_keys SET revoked_at = CASE WHEN revoked_at = 0 THEN $2 ELSE revoked_at END,
		retired_at = CASE WHEN retired_at = 0 OR retired_at > $2 THEN $2 ELSE retired_at END WHERE id = $1`

	// What they cut: sessions that were alive ($1 is the cut), answers that can
	// still land ($2), refresh tokens that outlive the session, and what no app
	// has confirmed of older cuts; whatever was done to these people since.
	// Pages as everywhere.
	cutOfEverybody = `SELECT ` + participantColumns + ` FROM participants p JOIN sessions s ON s.id = p.session_id
		WHERE (p.session_id, p.app_id) > ($3, $4) AND ((s.ended_at = 0 OR s.ended_at >= $1) AND s.expires_at > $1
			OR p.last_answer_at >= $2
			OR EXISTS (SELECT 1 FROM token_families f WHERE f.user_id = p.user_id AND f.app_id = p.app_id AND f.session_id = p.session_id
				AND f.offline = 1 AND f.expires_at > $1 AND (f.revoked_at = 0 OR f.revoked_at >= $1))
			OR ` + unconfirmed + `$8` + unconfirmedOf + `$8)) AND `
	cutOfEverybodyPage = ` ORDER BY p.session_id, p.app_id LIMIT $5`

	// $6 and $7 by what was ended. A key of a tongue signed for all of its
	// apps, as long as it was in use.
	ofApp    = `p.app_id = $6 AND p.app_epoch < $7`
	ofBefore = `s.created_at < $6 AND $7 = 0`
	ofNow    = `s.generation <> (SELECT h.generation FROM house h) AND s.created_at > COALESCE((SELECT max(x.cut_at) FROM receipts x
		WHERE x.kind = 'before' AND x.before_at = 0 AND x.n < $6), 0) AND $7 = 0`
	ofKey = `EXISTS (SELECT 1 FROM signing_keys k JOIN apps a ON a.protocol = k.use
		WHERE k.id = $6 AND a.id = p.app_id AND p.last_answer_at >= k.created_at AND p.first_at <= k.retired_at + $7)`
)

// cutOfAll is the cut of an ending that is of everybody.
func cutOfAll(e idp.Ending, now time.Time) step {
	switch {
	case e.Kind == idp.EndApp:
		return do(endApp, e.AppID)
	case e.Kind == idp.EndKey:
		return do(endKey, e.KeyID, us(now))
	case e.Before.IsZero():
		return do(endAllNow, newGeneration())
	}
	return do(endAllBefore, us(e.Before))
}

// ofEverybody is whom such an ending concerned, as a condition with its two
// arguments; "" for any other ending.
func ofEverybody(r idp.Receipt) (condition string, a, b any) {
	switch {
	case r.Kind == idp.EndApp:
		return ofApp, r.AppID, r.Epoch
	case r.Kind == idp.EndKey:
		return ofKey, r.KeyID, int64(landing / time.Microsecond)
	case r.Kind != idp.EndBefore:
		return "", nil, nil
	case r.Before.IsZero():
		return ofNow, r.N, int64(0)
	}
	return ofBefore, us(r.Before), int64(0)
}

func (s *Store) cutEverybody(ctx context.Context, r idp.Receipt, key []string, n int) ([]idp.Participant, error) {
	condition, a, b := ofEverybody(r)
	return list(ctx, s, "what was cut of everybody", scanParticipant, cutOfEverybody+condition+cutOfEverybodyPage,
		us(r.CutAt), us(r.CutAt.Add(-landing)), key[0], key[1], n, a, b, r.N)
}
