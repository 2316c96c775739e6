package e2e

import (
	"bufio"
	"fmt"
	"io"
	"log"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// balancer stands before several nodes as a load balancer does: it asks each
// for its /readyz, and hands every request to the next that is ready. It tries
// no request twice.
type balancer struct {
	addr  string
	nodes []string
	ready []atomic.Bool
	turn  atomic.Int64

	asked  atomic.Int64
	served []atomic.Int64 // by node

	mu     sync.Mutex
	failed []string
}

func newBalancer(t *testing.T, nodes []string) *balancer {
	b := &balancer{nodes: nodes, ready: make([]atomic.Bool, len(nodes)), served: make([]atomic.Int64, len(nodes))}
	proxy := &httputil.ReverseProxy{
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: b.nodes[b.choose()]})
			r.Out.Host = r.In.Host
			r.SetXForwarded()
			// The transport would repeat a request without a body by itself.
			if r.Out.Body == nil || r.Out.Body == http.NoBody {
				r.Out.Body, r.Out.GetBody = io.NopCloser(strings.NewReader("")), nil
			}
		},
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode >= 500 {
				text, _ := io.ReadAll(io.LimitReader(r.Body, 2000))
				r.Body.Close()
				r.Body = io.NopCloser(strings.NewReader(string(text)))
				b.fail(fmt.Sprintf("%s %s: %d %s", r.Request.Method, r.Request.URL.Path, r.StatusCode, text))
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			b.fail(fmt.Sprintf("%s %s: %v", r.Method, r.URL.Path, err))
			w.WriteHeader(http.StatusBadGateway)
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.asked.Add(1)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	b.addr = server.Listener.Addr().String()
	for i, addr := range nodes {
		b.ready[i].Store(true)
		stop := make(chan struct{})
		t.Cleanup(func() { close(stop) })
		go b.watch(i, addr, stop)
	}
	return b
}

// watch asks a node whether it is ready, as often as the impatient do.
func (b *balancer) watch(i int, addr string, stop chan struct{}) {
	asking := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		select {
		case <-stop:
			return
		case <-time.After(250 * time.Millisecond):
		}
		answer, err := asking.Get("http://" + addr + "/readyz")
		if err == nil {
			answer.Body.Close()
		}
		b.ready[i].Store(err == nil && answer.StatusCode == http.StatusOK)
	}
}

func (b *balancer) choose() int {
	first := int(b.turn.Add(1))
	for i := range b.nodes {
		if n := (first + i) % len(b.nodes); b.ready[n].Load() {
			b.served[n].Add(1)
			return n
		}
	}
	return first % len(b.nodes)
}

func (b *balancer) fail(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = append(b.failed, what)
}

