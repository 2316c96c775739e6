package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/idp"
)

const (
	batchColumns = `b.id, b.group_id, b.reason, b.actor, b.myself, b.created_at, b.state, b.total, b.done, b.already, b.refused,
		b.cursor, b.finished_at, b.cancelled_by`
	insertBatch = `INSERT INTO batches (id, group_id, reason, actor, myself, created_at, state, total, done, already, refused,
		cursor, finished_at, cancelled_by, claimed_by, claimed_until)
		VALUES ($1, $2, $3, $4, $5, $6, 'preparing', 0, 0, 0, 0, 0, 0, '{}', '', 0)`
	// Nobody is added to one that runs. The row is locked against that.
	growBatch = `UPDATE batches SET total = total + $2, refused = refused + $3 WHERE id = $1 AND state = 'preparing'`
	runBatch  = `UPDATE batches SET state = 'running' WHERE id = $1 AND state = 'preparing'`

	insertBatchPerson = `INSERT INTO batch_people (batch_id, place, user_id, name, state, receipt_id, note) VALUES ($1, $2, $3, $4, $5, '', $6)`

	batchByID   = `SELECT ` + batchColumns + ` FROM batches b WHERE b.id = $1`
	batchesPage = `SELECT ` + batchColumns + ` FROM batches b WHERE (CAST($1 AS BIGINT) = 0 OR (b.created_at, b.id) < ($1, $2))
		ORDER BY b.created_at DESC, b.id DESC LIMIT $3`
	personOf   = `p.place, p.user_id, p.name, p.state, p.receipt_id, p.note`
	peopleOf   = `SELECT ` + personOf + ` FROM batch_people p WHERE p.batch_id = $1 AND p.place > $2 AND ($3 = '' OR p.state = $3) ORDER BY p.place LIMIT $4`
	peopleToDo = `SELECT ` + personOf + `, ` + userColumns + ` FROM batch_people p JOIN users u ON u.id = p.user_id
		WHERE p.batch_id = $1 AND p.place > $2 AND p.state = 'todo' ORDER BY p.place LIMIT $3`

	claimBatch = `UPDATE batches SET claimed_by = $1, claimed_until = $3 WHERE id = (
		SELECT b.id FROM batches b WHERE b.state = 'running' AND b.claimed_until <= $2 ORDER BY b.created_at, b.id LIMIT 1`
	claimBatchSQLite   = claimBatch + `) RETURNING id`
	claimBatchPostgres = claimBatch + ` FOR UPDATE SKIP LOCKED) RETURNING id`
	releaseBatches     = `UPDATE batches SET claimed_by = '', claimed_until = 0 WHERE ` + heldByWorker

	// Whoever cancels waits for the page that is being made, and none is made
	// after it.
	holdBatch = `UPDATE batches SET claimed_until = CASE WHEN claimed_until < $3 THEN $3 ELSE claimed_until END
		WHERE id = $1 AND claimed_by = $2 AND state = 'running'`
	markCut      = `UPDATE batch_people SET receipt_id = $3 WHERE batch_id = $1 AND place = $2 AND receipt_id = ''`
	settlePerson = `UPDATE batch_people SET state = $3, receipt_id = $4, note = $5 WHERE batch_id = $1 AND place = $2 AND state = 'todo'`
	settleBatch  = `UPDATE batches SET cursor = $3, done = done + $4, already = already + $5, refused = refused + $6,
		claimed_until = $7 WHERE id = $1 AND claimed_by = $2 AND cursor < $3`
	finishBatch = `UPDATE batches SET state = 'done', finished_at = $3, claimed_by = '', claimed_until = 0
		WHERE id = $1 AND claimed_by = $2 AND state = 'running'`
	cancelBatch = `UPDATE batches SET state = 'cancelled', finished_at = $2, cancelled_by = $3 WHERE id = $1 AND state IN ('preparing', 'running')`

	namedIn = `WITH l AS (%s) SELECT ` + userColumns + ` FROM users u JOIN l ON u.username = l.value
		UNION SELECT ` + userColumns + ` FROM users u JOIN l ON u.id = l.value
		UNION SELECT ` + userColumns + ` FROM users u JOIN l ON u.email = l.value AND u.email <> ''`
	listSQLite   = `SELECT value FROM json_each($1)`
	listPostgres = `SELECT jsonb_array_elements_text(CAST($1 AS JSONB)) AS value`
)

var (
	namedInSQLite   = fmt.Sprintf(namedIn, listSQLite)
	namedInPostgres = fmt.Sprintf(namedIn, listPostgres)
)

func scanBatch(r row) (b idp.Batch, err error) {
	return b, r.Scan(&b.ID, &b.GroupID, &b.Reason, inJSON(&b.Actor), flag(&b.Myself), at(&b.CreatedAt), &b.State, &b.Total, &b.Done,
		&b.Already, &b.Refused, &b.Cursor, at(&b.FinishedAt), inJSON(&b.CancelledBy))
}

