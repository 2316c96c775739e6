package store

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"gatehouse/idp"
)

const (
	// $1 is the number that was reached, $2 whose or which.
	receiptsNow     = `SELECT ` + receiptHead + ` FROM receipts r WHERE r.n < $1 AND $2 = ''`
	receiptsNowOf   = `SELECT ` + receiptHead + ` FROM receipts r WHERE r.user_id = $2 AND r.n < $1`
	receiptsNowKind = `SELECT ` + receiptHead + ` FROM receipts r WHERE r.kind = $2 AND r.n < $1`
	receiptsOrder   = ` ORDER BY r.n DESC LIMIT `

	receiptsMatching = `) SELECT ` + receiptHead + ` FROM c r WHERE ($4 = '' OR r.kind = $4)
		AND ($5 = 0 OR r.listed_at = 0 OR (SELECT 1 FROM deliveries d WHERE d.receipt_id = r.id AND d.finished_at = 0 LIMIT 1) = 1)
		AND ($6 = 0 OR (SELECT 1 FROM deliveries d WHERE d.receipt_id = r.id AND d.state = 'failed' LIMIT 1) = 1)` + receiptsOrder + `$7`

	tallyLines = `SELECT d.state, count(*), max(CASE WHEN d.state = 'alive' THEN d.ceiling ELSE 0 END)
		FROM (SELECT state, ceiling FROM deliveries WHERE receipt_id = $1 LIMIT $2) d GROUP BY d.state`
)

// ReceiptsNow returns a page of receipts, newest first, and the cursor of the
// next: "" at the end. A page may hold fewer than asked for and still have a
// next, as with [Store.SessionsNow].
func (s *Store) ReceiptsNow(ctx context.Context, q idp.ReceiptQuery) ([]idp.Receipt, string, error) {
	driver, of := receiptsNow, ""
	switch {
	case q.UserID != "":
		driver, of = receiptsNowOf, string(q.UserID)
	case q.Kind != "":
		driver, of = receiptsNowKind, string(q.Kind)
	}
	read := func(after, sql string, rest ...any) ([]idp.Receipt, error) {
		key, err := keyOf(after, 1)
		if err != nil {
			return nil, err
		}
		before, err := wholeNumber(cmp.Or(key[0], strconv.Itoa(latestKey)))
		if err != nil {
			return nil, err
		}
		return list(ctx, s, "receipts", scanReceipt, sql, append([]any{before, of}, rest...)...)
	}
	receiptKey := func(r idp.Receipt) string { return cursor(strconv.FormatInt(r.N, 10)) }
	return look[idp.Receipt]{
		matches: func(after string, among, n int) ([]idp.Receipt, error) {
			return read(after, `WITH c AS MATERIALIZED (`+driver+receiptsOrder+`$3`+receiptsMatching,
				among, q.Kind, bit(q.Open), bit(q.Failed), n)
		},
		reached: func(after string, among int) (string, error) {
			last, err := read(after, driver+receiptsOrder+`1 OFFSET $3`, among-1)
			if err != nil || len(last) == 0 {
				return "", err
			}
			return receiptKey(last[0]), nil
		},
		cursor: receiptKey,
	}.page(q.After, limit(q.Limit))
}

// CountLines counts the lines of a receipt by state, at most so many of them.
func (s *Store) CountLines(ctx context.Context, receipt idp.ReceiptID, atMost int) (idp.LineCounts, error) {
	counts := idp.LineCounts{By: map[idp.DeliveryState]int{}}
	type part struct {
		state idp.DeliveryState
		n     int
		until time.Time
	}
	parts, err := list(ctx, s, "lines", func(r row) (p part, err error) {
		return p, r.Scan(&p.state, &p.n, at(&p.until))
	}, tallyLines, receipt, atMost+1)
	total := 0
	for _, p := range parts {
		counts.By[p.state], counts.Until = p.n, later(counts.Until, p.until)
		total += p.n
	}
	counts.More = total > atMost
	return counts, err
}
