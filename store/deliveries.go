package store

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"gatehouse/idp"
)

const (
	// Both halves have an index of their own: lines that are not final, and
	// those that failed.
	appsInTrouble = `SELECT DISTINCT d.app_id FROM deliveries d WHERE ((d.finished_at = 0 AND d.state = 'retrying')
			OR (d.state = 'failed' AND d.finished_at > $1))
		AND NOT EXISTS (SELECT 1 FROM deliveries k WHERE k.app_id = d.app_id AND k.lever = d.lever
			AND k.acked_at > d.created_at AND k.receipt_n > d.receipt_n)`

	deliveryColumns = `id, receipt_id, user_id, app_id, lever, session_id, name_id, session_indexes, state, attempts,
		created_at, next_at, first_sent_at, acked_at, latency_ms, answer, again_at, ceiling, verified_at, evidence, finished_at`
	deliveryRow = deliveryColumns + `, revived_at, noted_at`

	deliveriesOf = `SELECT ` + deliveryRow + ` FROM deliveries WHERE receipt_id = $1 ORDER BY app_id, id`
	deliveryByID = `SELECT ` + deliveryRow + ` FROM deliveries WHERE id = $1`

	insertDelivery       = insertDeliveryValues + ` ON CONFLICT (id) DO NOTHING`
	insertDeliveryValues = `INSERT INTO deliveries (` + deliveryColumns + `, receipt_n, bulk, claimed_by, claimed_until)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, r.n, r.bulk, '', 0
		FROM receipts r WHERE r.id = $2`
	// A line that came to say more is taken from whoever is just delivering
	// what it said before.
	widenDelivery = `UPDATE deliveries SET session_indexes = $2, again_at = $3, ceiling = $4, state = $5, next_at = $6,
		verified_at = $7, finished_at = $8, claimed_by = '', claimed_until = 0, signed = 0 WHERE id = $1`

	holdReceipt = `UPDATE receipts SET cursor = $3, listed_at = $4 WHERE id = $1 AND claimed_by = $2 AND listed_at = 0`
	// Whose suspension it is, locked against a restore that is just being made.
	receiptUser = `SELECT u.status FROM receipts r JOIN users u ON u.id = r.user_id WHERE r.id = $1 AND r.kind = 'user'`
	// A restore takes back suspensions. What one session's end, a sign-out or
	// new passwords said stays true.
	supersede = `UPDATE deliveries SET state = 'superseded', finished_at = $2, claimed_by = '', claimed_until = 0, signed = 0
		WHERE user_id = $1 AND finished_at = 0
		AND receipt_id IN (SELECT id FROM receipts WHERE user_id = $1 AND kind = 'user')`

	// $2 is now, and $6 that by the clock which nodes share: see shared. One claim
	// at a time, so that two workers never hold more of an app
	// than one may.
	claimLock = `SELECT pg_advisory_xact_lock(7305432218)`
	// Due, in nobody's hands, and no older news for the same app and user is
	// untried or just being said. What waits to be said again, heard before or
	// not, holds up nothing: each line has its own day to be tried.
	//
	// The due are looked for app by app, so that what one app has waiting in
	// thousands is not sorted at every claim; and what was ended by hand before
	// what was ended by the thousand.
	claimHeld = `WITH held AS (
			SELECT app_id, count(*) AS n FROM deliveries
			WHERE finished_at = 0 AND claimed_by <> '' AND claimed_until > $6 GROUP BY app_id),
		due AS (`
	claimDue = `SELECT x.id, x.app_id, x.bulk, x.next_at FROM deliveries x
			WHERE x.app_id = a.id AND x.finished_at = 0 AND x.next_at <= $2 AND x.claimed_until <= $6 AND x.state IN ('sent', 'retrying')
			AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.app_id = x.app_id AND o.user_id = x.user_id
				AND o.receipt_n < x.receipt_n AND o.finished_at = 0 AND o.state IN ('sent', 'retrying')
				AND o.lever <> 'none' AND o.acked_at = 0 AND (o.attempts = 0 OR o.claimed_until > $6))
			AND x.bulk = `
	claimFirst  = ` ORDER BY x.next_at, x.id LIMIT $5`
	claimLanes  = `SELECT * FROM (` + claimDue + `0` + claimFirst + `) byhand UNION ALL SELECT * FROM (` + claimDue + `1` + claimFirst + `) bulk`
	claimPicked = `),
		ranked AS (
			SELECT id, app_id, bulk, next_at, row_number() OVER (PARTITION BY app_id ORDER BY bulk, next_at, id) AS place FROM due),
		picked AS (
			SELECT r.id FROM ranked r LEFT JOIN held ON held.app_id = r.app_id
			WHERE r.place + COALESCE(held.n, 0) <= $5 ORDER BY r.bulk, r.next_at, r.id LIMIT $4)
		UPDATE deliveries SET claimed_by = $1, claimed_until = $3 WHERE id IN (SELECT id FROM picked)
		RETURNING ` + deliveryRow
	// The two ways to ask for a few rows of each app.
	claimSQLite = claimHeld + `SELECT d.id, d.app_id, d.bulk, d.next_at FROM apps a JOIN deliveries d ON d.id IN (
		SELECT id FROM (` + claimLanes + `))` + claimPicked
	claimPostgres = claimHeld + `SELECT d.id, d.app_id, d.bulk, d.next_at FROM apps a CROSS JOIN LATERAL (` + claimLanes + `) d` + claimPicked
	saveDelivery  = `UPDATE deliveries SET state = $3, attempts = $4, next_at = $5, first_sent_at = $6, acked_at = $7,
		latency_ms = $8, answer = $9, again_at = $10, ceiling = $11, verified_at = $12,
		evidence = CASE WHEN $13 = '' THEN evidence ELSE $13 END, finished_at = $14,
		claimed_by = '', claimed_until = 0, signed = 0
		WHERE id = $1 AND claimed_by = $2 AND finished_at = 0`
	// What was on its way when a restore took the line back, and only once.
	saveSuperseded = `UPDATE deliveries SET attempts = $2, first_sent_at = $3, acked_at = $4, latency_ms = $5, answer = $6, signed = 0
		WHERE id = $1 AND state = 'superseded' AND attempts < $2`
	releaseDeliveries = `UPDATE deliveries SET claimed_by = '', claimed_until = 0 WHERE finished_at = 0 AND ` + heldByWorker
	releaseReceipts   = `UPDATE receipts SET claimed_by = '', claimed_until = 0 WHERE listed_at = 0 AND ` + heldByWorker
	heldByWorker      = `(claimed_by = $1 OR substr(claimed_by, 1, length($1) + 1) = $1 || '/')`

	// What nothing is known to end is for somebody to do by hand.
	endByCeiling = `UPDATE deliveries SET state = CASE WHEN ceiling = 0 THEN 'manual' ELSE 'ended' END, finished_at = $1,
		claimed_by = '', claimed_until = 0, signed = 0
		WHERE finished_at = 0 AND state = 'alive'
		AND (ceiling <> 0 AND ceiling <= $1 OR ceiling = 0 AND next_at <> 0 AND next_at <= $1)`
	// Only what was told and acknowledged, or cannot be told, is proven by a call
	// of the app: that it was refused a token says nothing of its own session.
	proveLines = `UPDATE deliveries SET state = 'verified', evidence = $3, verified_at = $4, finished_at = $4,
		claimed_by = '', claimed_until = 0, signed = 0
		WHERE app_id = $1 AND session_id = $2 AND session_id <> '' AND finished_at = 0 AND again_at <= $4
		AND (acked_at > 0 OR lever = 'none')`
	// Once: whoever holds a dead token may come with it a thousand times.
	noteEvidence = `UPDATE deliveries SET evidence = $3, signed = 0
		WHERE app_id = $1 AND session_id = $2 AND session_id <> '' AND finished_at = 0 AND evidence = ''`
)