func personDest(p *idp.BatchPerson) []any {
	return []any{&p.Place, &p.UserID, &p.Name, &p.State, &p.ReceiptID, &p.Note}
}

// UsersNamed returns the users whom these names, e-mail addresses or IDs, all
// canonical, may mean: more than one where a name is another's address.
func (s *Store) UsersNamed(ctx context.Context, names []string) ([]idp.User, error) {
	return list(ctx, s, "users", scanUser, s.db.dialect(namedInSQLite, namedInPostgres), asJSON(names))
}

// BeginBatch writes down that many people are to be suspended. Until
// [Store.RunBatch] nobody is.
func (s *Store) BeginBatch(ctx context.Context, b idp.Batch) error {
	_, err := s.exec(ctx, "begin a batch", insertBatch, b.ID, b.GroupID, b.Reason, asJSON(b.Actor), bit(b.Myself), us(b.CreatedAt))
	return err
}

// GrowBatch adds people to a batch that does not run yet; idp.Conflict when it
// does, or was cancelled.
func (s *Store) GrowBatch(ctx context.Context, id idp.BatchID, people []idp.BatchPerson) error {
	refused := 0
	steps := make([]step, 1, len(people)+1)
	for _, p := range people {
		if p.State == idp.PersonRefused {
			refused++
		}
		steps = append(steps, do(insertBatchPerson, id, p.Place, p.UserID, p.Name, p.State, p.Note))
	}
	steps[0] = must(stale("batch"), growBatch, id, len(people), refused)
	return s.tx(ctx, "add people to a batch", func(r runner) error { return r.batch(ctx, steps) })
}

// RunBatch has a batch worked off; idp.Conflict when it was cancelled.
func (s *Store) RunBatch(ctx context.Context, id idp.BatchID, e idp.Event) error {
	steps := append([]step{must(stale("batch"), runBatch, id)}, eventSteps([]idp.Event{e})...)
	return s.tx(ctx, "start a batch", func(r runner) error { return r.batch(ctx, steps) })
}

// Batch returns the batch with this ID.
func (s *Store) Batch(ctx context.Context, id idp.BatchID) (idp.Batch, error) {
	return one(ctx, s, "suspension of many", scanBatch, batchByID, id)
}

// Batches returns a page of batches, the newest first, and the cursor of the
// next: "" at the end.
func (s *Store) Batches(ctx context.Context, after string, n int) ([]idp.Batch, string, error) {
	key, err := keyOf(after, 2)
	if err != nil {
		return nil, "", err
	}
	before, err := wholeNumber(key[0])
	if err != nil {
		return nil, "", err
	}
	n = limit(n)
	found, err := list(ctx, s, "batches", scanBatch, batchesPage, before, key[1], n+1)
	if err != nil {
		return nil, "", err
	}
	batches, next := page(found, n, func(b idp.Batch) string { return cursor(strconv.FormatInt(us(b.CreatedAt), 10), string(b.ID)) })
	return batches, next, nil
}

// BatchPeople returns a page of the people of a batch in their order, of one
// state or ("") of all, and the cursor of the next: "" at the end.
func (s *Store) BatchPeople(ctx context.Context, id idp.BatchID, state idp.BatchPersonState, after string, n int) ([]idp.BatchPerson, string, error) {
	key, err := keyOf(after, 1)
	if err != nil {
		return nil, "", err
	}
	from, err := wholeNumber(key[0])
	if err != nil {
		return nil, "", err
	}
	n = limit(n)
	found, err := list(ctx, s, "people of a batch", func(r row) (p idp.BatchPerson, err error) { return p, r.Scan(personDest(&p)...) },
		peopleOf, id, from, state, n+1)
	if err != nil {
		return nil, "", err
	}
	people, next := page(found, n, func(p idp.BatchPerson) string { return cursor(strconv.FormatInt(p.Place, 10)) })
	return people, next, nil
}

// ClaimBatch gives the worker the oldest batch that is to be worked off and
// that nobody holds, for as long as the lease; idp.NotFound when there is none.
func (s *Store) ClaimBatch(ctx context.Context, worker string, now time.Time, lease time.Duration) (idp.Batch, error) {
	found, err := returning(ctx, s, "claim a batch", func(r row) (id idp.BatchID, err error) { return id, r.Scan(&id) },
		s.db.dialect(claimBatchSQLite, claimBatchPostgres), worker, us(s.shared(now)), us(s.shared(now).Add(lease)))
	switch {
	case err != nil:
		return idp.Batch{}, err
	case len(found) == 0:
		return idp.Batch{}, idp.Errorf(idp.NotFound, "There is no batch to work off.")
	}
	return s.Batch(ctx, found[0])
}

