package store_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/idp"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

// views are the questions that the live views ask.
func views(now time.Time) map[string]func(context.Context, *store.Store) error {
	sessions := func(q idp.SessionQuery) func(context.Context, *store.Store) error {
		return func(ctx context.Context, s *store.Store) error { _, _, err := s.SessionsNow(ctx, q, now); return err }
	}
	lines := func(q idp.DeliveryQuery) func(context.Context, *store.Store) error {
		return func(ctx context.Context, s *store.Store) error { _, _, err := s.DeliveriesNow(ctx, q); return err }
	}
	receipts := func(q idp.ReceiptQuery) func(context.Context, *store.Store) error {
		return func(ctx context.Context, s *store.Store) error { _, _, err := s.ReceiptsNow(ctx, q); return err }
	}
	return map[string]func(context.Context, *store.Store) error{
		"sessions":                       sessions(idp.SessionQuery{}),
		"sessions of a person":           sessions(idp.SessionQuery{UserID: "usr_7"}),
		"sessions from an address":       sessions(idp.SessionQuery{Address: "10.0.0.7"}),
		"sessions from a network":        sessions(idp.SessionQuery{Address: "10.0.3.", Prefix: true}),
		"sessions from nowhere":          sessions(idp.SessionQuery{Address: "192.", Prefix: true}),
		"sessions in a rare app":         sessions(idp.SessionQuery{AppID: "app_rare"}),
		"sessions in an app of all":      sessions(idp.SessionQuery{AppID: "app_common"}),
		"old sessions":                   sessions(idp.SessionQuery{Before: now.Add(-6 * time.Hour)}),
		"deliveries":                     lines(idp.DeliveryQuery{}),
		"failed deliveries":              lines(idp.DeliveryQuery{State: idp.DeliveryFailed}),
		"deliveries of an app":           lines(idp.DeliveryQuery{AppID: "app_rare"}),
		"failed deliveries of a person":  lines(idp.DeliveryQuery{UserID: "usr_7", State: idp.DeliveryFailed}),
		"dead letters":                   func(ctx context.Context, s *store.Store) error { _, err := s.DeadLetters(ctx); return err },
		"mails that failed":              func(ctx context.Context, s *store.Store) error { _, err := s.MailsFailed(ctx, now); return err },
		"receipts":                       receipts(idp.ReceiptQuery{}),
		"receipts that are open":         receipts(idp.ReceiptQuery{Open: true}),
		"receipts with a failed line":    receipts(idp.ReceiptQuery{Failed: true}),
		"receipts of a person of a kind": receipts(idp.ReceiptQuery{UserID: "usr_7", Kind: idp.EndUser}),
		"receipts of a kind":             receipts(idp.ReceiptQuery{Kind: idp.EndGrant}),
		"receipts to sign": func(ctx context.Context, s *store.Store) error {
			_, _, err := s.ReceiptsToSign(ctx, "", now, 200)
			return err
		},
	}
}

const (
	manySessions = 30_000
	manyReceipts = 6_000
	manyEvents   = 30_000
)

