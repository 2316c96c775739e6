package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"gatehouse/e2e/ports"
	"gatehouse/web/api/client"
)

// build makes the binary as it is shipped, in dir, unless one is given, and
// returns its path and size in bytes.
func build(ctx context.Context, dir, given string) (path string, size int64, err error) {
	path = given
	if path == "" {
		path = filepath.Join(dir, "gatehouse")
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", path, "gatehouse/cmd/gatehouse")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", 0, fmt.Errorf("build the binary: %w\n%s", err, out)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", 0, err
	}
	return path, info.Size(), nil
}

// house is one running server with its database.
type house struct {
	storage string // SQLite, PostgreSQL or PostgreSQL+Redis
	binary  string
	url     string
	addr    string
	env     []string
	dir     string
	token   string

	db         *sql.DB   // beside the server
	metrics    string    // where the server counts; "" for nowhere
	size       string    // the query for the size of the database in bytes
	postmaster int       // 0: the database has no processes
	redis      *exec.Cmd // nil: none in front
	drop       func() error

	cmd *exec.Cmd
	ops int // counted so far
	furnished
}

// newHouse reserves an address and a directory.
func newHouse(storage, dir string) (*house, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	addr, err := ports.Free()
	if err != nil {
		return nil, err
	}
	// No browser has passkeys at an address of numbers.
	_, port, _ := strings.Cut(addr, ":")
	h := &house{storage: storage, addr: addr, url: "http://localhost:" + port, dir: dir, token: rand.Text() + rand.Text()}
	h.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir,
		"GATEHOUSE_LISTEN=" + addr, "GATEHOUSE_URL=" + h.url, "GATEHOUSE_DATA=" + dir,
		"GATEHOUSE_ADMIN_TOKEN=" + h.token, "GATEHOUSE_SECRET=" + rand.Text() + rand.Text(),
	}
	return h, nil
}

func onSQLite(dir string) (*house, error) {
	h, err := newHouse("SQLite", dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "gatehouse.db")
	h.env = append(h.env, "GATEHOUSE_DATABASE=sqlite:"+path)
	h.db, err = sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	h.size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
	h.drop = func() error { return nil }
	return h, err
}

// onPostgres makes a database on a server of this machine, whose processes it
// finds by way of its own connection.
func onPostgres(ctx context.Context, dir, server string) (*house, error) {
	dsn, err := url.Parse(server)
	if err != nil {
		return nil, errors.New("the PostgreSQL server is no URL") // its text holds a password
	}
	h, err := newHouse("PostgreSQL", dir)
	if err != nil {
		return nil, err
	}
	name := "bench_" + strings.ToLower(rand.Text()[:12])
	if h.postmaster, err = asAdmin(ctx, server, "CREATE DATABASE "+name); err != nil {
		return nil, err
	}
	h.drop = func() error {
		_, err := asAdmin(context.WithoutCancel(ctx), server, "DROP DATABASE "+name+" WITH (FORCE)")
		return err
	}
	dsn.Path = "/" + name
	h.size = "SELECT pg_database_size(current_database())"
	h.env = append(h.env, "GATEHOUSE_DATABASE="+dsn.String())
	h.db, err = sql.Open("pgx", dsn.String())
	return h, err
}

func asAdmin(ctx context.Context, server, statement string) (postmaster int, err error) {
	db, err := sql.Open("pgx", server)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return 0, err
	}
	var backend int
	if err := db.QueryRowContext(ctx, "SELECT pg_backend_pid()").Scan(&backend); err != nil {
		return 0, err
	}
	p, err := readProcess(backend)
	if err != nil || p.name != "postgres" {
		return 0, errors.New("the PostgreSQL server does not run on this machine: its CPU time cannot be counted")
	}
	return p.parent, nil
}

// start begins the server and waits for the first good answer on discovery;
// it returns how long that took from exec on.
func (h *house) start(ctx context.Context) (time.Duration, error) {
	log, err := os.OpenFile(filepath.Join(h.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	h.cmd = exec.Command(h.binary, "serve")
	h.cmd.Env, h.cmd.Dir, h.cmd.Stdout, h.cmd.Stderr = h.env, h.dir, log, log
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	if err := h.cmd.Start(); err != nil {
		return 0, err
	}
	if err := awaitAnswer(ctx, "http://"+h.addr+"/.well-known/openid-configuration"); err != nil {
		return 0, fmt.Errorf("start on %s: %w (its log: %s)", h.storage, err, log.Name())
	}
	return time.Since(began), nil
}

// awaitAnswer asks every half millisecond until a server says 200.
func awaitAnswer(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	asker := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		if res, err := asker.Do(req); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return errors.New("no good answer within 30 s")
		case <-time.After(500 * time.Microsecond):
		}
	}
}

func (h *house) stop() error {
	if h.cmd == nil {
		return nil
	}
	err := h.cmd.Process.Signal(syscall.SIGTERM)
	err = errors.Join(err, h.cmd.Wait())
	h.cmd = nil
	return err
}

// close ends the house and leaves nothing behind.
func (h *house) close() error { return errors.Join(h.stop(), h.db.Close(), h.drop(), h.stopRedis()) }

func (h *house) api() *client.Client { return &client.Client{URL: h.url, Token: h.token} }

// cpu is what the server, its database's processes and its Redis have used so
// far.
func (h *house) cpu() (time.Duration, error) {
	used, err := processCPU(h.cmd.Process.Pid)
	if err != nil || h.postmaster == 0 {
		return used, err
	}
	db, err := treeCPU(h.postmaster)
	if err != nil || h.redis == nil {
		return used + db, err
	}
	copies, err := processCPU(h.redis.Process.Pid)
	return used + db + copies, err
}

// fine is cpu for what happens once.
func (h *house) fine() (sum time.Duration, err error) {
	pids := []int{h.cmd.Process.Pid}
	if h.postmaster != 0 {
		backends, err := family(h.postmaster)
		if err != nil {
			return 0, err
		}
		pids = append(pids, backends...)
	}
	if h.redis != nil {
		pids = append(pids, h.redis.Process.Pid)
	}
	for _, pid := range pids {
		used, err := fineCPU(pid)
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}
