package e2e

import (
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatehouse/e2e/ports"
)

// redisServer is a redis-server process of the test's own.
type redisServer struct {
	t    testing.TB
	addr string
	dir  string

	mu  sync.Mutex
	cmd *exec.Cmd

	befell atomic.Int32 // how many misfortunes are over
}

func startRedis(t testing.TB) *redisServer {
	t.Helper()
	addr, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	r := &redisServer{t: t, addr: addr, dir: t.TempDir()}
	r.start()
	t.Cleanup(r.kill)
	return r
}

func (r *redisServer) url() string { return "redis://" + r.addr }

// start starts it with what its directory holds, and waits for its answer.
func (r *redisServer) start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	host, port, _ := net.SplitHostPort(r.addr)
	r.cmd = exec.Command("redis-server", "--bind", host, "--port", port, "--dir", r.dir, "--save", "", "--appendonly", "no", "--rdbcompression", "no")
	if err := r.cmd.Start(); err != nil {
		r.t.Errorf("redis-server: %v", err)
		return
	}
	for deadline := time.Now().Add(readyWithin); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if out, _ := r.tell("PING"); out == "PONG\n" {
			return
		}
	}
	r.t.Error("redis-server does not answer")
}

// tell gives it a command.
func (r *redisServer) tell(command ...string) (string, error) {
	_, port, _ := net.SplitHostPort(r.addr)
	out, err := exec.Command("redis-cli", append([]string{"-p", port}, command...)...).Output()
	return string(out), err
}

// dump is everything it holds, as it lies on disk.
func (r *redisServer) dump() string {
	r.t.Helper()
	if out, err := r.tell("SAVE"); out != "OK\n" {
		r.t.Fatalf("save: %s%v", out, err)
	}
	raw, err := os.ReadFile(filepath.Join(r.dir, "dump.rdb"))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(raw)
}

func (r *redisServer) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd.Process != nil && r.cmd.ProcessState == nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
	}
}

func (r *redisServer) signal(sig os.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.cmd.Process.Signal(sig)
}

// misfortune is what can happen to Redis; it is well again when it returns.
type misfortune struct {
	name   string
	happen func(r *redisServer, lasts time.Duration)
}

const oldSnapshot = "F-04 restarted from an old snapshot"

var misfortunes = []misfortune{
	{"F-02 killed, and F-03 restarted empty", func(r *redisServer, lasts time.Duration) {
		r.kill()
		_ = os.Remove(filepath.Join(r.dir, "dump.rdb"))
		time.Sleep(lasts)
		r.start()
	}},
	{oldSnapshot, func(r *redisServer, lasts time.Duration) {
		_, _ = r.tell("SAVE")
		time.Sleep(lasts)
		r.kill()
		r.start()
	}},
	{"RV-04 emptied", func(r *redisServer, lasts time.Duration) {
		_, _ = r.tell("FLUSHALL")
		time.Sleep(lasts)
	}},
	{"F-07 frozen", func(r *redisServer, lasts time.Duration) {
		r.signal(syscall.SIGSTOP)
		time.Sleep(lasts)
		r.signal(syscall.SIGCONT)
	}},
	{"F-08 out of memory", func(r *redisServer, lasts time.Duration) {
		_, _ = r.tell("CONFIG", "SET", "maxmemory", "1")
		time.Sleep(lasts)
		_, _ = r.tell("CONFIG", "SET", "maxmemory", "0")
	}},
	{"F-08 read-only", func(r *redisServer, lasts time.Duration) {
		_, _ = r.tell("REPLICAOF", "127.0.0.1", "1")
		time.Sleep(lasts)
		_, _ = r.tell("REPLICAOF", "NO", "ONE")
	}},
}

// trouble lets one misfortune follow the other, with times between in which
// Redis is trusted again, until the returned function is called; that one says
// how many there were. Each happens once, or, where one is named, that one again
// and again.
func (r *redisServer) trouble(again string) (end func() int) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	befall := func(m misfortune, well time.Duration) bool {
		select {
		case <-stop:
			return false
		case <-time.After(well + mathrand.N(well)):
		}
		m.happen(r, 500*time.Millisecond+mathrand.N(1500*time.Millisecond))
		r.befell.Add(1)
		return true
	}
	go func() {
		defer close(stopped)
		if i := slices.IndexFunc(misfortunes, func(m misfortune) bool { return m.name == again }); i >= 0 {
			for befall(misfortunes[i], time.Second) {
			}
			return
		}
		for _, i := range mathrand.Perm(len(misfortunes)) {
			if !befall(misfortunes[i], 3*time.Second) {
				return
			}
		}
		<-stop
	}()
	return func() int {
		close(stop)
		<-stopped
		return int(r.befell.Load())
	}
}
