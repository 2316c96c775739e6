package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	rowColumns = `e.id, e.at, e.kind, e.actor, e.user_id, e.app_id, e.session_id, e.detail, e.position`

	// Not by a cursor over time: what is committed late with an earlier time is
	// found like all else.
	eventsUnsealed = `SELECT ` + rowColumns + ` FROM events e WHERE e.position = 0 ORDER BY e.at, e.id LIMIT $1`
	chainEnd       = `SELECT c.position, c.hash FROM chain c ORDER BY c.position DESC LIMIT 1`
	// $1 is a list of places, each with its line and hash.
	insertLinks         = `INSERT INTO chain (position, event_id, hash, sealed_at) SELECT `
	insertLinksSQLite   = insertLinks + `p.value->>0, p.value->>1, p.value->>2, $2 FROM json_each($1) p`
	insertLinksPostgres = insertLinks + `CAST(p->>0 AS BIGINT), p->>1, p->>2, CAST($2 AS BIGINT) FROM jsonb_array_elements(CAST($1 AS JSONB)) p`
	sealEvents          = `UPDATE events SET position = `
	sealEventsSQLite    = sealEvents + `p.value->>0 FROM json_each($1) p WHERE events.id = p.value->>1 AND events.position = 0`
	sealEventsPostgres  = sealEvents + `CAST(p->>0 AS BIGINT) FROM jsonb_array_elements(CAST($1 AS JSONB)) p WHERE events.id = p->>1 AND events.position = 0`

	linksAfter = `SELECT c.position, c.event_id, c.hash, c.sealed_at, CASE WHEN e.id IS NULL THEN 0 ELSE 1 END,
		COALESCE(e.id, ''), COALESCE(e.at, 0), COALESCE(e.kind, ''), COALESCE(e.actor, ''), COALESCE(e.user_id, ''),
		COALESCE(e.app_id, ''), COALESCE(e.session_id, ''), COALESCE(e.detail, ''), COALESCE(e.position, 0)
		FROM chain c LEFT JOIN events e ON e.id = c.event_id WHERE c.position > $1 ORDER BY c.position LIMIT $2`

	// Of the next so many lines, those that claim a place that is not theirs.
	eventsUnchained = `WITH l AS MATERIALIZED (SELECT ` + rowColumns + ` FROM events e WHERE e.id > $1 ORDER BY e.id LIMIT $2)
		SELECT ` + rowColumns + ` FROM l e WHERE e.position <> 0
		AND NOT EXISTS (SELECT 1 FROM chain c WHERE c.position = e.position AND c.event_id = e.id) ORDER BY e.id`
	eventReached = `SELECT e.id FROM events e WHERE e.id > $1 ORDER BY e.id LIMIT 1 OFFSET $2`

	insertCheckpoint = `INSERT INTO checkpoints (position, hash, signed_at, jws) VALUES ($1, $2, $3, $4) ON CONFLICT (position) DO NOTHING`
	checkpointsAfter = `SELECT position, hash, signed_at, jws FROM checkpoints WHERE position > $1 ORDER BY position LIMIT $2`
	lastCheckpoint   = `SELECT position, hash, signed_at, jws FROM checkpoints ORDER BY position DESC LIMIT 1`
)

func rowDest(e *idp.AuditRow) []any {
	return []any{&e.ID, &e.AtMicros, &e.Kind, &e.Actor, &e.UserID, &e.AppID, &e.SessionID, &e.Detail, &e.Position}
}

func scanRow(r row) (e idp.AuditRow, err error) { return e, r.Scan(rowDest(&e)...) }

