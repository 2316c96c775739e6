package store

import (
	"context"
	"math"

	"gatehouse/idp"
)

// The end of a group's grant concerns everybody in an app, and yet is constant
// in size: it writes down that it was (a row of ungrants), and the token
// families that it leaves uncovered are marked page by page when its receipt is
// listed. Until then no accept waits for the mark. A family whose person nothing
// covers is refused by that alone; what could bring it back is a grant, a
// membership or a beginning (`from`) that came after the end. So each of them
// carries the number that the log had come to when it was written down, as does
// the family, and while an end is not marked, what came after it covers no
// family from before it. Numbers and not times: they tell before from after on
// every node.
//
// A number orders them because the end has to itself the turns that issues in
// the app, and grants and memberships, share: what was committed before it read
// a smaller number than the end's own, what begins after it reads that or a
// greater one.
const (
	logAt = `(SELECT n FROM counter)`

	insertUngrant = `INSERT INTO ungrants (receipt_id, app_id, n, at) SELECT $1, $2, n + 1, CAST($3 AS BIGINT) FROM counter`
	ungrantN      = `SELECT n FROM ungrants WHERE receipt_id = $1`
	deleteUngrant = `DELETE FROM ungrants WHERE receipt_id = $1`

	// The live families of an app from before the end, in an order that issues
	// and rotations do not change: after the key $3, $4 up to the last of a page.
	ungrantPage = `SELECT f.expires_at, f.id FROM token_families f WHERE f.app_id = $1 AND f.revoked_at = 0 AND f.since_n < $2
		AND (f.expires_at, f.id) > ($3, $4) ORDER BY f.expires_at, f.id LIMIT 1 OFFSET $5`
	markUngranted = `UPDATE token_families AS f SET revoked_at = $2 WHERE f.app_id = $1 AND f.revoked_at = 0 AND f.since_n < $3
		AND (f.expires_at, f.id) > ($4, $5) AND (f.expires_at, f.id) <= ($6, $7) AND NOT ` + familyGrant
)

// ungrantPageSize keeps a transaction short (DESIGN section 2, mass verbs).
const ungrantPageSize = 500

// familyKey is the place of a family among those of its app.
type familyKey struct {
	expires int64
	id      string
}

// markUngranted marks what the end of a group's grant cut, as of its cut.
func (s *Store) markUngranted(ctx context.Context, r idp.Receipt) error {
	pending, err := list(ctx, s, "ends of groups' grants", func(r row) (n int64, err error) { return n, r.Scan(&n) }, ungrantN, r.ID)
	if err != nil || len(pending) == 0 {
		return err
	}
	const what = "revoke what a group's grant covered"
	for from, last := (familyKey{expires: us(r.CutAt)}), false; !last; {
		edge, err := list(ctx, s, "token families of an app", func(r row) (k familyKey, err error) { return k, r.Scan(&k.expires, &k.id) },
			ungrantPage, r.AppID, pending[0], from.expires, from.id, ungrantPageSize-1)
		if err != nil {
			return err
		}
		to := familyKey{expires: math.MaxInt64}
		if last = len(edge) == 0; !last {
			to = edge[0]
		}
		if _, err := s.exec(ctx, what, markUngranted, r.AppID, us(r.CutAt), pending[0], from.expires, from.id, to.expires, to.id); err != nil {
			return err
		}
		from = to
	}
	_, err = s.exec(ctx, what, deleteUngrant, r.ID)
	return err
}
