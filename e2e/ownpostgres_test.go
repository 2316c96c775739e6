package e2e

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/e2e/ports"
)

// ownPostgres is a PostgreSQL of the test's own, so that it can be killed.
type ownPostgres struct {
	t    testing.TB
	bin  string
	dir  string
	addr string
	cmd  *exec.Cmd
	done chan struct{}
}

// serverConns is how many connections it takes, three of them from the owner alone.
const serverConns = 80

func startPostgres(t testing.TB) *ownPostgres {
	t.Helper()
	bins, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(bins) == 0 {
		t.Fatalf("no initdb found, %v: e2e/install.sh installs PostgreSQL", err)
	}
	slices.Sort(bins)
	// Not t.TempDir: who runs the server could not go into it.
	dir, err := os.MkdirTemp("/tmp", "gatehouse-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &ownPostgres{t: t, bin: filepath.Dir(bins[len(bins)-1]), dir: filepath.Join(dir, "data")}
	if os.Getuid() == 0 {
		if err := os.Chown(dir, nobody(t), -1); err != nil {
			t.Fatal(err)
		}
	}
	made := s.command("initdb", "--pgdata="+s.dir, "--username=gatehouse", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	if s.addr, err = ports.Free(); err != nil {
		t.Fatal(err)
	}
	s.start()
	t.Cleanup(func() { s.stop(syscall.SIGQUIT) })
	s.tells("CREATE DATABASE house")
	return s
}

// nobody is whom servers run as that refuse to be root, or had better not be.
func nobody(t testing.TB) int {
	t.Helper()
	who, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.Atoi(who.Uid)
	if err != nil {
		t.Fatal(err)
	}
	return uid
}

func (s *ownPostgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = "/tmp"
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT} // go test may be killed
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(nobody(s.t)), Gid: uint32(nobody(s.t))}
	}
	return cmd
}

// start starts it and waits until it takes connections. One that was killed may
// leave memory behind that the next one finds in use, and gives up: it is
// started again, as any supervisor would.
func (s *ownPostgres) start() {
	s.t.Helper()
	for deadline := time.Now().Add(readyWithin); ; time.Sleep(20 * time.Millisecond) {
		if s.cmd == nil || s.ended() {
			s.launch()
		}
		conn, err := s.connect("postgres")
		if err == nil {
			conn.Close(context.Background())
			return
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(s.log())
			s.t.Fatalf("PostgreSQL does not answer: %v\n%s", err, log[max(0, len(log)-2000):])
		}
	}
}

func (s *ownPostgres) log() string { return filepath.Join(filepath.Dir(s.dir), "log") }

func (s *ownPostgres) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

func (s *ownPostgres) launch() {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.addr)
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.cmd = s.command("postgres", "-D", s.dir, "-p", port, "-k", "", "-c", "listen_addresses=127.0.0.1",
		"-c", "max_connections="+strconv.Itoa(serverConns), "-c", "fsync=on", "-c", "shared_buffers=32MB")
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("postgres: %v", err)
	}
	done, cmd := make(chan struct{}), s.cmd
	s.done = done
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
}

// stop ends it by that signal: SIGQUIT throws everybody out at once, SIGKILL
// is a power cut for what it has not written yet.
func (s *ownPostgres) stop(by syscall.Signal) {
	if by == syscall.SIGKILL {
		// Its children would go on writing for a moment.
		for _, child := range s.children() {
			_ = syscall.Kill(child, syscall.SIGKILL)
		}
	}
	_ = s.cmd.Process.Signal(by)
	<-s.done
}

func (s *ownPostgres) children() (pids []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.cmd.Process.Pid))
	for _, path := range tasks {
		text, _ := os.ReadFile(path)
		for _, field := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// dsn leads to its database over a cable, or straight.
func (s *ownPostgres) dsn(addr string) string {
	return (&url.URL{Scheme: "postgres", User: url.User("gatehouse"), Host: addr, Path: "/house", RawQuery: "sslmode=disable"}).String()
}

func (s *ownPostgres) connect(database string) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return pgx.Connect(ctx, strings.Replace(s.dsn(s.addr), "/house", "/"+database, 1))
}

// tells gives it statements, each by itself.
func (s *ownPostgres) tells(statements ...string) {
	s.t.Helper()
	for _, text := range statements {
		asAdmin(s.t, strings.Replace(s.dsn(s.addr), "/house", "/postgres", 1), text)
	}
}

// holds opens a connection of its own in which statements have run, until the
// returned function closes it.
func (s *ownPostgres) holds(statements ...string) (release func()) {
	s.t.Helper()
	conn, err := s.connect("house")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, text := range statements {
		if _, err := conn.Exec(context.Background(), text); err != nil {
			s.t.Fatalf("%s: %v", text, err)
		}
	}
	return func() { conn.Close(context.Background()) }
}

// counts reads one number of the house.
func (s *ownPostgres) counts(query string, args ...any) (n int64) {
	s.t.Helper()
	conn, err := s.connect("house")
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(context.Background(), query, args...).Scan(&n); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return n
}
