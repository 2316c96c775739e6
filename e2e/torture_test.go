//go:build torture

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fault is a mistake that somebody could make.
type fault struct {
	name  string
	shown []string // the rules under which it may be found
	edits []edit
}

type edit struct{ file, from, to string }

// faults each break the promise in a way of its own. Not among them is a
// session that is started without another look at the person: it carries the
// epoch of its proof, so that nobody accepts it, and nothing can be seen of it
// from outside.
var faults = []fault{
	{"none", nil, nil},
	{"the epoch of a pass is not compared", []string{survived}, []edit{{"idp/pass.go", `p.Epoch == s.Epoch && `, ``}}},
	{"a suspension does not raise the epoch", []string{survived, usedAfterCut, issuedAfterCut}, []edit{{"store/endings.go", `'suspended', epoch = epoch + 1,`, `'suspended',`}}},
	{"a code is exchanged without another look at the person", []string{survived, issuedAfterCut}, []edit{{"store/standing.go",
		"WHERE ` + proven + ` AND s.id", "WHERE u.id = $1 AND h.generation = $3 AND s.id"}}},
	{"a refresh token rotates without a look at the person", []string{survived, issuedAfterCut}, []edit{{"store/families.go",
		`AND u.status = 'active' AND u.epoch = $4 AND h.generation = $5`, `AND h.generation = $5`}}},
	{"a session gets the epoch of the moment it is written", []string{survived}, []edit{
		{"store/signins.go", `AND EXISTS (SELECT 1 FROM ok)`, ``},
		{"store/sessions.go", " AND EXISTS (SELECT 1 FROM ok) RETURNING id)\n\t\t` + sessionInto + `SELECT $5, $7, ok.id, $2, $3,",
			" RETURNING id)\n\t\t` + sessionInto + `SELECT $5, $7, ok.id, ok.epoch, $3,"},
		{"store/sessions.go", `FROM ok WHERE $4`, `FROM (SELECT x.id, x.epoch FROM users x WHERE x.id = $1) ok WHERE $4`},
	}},
	{"sessions are remembered for five seconds", []string{usedAfterCut, issuedAfterCut, survived}, []edit{{"sessions/gate.go",
		`s, standing, err := g.Backend.SessionByHash(ctx, hash)`,
		`type memory struct {
		s        idp.Session
		standing idp.Standing
		at       time.Time
	}
	var s idp.Session
	var standing idp.Standing
	var err error
	if m, ok := memories.Load(raw); ok && time.Since(m.(memory).at) < 5*time.Second {
		s, standing = m.(memory).s, m.(memory).standing
	} else if s, standing, err = g.Backend.SessionByHash(ctx, hash); err == nil {
		memories.Store(raw, memory{s, standing, time.Now()})
	}`}}},
	{"a suspension is confirmed before it is written", []string{usedAfterCut, issuedAfterCut}, []edit{{"idp/directory/endings.go",
		`done, err := d.Store.Commit(ctx, idp.Change{Ending: &g, Events: []idp.Event{e}})`,
		`go func() {
		time.Sleep(300 * time.Millisecond)
		d.Store.Commit(context.WithoutCancel(ctx), idp.Change{Ending: &g, Events: []idp.Event{e}})
	}()
	if true {
		return idp.Receipt{ID: g.ReceiptID, UserID: g.UserID, Kind: g.Kind}, nil
	}
	done, err := idp.Committed{}, error(nil)`}}},
	{"a copy is believed whatever happened since", []string{usedAfterCut, survived}, []edit{{"sessions/redis/check.lua",
		`tonumber(m) > n then`, `tonumber(m) > n + 1e9 then`}}},
	{"the newest row hides those that were lost", []string{usedAfterCut, survived}, []edit{
		{"sessions/redis/raise.lua", `n == w + 1`, `n > w`},
		{"sessions/redis/force.go", `		r.InForce(ctx, done, *change.Ending)`, `		if done.N%2 == 0 {
			r.InForce(ctx, done, *change.Ending)
		}`}}},
	{"any Redis is believed, whichever process it is", []string{usedAfterCut, survived}, []edit{
		{"sessions/redis/process.go", `who != (identity{reg.RunID, reg.ReplID})`, `who == (identity{})`},
		{"sessions/redis/redis.go", `(watermark < 0 || watermark < high)`, `(watermark < 0 || high < 0)`},
		{"sessions/redis/process.go", `func (p *process) well() bool { return p.failures.Load() < failuresAllowed }`, `func (p *process) well() bool { return true }`},
	}},
	{"a suspension does not wait for Redis", []string{usedAfterCut, survived}, []edit{{"sessions/redis/force.go",
		`if r.confirmed(ctx, done, e) {`, `if done.N > 0 {`}}},
	{"Redis is told before the database", []string{usedAfterCut, survived, issuedAfterCut, outlivedEnd, outlivedGrant}, []edit{
		{"sessions/redis/force.go", `	done, err := c.next.Commit(ctx, change)`,
			`	if p := c.redis.known.Load(); p != nil && change.Ending != nil {
		_ = p.client.Set(ctx, p.key("m:")+scopeOf(*change.Ending), p.highest.Load(), markLife).Err()
	}
	done, err := c.next.Commit(ctx, change)`},
		{"sessions/redis/force.go", `		r.InForce(ctx, done, *change.Ending)`, ``},
	}},
	{"a refill counts as what it is when it is written", []string{usedAfterCut, survived, outlivedEnd, outlivedGrant}, []edit{
		{"sessions/redis/write.lua", `if not w or tonumber(w) > tonumber(ARGV[1]) then return 0 end`, `if not w then return 0 end`},
		{"sessions/redis/write.lua", `redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])`,
			`redis.call('SET', KEYS[2], (string.gsub(ARGV[2], '^%d+', w)), 'PX', ARGV[3])`},
		{"sessions/redis/copies.go", `	_ = l.write(ctx, name, n, head+"\n"+body, life)`,
			`	time.Sleep(150 * time.Millisecond)
	_ = l.write(ctx, name, n, head+"\n"+body, life)`},
	}},
	{"a code is spent as often as one likes", []string{spentTwice}, []edit{{"idp/oidc/token.go",
		`return nil, p.reused(ctx, f, "oidc.code.reuse", "authorization code used twice")`, ``}}},
	{"a refresh token forks", []string{spentTwice}, []edit{{"store/families.go", `AND seq = $6 AND seq > 0`, `AND seq + 1000000 > $6 AND seq > 0`}}},
	{"an end of all passes does not raise the epoch", []string{outlivedEnd, epochFell}, []edit{{"store/endings.go",
		`endPasses  = ` + "`UPDATE users SET epoch = epoch + 1, version", `endPasses  = ` + "`UPDATE users SET version"}}},
	{"an app without a lever gets no line", []string{badReceipt}, []edit{{"idp/outbox/listing.go",
		`lines = append(lines, line(l.receipt, app, p, l.session.ExpiresAt, l.windows(), now))`,
		`if d := line(l.receipt, app, p, l.session.ExpiresAt, l.windows(), now); d.Lever != idp.LeverNone {
			lines = append(lines, d)
		}`}}},
}

