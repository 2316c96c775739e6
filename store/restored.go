package store

import (
	"context"

	"gatehouse/idp"
)

const (
	selectHouse = `SELECT h.state, h.generation, c.n, h.restored_at, h.in_place, h.backup_at, h.backup_n, h.backup_era
		FROM house h CROSS JOIN counter c WHERE h.id = 1`

	upsertReplay = `INSERT INTO replays (wish, place, n, kind, user_id, username, app_id, group_id, key_id, at, reason, outcome, detail)
		VALUES ($1, (SELECT count(*) FROM replays), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (wish) DO UPDATE SET outcome = excluded.outcome, detail = excluded.detail
		WHERE replays.outcome <> 'made again'`
	selectReplays = `SELECT wish, n, kind, user_id, username, app_id, group_id, key_id, at, reason, outcome, detail
		FROM replays ORDER BY place`

	confirmRestore = `UPDATE house SET state = '', generation = $1 WHERE id = 1 AND state = 'unconfirmed'`

	whoAndWhen = `SELECT h.generation, COALESCE((SELECT u.username FROM users u WHERE u.id = $1), '') FROM house h WHERE h.id = 1`
)

// House reads the house's own row.
func (s *Store) House(ctx context.Context) (idp.House, error) {
	return one(ctx, s, "house", scanHouse, selectHouse)
}

func houseOf(ctx context.Context, r runner) (h idp.House, err error) {
	err = r.query(ctx, func(r row) error {
		h, err = scanHouse(r)
		return err
	}, selectHouse)
	return h, err
}

func scanHouse(r row) (h idp.House, err error) {
	var generation string
	var inPlace int64
	err = r.Scan(&h.State, &generation, &h.N, at(&h.RestoredAt), &inPlace, at(&h.From.At), &h.From.N, &h.From.Era)
	h.Era, h.InPlace = idp.Era(generation), inPlace == 1
	return h, err
}

// EraAndName returns the era of this moment and the username of a person, ""
// for one that is not known. One statement.
func (s *Store) EraAndName(ctx context.Context, id idp.UserID) (era, name string, err error) {
	generation, err := one(ctx, s, "house", func(r row) (g string, err error) { return g, r.Scan(&g, &name) }, whoAndWhen, id)
	return idp.Era(generation), name, err
}

// SaveReplays writes lines of the list that an owner confirms. A cut that was
// made again stays so when the same journal is read twice.
func (s *Store) SaveReplays(ctx context.Context, list []idp.Replay) error {
	steps := make([]step, len(list))
	for i, p := range list {
		steps[i] = do(upsertReplay, p.Key, p.N, p.Kind, p.UserID, p.Username, p.AppID, p.GroupID, p.KeyID, us(p.At), p.Reason, p.Outcome, p.Detail)
	}
	return s.tx(ctx, "write the list of cuts", func(r runner) error { return r.batch(ctx, steps) })
}

// Replays returns the list that an owner confirms, in the order in which it
// was written.
func (s *Store) Replays(ctx context.Context) ([]idp.Replay, error) {
	return list(ctx, s, "list of cuts", func(r row) (p idp.Replay, err error) {
		return p, r.Scan(&p.Key, &p.N, &p.Kind, &p.UserID, &p.Username, &p.AppID, &p.GroupID, &p.KeyID, at(&p.At), &p.Reason, &p.Outcome, &p.Detail)
	}, selectReplays)
}

// ConfirmRestore opens a restored house under a generation that no pass
// carries yet. idp.Conflict for a house that waits for no confirmation.
func (s *Store) ConfirmRestore(ctx context.Context) error {
	e := idp.Event{ID: idp.NewEventID(), At: idp.Time(s.Now()), Kind: "house.restore.confirm", Actor: idp.ActorOf(ctx)}
	none := idp.Errorf(idp.Conflict, "There is nothing to confirm: this house was not restored from a backup, or is confirmed already.")
	steps := append([]step{must(none, confirmRestore, newGeneration())}, eventSteps([]idp.Event{e})...)
	return s.tx(ctx, "confirm the restore", func(r runner) error { return r.batch(ctx, steps) })
}