// Seal gives up to n audit lines that have no place in the chain yet the next
// ones, in the order of their times, and returns how many. Whoever writes an
// audit line waits for nobody: any number of nodes may seal, and of those who
// take the same place one is first and the others get idp.Conflict.
func (s *Store) Seal(ctx context.Context, now time.Time, n int) (int, error) {
	// The end first: what another node seals after this makes the place taken.
	end, err := s.ChainEnd(ctx)
	if err != nil {
		return 0, err
	}
	rows, err := list(ctx, s, "audit lines to seal", scanRow, eventsUnsealed, n)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	places := make([][]any, len(rows))
	for i, e := range rows {
		end.Position++
		end.Hash = e.Hash(end.Hash, end.Position)
		places[i] = []any{end.Position, e.ID, end.Hash}
	}
	list := asJSON(places)
	return len(rows), s.tx(ctx, "seal audit lines", func(r runner) error {
		if _, err := r.exec(ctx, s.db.dialect(insertLinksSQLite, insertLinksPostgres), list, us(now)); err != nil {
			return err
		}
		sealed, err := r.exec(ctx, s.db.dialect(sealEventsSQLite, sealEventsPostgres), list)
		if err == nil && sealed != int64(len(rows)) {
			err = idp.Errorf(idp.Conflict, "Another node has sealed this line meanwhile.")
		}
		return err
	})
}

// ChainEnd says how far the chain has come.
func (s *Store) ChainEnd(ctx context.Context) (idp.Place, error) {
	ends, err := list(ctx, s, "end of the chain", func(r row) (p idp.Place, err error) { return p, r.Scan(&p.Position, &p.Hash) }, chainEnd)
	if err != nil || len(ends) == 0 {
		return idp.Place{}, err
	}
	return ends[0], nil
}

// Links returns up to n places of the chain after a position, in order, each
// with the audit line that is there now.
func (s *Store) Links(ctx context.Context, after int64, n int) ([]idp.ChainLink, error) {
	return list(ctx, s, "chain", func(r row) (l idp.ChainLink, err error) {
		var e idp.AuditRow
		var there bool
		err = r.Scan(append([]any{&l.Position, &l.EventID, &l.Hash, at(&l.SealedAt), flag(&there)}, rowDest(&e)...)...)
		if there {
			l.Row = &e
		}
		return l, err
	}, linksAfter, after, limit(n))
}

// unchainedAt is how many audit lines a page of Unchained looks at.
const unchainedAt = 2000

// Unchained looks at the next audit lines by ID and returns those that claim a
// place in the chain which is not theirs: nobody of the house wrote them. next
// is the ID that was reached, "" at the end.
func (s *Store) Unchained(ctx context.Context, after idp.EventID) (found []idp.AuditRow, next idp.EventID, err error) {
	if found, err = list(ctx, s, "audit lines", scanRow, eventsUnchained, after, unchainedAt); err != nil {
		return nil, "", err
	}
	reached, err := list(ctx, s, "audit lines", func(r row) (id idp.EventID, err error) { return id, r.Scan(&id) }, eventReached, after, unchainedAt-1)
	if err != nil || len(reached) == 0 {
		return found, "", err
	}
	return found, reached[0], nil
}

// SaveCheckpoint writes a signed place of the chain; the first of a place
// stays.
func (s *Store) SaveCheckpoint(ctx context.Context, c idp.Checkpoint) error {
	_, err := s.exec(ctx, "save a checkpoint", insertCheckpoint, c.Position, c.Hash, us(c.SignedAt), c.JWS)
	return err
}

func scanCheckpoint(r row) (c idp.Checkpoint, err error) {
	return c, r.Scan(&c.Position, &c.Hash, at(&c.SignedAt), &c.JWS)
}

// Checkpoints returns up to n signed places of the chain after a position, in
// order.
func (s *Store) Checkpoints(ctx context.Context, after int64, n int) ([]idp.Checkpoint, error) {
	return list(ctx, s, "checkpoints", scanCheckpoint, checkpointsAfter, after, limit(n))
}

// LastCheckpoint returns the newest signed place of the chain; idp.NotFound
// before the first.
func (s *Store) LastCheckpoint(ctx context.Context) (idp.Checkpoint, error) {
	return one(ctx, s, "checkpoint", scanCheckpoint, lastCheckpoint)
}
