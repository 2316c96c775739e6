package store

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gatehouse/idp"
)

const (
	// $1 and $2 are the key that was reached, $3 how many. The state stands in
	// the text, so that the databases see that the partial indexes do.
	linesNow      = `SELECT ` + deliveryRow + ` FROM deliveries d WHERE d.state = '%s' AND (d.created_at, d.id) < ($1, $2)`
	linesNowOrder = ` ORDER BY created_at DESC, id DESC LIMIT $3`

	reviveLine = `UPDATE deliveries SET state = 'retrying', next_at = $2, revived_at = $2, finished_at = 0, noted_at = 0,
		claimed_by = '', claimed_until = 0, signed = 0 WHERE id = $1 AND state = 'failed'`
	hurryLine = `UPDATE deliveries SET next_at = $2 WHERE id = $1 AND state IN ('sent', 'retrying')
		AND lever <> 'none' AND next_at > $2`
)

// unsettled are the states that the partial indexes of deliveries hold.
func unsettled() []idp.DeliveryState {
	return []idp.DeliveryState{idp.DeliveryFailed, idp.DeliveryRetrying, idp.DeliveryPending, idp.DeliveryAlive}
}

// DeliveriesNow returns a page of the lines that are not settled or have
// failed, the newest first, and the cursor of the next: "" at the end.
// idp.Invalid for another state.
func (s *Store) DeliveriesNow(ctx context.Context, q idp.DeliveryQuery) ([]idp.Delivery, string, error) {
	key, err := keyOf(q.After, 2)
	if err != nil {
		return nil, "", err
	}
	before, err := wholeNumber(cmp.Or(key[0], strconv.Itoa(latestKey)))
	if err != nil {
		return nil, "", err
	}
	sql, err := linesNowSQL(q)
	if err != nil {
		return nil, "", err
	}
	n := limit(q.Limit)
	args := []any{before, key[1], n + 1}
	if q.UserID != "" || q.AppID != "" {
		args = append(args, cmp.Or(string(q.UserID), string(q.AppID)))
	}
	if q.UserID != "" && q.AppID != "" {
		args = append(args, q.AppID)
	}
	found, err := list(ctx, s, "deliveries", scanDelivery, sql, args...)
	if err != nil {
		return nil, "", err
	}
	lines, next := page(found, n, func(d idp.Delivery) string {
		return cursor(strconv.FormatInt(us(d.CreatedAt), 10), string(d.ID))
	})
	return lines, next, nil
}

// linesNowSQL is one statement for each way to ask.
func linesNowSQL(q idp.DeliveryQuery) (string, error) {
	narrow := ""
	switch {
	case q.UserID != "" && q.AppID != "":
		narrow = ` AND d.user_id = $4 AND d.app_id = $5`
	case q.UserID != "":
		narrow = ` AND d.user_id = $4`
	case q.AppID != "":
		narrow = ` AND d.app_id = $4`
	}
	var parts []string
	for _, state := range unsettled() {
		if q.State == "" || q.State == state {
			parts = append(parts, fmt.Sprintf(linesNow, state)+narrow+linesNowOrder)
		}
	}
	switch len(parts) {
	case 0:
		return "", idp.Errorf(idp.Invalid, "Deliveries are listed while they are failed, retrying, sent or alive.")
	case 1:
		return parts[0], nil
	}
	return `SELECT * FROM (SELECT * FROM (` + strings.Join(parts, `) a UNION ALL SELECT * FROM (`) + `) b) c` + linesNowOrder, nil
}

// Delivery returns the line with this ID.
func (s *Store) Delivery(ctx context.Context, id idp.DeliveryID) (idp.Delivery, error) {
	return one(ctx, s, "delivery", scanDelivery, deliveryByID, id)
}

// RetryDelivery has a line tried at once, in one transaction with the event,
// and returns it as it then stands. A line that had failed is retrying again,
// and may fail again a day from now. Where nothing had to change (it is due
// already, or settled) nothing is written, no event either. idp.Conflict for a
// line of a suspension whose user was restored since.
func (s *Store) RetryDelivery(ctx context.Context, id idp.DeliveryID, now time.Time, e idp.Event) (idp.Delivery, error) {
	var found []idp.Delivery
	err := s.tx(ctx, "retry a delivery", func(r runner) error {
		found = nil
		if err := r.query(ctx, collect(&found, scanDelivery), deliveryByID, id); err != nil {
			return err
		}
		if len(found) == 0 {
			return idp.Errorf(idp.NotFound, "There is no such delivery.")
		}
		restored, err := s.restored(ctx, r, found[0].ReceiptID)
		if err != nil {
			return err
		}
		if restored {
			return idp.Errorf(idp.Conflict, "The person was restored since. What their suspension ended is not told any more.")
		}
		changed := int64(0)
		for _, sql := range []string{reviveLine, hurryLine} {
			n, err := r.exec(ctx, sql, id, us(now))
			if err != nil {
				return err
			}
			changed += n
		}
		if changed == 0 {
			return nil
		}
		if err := r.batch(ctx, eventSteps([]idp.Event{e})); err != nil {
			return err
		}
		found = nil
		return r.query(ctx, collect(&found, scanDelivery), deliveryByID, id)
	})
	if err != nil {
		return idp.Delivery{}, err
	}
	return found[0], nil
}
