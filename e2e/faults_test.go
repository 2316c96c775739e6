package e2e

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestFaults lets a house of two nodes live through the faults of
// docs/faults.md, one after the other, each short. Nothing may be lost and
// nothing wrong in any of them. `make torture` has them longer, and more often.
//
// It has the machine to itself, as the race has.
func TestFaults(t *testing.T) {
	h := newRig(t, binary(t), 2, time.Second, race{people: 16, clients: 4, admins: 1, pause: 150 * time.Millisecond})
	for _, b := range h.blows() {
		t.Run(b.name, func(t *testing.T) { h.suffers(t, b) })
	}
	t.Run("F-09 the answer to a COMMIT is lost", func(t *testing.T) { h.losesAnAnswer(t) })
	t.Run("RV-10 a suspension between check and write", func(t *testing.T) { h.slipsBetween(t) })
	t.Run("F-17 overload", func(t *testing.T) { h.isOverrun(t) })
	h.settles(t)
}

// blows are the faults that are over when they are over.
func (h *rig) blows() []blow {
	fine := func(cables []*cable) func() {
		return func() { all(cables, weather{}) }
	}
	redis := func(name string, w weather, cables ...*cable) blow {
		return blow{
			name: name, served: true, suspends: true, heal: fine(cables),
			strike: func() { all(cables, w) },
		}
	}
	says := func(name, says string) blow {
		b := redis(name, weather{says: says + "\r\n"}, h.toRedis...)
		b.heal = func() {
			all(h.toRedis, weather{})
			for _, c := range h.toRedis {
				c.reset()
			}
		}
		return b
	}
	nothing := func() {}
	var snapshot []byte
	var release []func()
	return []blow{
		{name: "F-01 a node is killed", node: 0, suspends: true,
			strike: h.servers[1].kill, heal: func() { h.servers[1].again(h.t) }},
		{name: "F-09 PostgreSQL throws everybody out and restarts",
			strike: func() { h.db.stop(syscall.SIGQUIT) }, heal: h.db.start},
		{name: "F-09 one node is cut from PostgreSQL", node: 1, suspends: true,
			strike: func() { h.toDB[0].becomes(weather{held: true, heldBack: true}) }, heal: fine(h.toDB)},
		{name: "F-10 PostgreSQL is read-only",
			strike: func() { h.db.tells("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()") },
			meanwhile: func() {
				// Reads go on.
				for node := range h.nodes {
					if _, err := h.api(node).Users(h.t.Context(), "", ""); err != nil {
						h.t.Errorf("nobody can be looked up: %v", err)
					}
				}
			},
			heal: func() {
				h.db.tells("SET default_transaction_read_only = off", "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
			}},
		{name: "F-10 somebody holds a lock",
			strike: func() {
				release = append(release, h.db.holds("BEGIN", "SELECT n FROM counter WHERE id = 1 FOR UPDATE"))
			},
			heal: func() { release[0](); release = nil }},
		{name: "F-10 PostgreSQL has no connection left", suspends: true,
			strike: func() {
				// A node opens again what the fault before took from it; here it is to
				// be asked what it has, not how fast it was.
				time.Sleep(2 * time.Second)
				until(h.t, readyWithin, "every node has its connection for endings", func() bool {
					return h.db.counts("SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state = 'idle'", "gatehouse endings") >= int64(len(h.nodes))
				})
				for range serverConns {
					conn, err := h.db.connect("house")
					if err != nil {
						break
					}
					release = append(release, func() { conn.Close(h.t.Context()) })
				}
			},
			heal: func() {
				for _, one := range release {
					one()
				}
			}},
		{name: "F-12 PostgreSQL and a node lose their power",
			strike: func() {
				h.db.stop(syscall.SIGKILL)
				h.servers[0].kill()
			},
			heal: func() {
				h.db.start()
				h.servers[0].again(h.t)
			}, node: 1},
		{name: "F-02 Redis is killed", served: true, suspends: true, strike: h.redis.kill, heal: h.redis.start},
		{name: "F-03 Redis comes back empty", served: true, suspends: true, heal: nothing, strike: func() {
			h.redis.kill()
			_ = os.Remove(filepath.Join(h.redis.dir, "dump.rdb"))
			h.redis.start()
		}},
		{name: "F-04 Redis comes back with an old snapshot", served: true, suspends: true, heal: nothing,
			strike: func() {
				snapshot = []byte(h.redis.dump())
				// Right after it has confirmed a suspension of which that knows nothing.
				p := h.warm()
				h.suspend(0, p, 0)
				time.Sleep(50 * time.Millisecond)
				h.redis.kill()
				if err := os.WriteFile(filepath.Join(h.redis.dir, "dump.rdb"), snapshot, 0o600); err != nil {
					h.t.Error(err)
				}
				h.redis.start()
				h.tries(p)
				h.restore(0, p)
				h.tries(p)
				p.admin.Unlock()
			}},
		redis("F-06 one node is cut from Redis, both ways", weather{held: true, heldBack: true}, h.toRedis[0]),
		redis("F-06 one node hears no answer of Redis", weather{heldBack: true}, h.toRedis[0]),
		redis("F-06 the node that does not suspend is cut", weather{held: true}, h.toRedis[1]),
		redis("F-07 Redis takes 200 ms", weather{slow: 200 * time.Millisecond}, h.toRedis...),
		redis("F-07 Redis takes 2 s", weather{slow: 2 * time.Second}, h.toRedis...),
		redis("F-07 Redis hangs", weather{held: true, heldBack: true}, h.toRedis...),
		says("F-08 OOM", "-OOM command not allowed when used memory > 'maxmemory'."),
		says("F-08 READONLY", "-READONLY You can't write against a read only replica."),
		says("F-08 WRONGPASS", "-WRONGPASS invalid username-password pair or user is disabled."),
		says("F-08 LOADING", "-LOADING Redis is loading the dataset in memory"),
		says("F-08 BUSY", "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."),
		h.frozen(),
	}
}

// frozen stops a node in the middle of what it is issuing, for longer than
// every lease, and lets it go on.
func (h *rig) frozen() blow {
	var issuing sync.WaitGroup
	return blow{
		name: "a node is frozen while it issues", node: 0, suspends: true,
		strike: func() {
			p := h.warm()
			for range 6 {
				issuing.Go(func() { h.open(0, p) })
			}
			time.Sleep(mathrand.N(6 * time.Millisecond))
			_ = h.servers[1].cmd.Process.Signal(syscall.SIGSTOP)
			h.away.Store(2)
			h.suspend(0, p, 0)
			time.Sleep(1500 * time.Millisecond)
			h.restore(0, p)
			p.admin.Unlock()
		},
		heal: func() {
			_ = h.servers[1].cmd.Process.Signal(syscall.SIGCONT)
			h.away.Store(0)
			issuing.Wait()
		},
	}
}

// losesAnAnswer is F-09 where it hurts: the database has committed and nobody
// hears it. The suspension is read again by its own key: said once, done once.
func (h *rig) losesAnAnswer(t *testing.T) {
	h.t = t
	const rounds = 3
	phase := h.log.now()
	for range rounds {
		p := h.warm()
		before := h.db.counts("SELECT epoch FROM users WHERE id = $1", p.id)
		logged := h.db.counts("SELECT count(*) FROM endings WHERE user_id = $1 AND kind = 'user'", p.id)
		// The reason goes with the statement that takes the number, and COMMIT.
		reason := "lost answer " + rand.Text()
		h.toDB[0].becomes(weather{heldBack: true, onlyAfter: reason})
		lost := make(chan struct{})
		go func() {
			defer close(lost)
			until(t, readyWithin, "it is committed", func() bool {
				return h.db.counts("SELECT count(*) FROM endings WHERE reason = $1", reason) == 1
			})
			h.toDB[0].reset()
			h.toDB[0].becomes(weather{})
		}()
		cut := h.suspendFor(0, p, 0, reason)
		<-lost
		if cut.Result != saidYes {
			t.Logf("answered: %s", cut.Said)
			cut = h.suspend(0, p, 0) // what an admin does
		}
		if cut.Result != saidYes {
			t.Errorf("the suspension and its repeat failed: %s", cut.Said)
		}
		h.tries(p)
		if rise := h.db.counts("SELECT epoch FROM users WHERE id = $1", p.id) - before; rise != 1 {
			t.Errorf("the epoch rose by %d, want 1", rise)
		}
		if more := h.db.counts("SELECT count(*) FROM endings WHERE user_id = $1 AND kind = 'user'", p.id) - logged; more != 1 {
			t.Errorf("the log has %d rows for one suspension", more)
		}
		h.restore(0, p)
		h.tries(p)
		p.admin.Unlock()
	}
	h.judges(t, phase, "F-09 the answer to a COMMIT is lost", "")
}

// slipsBetween is RV-10: what issues a pass is held up when the person has been
// looked at and the pass is to be written, and they are suspended meanwhile.
func (h *rig) slipsBetween(t *testing.T) {
	h.t = t
	phase := h.log.now()
	opens := func(p *person, app int, kind string) {
		sessions := p.all("session")
		s := sessions[len(sessions)-1]
		path, verifier := h.request(app, "none")
		h.answer(op{Op: kind}, p, app, s, path, verifier, withSession(h.crowd, s))
	}
	for _, way := range []struct {
		table string // nobody writes into it for a moment
		issue func(p *person)
	}{
		{"sessions", func(p *person) { h.signIn(0, p) }},
		{"participants", func(p *person) { opens(p, 2, opSSO) }},
		{"token_families", func(p *person) {
			for len(p.all("code")) == 0 {
				opens(p, 0, opAuthorize) // now and then an app keeps its code
				if len(p.all("code")) == 0 {
					return // it was exchanged, or tried to be
				}
			}
			h.exchangeLate(0, p)
		}},
		{"links", func(p *person) { h.invite(0, p) }},
	} {
		p := h.warm()
		p.mu.Lock()
		p.passes["code"] = nil
		p.mu.Unlock()
		release := h.db.holds("BEGIN", "LOCK TABLE "+way.table+" IN SHARE MODE")
		var both sync.WaitGroup
		both.Go(func() { way.issue(p) })
		held := func() bool {
			return h.db.counts("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::regclass", way.table) > 0
		}
		paused := false
		for end := time.Now().Add(5 * time.Second); !paused && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			paused = held()
		}
		if !paused {
			t.Errorf("nothing was issued into %s", way.table)
		}
		both.Go(func() { h.suspend(0, p, 1) })
		time.Sleep(100 * time.Millisecond)
		release()
		both.Wait()
		h.tries(p)
		h.restoreAt(0, p, 0)
		h.tries(p)
		p.admin.Unlock()
	}
	h.judges(t, phase, "RV-10 a suspension between check and write", "4 ways to issue")
}

