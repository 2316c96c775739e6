package store

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"gatehouse/idp"
)

const (
	// Those that were never signed, and those whose signing broke off.
	receiptsUnsigned = `SELECT r.id FROM receipts r WHERE r.version = 0 AND r.id > $2 AND ` + maySign + ` ORDER BY r.n LIMIT $1`
	receiptsLeft     = `SELECT r.id FROM receipts r WHERE r.sign_by <> '' AND r.version > 0 AND r.sign_until <= $1 ORDER BY r.n LIMIT $2`

	// From receipt to receipt with lines that turned, one look at the index
	// each, however many lines that are. $1 is how many, $2 the ID that was
	// reached, $3 now, $4 a second before.
	receiptsTurned = `WITH RECURSIVE t (id, place) AS (
			SELECT (SELECT min(d.receipt_id) FROM deliveries d WHERE d.signed = 0 AND d.receipt_id > $2), 1
			UNION ALL
			SELECT (SELECT min(d.receipt_id) FROM deliveries d WHERE d.signed = 0 AND d.receipt_id > t.id), t.place + 1
				FROM t WHERE t.id IS NOT NULL AND t.place < $1)
		SELECT r.id, CASE WHEN r.version > 0 AND ` + maySign + ` THEN 1 ELSE 0 END FROM t JOIN receipts r ON r.id = t.id ORDER BY r.id`

	// Nobody is about it, and all lines are final, or the pause after the newest
	// version is over, or a second after the listing, in which most apps answer:
	// mostly the first version is the last. Less than a second after the newest
	// none is signed at all. What is of the future is of a clock that was set
	// back.
	maySign = `r.listed_at > 0 AND r.sign_until <= $3 AND NOT (r.signed_at > $4 AND r.signed_at <= $3)
		AND (r.sign_after <= $3 AND NOT (r.listed_at > $4 AND r.listed_at <= $3)
			OR NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.receipt_id = r.id AND o.finished_at = 0))`

	// A claim that was not given back by a version says that one is due.
	claimSigning = `UPDATE receipts AS r SET sign_by = $1, sign_until = $5 WHERE r.id = $2 AND ` + maySign + `
		AND (r.version = 0 OR r.sign_by <> '' OR EXISTS (SELECT 1 FROM deliveries d WHERE d.receipt_id = r.id AND d.signed = 0))
		RETURNING id, n, kind, user_id, session_id, app_id, group_id, key_id, before_at, epoch, reason, actor, asked_at, cut_at, listed_at,
		version, signed_at, signed_final`
	// Before the lines are read: what turns from here on is turned again. Lines
	// that somebody is just writing are left to the next version, so that nobody
	// waits for two of us.
	takeTurnedSQLite   = `UPDATE deliveries SET signed = 1 WHERE receipt_id = $1 AND signed = 0`
	takeTurnedPostgres = `UPDATE deliveries SET signed = 1 WHERE id IN (
		SELECT d.id FROM deliveries d WHERE d.receipt_id = $1 AND d.signed = 0 FOR NO KEY UPDATE SKIP LOCKED)`

	linesToSign = `SELECT ` + deliveryRow + `, COALESCE((SELECT a.name FROM apps a WHERE a.id = deliveries.app_id), ''),
		COALESCE((SELECT u.username FROM users u WHERE u.id = deliveries.user_id), '')
		FROM deliveries WHERE receipt_id = $1 ORDER BY app_id, id`
	aroundReceipt = `SELECT h.generation, COALESCE((SELECT u.username FROM users u WHERE u.id = $1), ''),
		COALESCE((SELECT u.username FROM users u WHERE u.id = $2), ''),
		COALESCE((SELECT v.hash FROM receipt_versions v WHERE v.receipt_id = $3 AND v.version = $4), ''),
		COALESCE((SELECT max(c.position) FROM chain c), 0),
		COALESCE((SELECT c.hash FROM chain c ORDER BY c.position DESC LIMIT 1), '')
		FROM house h WHERE h.id = 1`

	nextVersion = `UPDATE receipts SET version = $3, signed_at = $4, signed_final = $5, sign_after = $6, sign_by = '', sign_until = 0
		WHERE id = $1 AND sign_by = $2 AND version = $3 - 1`
	insertVersion = `INSERT INTO receipt_versions (receipt_id, version, hash, signed_at, final, header, payload, signature)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

	versionColumns = `receipt_id, version, hash, signed_at, final, header, payload, signature`
	selectVersion  = `SELECT ` + versionColumns + ` FROM receipt_versions WHERE receipt_id = $1 AND version = $2`
	newestVersion  = `SELECT ` + versionColumns + ` FROM receipt_versions WHERE receipt_id = $1 ORDER BY version DESC LIMIT 1`
)

// signPause is the least time between two versions of a receipt.
const signPause = time.Second

// ReceiptsToSign returns up to n receipts of which a version is due: listed and
// never signed, left in the middle, or with lines that turned since the newest
// version. Of the last it looks at up to n after the receipt that was reached,
// and says how far that was: "" at the end.
func (s *Store) ReceiptsToSign(ctx context.Context, after idp.ReceiptID, now time.Time, n int) (due []idp.ReceiptID, next idp.ReceiptID, err error) {
	add := func(r row) error {
		var id idp.ReceiptID
		err := r.Scan(&id)
		due = append(due, id)
		return err
	}
	walked := 0
	turned := func(r row) error {
		var may bool
		if err := r.Scan(&next, flag(&may)); err != nil {
			return err
		}
		if walked++; may {
			due = append(due, next)
		}
		return nil
	}
	for _, q := range []struct {
		sql  string
		each func(row) error
		args []any
	}{
		{receiptsUnsigned, add, []any{n, "", us(now), us(now.Add(-signPause))}},
		{receiptsLeft, add, []any{us(now), n}},
		{receiptsTurned, turned, []any{n, after, us(now), us(now.Add(-signPause))}},
	} {
		if err := s.db.read(ctx, q.each, q.sql, q.args...); err != nil {
			return nil, "", s.wrap("look for receipts to sign", err)
		}
	}
	if walked < n {
		next = ""
	}
	return due, next, nil
}

// ClaimSigning gives whoever says by (a word that is never used again) the next
// version of a receipt to make, for as long as the lease, and returns what it
// says. idp.NotFound when no version of it is due, or somebody else is about it.
func (s *Store) ClaimSigning(ctx context.Context, id idp.ReceiptID, by string, now time.Time, lease time.Duration) (idp.ReceiptText, error) {
	var heads []idp.Receipt
	// Together: lines are taken by whoever has the claim, before anybody else can.
	err := s.tx(ctx, "claim a receipt to sign", func(r runner) error {
		heads = nil
		err := r.query(ctx, collect(&heads, scanReceipt), claimSigning, by, id, us(now), us(now.Add(-signPause)), us(now.Add(lease)))
		if err == nil && len(heads) == 0 {
			err = idp.Errorf(idp.NotFound, "There is no version of this receipt to sign.")
		}
		if err == nil {
			_, err = r.exec(ctx, s.db.dialect(takeTurnedSQLite, takeTurnedPostgres), id)
		}
		return err
	})
	if err != nil {
		return idp.ReceiptText{}, err
	}
	t := idp.ReceiptText{Receipt: heads[0]}
	if t.Lines, err = list(ctx, s, "lines to sign", scanReceiptLine, linesToSign, id); err != nil {
		return idp.ReceiptText{}, err
	}
	_, err = one(ctx, s, "house", func(r row) (generation string, err error) {
		err = r.Scan(&generation, &t.Username, &t.ActorBy, &t.Previous, &t.Audit.Position, &t.Audit.Hash)
		t.Era = idp.Era(generation)
		return generation, err
	}, aroundReceipt, t.UserID, t.Actor.UserID, id, t.Version)
	return t, err
}

func scanReceiptLine(r row) (l idp.ReceiptLine, err error) {
	return l, r.Scan(append(deliveryDest(&l.Delivery), &l.App, &l.Username)...)
}

// SaveVersion writes a version for good, with its event, where whoever says by
// still holds the receipt; idp.Conflict where not, and then nothing is written.
func (s *Store) SaveVersion(ctx context.Context, v idp.SignedReceipt, by string, e idp.Event) error {
	parts := strings.Split(v.JWS, ".")
	if len(parts) != 3 {
		return errors.New("a version that is no JWS")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return fmt.Errorf("a version that is no JWS: %w", err)
	}
	packed, err := pack(payload)
	if err != nil {
		return err
	}
	lost := idp.Errorf(idp.Conflict, "Another node has signed this receipt meanwhile.")
	steps := append([]step{
		must(lost, nextVersion, v.ReceiptID, by, v.Version, us(v.SignedAt), bit(v.Final), us(v.NextAfter)),
		do(insertVersion, v.ReceiptID, v.Version, v.Hash, us(v.SignedAt), bit(v.Final), parts[0], packed, parts[2]),
	}, eventSteps([]idp.Event{e})...)
	return s.tx(ctx, "save a version of a receipt", func(r runner) error { return r.batch(ctx, steps) })
}

// SignedReceipt returns a version of a receipt, 0 for the newest, byte for byte
// as it was signed; idp.NotFound when there is none.
func (s *Store) SignedReceipt(ctx context.Context, id idp.ReceiptID, version int64) (idp.SignedReceipt, error) {
	const noun = "signed version of this receipt"
	if version == 0 {
		return one(ctx, s, noun, scanVersion, newestVersion, id)
	}
	return one(ctx, s, noun, scanVersion, selectVersion, id, version)
}

func scanVersion(r row) (v idp.SignedReceipt, err error) {
	var header, packed, signature string
	if err := r.Scan(&v.ReceiptID, &v.Version, &v.Hash, at(&v.SignedAt), flag(&v.Final), &header, &packed, &signature); err != nil {
		return v, err
	}
	payload, err := unpack(packed)
	v.JWS = header + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + signature
	return v, err
}

// pack compresses what says the same words in every line.
func pack(text []byte) (string, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(text); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return armoured(b.Bytes()), nil
}

func unpack(packed string) ([]byte, error) {
	raw, err := base64.RawStdEncoding.DecodeString(packed)
	if err != nil {
		return nil, fmt.Errorf("a packed text: %w", err)
	}
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, fmt.Errorf("a packed text: %w", err)
	}
	return text, nil
}
