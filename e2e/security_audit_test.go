package e2e

import (
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"gatehouse/web/api/client"
)

// TestTheAuditLogShowsWhatWasDoneToIt is AU-02: each thing that somebody with
// the database in their hands can do to the log is named by the place at which
// it begins.
func TestTheAuditLogShowsWhatWasDoneToIt(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "house.db")
		auditLog(t, "sqlite:"+file, "sqlite", "file:"+file+"?_pragma=busy_timeout(5000)")
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		dsn := postgresDSN(t)
		auditLog(t, dsn, "pgx", dsn)
	})
}

func auditLog(t *testing.T, database, driver, dsn string) {
	token := rand.Text() + rand.Text()
	node := start(t, []string{"serve"}, map[string]string{
		"GATEHOUSE_ADMIN_TOKEN": token, "GATEHOUSE_DATABASE": database, "GATEHOUSE_SECRET": strings.Repeat("0123456789abcdef", 4),
	})
	api := &client.Client{URL: node.URL, Token: token}
	for i := range 6 {
		if _, err := api.AddUser(t.Context(), client.Person{Username: fmt.Sprintf("user-%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	receipt, err := api.Suspend(t.Context(), "user-3", "left")
	if err != nil {
		t.Fatal(err)
	}
	until(t, readyWithin, "the receipt is signed", func() bool {
		_, err := api.SignedReceipt(t.Context(), receipt.ID, 0)
		return err == nil
	}, func() any { return receipt })
	// The last thing that a node does is to sign where the log stands.
	if err := node.stop(); err != nil {
		t.Fatal(err)
	}
	node.again(t)

	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	do := func(statements ...string) {
		t.Helper()
		for _, s := range statements {
			if _, err := db.ExecContext(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
	}
	last := int64(0)
	if err := db.QueryRowContext(t.Context(), `SELECT max(position) FROM chain`).Scan(&last); err != nil || last < 8 {
		t.Fatalf("sealed up to %d: %v", last, err)
	}
	dir := t.TempDir()
	command := func(args ...string) (string, int) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary(t), args...)
		cmd.Dir, cmd.Env = dir, []string{"GATEHOUSE_URL=" + node.URL, "GATEHOUSE_TOKEN=" + token}
		out, err := cmd.CombinedOutput()
		if gone, ok := errors.AsType[*exec.ExitError](err); ok {
			return string(out), gone.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		return string(out), 0
	}
	for _, args := range [][]string{{"audit", "checkpoint", "-o", "kept.jws"}, {"receipt", "download", receipt.ID, "-o", "receipt.jws"}} {
		if out, code := command(args...); code != 0 {
			t.Fatalf("%v: %s", args, out)
		}
	}
	whole := []string{fmt.Sprintf("lines         %d, each as it was sealed", last), fmt.Sprintf("up to place %d", last)}
	says := func(what string, code int, words []string, args ...string) {
		t.Helper()
		out, got := command(append([]string{"audit", "verify"}, args...)...)
		if got != code {
			t.Errorf("%s: audit verify ended with %d, want %d: %s", what, got, code, out)
		}
		for _, w := range words {
			if !strings.Contains(out, w) {
				t.Errorf("%s: audit verify does not say %q: %s", what, w, out)
			}
		}
	}
	says("as it was", 0, whole)
	says("as it was", 0, append(whole, "2 places that were kept elsewhere are met"), "--checkpoint", "kept.jws", "--checkpoint", "receipt.jws")

	do(`CREATE TABLE kept_events AS SELECT * FROM events`, `CREATE TABLE kept_chain AS SELECT * FROM chain`,
		`CREATE TABLE kept_checkpoints AS SELECT * FROM checkpoints`)
	undo := func() {
		t.Helper()
		for _, table := range []string{"events", "chain", "checkpoints"} {
			do(`DELETE FROM `+table, `INSERT INTO `+table+` SELECT * FROM kept_`+table)
		}
	}
	shift := func(by string) []string {
		var steps []string
		for _, table := range []string{"chain", "events"} { // in two steps: a place is taken once
			steps = append(steps, `UPDATE `+table+` SET position = -(position `+by+`) WHERE position > 3`, `UPDATE `+table+` SET position = -position WHERE position < 0`)
		}
		return steps
	}
	swap := func(table, key, column string) string {
		return fmt.Sprintf(`UPDATE %[1]s SET %[3]s = (SELECT o.%[3]s FROM kept_%[1]s o WHERE o.%[2]s = 7 - %[1]s.%[2]s) WHERE %[2]s IN (3, 4)`, table, key, column)
	}
	tail := fmt.Sprintf("position > %d", last-2)
	cutOff := []string{`DELETE FROM events WHERE ` + tail, `DELETE FROM chain WHERE ` + tail}
	for _, c := range []struct {
		name  string
		steps []string
		words []string
		args  []string
	}{
		{"AU-02 a line is edited", []string{`UPDATE events SET detail = '{"reason":"none"}' WHERE position = 3`}, []string{"Place 3: the line evt_", "is not what was sealed here"}, nil},
		{"AU-02 a time is edited", []string{`UPDATE events SET at = at + 1 WHERE position = 3`}, []string{"Place 3: the line evt_"}, nil},
		{"AU-02 a line is deleted", []string{`DELETE FROM events WHERE position = 3`}, []string{"Place 3: the line evt_", "was deleted"}, nil},
		{"AU-02 a line is deleted with its place", []string{`DELETE FROM events WHERE position = 3`, `DELETE FROM chain WHERE position = 3`}, []string{"Place 3 is missing"}, nil},
		{"AU-02 a line is deleted and the gap closed", append([]string{`DELETE FROM events WHERE position = 3`, `DELETE FROM chain WHERE position = 3`}, shift("- 1")...), []string{"Place 3: the line evt_", "is not what was sealed here"}, nil},
		{"AU-02 two lines are swapped in the chain", []string{swap("chain", "position", "event_id")}, []string{"Place 3: the line evt_", "says that it was sealed at place 4"}, nil},
		{"AU-02 two lines are swapped everywhere", []string{swap("chain", "position", "event_id"), `UPDATE events SET position = 7 - position WHERE position IN (3, 4)`}, []string{"Place 3: the line evt_", "is not what was sealed here"}, nil},
		{"AU-02 a line is put in", []string{`INSERT INTO events (id, at, kind, actor, user_id, app_id, session_id, detail, position) SELECT 'evt_forged', at, kind, actor, user_id, app_id, session_id, detail, position FROM events WHERE position = 4`}, []string{"evt_forged", "claims place 4", "put in"}, nil},
		{"AU-02 a line is put in with a place", append(shift("+ 1"),
			`INSERT INTO events (id, at, kind, actor, user_id, app_id, session_id, detail, position) SELECT 'evt_forged', at, kind, actor, user_id, app_id, session_id, detail, 4 FROM events WHERE position = 3`,
			`INSERT INTO chain SELECT 4, 'evt_forged', hash, sealed_at FROM chain WHERE position = 3`), []string{"Place 4: the line evt_forged", "is not what was sealed here"}, nil},
		{"AU-02 the tail is cut off", cutOff, []string{fmt.Sprintf("ends at place %d, and the house signed place %d", last-2, last), "the log went back"}, nil},
		{"AU-02 the tail is cut off with what was signed of it", append(cutOff, `DELETE FROM checkpoints`), []string{fmt.Sprintf("ends at place %d, and the house signed place %d", last-2, last)}, []string{"--checkpoint", "kept.jws"}},
		{"AU-02 the tail is cut off up to a receipt", []string{`DELETE FROM events WHERE position > 3`, `DELETE FROM chain WHERE position > 3`, `DELETE FROM checkpoints`}, []string{"ends at place 3", "version 1 of receipt " + receipt.ID}, []string{"--checkpoint", "receipt.jws"}},
		{"AU-02 a checkpoint is edited", []string{fmt.Sprintf(`UPDATE checkpoints SET position = 5 WHERE position = %d`, last)}, []string{"the checkpoint at place 5 was changed"}, nil},
		{"AU-02 a checkpoint is forged", []string{`UPDATE checkpoints SET jws = jws || 'A'`}, []string{"the checkpoint at place", "It is not proven"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			do(c.steps...)
			says(c.name, 1, c.words, c.args...)
			undo()
		})
	}
	// All is sealed anew after an edit: the hashes fit again, and the house has
	// signed others.
	do(`UPDATE events SET detail = '{}', position = 0 WHERE position = 3`, `UPDATE events SET position = 0`, `DELETE FROM chain`)
	until(t, readyWithin, "all is sealed anew", func() bool {
		n := int64(0)
		return db.QueryRowContext(t.Context(), `SELECT count(*) FROM chain`).Scan(&n) == nil && n == last
	}, func() any { return time.Now() })
	says("sealed anew", 1, []string{"is not the one that the house signed"})
	undo()
	says("as it was again", 0, whole)
	t.Run("AU-03 nothing is done that cannot be written down", func(t *testing.T) {
		noRoom, room := `CREATE TRIGGER full_disk BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`, `DROP TRIGGER full_disk`
		if driver == "pgx" {
			do(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$`)
			noRoom, room = `CREATE TRIGGER full_disk BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION full_disk()`, room+` ON events`
		}
		for _, words := range []string{"is full", "no space left"} {
			node.Log.expect(words)
		}
		do(noRoom)
		nothingIsDone(t, api)
		do(room)
		if r, err := api.Suspend(t.Context(), "user-1", "left"); err != nil || r.Kind != "user" {
			t.Errorf("with room again: %+v, %v", r, err)
		}
	})
}

// nothingIsDone asks for what admins do while no audit line can be written. None
// of it may be done, and none of it answer success.
func nothingIsDone(t *testing.T, api *client.Client) {
	stands := func() string {
		t.Helper()
		users, err := api.Users(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		groups, err := api.Groups(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		apps, err := api.Apps(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		receipts, err := api.Receipts(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		keys, err := api.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal([]any{users, groups, apps, len(receipts), keys})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	before := stands()
	ctx := t.Context()
	keys, err := api.Keys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for what, act := range map[string]func() error{
		"suspend":      func() error { _, err := api.Suspend(ctx, "user-1", "left"); return err },
		"restore":      func() error { _, err := api.Restore(ctx, "user-3"); return err },
		"end all":      func() error { _, err := api.EndSessions(ctx, "user-1", ""); return err },
		"end before":   func() error { _, err := api.EndBefore(ctx, time.Time{}, ""); return err },
		"revoke a key": func() error { _, err := api.RevokeKey(ctx, keys[0].ID, ""); return err },
		"add a person": func() error { _, err := api.AddUser(ctx, client.Person{Username: "new"}); return err },
		"change a person": func() error {
			_, err := api.ChangeUser(ctx, "user-1", client.Person{Username: "user-1", Role: "owner"})
			return err
		},
		"add a group": func() error { _, err := api.AddGroup(ctx, "new"); return err },
		"add an app": func() error {
			_, err := api.AddApp(ctx, client.App{Name: "new", Protocol: "oidc", Identifier: "new", OIDC: &client.OIDC{RedirectURIs: []string{"https://new.example/cb"}}})
			return err
		},
	} {
		if err := act(); err == nil {
			t.Errorf("AU-03: %s answered success and could not be written down", what)
		}
	}
	if after := stands(); after != before {
		t.Errorf("AU-03: done without an audit line: before %s, after %s", before, after)
	}
}