// crowd fills a PostgreSQL house: sessions of two thousand people over twelve
// hours, as many again that are over, one app that all have opened and one that
// ten have, and receipts with ten lines each, of which few are not settled.
func crowd(ctx context.Context, t *testing.T, dsn string, now time.Time, generation string) {
	t.Helper()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, statement := range []string{
		`INSERT INTO users (id, username, email, display_name, given_name, family_name, search, role, status, epoch, suspended_at, created_at, updated_at, version)
			SELECT 'usr_' || i, 'u' || i, '', '', '', '', '', 'employee', 'active', 1, 0, 0, 0, 1 FROM generate_series(0, 1999) i`,
		`INSERT INTO apps SELECT id, id, 'oidc', id, '{}', 0, 0, 1 FROM unnest(ARRAY['app_rare', 'app_common']) id`,
		fmt.Sprintf(`INSERT INTO sessions (id, secret_hash, user_id, epoch, generation, auth_time, methods, created_at, last_seen_at, expires_at, ended_at, ended_by, address, user_agent)
			SELECT 'ses_' || md5(i::text), 'h' || i, 'usr_' || i %% 2000, 1, '%s', 0, 'pwd', x - 43200000000, x - 43200000000, x, 0, '', '10.0.' || i %% 16 || '.' || i / 16 %% 256, 'Browser'
			FROM generate_series(1, %d) i, LATERAL (SELECT %d + (i - %d) * 43200000000 / %d AS x) s`,
			generation, 2*manySessions, now.UnixMicro(), manySessions, manySessions),
		`INSERT INTO participants SELECT s.id, 'app_common', s.user_id, s.id, '', '', '', '', s.created_at, s.created_at FROM sessions s`,
		`INSERT INTO participants SELECT s.id, 'app_rare', s.user_id, s.id, '', '', '', '', s.created_at, s.created_at FROM sessions s WHERE s.user_id = 'usr_9' AND s.expires_at > ` + fmt.Sprint(now.UnixMicro()) + ` LIMIT 10`,
		fmt.Sprintf(`INSERT INTO receipts SELECT 'rcp_' || i, i, CASE WHEN i %% 100 = 0 THEN 'grant' ELSE 'user' END, 'usr_' || i %% 2000, '', '', '', '', 0, 1, '', '{}', i, i, i, '', '', 0 FROM generate_series(1, %d) i`, manyReceipts),
		fmt.Sprintf(`INSERT INTO deliveries (id, receipt_id, receipt_n, user_id, app_id, lever, session_id, name_id, session_indexes, state, attempts, created_at, next_at, first_sent_at,
			acked_at, latency_ms, answer, again_at, ceiling, verified_at, evidence, finished_at, claimed_by, claimed_until, signed)
			SELECT 'dlv_' || r.n || '_' || j, r.id, r.n, r.user_id, CASE WHEN r.n %% 5000 = 1 THEN 'app_rare' ELSE 'app_common' END, 'oidc_backchannel', '', '{}', '', st, 1, r.n, r.n, r.n,
			0, 0, '', 0, 0, 0, '', CASE WHEN st IN ('verified', 'failed') THEN 1 ELSE 0 END, '', 0, CASE WHEN r.n %% 20 = 0 THEN 0 ELSE 1 END
			FROM receipts r, generate_series(1, 10) j, LATERAL (SELECT CASE WHEN r.n > %d THEN 'retrying' WHEN r.n %% 9000 = 1 AND j = 1 THEN 'failed' ELSE 'verified' END AS st) s`, manyReceipts-1000),
		fmt.Sprintf(`INSERT INTO deliveries (id, receipt_id, receipt_n, user_id, app_id, lever, session_id, name_id, session_indexes, state, attempts, created_at, next_at, first_sent_at,
			acked_at, latency_ms, answer, again_at, ceiling, verified_at, evidence, finished_at, claimed_by, claimed_until, signed)
			SELECT 'dlv_' || s.id, 'rcp_' || i, i, s.user_id, 'app_common', 'oidc_backchannel', s.id, '', '{}', 'superseded', 1, 1, 1, 1, 0, 0, '', 0, 0, 0, '', 1, '', 0, 1
			FROM (SELECT id, user_id, row_number() OVER () %% %d + 1 AS i FROM sessions) s WHERE i %% 2 = 0`, manyReceipts),
		`INSERT INTO token_families (id, user_id, epoch, generation, app_id, session_id, scopes, nonce, auth_time, methods, offline, seq, rotated_at, created_at, expires_at, revoked_at)
			SELECT 'fam_' || id, user_id, epoch, generation, 'app_common', id, '', '', 0, '', 1, 1, created_at, created_at, expires_at + 86400000000, 0 FROM sessions LIMIT 20000`,
		`INSERT INTO signing_keys (id, use, algorithm, sealed, certificate, created_at, retired_at) VALUES ('key_7', 'oidc', 'ES256', '', '', 1, 4000000000000000)`,
		`UPDATE receipts SET version = 1, signed_at = 1 WHERE n % 100 <> 0`,
		fmt.Sprintf(`INSERT INTO events SELECT 'evt_' || i, i, 'x', '{}', '', '', '', '{}', i, '' FROM generate_series(1, %d) i`, manyEvents),
		fmt.Sprintf(`INSERT INTO chain SELECT i, 'evt_' || i, '', i FROM generate_series(1, %d) i`, manyEvents),
		`INSERT INTO events SELECT 'evt_late_' || i, i, 'x', '{}', '', '', '', '{}', 0, '' FROM generate_series(1, 10) i`,
		`ANALYZE`,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatalf("%.60s: %v", statement, err)
		}
	}
}

// plan is a node of PostgreSQL's EXPLAIN.
type plan struct {
	Node    string  `json:"Node Type"`
	Table   string  `json:"Relation Name"`
	Index   string  `json:"Index Name"`
	Rows    float64 `json:"Actual Rows"`
	Loops   float64 `json:"Actual Loops"`
	Removed float64 `json:"Rows Removed by Filter"`
	Plans   []plan
}

// read counts the rows that the scans below read, and names those that read a
// whole table.
func (p plan) read() (rows float64, whole []string) {
	if p.Table != "" {
		rows = (p.Rows + p.Removed) * p.Loops
		if p.Node == "Seq Scan" && rows > 2*store.LookAt {
			whole = append(whole, p.Table)
		}
	}
	for _, below := range p.Plans {
		n, w := below.read()
		rows, whole = rows+n, append(whole, w...)
	}
	return rows, whole
}