func scanDelivery(r row) (d idp.Delivery, err error) {
	return d, r.Scan(deliveryDest(&d)...)
}

func deliveryDest(d *idp.Delivery) []any {
	return []any{&d.ID, &d.ReceiptID, &d.UserID, &d.AppID, &d.Lever, &d.SessionID, inJSON(&d.NameID),
		words(&d.SessionIndexes), &d.State, &d.Attempts, at(&d.CreatedAt), at(&d.NextAt), at(&d.FirstSentAt),
		at(&d.AckedAt), &d.LatencyMS, &d.Answer, at(&d.AgainAt), at(&d.Ceiling), at(&d.VerifiedAt), &d.Evidence, at(&d.FinishedAt), at(&d.RevivedAt), at(&d.NotedAt)}
}

func deliveryArgs(d idp.Delivery) []any {
	return []any{d.ID, d.ReceiptID, d.UserID, d.AppID, d.Lever, d.SessionID, asJSON(d.NameID), joined(d.SessionIndexes),
		d.State, d.Attempts, us(d.CreatedAt), us(d.NextAt), us(d.FirstSentAt), us(d.AckedAt), d.LatencyMS, d.Answer,
		us(d.AgainAt), us(d.Ceiling), us(d.VerifiedAt), d.Evidence, us(d.FinishedAt)}
}

