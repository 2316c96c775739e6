package store_test

import (
	"cmp"
	"context"
	"database/sql"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/idp"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

func opened(t *testing.T, dsn string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// locked holds the writer of a SQLite file.
func locked(t *testing.T, path string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	run := func(text string) {
		t.Helper()
		if _, err := db.ExecContext(context.Background(), text); err != nil {
			t.Error(err)
		}
	}
	run("BEGIN IMMEDIATE")
	return func() { run("ROLLBACK") }
}

// held holds the row of a user in PostgreSQL.
func held(t *testing.T, dsn string, id idp.UserID) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT 1 FROM users WHERE id = $1 FOR UPDATE", id); err != nil {
		t.Fatal(err)
	}
	return func() { tx.Rollback(context.Background()) }
}

// eightAtMost is the DSN of a pool of eight.
func eightAtMost(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("pool_max_conns", "8")
	u.RawQuery = q.Encode()
	return u.String()
}

// soon waits until something is so, which is a matter of milliseconds.
func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// locking counts the connections of an application that wait for a lock in its
// database.
func locking(t *testing.T, dsn string) func(application string) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return func(application string) (n int) {
		err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = $1 AND wait_event_type = 'Lock'`, application).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
}

func TestAnEndingPassesEveryoneWhoWaitsToWrite(t *testing.T) {
	const waiting = 500
	path := filepath.Join(t.TempDir(), "house.db")
	server := storetest.PostgresDSN(t)
	for name, c := range map[string]struct {
		dsn    string
		hold   func(*testing.T, idp.UserID) func()
		atOnce int // who may write before the ending: those who had begun
		queued func(*testing.T, *store.Store) (writers, ending func() bool)
	}{
		"SQLite": {"sqlite:" + path, func(t *testing.T, _ idp.UserID) func() { return locked(t, path) }, store.ShareMost,
			func(_ *testing.T, s *store.Store) (writers, ending func() bool) {
				return func() bool { return s.Sharing() >= waiting-store.ShareMost }, s.EndingWaits
			}},
		"PostgreSQL": {eightAtMost(t, server), func(t *testing.T, id idp.UserID) func() { return held(t, server, id) }, 8,
			func(t *testing.T, s *store.Store) (writers, ending func() bool) {
				// Whoever waits for a lock gives up after a second: the connections are
				// made before.
				var reading sync.WaitGroup
				for range 100 {
					reading.Go(func() { _, _ = s.Generation(t.Context()) })
				}
				reading.Wait()
				waits := locking(t, server)
				return func() bool { return waits("gatehouse") == 8 }, func() bool { return waits("gatehouse endings") == 1 }
			}},
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t, c.dsn)
			generation, err := s.Generation(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			u := idp.User{ID: idp.NewUserID(), Username: "ada", Role: idp.RoleEmployee, Status: idp.UserActive, Epoch: 1}
			if _, err := s.Commit(t.Context(), idp.Change{Users: []idp.User{u}}); err != nil {
				t.Fatal(err)
			}
			writersWait, endingWaits := c.queued(t, s)
			release := c.hold(t, u.ID)
			var writers sync.WaitGroup
			var before atomic.Int64
			for range waiting {
				writers.Go(func() {
					in := idp.Session{ID: idp.NewSessionID(), Proof: idp.Proof{UserID: u.ID, Epoch: 1, Generation: generation},
						ExpiresAt: idp.Time(time.Now().Add(time.Hour))}
					switch err := s.StartSession(t.Context(), in, string(in.ID), ""); {
					case err == nil:
						before.Add(1)
					case !idp.IsKind(err, idp.Unauthenticated):
						t.Error(err)
					}
				})
			}
			soon(t, "everybody waits to write", writersWait)
			writers.Go(func() {
				e := &idp.Ending{Kind: idp.EndUser, UserID: u.ID, Key: "wish", ReceiptID: idp.NewReceiptID()}
				if _, err := s.Commit(t.Context(), idp.Change{Ending: e}); err != nil {
					t.Error(err)
				}
			})
			soon(t, "so does the ending", endingWaits)
			release()
			writers.Wait()
			if n := before.Load(); n > int64(c.atOnce) {
				t.Errorf("%d of %d wrote before the ending, want at most %d", n, waiting, c.atOnce)
			}
		})
	}
}

func TestACallerWhoGoesAwayLeavesNoTransactionOpen(t *testing.T) {
	t.Parallel()
	s := opened(t, "sqlite::memory:")
	for i := range 5000 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			time.Sleep(time.Duration(i%100) * time.Microsecond)
			cancel()
		}()
		_ = s.ReleaseClaims(ctx, "w") // in time or not
		if err := s.ReleaseClaims(t.Context(), "w"); err != nil {
			t.Fatalf("after %d callers: %v", i, err)
		}
	}
}

// silent is a way to a server that can freeze: nothing goes through any more,
// and nothing is closed.
type silent struct {
	frozen atomic.Bool
	ended  chan struct{}
}

func (p *silent) carry(from, to net.Conn) {
	defer to.Close()
	buffer := make([]byte, 1<<15)
	for {
		n, err := from.Read(buffer)
		if p.frozen.Load() {
			<-p.ended
			return
		}
		if err != nil {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (p *silent) serve(t *testing.T, server string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.ended = make(chan struct{})
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", server)
			if err != nil {
				in.Close()
				continue
			}
			go p.carry(in, out)
			go p.carry(out, in)
		}
	}()
	return l.Addr().String()
}

func TestAServerThatFallsSilentIsAnErrorAndNoWait(t *testing.T) {
	t.Parallel()
	dsn, err := url.Parse(storetest.PostgresDSN(t))
	if err != nil {
		t.Fatal(err)
	}
	var p silent
	dsn.Host = p.serve(t, net.JoinHostPort(dsn.Hostname(), cmp.Or(dsn.Port(), "5432")))
	s := opened(t, dsn.String())
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.frozen.Store(true)
	now := time.Now()
	var calls sync.WaitGroup
	for what, call := range map[string]func() error{
		"claim":   func() error { _, err := s.ClaimDeliveries(t.Context(), "w", now, time.Minute, 10, 5); return err },
		"list":    func() error { return s.ListPage(t.Context(), "rcp_x", "w", nil, "", true, now) },
		"release": func() error { return s.ReleaseClaims(t.Context(), "w") },
		"commit": func() error {
			_, err := s.Commit(t.Context(), idp.Change{Groups: []idp.Group{{ID: idp.NewGroupID(), Name: "g"}}})
			return err
		},
		"end": func() error {
			_, err := s.Commit(t.Context(), idp.Change{Ending: &idp.Ending{Kind: idp.EndUser, UserID: "usr_x", Key: "k"}})
			return err
		},
		"ping": func() error { return s.Ping(t.Context()) },
	} {
		calls.Go(func() {
			begun, answer := time.Now(), make(chan error, 1)
			go func() { answer <- call() }()
			select {
			case err := <-answer:
				if !idp.IsKind(err, idp.Unavailable) {
					t.Errorf("%s: %v", what, err)
				}
				t.Logf("%s: after %s", what, time.Since(begun).Round(time.Millisecond))
			case <-time.After(15 * time.Second):
				t.Errorf("%s waits for ever", what)
			}
		})
	}
	calls.Wait()
	close(p.ended)
}