// BatchToDo returns the next people of a batch after a place, with who they
// are now. Who has a receipt was suspended by the batch, and may not be counted
// yet.
func (s *Store) BatchToDo(ctx context.Context, id idp.BatchID, after int64, n int) ([]idp.BatchPerson, error) {
	return list(ctx, s, "people of a batch", func(r row) (p idp.BatchPerson, err error) {
		return p, r.Scan(append(personDest(&p), userDest(&p.User)...)...)
	}, peopleToDo, id, after, limit(n))
}

// CutBatch suspends people of a batch that the worker holds, all or none, and
// returns the number of the last. Each takes a number of its own and work of
// constant size; none is in the way of an ending by hand, which has a lane of
// its own. idp.Conflict when the batch is no longer this worker's or was
// cancelled; idp.Denied when the last owner is among them.
func (s *Store) CutBatch(ctx context.Context, id idp.BatchID, worker string, cuts []idp.BatchCut, lease time.Duration) (int64, error) {
	now := idp.Time(s.Now())
	lost := idp.Errorf(idp.Conflict, "This batch is no longer in this worker's hands.")
	// Everybody's turn is taken in one order, before anybody is touched.
	cuts = slices.SortedFunc(slices.Values(cuts), func(a, b idp.BatchCut) int {
		return strings.Compare(string(a.Ending.UserID), string(b.Ending.UserID))
	})
	steps := []step{must(lost, holdBatch, id, worker, us(s.shared(now).Add(lease)))}
	for _, c := range cuts {
		steps = append(steps, s.turn(takeTurn, c.Ending.UserID)...)
	}
	for _, c := range cuts {
		steps = append(steps, s.turn(ownersTurn, c.Ending.UserID)...)
	}
	rows := make([]logRow, len(cuts))
	for i, c := range cuts {
		st, err := cut(c.Ending, now)
		if err != nil {
			return 0, err
		}
		rows[i] = logRow{ending: c.Ending, cut: now}
		steps = append(steps, st, do(markCut, id, c.Place, c.Ending.ReceiptID))
		steps = append(steps, eventSteps([]idp.Event{c.Event})...)
	}
	numbers, err := s.db.logMany(ctx, steps, rows)
	if err != nil {
		return 0, s.wrap("suspend people of a batch", err)
	}
	s.keepAll(ctx, rows, numbers)
	return numbers[len(numbers)-1].n, nil
}

// keepAll has the endings kept together, so that they wait for the disk of the
// journal once.
func (s *Store) keepAll(ctx context.Context, rows []logRow, numbers []number) {
	var all sync.WaitGroup
	for i, l := range rows {
		all.Go(func() { s.keep(ctx, l.ending, numbers[i].n, numbers[i].epoch) })
	}
	all.Wait()
}

// SettleBatch counts people whose suspension is in force, or who were not
// suspended, and moves the cursor to the last of them. It also counts for a
// batch that was cancelled meanwhile. idp.Conflict when the batch is no longer
// this worker's.
func (s *Store) SettleBatch(ctx context.Context, id idp.BatchID, worker string, people []idp.BatchPerson, until time.Time) error {
	if len(people) == 0 {
		return errors.New("nobody to settle")
	}
	n := map[idp.BatchPersonState]int{}
	steps := make([]step, 1, len(people)+1)
	for _, p := range people {
		n[p.State]++
		steps = append(steps, do(settlePerson, id, p.Place, p.State, p.ReceiptID, p.Note))
	}
	lost := idp.Errorf(idp.Conflict, "This batch is no longer in this worker's hands.")
	steps[0] = must(lost, settleBatch, id, worker, people[len(people)-1].Place, n[idp.PersonDone], n[idp.PersonAlready], n[idp.PersonRefused], us(s.shared(until)))
	return s.tx(ctx, "count people of a batch", func(r runner) error { return r.batch(ctx, steps) })
}

// FinishBatch says that nobody is left; idp.Conflict when the batch is no
// longer this worker's or was cancelled.
func (s *Store) FinishBatch(ctx context.Context, id idp.BatchID, worker string, e idp.Event) error {
	steps := append([]step{must(stale("batch"), finishBatch, id, worker, us(e.At))}, eventSteps([]idp.Event{e})...)
	return s.tx(ctx, "finish a batch", func(r runner) error { return r.batch(ctx, steps) })
}

// CancelBatch leaves out who was not suspended yet: when it has returned,
// nobody more is. idp.Conflict when the batch is done or was cancelled.
func (s *Store) CancelBatch(ctx context.Context, id idp.BatchID, e idp.Event) error {
	steps := append([]step{must(stale("batch"), cancelBatch, id, us(e.At), asJSON(e.Actor))}, eventSteps([]idp.Event{e})...)
	return s.tx(ctx, "cancel a batch", func(r runner) error { return r.batch(ctx, steps) })
}
