package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"

	"gatehouse/web/api/client"
)

// A layoff: many people are suspended by one command, each of whom is signed in
// at fifty apps that take one message per person. In the middle the server is
// killed, and started again; all the time others are suspended by hand.

// layoffRun is one such day.
type layoffRun struct {
	*house
	people   int
	apps     int // that each of them is signed in at
	heard    *staff
	hands    int // suspended by hand so far
	lastHand time.Time
	slowest  time.Duration
	told     time.Duration // slowest of these from the cut until every app has acknowledged
	batch    client.Batch
	marks    []layoffMark
	cut      time.Duration // from the command to the last person being out
	whole    time.Duration // from the command to the last app having acknowledged
	used     time.Duration // CPU of the house in that time
	down     time.Duration // from kill -9 to the next answer
}

// layoffMark is how things stood at a part of the deliveries.
type layoffMark struct {
	percent          int
	at               time.Duration
	anonymous, whole int64
	queue            int
}

// staff are the apps as far as they hear of a logout: servers on loopback.
type staff struct {
	listeners []net.Listener
	told      atomic.Int64
}

func (s *staff) open(n int) error {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		s.listeners = append(s.listeners, l)
		go func() {
			_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20)); err == nil {
					s.told.Add(1)
				}
			})) // it ends when its listener is closed
		}()
	}
	return nil
}

func (s *staff) close() {
	for _, l := range s.listeners {
		_ = l.Close() // nobody asks any more
	}
}

// layoff runs the day and prints it.
func layoff(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "gatehouse-layoff-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary, _, err := build(ctx, dir, o.binary)
	if err != nil {
		return err
	}
	var h *house
	switch o.layoffOn {
	case "sqlite":
		h, err = onSQLite(filepath.Join(dir, "sqlite"))
	case "postgres":
		h, err = onPostgres(ctx, filepath.Join(dir, "postgres"), o.postgres)
	case "redis":
		h, err = onRedis(ctx, dir, o.postgres)
	default:
		return fmt.Errorf("-layoff-on %s is none of sqlite, postgres, redis", o.layoffOn)
	}
	if h != nil {
		defer func() { err = errors.Join(err, h.close()) }()
	}
	if err != nil {
		return err
	}
	h.binary, h.env = binary, append(h.env, "GATEHOUSE_OUTBOUND_ALLOW=127.0.0.1/32")
	run := &layoffRun{house: h, people: o.layoff, apps: o.layoffApps, heard: &staff{}}
	defer run.heard.close()
	if err := run.furnish(ctx); err != nil {
		return fmt.Errorf("furnish: %w", err)
	}
	if err := run.day(ctx); err != nil {
		return err
	}
	if err := run.check(ctx); err != nil {
		return err
	}
	run.print(os.Stdout)
	return nil
}

// byHand is how many people are there to be suspended one by one, one every so
// often.
const (
	byHand     = 1000
	handsEvery = time.Second
)

