package store

import (
	"context"
	"slices"
	"strconv"
	"time"

	"gatehouse/idp"
)

const (
	receiptHead = `r.id, r.n, r.kind, r.user_id, r.session_id, r.app_id, r.group_id, r.key_id, r.before_at, r.epoch, r.reason,
		r.actor, r.asked_at, r.cut_at, r.listed_at, r.version, r.signed_at, r.signed_final`

	receiptByID   = `SELECT ` + receiptHead + ` FROM receipts r WHERE r.id = $1`
	receiptsAll   = `SELECT ` + receiptHead + ` FROM receipts r WHERE ($1 = 0 OR r.n < $1) ORDER BY r.n DESC LIMIT $2`
	receiptsOf    = `SELECT ` + receiptHead + ` FROM receipts r WHERE ($1 = 0 OR r.n < $1) AND r.user_id = $3 ORDER BY r.n DESC LIMIT $2`
	receiptLatest = `SELECT ` + receiptHead + ` FROM receipts r WHERE r.user_id = $1 AND r.kind = $2 ORDER BY r.n DESC LIMIT 1`

	claimReceipt = `UPDATE receipts SET claimed_by = $1, claimed_until = $3 WHERE id = (
		SELECT r.id FROM receipts r WHERE r.listed_at = 0 AND r.claimed_until <= $2 ORDER BY r.bulk, r.n LIMIT 1`
	claimReceiptReturning = `) RETURNING id, n, kind, user_id, session_id, app_id, group_id, key_id, before_at, epoch, reason, actor, asked_at,
		cut_at, listed_at, version, signed_at, signed_final, cursor`
	claimReceiptSQLite   = claimReceipt + claimReceiptReturning
	claimReceiptPostgres = claimReceipt + ` FOR UPDATE SKIP LOCKED` + claimReceiptReturning

	// Offline families: $1 is the user, $2 their epoch after the cut, $3 the time
	// of it, $4 the session of an ending that ended just one ('' else). One that was
	// ended before, with no receipt, may have handed out what is good until now:
	// $5 is since when. A person's own sign-out cuts none.
	cutFamilies = `SELECT ` + familyColumns + ` FROM token_families f JOIN sessions s ON s.id = f.session_id
		WHERE f.user_id = $1 AND f.offline = 1 AND f.expires_at > $3 AND (f.revoked_at = 0 OR f.revoked_at >= $5)
		AND (($4 = '' AND f.epoch = $2 - 1 AND (s.ended_by <> 'ended' OR s.ended_at >= $3))
			OR (s.id = $4 AND s.ended_by = 'ended'))
		ORDER BY f.app_id, f.id`
)

func receiptDest(r *idp.Receipt) []any {
	return []any{&r.ID, &r.N, &r.Kind, &r.UserID, &r.SessionID, &r.AppID, &r.GroupID, &r.KeyID, at(&r.Before), &r.Epoch, &r.Reason,
		inJSON(&r.Actor), at(&r.AskedAt), at(&r.CutAt), at(&r.ListedAt),
		&r.Version, at(&r.SignedAt), flag(&r.SignedFinal)}
}

func scanReceipt(r row) (v idp.Receipt, err error) { return v, r.Scan(receiptDest(&v)...) }

// Receipt returns the head of the receipt with this ID.
func (s *Store) Receipt(ctx context.Context, id idp.ReceiptID) (idp.Receipt, error) {
	return one(ctx, s, "receipt", scanReceipt, receiptByID, id)
}

// Receipts returns a page of receipts, newest first, of one user or ("") of
// all, and the cursor of the next: "" at the end.
func (s *Store) Receipts(ctx context.Context, user idp.UserID, after string, n int) ([]idp.Receipt, string, error) {
	key, err := keyOf(after, 1)
	if err != nil {
		return nil, "", err
	}
	before, err := wholeNumber(key[0])
	if err != nil {
		return nil, "", err
	}
	n = limit(n)
	sql, args := receiptsAll, []any{before, n + 1}
	if user != "" {
		sql, args = receiptsOf, append(args, user)
	}
	found, err := list(ctx, s, "receipts", scanReceipt, sql, args...)
	if err != nil {
		return nil, "", err
	}
	receipts, next := page(found, n, func(r idp.Receipt) string { return cursor(strconv.FormatInt(r.N, 10)) })
	return receipts, next, nil
}

// LastReceipt returns a user's newest receipt of a kind of ending.
func (s *Store) LastReceipt(ctx context.Context, user idp.UserID, kind idp.EndingKind) (idp.Receipt, error) {
	return one(ctx, s, "receipt", scanReceipt, receiptLatest, user, kind)
}

// ClaimReceipt gives the hand the oldest receipt that is still to be listed
// and that nobody holds, those of suspensions of many last, with the cursor that was reached, for as long as the
// lease; idp.NotFound when there is none.
func (s *Store) ClaimReceipt(ctx context.Context, hand string, now time.Time, lease time.Duration) (r idp.Receipt, cursor string, err error) {
	found, err := returning(ctx, s, "claim a receipt", func(row row) (v idp.Receipt, err error) {
		return v, row.Scan(append(receiptDest(&v), &cursor)...)
	}, s.db.dialect(claimReceiptSQLite, claimReceiptPostgres), hand, us(s.shared(now)), us(s.shared(now).Add(lease)))
	switch {
	case err != nil:
		return idp.Receipt{}, "", err
	case len(found) == 0:
		return idp.Receipt{}, "", idp.Errorf(idp.NotFound, "There is no receipt to list.")
	}
	return found[0], cursor, nil
}

// CutAccounts returns the accounts of the user whom the receipt's ending cut, as
// far as they were there at the cut: it may be listed when the person is back
// and has others. None for the ending of a single session, and those in the one
// app for the end of a grant to a user.
func (s *Store) CutAccounts(ctx context.Context, r idp.Receipt) ([]idp.Account, error) {
	ofOneApp := r.Kind == idp.EndGrant && r.GroupID == ""
	if !ofOneApp && r.Kind != idp.EndUser && r.Kind != idp.EndPasses {
		return nil, nil
	}
	all, err := s.Accounts(ctx, r.UserID)
	return slices.DeleteFunc(all, func(a idp.Account) bool {
		return a.FirstSeenAt.After(r.CutAt) || ofOneApp && a.AppID != r.AppID
	}), err
}

// CutFamilies returns the offline families that were alive until the
// receipt's ending, and those that were revoked so shortly before it that a JWT
// of theirs may be good still ([idp.JWTsReach]). Those that the end of a group's
// grant cut are marked first, page by page: it may be interrupted at any time,
// and called again.
func (s *Store) CutFamilies(ctx context.Context, r idp.Receipt) ([]idp.TokenFamily, error) {
	if ofEverybody(r) {
		return nil, nil // they are among the participants
	}
	if r.Kind == idp.EndGrant {
		if err := s.markUngranted(ctx, r); err != nil {
			return nil, err
		}
		return s.familiesByGrant(ctx, r)
	}
	session := idp.SessionID("")
	if r.Kind == idp.EndSession {
		session = r.SessionID
	}
	return list(ctx, s, "token families that were cut", scanFamily, cutFamilies, r.UserID, r.Epoch, us(r.CutAt), session, handedOutSince(r))
}