// isOverrun is F-17: many more want to sign in than the house can hash for.
// Those it has no room for are told so at once, and a suspension does not queue
// behind them.
func (h *rig) isOverrun(t *testing.T) {
	h.t = t
	const crowding = 130 // one is hashed at a time, and a hundred may wait
	phase := h.log.now()
	p := h.warm()
	defer p.admin.Unlock()
	// Everybody stands before the last form.
	type door struct {
		at      string
		form    url.Values
		cookies map[string]string
	}
	doors := make([]door, crowding)
	for i := range doors {
		d := door{cookies: map[string]string{}}
		path, _ := h.request(0, "")
		step := func(path string, form url.Values) *reply {
			r, err := h.ask(0, path, form, carrying(h.crowd, d.cookies))
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range r.cookies {
				d.cookies[name] = value
			}
			return r
		}
		d.at = step(path, nil).header.Get("Location")
		d.form = url.Values{"csrf": {fieldIn(csrfField, step(d.at, nil).body)}, "username": {h.people[i%len(h.people)].name}}
		d.form.Set("csrf", fieldIn(csrfField, step(d.at+"/identifier", d.form).body))
		d.form.Set("password", crowdPassword)
		doors[i] = d
	}
	var rush sync.WaitGroup
	answers := make([]*reply, crowding)
	var mu sync.Mutex
	var refusedAfter []time.Duration
	for i, d := range doors {
		rush.Go(func() {
			begun := time.Now()
			r, err := h.ask(0, d.at+"/password", d.form, carrying(h.crowd, d.cookies))
			if err != nil {
				t.Errorf("no answer: %v", err)
				return
			}
			answers[i] = r
			if r.status == http.StatusServiceUnavailable {
				mu.Lock()
				defer mu.Unlock()
				refusedAfter = append(refusedAfter, time.Since(begun))
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	cut := h.suspend(0, p, 0)
	took := time.Duration(cut.Return - cut.Call)
	rush.Wait()
	in, away := 0, 0
	for _, r := range answers {
		switch {
		case r == nil:
		case r.status == http.StatusSeeOther:
			in++
		case r.status == http.StatusServiceUnavailable && r.header.Get("Retry-After") != "":
			away++
		case r.status == http.StatusServiceUnavailable:
			t.Error("one is sent away and not told when to come back")
		}
	}
	slices.Sort(refusedAfter)
	if in == 0 || away == 0 {
		t.Errorf("%d came in and %d were told to come later: too little happened", in, away)
	}
	if cut.Result != saidYes || took > 5*time.Second { // 1 s is promised
		t.Errorf("the suspension was %s after %s", cut.Result, took)
	}
	h.restore(0, p)
	h.tries(p)
	h.judges(t, phase, "F-17 overload", fmt.Sprintf("%d sign-ins at once: %d in, %d told to come later; suspension %d ms (%s)",
		crowding, in, away, took.Milliseconds(), cut.Result))
}