// TestARollingRestartLosesNothing is F-14 on three nodes: each is told to stop
// and started again, one after the other, while people sign in, apps exchange
// and refresh and ask, and admins suspend and restore. Nobody before the nodes
// sees a request fail, and every app that was to be told is told without
// waiting for the claim of a node that has gone.
//
// It has the machine to itself, as the race has.
func TestARollingRestartLosesNothing(t *testing.T) {
	// As many as the machine can in 90 s, and few only on one that is busy.
	const enough, tooFew = 10_000, 2_000
	c := newCrowd(t, postgresDSN(t))
	c.env["GATEHOUSE_REDIS"] = startRedis(t).url()
	// Apps take their time, so that a node has deliveries in its hands when it
	// is told to stop.
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(mathrand.N(400 * time.Millisecond))
		c.hear(w, r)
	}))
	t.Cleanup(slow.Close)
	c.ears, c.env["GATEHOUSE_OUTBOUND_ALLOW"] = slow.URL, strings.TrimPrefix(slow.URL, "http://")
	var nodes []*proc
	var addrs []string
	for range 3 {
		node := start(t, []string{"serve"}, c.env)
		nodes, addrs = append(nodes, node), append(addrs, node.Addr)
		node.Log.expect("The database does not answer right now") // see the race
	}
	b := newBalancer(t, addrs)
	if err := c.gather(40, b.addr); err != nil {
		t.Fatal(err)
	}
	before := b.asked.Load()
	var rolled atomic.Bool
	var living sync.WaitGroup
	begun := time.Now()
	run := race{people: 40, clients: 24, admins: 3, load: 90 * time.Second}
	living.Go(func() {
		c.live(run, func() bool { return rolled.Load() && b.asked.Load()-before >= enough })
	})
	var gone []time.Duration
	for _, node := range nodes {
		time.Sleep(2 * time.Second)
		gone = append(gone, leavesInGoodOrder(t, node))
		node.again(t)
	}
	time.Sleep(2 * time.Second)
	rolled.Store(true)
	living.Wait()
	took, asked := time.Since(begun), b.asked.Load()-before

	receipts, err := c.receipts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	acknowledged, slowest := 0, int64(0)
	for _, r := range receipts {
		for _, l := range r.Lines {
			if l.AckedAt != nil {
				acknowledged++
				slowest = max(slowest, l.LatencyMS)
			}
		}
	}
	t.Logf("%d requests in %s, %d, %d and %d by node; stopping took %s", asked, took.Round(time.Second),
		b.served[0].Load(), b.served[1].Load(), b.served[2].Load(), gone)
	t.Logf("%d suspensions, %d deliveries acknowledged, the slowest %d ms after the cut; %d logout tokens came",
		len(receipts), acknowledged, slowest, c.told.Load())
	busy := 0
	for _, what := range b.failed {
		// A database on a machine as busy as this may be too slow for a moment.
		if strings.Contains(what, "The database does not answer right now") {
			busy++
			continue
		}
		t.Errorf("failed: %s", what)
	}
	if busy > 0 {
		t.Logf("%d requests were told that the database is busy", busy)
	}
	for _, o := range c.log.soFar() {
		if o.Result == noAnswer {
			t.Errorf("%s on behalf of %s had no answer: %s", o.Op, o.User, o.Said)
		}
	}
	if asked < tooFew || len(receipts) < 10 || acknowledged < 10 {
		t.Error("too little happened")
	}
	if int64(acknowledged) > c.told.Load() {
		t.Errorf("%d lines are acknowledged, and only %d logout tokens came", acknowledged, c.told.Load())
	}
	// A claim that was not given back holds its line for half a minute.
	if slowest > 15_000 {
		t.Errorf("a delivery waited %d ms", slowest)
	}
}

// leavesInGoodOrder tells a node to stop: it must say so on /readyz while it
// still takes requests, and be gone in time.
func leavesInGoodOrder(t *testing.T, node *proc) time.Duration {
	t.Helper()
	begun := time.Now()
	if err := node.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	asking := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	status := func(path string) int {
		answer, err := asking.Get("http://" + node.Addr + path)
		if err != nil {
			return 0
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	until(t, 2*time.Second, "it says that it is stopping", func() bool { return status("/readyz") == http.StatusServiceUnavailable })
	if got := status("/healthz"); got != http.StatusOK {
		t.Errorf("it says that it is stopping, and takes no requests any more: %d", got)
	}
	select {
	case <-node.done:
	case <-time.After(20 * time.Second):
		t.Fatal("it has not stopped 20 s after SIGTERM")
	}
	if code := node.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it stopped with %s", node.cmd.ProcessState)
	}
	return time.Since(begun).Round(10 * time.Millisecond)
}

// TestARequestThatHasBegunIsAnswered: a node that nobody watches stops at once,
// and yet not before what it was being asked.
func TestARequestThatHasBegunIsAnswered(t *testing.T) {
	t.Parallel()
	node := start(t, []string{"serve"}, map[string]string{"GATEHOUSE_ADMIN_TOKEN": strings.Repeat("token ", 5)[:26]})
	conn, err := net.Dial("tcp", node.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := "token=nothing&client_id=nobody"
	fmt.Fprintf(conn, "POST /oauth/introspect HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		strings.TrimPrefix(node.URL, "http://"), len(body), body[:10])
	time.Sleep(200 * time.Millisecond) // it is being read
	if err := node.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until(t, readyWithin, "it takes no new connections", func() bool {
		other, err := net.Dial("tcp", node.Addr)
		if err == nil {
			other.Close()
		}
		return err != nil
	})
	if _, err := io.WriteString(conn, body[10:]); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("the request that had begun was not answered: %v", err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized && answer.StatusCode != http.StatusBadRequest {
		t.Errorf("it was answered %d", answer.StatusCode)
	}
	if !answer.Close {
		t.Error("the answer does not say that the connection ends")
	}
}