// Deliveries returns the lines of a receipt by app.
func (s *Store) Deliveries(ctx context.Context, receipt idp.ReceiptID) ([]idp.Delivery, error) {
	return list(ctx, s, "deliveries", scanDelivery, deliveriesOf, receipt)
}

// ListPage adds lines to a receipt that this hand holds and moves its cursor,
// in one transaction; done marks it listed. A line that is known by its ID
// stays as it is, but for AgainAt and Ceiling (the later wins) and
// SessionIndexes (both); one that thereby says more than was acknowledged is
// due again. When the receipt is of a suspension and the person was restored
// since, lines that are not final are written as superseded. idp.Conflict when the claim is lost.
func (s *Store) ListPage(ctx context.Context, receipt idp.ReceiptID, hand string, lines []idp.Delivery, cursor string, done bool, now time.Time) error {
	listed := time.Time{}
	if done {
		listed = now
	}
	return s.tx(ctx, "list a receipt", func(r runner) error {
		lost := idp.Errorf(idp.Conflict, "Another worker is listing this receipt.")
		if err := r.batch(ctx, []step{must(lost, holdReceipt, receipt, hand, cursor, us(listed))}); err != nil {
			return err
		}
		restored, err := s.restored(ctx, r, receipt)
		if err != nil {
			return err
		}
		var steps []step
		for _, d := range lines {
			d.ReceiptID = receipt
			if restored && !d.State.Final() {
				d.State, d.FinishedAt = idp.DeliverySuperseded, now
			}
			st, err := lineSteps(ctx, r, d, now)
			if err != nil {
				return err
			}
			steps = append(steps, st...)
		}
		return r.batch(ctx, steps)
	})
}

// restored reports whether the receipt is of a suspension whose user, locked
// until the transaction's end, was restored after it.
func (s *Store) restored(ctx context.Context, r runner, receipt idp.ReceiptID) (bool, error) {
	var status idp.UserStatus // none for other receipts
	err := r.query(ctx, func(r row) error { return r.Scan(&status) },
		s.db.dialect(receiptUser, receiptUser+lockUser), receipt)
	return status == idp.UserActive, err
}

// lineSteps adds a line, or widens the one that is there.
func lineSteps(ctx context.Context, r runner, d idp.Delivery, now time.Time) ([]step, error) {
	var known []idp.Delivery
	if err := r.query(ctx, collect(&known, scanDelivery), deliveryByID, d.ID); err != nil {
		return nil, err
	}
	if len(known) == 0 {
		return []step{do(insertDelivery, deliveryArgs(d)...)}, nil
	}
	if known[0].Lever != d.Lever {
		return nil, nil // the person's browser was led there meanwhile, which says more
	}
	w := widened(known[0], d, now)
	if reflect.DeepEqual(w, known[0]) {
		return nil, nil // found again, by another pass or after a restart
	}
	return []step{do(widenDelivery, w.ID, joined(w.SessionIndexes), us(w.AgainAt), us(w.Ceiling), w.State, us(w.NextAt), us(w.VerifiedAt), us(w.FinishedAt))}, nil
}