func explain(ctx context.Context, conn *pgx.Conn, statement string, args []any) (p plan, ms float64, err error) {
	var text string
	var found []struct {
		Plan plan
		Time float64 `json:"Execution Time"`
	}
	if err = conn.QueryRow(ctx, `EXPLAIN (ANALYZE, FORMAT JSON) `+statement, args...).Scan(&text); err == nil {
		err = json.Unmarshal([]byte(text), &found)
	}
	if err != nil {
		return p, 0, fmt.Errorf("%w in %s", err, statement)
	}
	return found[0].Plan, found[0].Time, nil
}

// TestNoTableIsReadWhole has a crowd on PostgreSQL, and its plans explained.
func TestNoTableIsReadWhole(t *testing.T) {
	ctx, now := t.Context(), idp.Time(time.Now())
	dsn := storetest.PostgresDSN(t)
	s, err := store.Open(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	generation, err := s.Generation(ctx)
	if err != nil {
		t.Fatal(err)
	}
	crowd(ctx, t, dsn, now, generation)
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	t.Run("live views", func(t *testing.T) { liveViewsReadNoWholeTable(ctx, t, s, conn, now) })
	t.Run("listing", func(t *testing.T) { listingReadsNoWholeTable(ctx, t, s, conn, now) })
}

// liveViewsReadNoWholeTable asks PostgreSQL, over 60,000 sessions of
// which half are alive and 60,000 lines, how many rows each statement of each
// view reads.
func liveViewsReadNoWholeTable(ctx context.Context, t *testing.T, s *store.Store, conn *pgx.Conn, now time.Time) {
	type asked struct {
		sql  string
		args []any
	}
	var all []asked
	s.Watch(func(sql string, args []any) { all = append(all, asked{sql, args}) })
	questions := views(now)
	questions["lines to seal"] = func(ctx context.Context, s *store.Store) error { _, err := s.Seal(ctx, now, 100); return err }
	questions["the chain"] = func(ctx context.Context, s *store.Store) error { _, err := s.Links(ctx, manyEvents/2, 100); return err }
	for _, name := range slices.Sorted(maps.Keys(questions)) {
		all = nil
		if err := questions[name](ctx, s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var rows, ms float64
		for _, a := range all {
			p, took, err := explain(ctx, conn, a.sql, a.args)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			n, whole := p.read()
			rows, ms = rows+n, ms+took
			// Each of the rows looked at may cost a look at its person, its app
			// and whether it matches, and one more to say how far that was.
			if n > 4*store.LookAt || whole != nil {
				t.Errorf("%s reads %.0f rows, whole tables %v: %s", name, n, whole, a.sql)
			}
		}
		t.Logf("%-32s %2d statements, %6.0f rows, %5.1f ms", name, len(all), rows, ms)
	}
}

// cuts are receipts of each kind, and how much of the crowd they list.
func cuts(now time.Time) map[string]idp.Receipt {
	all := map[string]idp.Receipt{
		"a session":                {Kind: idp.EndSession, SessionID: "ses_c4ca4238a0b923820dcc509a6f75849b"},
		"a person":                 {Kind: idp.EndUser, UserID: "usr_7", Epoch: 2},
		"a grant of a person":      {Kind: idp.EndGrant, UserID: "usr_7", AppID: "app_common"},
		"a membership":             {Kind: idp.EndGrant, UserID: "usr_7", GroupID: "grp_1"},
		"a group's grant":          {Kind: idp.EndGrant, GroupID: "grp_1", AppID: "app_common"},
		"an app of all":            {Kind: idp.EndApp, AppID: "app_common", Epoch: 1},
		"a rare app":               {Kind: idp.EndApp, AppID: "app_rare", Epoch: 1},
		"everything":               {Kind: idp.EndBefore},
		"everything before a time": {Kind: idp.EndBefore, Before: now.Add(-6 * time.Hour)},
		"a key":                    {Kind: idp.EndKey, KeyID: "key_7"},
	}
	for name, r := range all {
		r.CutAt, r.N = now, manyReceipts+1
		all[name] = r
	}
	return all
}

// listingReadsNoWholeTable has the first pages of each pass of receipts of
// each kind listed, and asks PostgreSQL how many rows the statements read.
func listingReadsNoWholeTable(ctx context.Context, t *testing.T, s *store.Store, conn *pgx.Conn, now time.Time) {
	asked := map[string]int{}
	var rows, worst float64
	s.Watch(func(sql string, args []any) {
		if asked[sql]++; asked[sql] > 3 && asked[sql]%20 != 0 {
			return // each statement at the beginning, and on the way
		}
		p, ms, err := explain(ctx, conn, sql, args)
		if err != nil {
			t.Error(err)
			return
		}
		n, whole := p.read()
		rows, worst = max(rows, n), max(worst, ms)
		// Of each row that is looked at: its session, its participant, and what
		// was told of it last.
		if n > 10*500 || whole != nil {
			t.Errorf("%.0f rows, whole tables %v: %s", n, whole, sql)
		}
	})
	for name, r := range cuts(now) {
		rows, worst = 0, 0
		listed, pages := 0, 0
		for _, pass := range []string{"", fmt.Sprintf("families\n%d\n\n", now.UnixMicro()), "unheard\n" + string(r.UserID) + "\n\n"} {
			ofOne, ofGrant := r.Kind == idp.EndSession, r.UserID != "" || r.Kind == idp.EndGrant
			if ofOne && pass != "" || ofGrant && strings.HasPrefix(pass, "families") {
				continue // it has no such pass
			}
			after := base64.RawURLEncoding.EncodeToString([]byte(pass))
			for range 3 {
				found, next, err := s.CutParticipants(ctx, r, after, 500)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				listed, pages = listed+len(found), pages+1
				if after = next; next == "" {
					break
				}
			}
		}
		if _, err := s.CutFamilies(ctx, r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Logf("%-25s %6d listed, %3d pages, at most %5.0f rows, %5.1f ms", name, listed, pages, rows, worst)
	}
}

// plansOnSQLite opens a house and has every statement that reads explained.
func plansOnSQLite(ctx context.Context, t *testing.T, saw func(statement string, plan []string)) *store.Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "house.db")
	s, err := store.Open(ctx, "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s.Watch(func(statement string, args []any) {
		rows, err := db.QueryContext(ctx, `EXPLAIN QUERY PLAN `+statement, args...)
		if err != nil {
			t.Errorf("%v: %s", err, statement)
			return
		}
		defer rows.Close()
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var line string
			if err := rows.Scan(&id, &parent, &unused, &line); err != nil {
				t.Error(err)
			}
			plan = append(plan, line)
		}
		saw(statement, plan)
	})
	return s
}

