package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/e2e/ports"
)

const (
	readyWithin = time.Minute // generous: two cores run many of these at once
	stopWithin  = time.Minute // a node lets what is under way finish for 20 s at most
)

// proc is one running gatehouse: `serve`, `demo` or `sample-app`.
type proc struct {
	URL  string // what people type: http://localhost:PORT
	Addr string // where it listens: 127.0.0.1:PORT
	Dir  string // its working directory
	Log  *logbook

	path  string
	args  []string
	env   map[string]string
	asked string // the path that says that it is ready
	cmd   *exec.Cmd
	done  chan struct{} // closed when it has ended
}

// start runs the built binary and waits until it answers 200: a house on
// /readyz, a sample app (told its port by its own flags) on its first page. It gets a
// free port, an empty data directory and no variable of the developer's own;
// env adds to these and wins. When the test ends it is stopped in good order,
// and must have stopped in time and said nothing alarming in its log.
func start(t testing.TB, args []string, env map[string]string) *proc {
	t.Helper()
	return startAs(t, binary(t), args, env)
}

// startAs is start for another build of the binary.
func startAs(t testing.TB, bin string, args []string, env map[string]string) *proc {
	t.Helper()
	p, err := launch(t.TempDir(), bin, args, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
		for _, line := range p.Log.alarms() {
			t.Errorf("%s logged: %s", args[0], line)
		}
		if t.Failed() {
			t.Logf("log of %s on %s:\n%s", args[0], p.Addr, p.Log)
		}
	})
	return p
}

// launch is start for callers without a test: whoever calls it stops it.
func launch(dir, path string, args []string, env map[string]string) (*proc, error) {
	addr, err := ports.Free()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	p := &proc{
		Dir:   dir,
		Log:   &logbook{},
		path:  path,
		args:  args,
		asked: "/readyz",
		env: map[string]string{
			"PATH":             os.Getenv("PATH"),
			"HOME":             dir,
			"GATEHOUSE_LISTEN": addr,
			"GATEHOUSE_URL":    "http://localhost:" + port,
			"GATEHOUSE_DATA":   filepath.Join(dir, "data"),
		},
	}
	maps.Copy(p.env, env)
	if args[0] == "sample-app" {
		p.asked = "/"
	}
	p.Addr, p.URL = p.env["GATEHOUSE_LISTEN"], p.env["GATEHOUSE_URL"]
	if err := p.begin(); err != nil {
		return nil, err
	}
	return p, nil
}

// rootsOf believes the certificate in a PEM file.
func rootsOf(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read a certificate: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return roots, nil
}

func (p *proc) begin() error {
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Dir = p.Dir
	p.cmd.Stdout, p.cmd.Stderr = p.Log, p.Log
	for _, name := range slices.Sorted(maps.Keys(p.env)) {
		p.cmd.Env = append(p.cmd.Env, name+"="+p.env[name])
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // go test may be killed
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.args, err)
	}
	p.done = make(chan struct{})
	go func() {
		p.cmd.Wait() // how it ended stands in ProcessState
		close(p.done)
	}()
	if err := p.ready(); err != nil {
		p.kill()
		return fmt.Errorf("%w; its log:\n%s", err, p.Log)
	}
	return nil
}

func (p *proc) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	web, base := http.DefaultClient, "http://"+p.Addr
	if cert := p.env["GATEHOUSE_TLS_CERT"]; cert != "" {
		roots, err := rootsOf(cert)
		if err != nil {
			return err
		}
		web, base = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}, p.URL
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+p.asked, nil)
	if err != nil {
		return fmt.Errorf("ask whether %s is ready: %w", p.args, err)
	}
	for {
		if answer, err := web.Do(req); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before it was ready: %s", p.args, p.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready within %s", p.args, readyWithin)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stop asks for a graceful end and insists on it; nil when it has ended already.
func (p *proc) stop() error {
	select {
	case <-p.done:
		return nil
	default:
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.args, err)
	}
	select {
	case <-p.done:
	case <-time.After(stopWithin):
		p.kill()
		return fmt.Errorf("%s had not stopped %s after SIGTERM", p.args, stopWithin)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s stopped with %s, want exit status 0", p.args, p.cmd.ProcessState)
	}
	return nil
}

// kill is kill -9, and returns when the process is gone.
func (p *proc) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// again starts a stopped or killed process as it was: same port, same data,
// the log going on.
func (p *proc) again(t testing.TB) {
	t.Helper()
	if err := p.begin(); err != nil {
		t.Fatal(err)
	}
}

// logbook keeps what a process wrote and judges it.
type logbook struct {
	mu       sync.Mutex
	text     strings.Builder
	expected []string
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// expect excuses alarming lines that contain part: the test causes them.
func (l *logbook) expect(part string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expected = append(l.expected, part)
}

// alarms are the lines about a panic or an error that nobody expected.
func (l *logbook) alarms() (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		alarming := strings.Contains(line, "panic") || strings.Contains(line, "level=ERROR") || strings.Contains(line, `"level":"ERROR"`)
		if alarming && !slices.ContainsFunc(l.expected, func(part string) bool { return strings.Contains(line, part) }) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// await waits for a line that contains part and returns it.
func (l *logbook) await(t testing.TB, part string) string {
	t.Helper()
	for deadline := time.Now().Add(readyWithin); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		for line := range strings.Lines(l.String()) {
			if strings.Contains(line, part) && strings.HasSuffix(line, "\n") {
				return strings.TrimSpace(line)
			}
		}
	}
	t.Fatalf("no line with %q within %s; the log:\n%s", part, readyWithin, l)
	return ""
}
