package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// sessionsOfMany is how many live sessions one person gets.
const sessionsOfMany = 10_000

// suspension is what suspending cost on one database, as medians.
type suspension struct {
	storage string
	few     time.Duration // the call, with one live session
	many    time.Duration // the call, with ten thousand over fifty apps
	listed  time.Duration // with ten thousand, from the call until the receipt lists every app
}

// suspensions suspends people with one session and with ten thousand in turn.
func (r *report) suspensions(ctx context.Context, o options, h *house) error {
	if o.suspensions == 0 {
		return nil
	}
	for i := range o.suspensions {
		if err := h.many[i].liveEverywhere(ctx); err != nil {
			return fmt.Errorf("give %s many sessions: %w", h.many[i].name, err)
		}
		if _, _, err := h.few[i].tokens(ctx); err != nil {
			return err
		}
	}
	var few, many, listed []time.Duration
	for i := range 2 * o.suspensions {
		// few many, many few, few many: whoever comes second in a pair finds
		// a database that has just worked.
		if i%4 == 0 || i%4 == 3 {
			call, _, err := h.few[i/2].suspend(ctx)
			if err != nil {
				return err
			}
			few = append(few, call)
			continue
		}
		call, whole, err := h.many[i/2].suspend(ctx)
		if err != nil {
			return err
		}
		many, listed = append(many, call), append(listed, whole)
	}
	r.suspended = append(r.suspended, suspension{h.storage, median(few), median(many), median(listed)})
	return nil
}

// suspend suspends the person, and waits until the receipt is listed, so that
// this work is not counted with the next suspension.
func (p *person) suspend(ctx context.Context) (call, listed time.Duration, err error) {
	api := p.house.api()
	// Somebody else signs in first, so that this call does not pay for what
	// the one before left in the database's log.
	if err := p.house.load[0].beSignedIn(ctx); err != nil {
		return 0, 0, err
	}
	if _, err := api.User(ctx, p.name); err != nil { // opens the connection
		return 0, 0, err
	}
	began := time.Now()
	if _, err := api.Suspend(ctx, p.name, "bench"); err != nil {
		return 0, 0, err
	}
	call = time.Since(began)
	for {
		receipts, err := api.Receipts(ctx, p.name)
		switch {
		case err != nil:
			return 0, 0, err
		case len(receipts) == 0:
			return 0, 0, fmt.Errorf("%s has no receipt", p.name)
		case !receipts[0].Listing:
			return call, time.Since(began), nil
		case time.Since(began) > time.Minute:
			return 0, 0, fmt.Errorf("the receipt of %s is not listed after a minute", p.name)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// liveEverywhere signs in, opens one app, and copies the rows this made until
// there are ten thousand sessions over fifty apps.
func (p *person) liveEverywhere(ctx context.Context) error {
	return p.live(ctx, sessionsOfMany, "app")
}

// live signs in, opens one app, and copies the rows this made until there are
// n sessions, each in one of the fifty apps of that kind. What was handed out
// in the copies was so an hour ago.
func (p *person) live(ctx context.Context, n int, kind string) error {
	if _, _, err := p.tokens(ctx); err != nil {
		return err
	}
	live, err := p.house.api().Sessions(ctx, p.name)
	if err != nil {
		return err
	}
	if len(live) != 1 {
		return fmt.Errorf("%d sessions after one sign-in", len(live))
	}
	const next = ` || '-' || n.i`
	for _, c := range []struct {
		table, key string
		change     map[string]string
	}{
		{"sessions", "id", map[string]string{"id": "r.id" + next, "secret_hash": "r.secret_hash" + next}},
		{"participants", "session_id", map[string]string{
			"session_id": "r.session_id" + next, "app_id": "a.id", "last_answer_at": "r.last_answer_at - 3600000000",
		}},
		{"token_families", "session_id", map[string]string{"id": "r.id" + next, "session_id": "r.session_id" + next, "app_id": "a.id"}},
	} {
		if err := p.house.copyRow(ctx, c.table, c.key, live[0].ID, c.change, n, kind); err != nil {
			return fmt.Errorf("copy the row in %s: %w", c.table, err)
		}
	}
	return nil
}

// copyRow copies the one row of a table, with other values in some columns, as
// often as there are sessions to be made; n.i is the number of the copy, a the
// app of that kind that it is for.
func (h *house) copyRow(ctx context.Context, table, key, value string, change map[string]string, sessions int, kind string) error {
	columns, err := h.columns(ctx, table)
	if err != nil {
		return err
	}
	values := make([]string, len(columns))
	for i, c := range columns {
		if values[i] = change[c]; values[i] == "" {
			values[i] = "r." + c
		}
	}
	copied, err := h.db.ExecContext(ctx, fmt.Sprintf(`INSERT INTO %s (%s)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		SELECT %s FROM n JOIN %s r ON r.%s = $1 JOIN apps a ON a.identifier = '%s' || (n.i %% %d)`,
		table, strings.Join(columns, ", "), sessions-1, strings.Join(values, ", "), table, key, kind, apps), value)
	if err != nil {
		return err
	}
	if n, err := copied.RowsAffected(); err != nil || n != int64(sessions-1) {
		return fmt.Errorf("%d rows were made: %w", n, err)
	}
	return nil
}

func (h *house) columns(ctx context.Context, table string) ([]string, error) {
	found, err := h.db.QueryContext(ctx, "SELECT * FROM "+table+" WHERE 1 = 0")
	if err != nil {
		return nil, err
	}
	defer found.Close()
	return found.Columns()
}