// furnish adds apps by the API, and people with their sessions by SQL: signing
// in ten thousand of them would take longer than everything else.
func (l *layoffRun) furnish(ctx context.Context) error {
	if err := l.heard.open(l.apps); err != nil {
		return err
	}
	if _, err := l.start(ctx); err != nil {
		return err
	}
	for i, at := range l.heard.listeners {
		_, err := l.api().AddApp(ctx, client.App{
			Name: fmt.Sprintf("app%d", i), Protocol: "oidc", Identifier: fmt.Sprintf("app%d", i), WholeUserLogout: true,
			OIDC: &client.OIDC{
				RedirectURIs: []string{callback}, IDTokenAlg: "ES256", BackchannelLogoutURI: "http://" + at.Addr().String() + "/logout",
			},
		})
		if err != nil {
			return err
		}
	}
	now := time.Now()
	began, ends := now.Add(-time.Hour).UnixMicro(), now.Add(8*time.Hour).UnixMicro()
	for _, statement := range []string{
		fmt.Sprintf(`INSERT INTO users (id, username, email, display_name, given_name, family_name, search, role, status, epoch, suspended_at, created_at, updated_at, version)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			SELECT 'usr_layoff' || i, 'leaver' || i, '', '', '', '', 'leaver' || i, 'employee', 'active', 1, 0, %d, %d, 1 FROM n`, l.people+byHand, began, began),
		fmt.Sprintf(`INSERT INTO sessions (id, secret_hash, user_id, epoch, generation, auth_time, methods, created_at, last_seen_at, expires_at, ended_at, ended_by, address, user_agent)
			SELECT 'ses_' || u.id, 'hash ' || u.id, u.id, 1, h.generation, %d, 'pwd', %d, %d, %d, 0, '', '192.0.2.1', 'Browser'
			FROM users u CROSS JOIN house h WHERE u.username LIKE 'leaver%%'`, began, began, now.UnixMicro(), ends),
		fmt.Sprintf(`INSERT INTO participants (session_id, app_id, user_id, session_index, name_id, name_id_format, name_qualifier, sp_name_qualifier, first_at, last_answer_at)
			SELECT s.id, a.id, s.user_id, 'sid-' || s.id, s.user_id, '', '', '', %d, %d FROM sessions s CROSS JOIN apps a`, began, began),
	} {
		if _, err := l.db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if l.postmaster != 0 {
		_, err := l.db.ExecContext(ctx, "ANALYZE")
		return err
	}
	return nil
}

// day runs the command, kills the server in the middle of it, and waits until
// every app was told of everybody.
func (l *layoffRun) day(ctx context.Context) error {
	names := filepath.Join(l.dir, "names.txt")
	var file strings.Builder
	for i := range l.people {
		fmt.Fprintf(&file, "leaver%d\n", i+1)
	}
	if err := os.WriteFile(names, []byte(file.String()), 0o600); err != nil {
		return err
	}
	cpu, err := l.cpu()
	if err != nil {
		return err
	}
	began := time.Now()
	command := exec.CommandContext(ctx, l.binary, "user", "suspend", "--file", names, "--reason", "layoff", "--json")
	command.Env = []string{"GATEHOUSE_URL=" + l.url, "GATEHOUSE_TOKEN=" + l.token}
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	killed := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if err := json.Unmarshal(lines.Bytes(), &l.batch); err != nil {
			return fmt.Errorf("the command said %q: %w", lines.Text(), err)
		}
		if !killed && l.batch.Done >= l.people*2/5 && l.batch.Done < l.people {
			killed = true
			if cpu, err = l.murder(ctx, cpu); err != nil {
				return err
			}
		}
		if err := l.byHand(ctx); err != nil {
			return err
		}
	}
	if err := command.Wait(); err != nil {
		return fmt.Errorf("the command: %w", err)
	}
	if !killed {
		fmt.Fprintln(os.Stderr, "bench: the command was over before the server could be killed; take more people")
	}
	l.cut = time.Since(began)
	if err := l.deliveries(ctx, began); err != nil {
		return err
	}
	l.whole = time.Since(began)
	now, err := l.cpu()
	l.used = now - cpu
	return err
}

// murder is kill -9 and a new start. The CPU of the process that died is
// counted by moving the beginning.
func (l *layoffRun) murder(ctx context.Context, since time.Duration) (time.Duration, error) {
	before, err := l.cpu()
	if err != nil {
		return 0, err
	}
	died := time.Now()
	if err := l.cmd.Process.Kill(); err != nil {
		return 0, err
	}
	_ = l.cmd.Wait() // it ends with the signal's status
	if _, err := l.start(ctx); err != nil {
		return 0, err
	}
	l.down = time.Since(died)
	after, err := l.cpu()
	return since - before + after, err
}

// byHand suspends one more person, who is not among the many.
func (l *layoffRun) byHand(ctx context.Context) error {
	began := time.Now()
	if l.hands == byHand || began.Sub(l.lastHand) < handsEvery {
		return nil
	}
	l.hands, l.lastHand = l.hands+1, began
	if _, err := l.api().Suspend(ctx, fmt.Sprintf("leaver%d", l.people+l.hands), "by hand"); err != nil {
		return fmt.Errorf("suspend somebody by hand: %w", err)
	}
	l.slowest = max(l.slowest, time.Since(began))
	return nil
}

