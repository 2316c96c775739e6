package store

import (
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