// TestSeededFaultsAreFound proves that the race test can see: it builds the
// house with one fault at a time and wants each found, and none in the house
// as it is.
func TestSeededFaultsAreFound(t *testing.T) {
	tree := t.TempDir()
	for _, dir := range []string{"cmd", "web", "jit", "sessions", "store", "idp"} {
		if err := os.CopyFS(filepath.Join(tree, dir), os.DirFS(filepath.Join("..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, file), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	memory := "package sessions\n\nimport \"sync\"\n\nvar memories sync.Map\n"
	if err := os.WriteFile(filepath.Join(tree, "sessions", "memory.go"), []byte(memory), 0o644); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for i, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			bin := filepath.Join(t.TempDir(), fmt.Sprint("gatehouse", i))
			seed(t, tree, f, bin)
			shown, after := hunt(t, bin, f.shown)
			switch {
			case f.edits == nil && len(shown) > 0:
				t.Errorf("%d violations in the house as it is, the first: %s", len(shown), shown[0])
			case f.edits != nil && len(shown) == 0:
				t.Errorf("not found in %s", after)
			case f.edits != nil:
				seen++
				t.Logf("found after %s: %s", after, shown[0])
			}
		})
	}
	t.Logf("seeded faults found %d/%d", seen, len(faults)-1)
}

// seed builds the tree with the fault in it, and takes the fault out again.
func seed(t *testing.T, tree string, f fault, bin string) {
	t.Helper()
	for _, e := range f.edits {
		path := filepath.Join(tree, e.file)
		right, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(right, []byte(e.from)); n != 1 {
			t.Fatalf("%s holds %d times what the fault is to replace: fit the fault to the code:\n%s", e.file, n, e.from)
		}
		if err := os.WriteFile(path, bytes.Replace(right, []byte(e.from), []byte(e.to), 1), 0o644); err != nil {
			t.Fatal(err)
		}
		defer os.WriteFile(path, right, 0o644)
	}
	// The flags of the binary that is tested, so that most of it is built already.
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", bin, "./cmd/gatehouse")
	build.Dir, build.Env = tree, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

// hunt runs a small race against three nodes and a Redis with its misfortunes of that binary until something is
// found that is shown under one of the rules (none: under any), for a minute at
// most.
func hunt(t *testing.T, bin string, shown []string) (seen []violation, after time.Duration) {
	t.Helper()
	c := newCrowd(t, postgresDSN(t))
	redis := startRedis(t)
	c.env["GATEHOUSE_REDIS"] = redis.url()
	defer redis.trouble()()
	var addrs []string
	for range 3 {
		p, err := launch(t.TempDir(), bin, []string{"serve"}, c.env)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.kill)
		addrs = append(addrs, p.Addr)
	}
	run := race{people: 40, clients: 16, admins: 4, load: 40 * time.Second, finale: 10}
	if err := c.gather(run.people, addrs...); err != nil {
		t.Fatal(err)
	}
	stop, epochs := make(chan struct{}), make(chan error, 1)
	go func() { epochs <- c.readEpochs(stop) }()
	defer func() {
		close(stop)
		if err := <-epochs; err != nil {
			t.Error(err)
		}
	}()
	begun := time.Now()
	among := func(all []violation) []violation {
		return slices.DeleteFunc(all, func(v violation) bool { return shown != nil && !slices.Contains(shown, v.rule) })
	}
	var caught atomic.Bool
	var watching sync.WaitGroup
	watching.Go(func() {
		for time.Since(begun) < run.load && !caught.Load() {
			time.Sleep(500 * time.Millisecond)
			caught.Store(len(among(judge(c.log.soFar()).violations)) > 0)
		}
	})
	c.live(run, caught.Load)
	watching.Wait()
	if !caught.Load() {
		c.finale(run)
	}
	ops := c.log.soFar()
	seen = judge(ops).violations
	if !caught.Load() {
		receipts, err := c.receipts(t.Context())
		if err != nil {
			t.Log(err)
		}
		seen = append(seen, judgeReceipts(ops, receipts, c.wholeUser())...)
	}
	return among(seen), time.Since(begun).Round(time.Millisecond)
}
