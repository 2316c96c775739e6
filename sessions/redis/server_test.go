package redis_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatehouse/e2e/ports"
)

// server is a redis-server process.
type server struct {
	t    *testing.T
	dir  string
	port string
	cmd  *exec.Cmd
	args []string
}

func startRedis(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), args: args}
	addr, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	_, s.port, _ = net.SplitHostPort(addr)
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *server) addr() string { return "127.0.0.1:" + s.port }

func (s *server) start() {
	s.t.Helper()
	args := append([]string{"--port", s.port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "no"}, s.args...)
	s.cmd = exec.Command("redis-server", args...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("redis-server: %v (e2e/install.sh installs it)", err)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if answer, err := s.try("PING"); err == nil && (answer == "+PONG" || strings.HasPrefix(answer, "-NOAUTH")) {
			return
		}
	}
	s.t.Fatal("redis-server does not answer")
}

func (s *server) kill() {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Signal(syscall.SIGCONT)
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
}

func (s *server) signal(sig syscall.Signal) { _ = s.cmd.Process.Signal(sig) }

// do sends one command inline and returns the first line of the answer.
func (s *server) do(command string) string {
	s.t.Helper()
	answer, err := s.try(command)
	if err != nil {
		s.t.Fatalf("%s: %v", command, err)
	}
	return answer
}

func (s *server) try(command string) (string, error) {
	c, err := net.DialTimeout("tcp", s.addr(), 10*time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := fmt.Fprintf(c, "%s\r\n", command); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(line), err
}

// info returns one number of INFO.
func (s *server) info(name string) (n int64) {
	s.t.Helper()
	out, err := exec.Command("redis-cli", "-p", s.port, "INFO", "everything").Output()
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
			fmt.Sscan(v, &n)
		}
	}
	return n
}

// snapshot writes dump.rdb and returns a copy of it.
func (s *server) snapshot() []byte {
	s.t.Helper()
	s.do("SAVE")
	raw, err := os.ReadFile(filepath.Join(s.dir, "dump.rdb"))
	if err != nil {
		s.t.Fatal(err)
	}
	return raw
}

func (s *server) put(snapshot []byte) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "dump.rdb"), snapshot, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// line is a way to a server that can be cut: new connections go to where it
// leads now, and silent swallows everything.
type line struct {
	listener net.Listener
	to       atomic.Value // string
	silent   atomic.Bool
	mu       sync.Mutex
	open     map[net.Conn]bool
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &line{listener: l, open: map[net.Conn]bool{}}
	p.to.Store(to)
	go p.accept()
	t.Cleanup(func() { l.Close(); p.reset() })
	return p
}

func (p *line) addr() string { return p.listener.Addr().String() }

func (p *line) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.to.Load().(string))
		if err != nil {
			c.Close()
			continue
		}
		p.mu.Lock()
		p.open[c], p.open[far] = true, true
		p.mu.Unlock()
		go p.pump(c, far)
		go p.pump(far, c)
	}
}

func (p *line) pump(from, to net.Conn) {
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if p.silent.Load() {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// reset breaks what is open.
func (p *line) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.Close()
	}
	clear(p.open)
}

// lead makes the line lead elsewhere.
func (p *line) lead(to string) { p.to.Store(to); p.reset() }
