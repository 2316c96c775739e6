package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	linkInto = `INSERT INTO links (id, secret_hash, user_id, epoch, generation, purpose, created_at, expires_at, used_at) `

	linkSQLite   = linkInto + `SELECT $4, $5, u.id, $2, $3, $6, $7, $8, 0 FROM users u CROSS JOIN house h WHERE ` + proven
	linkPostgres = standingPostgres + ` ` + linkInto + `SELECT $4, $5, ok.id, $2, $3, $6, $7, $8, 0 FROM ok`

	noOwner   = `NOT EXISTS (SELECT 1 FROM users o WHERE o.role = 'owner')`
	ownerLink = linkInto + `SELECT $1, $2, '', 0, h.generation, $4, $5, $6, 0 FROM house h
		WHERE h.generation = $3 AND h.generation <> '' AND ($4 = 'owner' OR ` + noOwner + `)`

	// A new link for a person replaces those of the same purpose before it: who
	// has one mailed kills none that an owner made.
	// First-owner links stand side by side: each node prints one.
	replaced = `EXISTS (SELECT 1 FROM links n WHERE n.user_id = l.user_id AND n.user_id <> '' AND n.purpose = l.purpose AND n.created_at > l.created_at)`

	linkByHash = `SELECT l.id, l.user_id, l.epoch, l.generation, l.purpose, l.created_at, l.expires_at, l.used_at,
		COALESCE(u.status, ''), COALESCE(u.epoch, 0), h.generation, h.cut_before, c.n
		FROM links l CROSS JOIN house h CROSS JOIN counter c LEFT JOIN users u ON u.id = l.user_id WHERE l.secret_hash = $1 AND NOT ` + replaced

	// Links are used one at a time (the house's row is the lock), so that two
	// first-owner links make one owner, and in the turn of their user.
	lockHouse   = `UPDATE house SET id = id WHERE id = 1`
	turnOfLink  = `SELECT pg_advisory_xact_lock(hashtextextended(l.user_id, 0)) FROM links l WHERE l.id = $1`
	useLinkOnce = `UPDATE links SET used_at = $2 WHERE id = $1 AND used_at = 0 AND expires_at > $2
		AND NOT EXISTS (SELECT 1 FROM links l WHERE l.id = links.id AND ` + replaced + `)
		AND EXISTS (SELECT 1 FROM house h WHERE h.generation = links.generation AND h.generation <> '' AND links.created_at >= h.cut_before)
		AND ((purpose = 'first_owner' AND user_id = '' AND ` + noOwner + `) OR (purpose = 'owner' AND user_id = '')
			OR EXISTS (SELECT 1 FROM users u WHERE u.id = links.user_id AND u.status = 'active' AND u.epoch = links.epoch))`
	// One way out is enough: what else was made for the person is of no use.
	useOtherLinks = `UPDATE links SET used_at = $2 WHERE used_at = 0 AND user_id <> '' AND user_id = (SELECT l.user_id FROM links l WHERE l.id = $1)`

	// What the ending in the same transaction leaves to who has asked for it: it comes
	// after these, behind a turn that was taken alone, and makes the epoch one more.
	leftLink = linkInto + `SELECT $4, $5, u.id, u.epoch + 1, $3, $6, $7, $8, 0 FROM users u CROSS JOIN house h WHERE ` + proven
	leftHere = `UPDATE known_devices SET epoch = epoch + 1, created_at = $5, trusted_until = 0, trusted_at = 0
		WHERE id = $4 AND user_id = $1 AND epoch = $2 AND generation = $3
		AND EXISTS (SELECT 1 FROM users u CROSS JOIN house h WHERE ` + proven + ` AND known_devices.created_at >= h.cut_before)`

	linksOf = `SELECT id, user_id, epoch, generation, purpose, created_at, expires_at, used_at FROM links WHERE user_id = $1
		ORDER BY created_at DESC, id LIMIT $2`

	endLinks = `UPDATE links SET used_at = $2 WHERE user_id = $1 AND used_at = 0`

	// What was asked for waits to be sent, or was sent and is good: of the epoch
	// and generation of now.
	recoveryUnderWay = `SELECT count(*) FROM users u CROSS JOIN house h WHERE u.id = $1 AND (
		EXISTS (SELECT 1 FROM mails m WHERE m.user_id = u.id AND m.kind = 'recovery' AND m.finished_at = 0
			AND m.epoch = u.epoch AND m.generation = h.generation)
		OR EXISTS (SELECT 1 FROM links l WHERE l.user_id = u.id AND l.purpose = 'recovery' AND l.used_at = 0 AND l.expires_at > $2
			AND l.epoch = u.epoch AND l.generation = h.generation AND l.created_at >= h.cut_before))`

	ownerCameFirst = `SELECT count(*) FROM links l CROSS JOIN house h WHERE l.id = $1 AND l.used_at = 0 AND l.expires_at > $2
		AND l.purpose = 'first_owner' AND l.generation = h.generation AND NOT ` + noOwner
)