// widened is a known line with what a later page found on top. When an app
// has acknowledged less than the line now says, it must hear the rest, whatever
// it has shown of the part it knew; and what ends later than was thought has not
// ended.
func widened(known, d idp.Delivery, now time.Time) idp.Delivery {
	w := known
	w.SessionIndexes = slices.Clone(known.SessionIndexes)
	for _, index := range d.SessionIndexes {
		if !slices.Contains(w.SessionIndexes, index) {
			w.SessionIndexes = append(w.SessionIndexes, index)
		}
	}
	w.AgainAt, w.Ceiling = later(known.AgainAt, d.AgainAt), later(known.Ceiling, d.Ceiling)
	more := len(w.SessionIndexes) > len(known.SessionIndexes) || w.AgainAt.After(known.AgainAt)
	switch known.State {
	case idp.DeliveryAcknowledged, idp.DeliveryVerified:
		if more {
			w.State, w.NextAt, w.VerifiedAt, w.FinishedAt = idp.DeliveryPending, now, time.Time{}, time.Time{}
		}
	case idp.DeliveryEnded:
		if w.Ceiling.After(now) {
			w.State, w.FinishedAt = idp.DeliveryAlive, time.Time{}
		}
	}
	return w
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// ClaimDeliveries gives the hand up to limit deliveries that are due, for as
// long as the lease: none while older news for the same app and user is untried
// or in somebody's hands, and never more of an app than perApp in all hands
// together.
func (s *Store) ClaimDeliveries(ctx context.Context, hand string, now time.Time, lease time.Duration, limit, perApp int) ([]idp.Delivery, error) {
	var claimed []idp.Delivery
	held := s.shared(now)
	err := s.db.behind(ctx, do(claimLock), collect(&claimed, scanDelivery), s.db.dialect(claimSQLite, claimPostgres),
		hand, us(now), us(held.Add(lease)), limit, perApp, us(held))
	if err != nil {
		return nil, fmt.Errorf("claim deliveries: %w", s.db.translate(err))
	}
	slices.SortFunc(claimed, func(a, b idp.Delivery) int { return a.NextAt.Compare(b.NextAt) })
	return claimed, nil
}

// SaveDelivery writes how a delivery stands and frees the claim, where that
// hand still holds it; idp.Conflict where not, also when the line was
// superseded, verified or widened meanwhile. What the line is about (app,
// session, NameID, indexes) is not written. A line that was superseded while a
// message was on its way stays so, and says what came of the message.
func (s *Store) SaveDelivery(ctx context.Context, d idp.Delivery, hand string) error {
	n, err := s.exec(ctx, "save a delivery", saveDelivery, d.ID, hand, d.State, d.Attempts, us(d.NextAt),
		us(d.FirstSentAt), us(d.AckedAt), d.LatencyMS, d.Answer, us(d.AgainAt), us(d.Ceiling), us(d.VerifiedAt),
		d.Evidence, us(d.FinishedAt))
	if err == nil && n == 0 {
		_, err = s.exec(ctx, "save what was on its way", saveSuperseded, d.ID, d.Attempts, us(d.FirstSentAt), us(d.AckedAt), d.LatencyMS, d.Answer)
	}
	if err == nil && n == 0 {
		err = idp.Errorf(idp.Conflict, "This delivery is no longer in this worker's hands.")
	}
	return err
}

// ReleaseClaims gives back everything that the worker holds, under its name or
// in a hand of it: its name, a slash and more.
func (s *Store) ReleaseClaims(ctx context.Context, worker string) error {
	return s.tx(ctx, "release claims", func(r runner) error {
		return r.batch(ctx, []step{do(releaseDeliveries, worker), do(releaseReceipts, worker), do(releaseBatches, worker)})
	})
}

// EndedByCeiling turns the lines that are alive and whose ceiling has passed
// into ended ones, and those without a ceiling whose NextAt has passed into ones
// that are left to somebody's hands, and returns how many.
func (s *Store) EndedByCeiling(ctx context.Context, now time.Time) (int, error) {
	n, err := s.exec(ctx, "end what has reached its ceiling", endByCeiling, us(now))
	return int(n), err
}

// RecordEvidence writes on the open lines of that app and exactly that session
// that a token of it was used after the cut and refused. byApp says that the app
// itself was the one: then the lines that it has acknowledged, and those that no
// lever reaches, are verified by it, unless something is still to be said again.
// Anything else only stands on the line, which goes on as it was.
func (s *Store) RecordEvidence(ctx context.Context, app idp.AppID, session idp.SessionID, evidence string, byApp bool, now time.Time) error {
	if byApp {
		if _, err := s.exec(ctx, "record evidence", proveLines, app, session, evidence, us(now)); err != nil {
			return err
		}
	}
	_, err := s.exec(ctx, "note evidence", noteEvidence, app, session, evidence+", at "+now.UTC().Format("15:04:05Z"))
	return err
}

// AppsInTrouble returns the apps that did not take what they were told: a line
// is being retried, or has failed since that moment, and none was acknowledged
// after it.
func (s *Store) AppsInTrouble(ctx context.Context, since time.Time) ([]idp.AppID, error) {
	return list(ctx, s, "apps in trouble", func(r row) (id idp.AppID, err error) { return id, r.Scan(&id) }, appsInTrouble, us(since))
}
