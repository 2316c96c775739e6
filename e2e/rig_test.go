package e2e

import (
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rig is a house of several nodes on a PostgreSQL and a Redis of its own, each
// node with a cable to both, and a crowd that lives in it while faults happen.
type rig struct {
	*crowd
	t       testing.TB
	servers []*proc
	redis   *redisServer
	db      *ownPostgres
	toRedis []*cable
	toDB    []*cable
	run     race
	lasts   time.Duration // each fault
	phases  []phase       // what they did so far
	clocks  string        // directory of what the nodes' clocks are off by
}

// newRig starts nodes and brings people in.
func newRig(t testing.TB, bin string, nodes int, lasts time.Duration, run race) *rig {
	t.Helper()
	h := &rig{t: t, redis: startRedis(t), db: startPostgres(t), run: run, lasts: lasts}
	h.crowd, h.clocks = newCrowd(t, ""), t.TempDir()
	for node := range nodes {
		h.ahead(node, 0)
	}
	var addrs []string
	for i := range nodes {
		h.env["FAULT_CLOCK"] = h.clock(i)
		toRedis, toDB := newCable(t, h.redis.addr), newCable(t, h.db.addr)
		h.toRedis, h.toDB = append(h.toRedis, toRedis), append(h.toDB, toDB)
		h.env["GATEHOUSE_REDIS"], h.env["GATEHOUSE_DATABASE"] = "redis://"+toRedis.addr, h.db.dsn(toDB.addr)
		node := startAs(t, bin, []string{"serve"}, h.env)
		// Faults are what this is about: what the house says of them is no alarm.
		for _, said := range []string{"The database does not answer right now", "the database", "redis", "Redis", "deliver", "unavailable"} {
			node.Log.expect(said)
		}
		h.servers, addrs = append(h.servers, node), append(addrs, node.Addr)
	}
	if err := h.gather(run.people, addrs...); err != nil {
		t.Fatal(err)
	}
	return h
}

// clock is the file that says how far a node's clock is off. Only a build with
// the tag faultclock looks at it.
func (h *rig) clock(node int) string { return filepath.Join(h.clocks, fmt.Sprint("clock", node)) }

// ahead sets a node's clock off.
func (h *rig) ahead(node int, by time.Duration) {
	h.t.Helper()
	next := h.clock(node) + ".next"
	if err := os.WriteFile(next, []byte(by.String()), 0o600); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(next, h.clock(node)); err != nil {
		h.t.Fatal(err)
	}
}

// blow is one fault and what it may do.
type blow struct {
	name      string
	strike    func() // it begins
	meanwhile func() // at once after that; nil: nothing
	heal      func() // it ends
	served    bool   // the crowd is to notice nothing: 99 of 100 are promised
	suspends  bool   // a suspension during it is to succeed
	node      int    // where it is asked for
}

// suffers lets the crowd live through a fault and counts what was lost and what
// was wrong; both must be nothing.
func (h *rig) suffers(t *testing.T, b blow) {
	t.Helper()
	h.t = t
	phase := h.log.now()
	var over atomic.Bool
	var living sync.WaitGroup
	run := h.run
	run.load = 10 * time.Minute
	living.Go(func() { h.live(run, over.Load) })
	victim := h.warm()
	struck := time.Now()
	b.strike()
	if b.meanwhile != nil {
		b.meanwhile()
	}
	cut := h.suspend(0, victim, b.node)
	took := time.Duration(cut.Return - cut.Call)
	if cut.Return == forever {
		took = time.Duration(h.log.now() - cut.Call)
	}
	h.tries(victim)
	time.Sleep(max(0, h.lasts-time.Since(struck)))
	healed := h.log.now()
	b.heal()
	h.recovers()
	recovered := time.Duration(h.log.now() - healed)
	over.Store(true)
	living.Wait()
	h.calms(victim)

	ops := h.judges(t, phase, b.name, fmt.Sprintf("suspension %d ms (%s), recovery %d ms", took.Milliseconds(), cut.Result, recovered.Milliseconds()))
	unserved := unservedOf(ops)
	if took > 10*time.Second { // 2 s are promised
		t.Errorf("the suspension took %s", took)
	}
	if b.suspends && cut.Result != saidYes {
		t.Errorf("the suspension was %s: %s", cut.Result, cut.Said)
	}
	if b.served && unserved > len(ops)/20+1 { // 99 of 100 are promised
		for _, o := range ops {
			if o.unserved() {
				t.Logf("unserved: %s", o)
			}
		}
		t.Errorf("%d of %d operations were not served", unserved, len(ops))
	}
}

// phase is what one fault did.
type phase struct {
	name, figures string
	begun         int64
	ops, unserved int
	wrong, lost   int
	gap           time.Duration
}

func (p phase) String() string {
	return fmt.Sprintf("%-50s %5d operations, %3d unserved, longest gap %5d ms, wrong %d, lost %d, %s",
		p.name, p.ops, p.unserved, p.gap.Milliseconds(), p.wrong, p.lost, p.figures)
}

// judges holds what happened since a moment against the rules, and returns it.
// Receipts are judged in the end: what a node had claimed when it lost its
// database is free again half a minute later.
func (h *rig) judges(t *testing.T, since int64, name, figures string) []op {
	t.Helper()
	ops := slices.DeleteFunc(h.log.soFar(), func(o op) bool { return o.Call < since })
	wrong := slices.DeleteFunc(judge(h.log.soFar()).violations, func(v violation) bool { return v.op.Call < since })
	p := phase{name: name, figures: figures, begun: since, ops: len(ops), unserved: unservedOf(ops), wrong: len(wrong), gap: longestGap(ops)}
	h.phases = append(h.phases, p)
	t.Log(p)
	for _, v := range wrong[:min(len(wrong), 10)] {
		t.Error(v)
	}
	return ops
}

// settles waits for every receipt, tells which fault lost something of one, and
// prints what each did.
func (h *rig) settles(t *testing.T) {
	t.Helper()
	receipts, err := h.receiptsWithin(t.Context(), time.Minute)
	if err != nil {
		t.Errorf("a receipt is lost: %v", err)
	}
	for _, v := range judgeReceipts(h.log.soFar(), receipts, h.wholeUser()) {
		t.Error(v)
		for i := range h.phases {
			if at := v.op.Call; at >= h.phases[i].begun && (i+1 == len(h.phases) || at < h.phases[i+1].begun) {
				h.phases[i].lost++
			}
		}
	}
	for _, p := range h.phases {
		t.Log(p)
	}
	lines := 0
	for _, r := range receipts {
		lines += len(r.Lines)
	}
	t.Logf("%d receipts with %d lines, all told", len(receipts), lines)
	if lines < len(h.phases) {
		t.Error("too little was told")
	}
}

// unservedOf counts who got no answer of the house. Whoever was suspended and
// tried to sign in ten times is asked to come later, also after a restore: that
// is an answer, and one that a fast machine gives more often.
func unservedOf(ops []op) (n int) {
	for _, o := range ops {
		if o.unserved() {
			n++
		}
	}
	return n
}

func (o op) unserved() bool {
	throttled := o.Op == "sign-in" && o.Said == strconv.Itoa(http.StatusTooManyRequests)
	return o.Return == forever && !throttled
}

// warm makes sure that every node has just seen somebody's passes, and returns
// who it is; nobody else suspends them meanwhile.
func (h *rig) warm() *person { return h.warmAt(-1) }

// warmAt has them sign in at one node alone; any, when it is negative.
func (h *rig) warmAt(at int) *person {
	h.t.Helper()
	for deadline := time.Now().Add(readyWithin); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		p := h.people[mathrand.IntN(len(h.people))]
		if !p.admin.TryLock() {
			continue
		}
		if at >= 0 {
			h.away.Store(int32(len(h.nodes) - at)) // of two
		}
		h.signIn(0, p)
		if at >= 0 {
			h.away.Store(0)
		}
		sessions := p.all("session")
		seen := 0
		for node := range h.nodes {
			if len(sessions) > 0 && h.useAt(node, 0, p, opPortal, sessions[len(sessions)-1]).Result == saidYes {
				seen++
			}
		}
		if seen == len(h.nodes) {
			return p // admin stays locked until calms
		}
		p.admin.Unlock()
	}
	h.t.Fatal("nobody could sign in")
	return nil
}