// CreateLink writes a link, and the change that goes with it, for a standing
// user, or, for idp.LinkFirstOwner, where no owner exists, or, for
// idp.LinkOwner, for nobody; idp.Unauthenticated where not.
func (s *Store) CreateLink(ctx context.Context, l idp.Link, hash string, with idp.Change) error {
	sql, args := s.db.dialect(linkSQLite, linkPostgres),
		[]any{l.UserID, l.Epoch, l.Generation, l.ID, hash, l.Purpose, us(l.CreatedAt), us(l.ExpiresAt)}
	if l.Purpose == idp.LinkFirstOwner || l.Purpose == idp.LinkOwner {
		sql, args = ownerLink, []any{l.ID, hash, l.Generation, l.Purpose, us(l.CreatedAt), us(l.ExpiresAt)}
	}
	_, err := s.commit(ctx, []step{must(refused(), sql, args...)}, with)
	return err
}

// LinkByHash finds a one-time link by the hash of its secret, used or not, but
// not one that a newer link has replaced (idp.NotFound),
// with the standing of its user of the same moment; without a user, of the
// generation alone.
func (s *Store) LinkByHash(ctx context.Context, hash string) (idp.Link, idp.Standing, error) {
	var st idp.Standing
	l, err := one(ctx, s, "link", func(r row) (l idp.Link, err error) {
		return l, r.Scan(&l.ID, &l.UserID, &l.Epoch, &l.Generation, &l.Purpose, at(&l.CreatedAt), at(&l.ExpiresAt),
			at(&l.UsedAt), &st.Status, &st.Epoch, &st.Generation, at(&st.CutBefore), &st.N)
	}, linkByHash, hash)
	return l, st, err
}

// LinksOf returns the n newest links of a user, used or not.
func (s *Store) LinksOf(ctx context.Context, user idp.UserID, n int) ([]idp.Link, error) {
	return list(ctx, s, "links of a person", func(r row) (l idp.Link, err error) {
		return l, r.Scan(&l.ID, &l.UserID, &l.Epoch, &l.Generation, &l.Purpose, at(&l.CreatedAt), at(&l.ExpiresAt), at(&l.UsedAt))
	}, linksOf, user, n)
}

// UseLink spends an unused, unexpired link whose proof stands and commits the
// change that it allows, both or neither; every other link of its user is spent
// with it. idp.Conflict when a first-owner
// link finds an owner, or as [Store.Commit] has it; idp.Unauthenticated for a
// link that no longer works.
func (s *Store) UseLink(ctx context.Context, id idp.LinkID, now time.Time, change idp.Change) (idp.Committed, error) {
	before := append(s.turn(turnOfLink, id), do(lockHouse), must(refused(), useLinkOnce, id, us(now)), do(useOtherLinks, id, us(now)))
	done, err := s.commit(ctx, before, change)
	if !idp.IsKind(err, idp.Unauthenticated) {
		return done, err
	}
	if why := s.whyNot(ctx, ownerCameFirst, id, us(now)); idp.IsKind(why, idp.Conflict) {
		return idp.Committed{}, idp.Errorf(idp.Conflict, "This house has an owner already.")
	}
	return idp.Committed{}, err
}

// StartOver commits a change that ends everything the user of d holds
// (idp.EndPasses), where d's proof stands, and in the same transaction writes a link for
// them, with the hash of its secret, and has d known still: both by what the ending
// leaves. idp.Unauthenticated where the proof does not stand.
func (s *Store) StartOver(ctx context.Context, d idp.KnownDevice, l idp.Link, hash string, change idp.Change) (idp.Committed, error) {
	before := append(s.turn(takeTurn, d.UserID),
		must(refused(), leftHere, d.UserID, d.Epoch, d.Generation, d.ID, us(l.CreatedAt)),
		must(refused(), leftLink, d.UserID, d.Epoch, d.Generation, l.ID, hash, l.Purpose, us(l.CreatedAt), us(l.ExpiresAt)))
	return s.commit(ctx, before, change)
}

// RecoveryUnderWay reports whether a link of purpose idp.LinkRecovery for this
// user works right now, or waits to be mailed. Nobody ("") has none.
func (s *Store) RecoveryUnderWay(ctx context.Context, user idp.UserID, now time.Time) (bool, error) {
	return one(ctx, s, "links of a person", func(r row) (bool, error) {
		var n int
		err := r.Scan(&n)
		return n > 0, err
	}, recoveryUnderWay, user, us(now))
}