// deliveries waits for the apps, and looks at the memory of the server at each
// quarter.
func (l *layoffRun) deliveries(ctx context.Context, began time.Time) error {
	for percent, stuck, last := 25, time.Now(), int64(0); percent <= 100; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
		told, all := l.heard.told.Load(), (l.people+l.hands)*l.apps
		switch {
		case told > last:
			last, stuck = told, time.Now()
		case time.Since(stuck) > time.Minute:
			return fmt.Errorf("nobody was told anything for a minute, after %d messages", told)
		}
		if percent < 100 {
			if err := l.byHand(ctx); err != nil {
				return err
			}
		}
		if told < int64(all*percent/100) {
			continue
		}
		if percent == 100 {
			open := 0
			if err := l.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM deliveries WHERE finished_at = 0) + (SELECT count(*) FROM receipts WHERE listed_at = 0)`).Scan(&open); err != nil {
				return err
			}
			if open > 0 {
				stuck = time.Now()
				continue
			}
		}
		m := layoffMark{percent: percent, at: time.Since(began), queue: max(0, all-int(told))}
		var err error
		if m.anonymous, m.whole, err = resident(l.cmd.Process.Pid); err != nil {
			return err
		}
		l.marks = append(l.marks, m)
		percent += 25
	}
	return nil
}

// check counts what must be: one receipt for each, every line acknowledged.
func (l *layoffRun) check(ctx context.Context) error {
	people := l.people + l.hands
	for _, c := range []struct {
		what, query string
		want        int
	}{
		{"people are suspended", `SELECT count(*) FROM users WHERE username LIKE 'leaver%' AND status = 'suspended' AND epoch = 2`, people},
		{"receipts", `SELECT count(*) FROM receipts WHERE listed_at > 0`, people},
		{"people have a receipt", `SELECT count(DISTINCT user_id) FROM receipts`, people},
		{"lines are acknowledged", `SELECT count(*) FROM deliveries WHERE state = 'acknowledged'`, people * l.apps},
		{"numbers have no gap", `SELECT max(n) - min(n) + 1 FROM endings WHERE kind = 'user'`, people},
	} {
		var got int
		if err := l.db.QueryRowContext(ctx, c.query).Scan(&got); err != nil {
			return err
		}
		if got != c.want {
			return fmt.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
	}
	var told int64
	if err := l.db.QueryRowContext(ctx, `SELECT max(m) FROM (SELECT max(d.acked_at) - r.cut_at AS m FROM receipts r
		JOIN deliveries d ON d.receipt_id = r.id WHERE r.reason = 'by hand' GROUP BY r.id, r.cut_at) x`).Scan(&told); err != nil {
		return err
	}
	l.told = time.Duration(told) * time.Microsecond
	if l.batch.State != "done" || l.batch.Done != l.people {
		return fmt.Errorf("the command ended with %+v", l.batch)
	}
	return nil
}

func (l *layoffRun) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	defer w.Flush()
	told := l.heard.told.Load()
	fmt.Fprintf(w, "\na layoff on %s: %d people suspended by one command, %d apps each, kill -9 at two fifths\n\n", l.storage, l.people, l.apps)
	fmt.Fprintf(w, "until the last is out, the kill included\t%.1f s, %.0f people/s\n", l.cut.Seconds(), float64(l.people)/l.cut.Seconds())
	fmt.Fprintf(w, "of these, from kill -9 to the next answer\t%.1f s\n", l.down.Seconds())
	fmt.Fprintf(w, "until every app has acknowledged\t%.1f s\n", l.whole.Seconds())
	fmt.Fprintf(w, "messages to apps, those said twice included\t%d\n", told)
	fmt.Fprintf(w, "deliveries per second\t%.0f\n", float64(told)/l.whole.Seconds())
	fmt.Fprintf(w, "deliveries per CPU second of the house and its database\t%.0f\n", float64(told)/l.used.Seconds())
	fmt.Fprintf(w, "suspended by hand meanwhile\t%d, the slowest in %.0f ms (must: 2000)\n", l.hands, ms(l.slowest))
	fmt.Fprintf(w, "until all apps of such a one have acknowledged\tthe slowest %.1f s\n", l.told.Seconds())
	fmt.Fprintf(w, "\nacknowledged\tafter\twaiting\tanonymous MiB\tresident MiB\n")
	for _, m := range l.marks {
		fmt.Fprintf(w, "%d %%\t%.0f s\t%d\t%.1f\t%.1f\n", m.percent, m.at.Seconds(), m.queue, mib(m.anonymous), mib(m.whole))
	}
}
