package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// fault is a mistake that somebody could make.
type fault struct {
	name  string
	shown []string // the rules under which it may be found
	edits []edit
}

type edit struct{ file, from, to string }

// again are the misfortunes of Redis without which a fault hardly shows: a
// process that came back with what it knew before is behind for a fraction of a
// second, until what it lacks is applied to it.
var again = map[string]string{"any Redis is believed, whichever process it is and however far behind": oldSnapshot}

// faults each break the promise in a way of its own. Not among them is a
// session that is started without another look at the person: it carries the
// epoch of its proof, so that nobody accepts it, and nothing can be seen of it
// from outside.
var faults = []fault{
	{"none", nil, nil},
	{"the epoch of a pass is not compared", []string{survived}, []edit{{"idp/pass.go", `p.Epoch == s.Epoch && `, ``}}},
	{"a suspension does not raise the epoch", []string{survived, usedAfterCut, issuedAfterCut}, []edit{{"store/endings.go", `'suspended' END, epoch = epoch + 1,`, `'suspended' END,`}}},
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
		`done, err := d.Store.Commit(ctx, c)`,
		`go func() {
		time.Sleep(300 * time.Millisecond)
		d.Store.Commit(context.WithoutCancel(ctx), c)
	}()
	if true {
		return headOf(*g, d.now()), nil
	}
	done, err := idp.Committed{}, error(nil)`}}},
	{"a copy is believed whatever happened since", []string{usedAfterCut, survived}, []edit{{"sessions/redis/check.lua",
		`tonumber(m) > n then`, `tonumber(m) > n + 1e9 then`}}},
	{"the newest row hides those that were lost", []string{usedAfterCut, survived}, []edit{
		{"sessions/redis/raise.lua", `n == w + 1`, `n > w`},
		{"sessions/redis/force.go", `		r.InForce(ctx, done, *change.Ending)`, `		if done.N%2 == 0 {
			r.InForce(ctx, done, *change.Ending)
		}`}}},
	{"any Redis is believed, whichever process it is and however far behind", []string{usedAfterCut, survived}, []edit{
		{"sessions/redis/process.go", `who != (identity{reg.RunID, reg.ReplID})`, `who == (identity{})`},
		{"sessions/redis/copies.go", `err != nil, watermark < l.n, !l.valid()`, `err != nil, watermark < 0, !l.valid()`},
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
		`return nil, p.reused(ctx, f, by.reuse, "code used twice")`, ``}}},
	{"a code is good by whatever grant there is", []string{outlivedGrant}, []edit{{"store/standing.go",
		`x.n > $7`, `x.n > $7 + 1000000000`}}},
	{"a refresh token forks", []string{spentTwice}, []edit{{"store/families.go", `AND seq = $6 AND seq > 0`, `AND seq + 1000000 > $6 AND seq > 0`}}},
	{"an end of all passes does not raise the epoch", []string{outlivedEnd, epochFell}, []edit{{"store/endings.go",
		`endPasses  = ` + "`UPDATE users SET epoch = epoch + 1, version", `endPasses  = ` + "`UPDATE users SET version"}}},
	{"an app without a lever gets no line", []string{badReceipt}, []edit{{"idp/outbox/listing.go",
		`lines = l.news(lines)`,
		`lines = slices.DeleteFunc(l.news(lines), func(d idp.Delivery) bool { return d.Lever == idp.LeverNone })`}}},
}

// TestSeededFaultsFitTheCode: each mistake can still be made, or make torture
// would find nothing.
func TestSeededFaultsFitTheCode(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		for _, e := range f.edits {
			text, err := os.ReadFile(filepath.Join("..", e.file))
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(text, []byte(e.from)); n != 1 {
				t.Errorf("%q: %s holds %d times what the fault is to replace: fit the fault to the code:\n%s", f.name, e.file, n, e.from)
			}
		}
	}
	for name, needed := range again {
		if !slices.ContainsFunc(faults, func(f fault) bool { return f.name == name }) {
			t.Errorf("there is no fault %q", name)
		}
		if !slices.ContainsFunc(misfortunes, func(m misfortune) bool { return m.name == needed }) {
			t.Errorf("%q: there is no misfortune %q", name, needed)
		}
	}
}