// TestListingGoesByAnIndexOnSQLite looks at SQLite's plans: nothing is scanned
// but the house's one row and what a statement has found itself.
func TestListingGoesByAnIndexOnSQLite(t *testing.T) {
	ctx, now := t.Context(), idp.Time(time.Now())
	asked := map[string]int{}
	s := plansOnSQLite(ctx, t, func(statement string, plan []string) {
		own := []string{"h"}
		for _, line := range plan {
			if name, is := strings.CutPrefix(line, "CO-ROUTINE "); is {
				own = append(own, name)
			}
			if name, is := strings.CutPrefix(line, "SCAN "); is && !slices.Contains(own, name) {
				t.Errorf("%s\n%s", strings.Join(plan, "\n"), statement)
			}
			for _, index := range []string{"sessions_expiry", "sessions_user_expiry", "participants_user", "token_families_offline",
				"token_families_revoked", "deliveries_unconfirmed", "deliveries_confirmed"} {
				if strings.Contains(line, " "+index+" ") {
					asked[index]++
				}
			}
			// From one group of lines to the next by the whole key.
			if strings.Contains(line, "deliveries_unconfirmed") && strings.Contains(line, "_id>?") {
				t.Errorf("%s\n%s", strings.Join(plan, "\n"), statement)
			}
		}
	})
	for name, r := range cuts(now) {
		for _, after := range []string{"", "subject\nusr_7\napp_common\nses_1"} {
			if _, next, err := s.CutParticipants(ctx, r, base64.RawURLEncoding.EncodeToString([]byte(after)), 500); err != nil || next != "" {
				t.Fatalf("%s: %q, %v", name, next, err)
			}
		}
		if _, err := s.CutFamilies(ctx, r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if len(asked) != 7 {
		t.Errorf("of the indexes for listing only %v were used", asked)
	}
}

// TestALiveViewGoesByAnIndexOnSQLite looks at SQLite's plans: no table that
// grows is scanned.
func TestALiveViewGoesByAnIndexOnSQLite(t *testing.T) {
	ctx, now := t.Context(), idp.Time(time.Now())
	driver := regexp.MustCompile(`SEARCH \S+ USING (COVERING )?INDEX (sessions_now|deliveries_now|receipts_|participants_app|deliveries_unsigned|mails_finished)|SCAN r USING INDEX receipts_(unsigned|signing)`)
	s := plansOnSQLite(ctx, t, func(statement string, plan []string) {
		if !driver.MatchString(strings.Join(plan, "\n")) {
			t.Errorf("%s\n%s", strings.Join(plan, "\n"), statement)
		}
	})
	questions := views(now)
	for _, name := range slices.Sorted(maps.Keys(questions)) {
		if err := questions[name](ctx, s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}