// tries presents the newest passes of a person to every node.
func (h *rig) tries(p *person) {
	var trying sync.WaitGroup
	for _, kind := range []string{opPortal, opUserinfo, opIntrospect, opLink} {
		held := p.all(uses[kind])
		for _, one := range held[max(0, len(held)-3):] {
			for node := range h.nodes {
				if !h.isAway(node) {
					trying.Go(func() { h.useAt(node, 0, p, kind, one) })
				}
			}
		}
	}
	trying.Wait()
}

// recovers waits until every node serves somebody again, and suspends.
func (h *rig) recovers() {
	h.t.Helper()
	for node := range h.nodes {
		until(h.t, readyWithin, "a node is ready again", func() bool {
			answer, err := h.ask(node, "/readyz", nil)
			if err != nil || answer.status != http.StatusOK {
				return false
			}
			_, err = h.api(node).User(h.t.Context(), h.people[0].id)
			return err == nil
		})
	}
}

// calms brings back whoever is still suspended, and tries again what the victim
// held.
func (h *rig) calms(victim *person) {
	h.t.Helper()
	users, err := h.api(0).Users(h.t.Context(), "", "suspended")
	if err != nil {
		h.t.Fatal(err)
	}
	for _, u := range users {
		h.restore(0, h.people[slices.IndexFunc(h.people, func(p *person) bool { return p.id == u.ID })])
	}
	h.tries(victim)
	victim.admin.Unlock()
}

// longestGap is the longest time in which nobody was served.
func longestGap(ops []op) (longest time.Duration) {
	var ends []int64
	for _, o := range ops {
		if o.Result == saidYes {
			ends = append(ends, o.Return)
		}
	}
	slices.Sort(ends)
	for i := range ends[:max(0, len(ends)-1)] {
		longest = max(longest, time.Duration(ends[i+1]-ends[i]))
	}
	return longest
}

// all gives every one of the cables the same weather.
func all(cables []*cable, w weather) {
	for _, c := range cables {
		c.becomes(w)
	}
}
