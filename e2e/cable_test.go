package e2e

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// cable is the way of one node to one service: a TCP proxy to which faults
// happen. One for each node and service makes every cut asymmetric.
type cable struct {
	addr     string
	listener net.Listener

	mu      sync.Mutex
	to      string
	weather weather
	changed chan struct{} // closed when the weather changes
	ends    map[net.Conn]bool
}

// weather is what a cable does with what is sent through it. What is held is
// not lost: it arrives late, when the weather is better, as on a real network.
type weather struct {
	held      bool          // what goes to the service
	heldBack  bool          // what comes from it
	slow      time.Duration // every answer comes that much later
	shut      bool          // no new connections
	says      string        // is answered to every command instead of the service
	onlyAfter string        // heldBack from the chunk on with which this was sent
}

func newCable(t testing.TB, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{addr: l.Addr().String(), listener: l, to: to, changed: make(chan struct{}), ends: map[net.Conn]bool{}}
	var open sync.WaitGroup
	open.Go(func() { c.accept(&open) })
	t.Cleanup(func() {
		l.Close()
		c.becomes(weather{})
		c.reset()
		open.Wait()
	})
	return c
}

// becomes changes the weather; the zero one is fine.
func (c *cable) becomes(w weather) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.weather = w
	close(c.changed)
	c.changed = make(chan struct{})
}

// leads new connections to another service.
func (c *cable) leads(to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = to
}

// reset breaks every connection that is open, without a good-bye.
func (c *cable) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for end := range c.ends {
		if tcp, ok := end.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		end.Close()
	}
}

func (c *cable) now() (weather, string, chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.weather, c.to, c.changed
}

func (c *cable) accept(open *sync.WaitGroup) {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		w, to, _ := c.now()
		if w.shut {
			near.Close()
			continue
		}
		far, err := net.DialTimeout("tcp", to, 2*time.Second)
		if err != nil {
			if w.says == "" {
				near.Close()
				continue
			}
			far, _ = net.Pipe()
		}
		c.keep(near, far)
		link := &link{cable: c, gone: make(chan struct{})}
		open.Go(func() { link.pump(near, far, false) })
		open.Go(func() { link.pump(far, near, true) })
	}
}

func (c *cable) keep(ends ...net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, end := range ends {
		c.ends[end] = true
	}
}

// link is one connection through a cable.
type link struct {
	*cable
	once sync.Once
	gone chan struct{}

	mu   sync.Mutex
	sent bool // what onlyAfter waits for
}

func (l *link) pump(from, to net.Conn, back bool) {
	defer func() {
		l.once.Do(func() { close(l.gone) })
		from.Close()
		to.Close()
		l.cable.mu.Lock()
		defer l.cable.mu.Unlock()
		delete(l.ends, from)
		delete(l.ends, to)
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !l.pass(buf[:n], from, to, back) {
			return
		}
		if err != nil {
			return
		}
	}
}

// pass does with a chunk what the weather wants.
func (l *link) pass(chunk []byte, from, to net.Conn, back bool) bool {
	w, _, changed := l.now()
	for l.holds(w, chunk, back) {
		select {
		case <-changed:
		case <-l.gone:
			return false
		}
		w, _, changed = l.now()
	}
	if w.slow > 0 && back {
		select {
		case <-time.After(w.slow):
		case <-l.gone:
			return false
		}
	}
	if w.says != "" && !back {
		_, err := io.WriteString(from, strings.Repeat(w.says, commandsIn(chunk)))
		return err == nil
	}
	_, err := to.Write(chunk)
	return err == nil
}

func (l *link) holds(w weather, chunk []byte, back bool) bool {
	if w.onlyAfter == "" {
		return !back && w.held || back && w.heldBack
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !back && bytes.Contains(chunk, []byte(w.onlyAfter)) {
		l.sent = true
	}
	return back && w.heldBack && l.sent
}

// commandsIn counts the commands of Redis in a chunk: each is an array.
func commandsIn(chunk []byte) int {
	n := bytes.Count(chunk, []byte("\r\n*"))
	if bytes.HasPrefix(chunk, []byte("*")) {
		n++
	}
	return n
}

// TestCableDoesWhatTheWeatherSays is the proof of the cable itself.
func TestCableDoesWhatTheWeatherSays(t *testing.T) {
	t.Parallel()
	echo := func(prefix string) net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer conn.Close()
					buf := make([]byte, 100)
					for {
						n, err := conn.Read(buf)
						if err != nil {
							return
						}
						_, _ = io.WriteString(conn, prefix+string(buf[:n]))
					}
				}()
			}
		}()
		return l
	}
	c := newCable(t, echo("one ").Addr().String())
	dial := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	buf := make([]byte, 100)
	hears := func(conn net.Conn, within time.Duration, want string) {
		t.Helper()
		_ = conn.SetReadDeadline(time.Now().Add(within))
		n, err := conn.Read(buf)
		if got := string(buf[:n]); got != want {
			t.Fatalf("heard %q (%v), want %q", got, err, want)
		}
	}
	say := func(conn net.Conn, what string) {
		t.Helper()
		if _, err := io.WriteString(conn, what); err != nil {
			t.Fatal(err)
		}
	}
	const soon, never = 30 * time.Second, 150 * time.Millisecond
	conn := dial()
	say(conn, "hello")
	hears(conn, soon, "one hello")

	for _, w := range []weather{{held: true}, {heldBack: true}, {held: true, heldBack: true}, {heldBack: true, onlyAfter: "COMMIT"}} {
		c.becomes(w)
		say(conn, "COMMIT")
		hears(conn, never, "")
		c.becomes(weather{})
		hears(conn, soon, "one COMMIT")
	}
	c.becomes(weather{heldBack: true, onlyAfter: "ROLLBACK"})
	fresh := dial()
	say(fresh, "COMMIT")
	hears(fresh, soon, "one COMMIT")

	c.becomes(weather{slow: 300 * time.Millisecond})
	begun := time.Now()
	say(conn, "slowly")
	hears(conn, soon, "one slowly")
	if took := time.Since(begun); took < 300*time.Millisecond {
		t.Errorf("a slow answer came after %s", took)
	}

	c.becomes(weather{says: "-LOADING\r\n"})
	say(conn, "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n")
	hears(conn, soon, "-LOADING\r\n-LOADING\r\n")

	c.becomes(weather{shut: true})
	shut := dial()
	hears(shut, soon, "")
	c.becomes(weather{})
	c.leads(echo("two ").Addr().String())
	say(conn, "old")
	hears(conn, soon, "one old")
	conn2 := dial()
	say(conn2, "new")
	hears(conn2, soon, "two new")
	c.reset()
	_ = conn.SetReadDeadline(time.Now().Add(soon))
	if _, err := conn.Read(buf); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("after a reset: %v", err)
	}
}
