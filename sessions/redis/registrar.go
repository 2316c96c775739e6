package redis

import (
	"context"
	"crypto/rand"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"gatehouse/idp"
)

const (
	// leaving is the run_id of no process: a house that is about to have no
	// Redis. Nobody can confirm an ending for it, so everybody waits.
	leaving = "-"
	// grace is how long another node's new generation may be without its
	// first watermark.
	grace = 3 * time.Second
	// restless is the shortest time between two registrations by one node, and
	// doubles with each up to the longest.
	restless, restlessMost = time.Second, time.Minute
)

// registrar remembers how often this node has registered. Only the polling
// goroutine uses it.
type registrar struct {
	notBefore time.Time
	pause     time.Duration
	told      string
}

// calm: a lease a minute after the last registration forgives the earlier
// ones.
func (g *registrar) calm(now time.Time) {
	if g.pause > 0 && now.Sub(g.notBefore) > restlessMost {
		g.pause = 0
	}
}

// abandoned reports whether a generation without its watermark is nobody's
// business any more: it had one, or whoever registered it has had their time.
func (r *Redis) abandoned(p *process) bool {
	return p.asked || p.highest.Load() > 0 || time.Since(p.since) > grace
}

// register makes the process that answers at our address the registered one,
// under keys that were never used, and gives it its first watermark when every
// lease on another has run out.
func (r *Redis) register(ctx context.Context, was idp.Registration) {
	g := &r.registrar
	if time.Now().Before(g.notBefore) {
		return
	}
	who, err := r.survey(ctx)
	if err != nil {
		r.tell(ctx, "no Redis can be registered", err)
		return
	}
	reg, err := r.log.Register(ctx, was, idp.Registration{RunID: who.runID, ReplID: who.replID, Generation: rand.Text()[:13]})
	committed := time.Now()
	g.pause = min(max(restless, 2*g.pause), restlessMost)
	g.notBefore = committed.Add(g.pause)
	switch {
	case idp.IsKind(err, idp.Conflict):
		r.kick() // another node was faster
		return
	case err != nil:
		r.tell(ctx, "register the Redis", err)
		return
	}
	r.logger.InfoContext(ctx, "Redis registered: copies start anew", "run_id", reg.RunID, "row", reg.N)
	p := r.adopt(reg)
	if p == nil || p.registration != reg || !wait(ctx, time.Until(committed.Add(inForce))) {
		return
	}
	p.asked = true
	if err := p.begin(ctx); err != nil {
		r.tell(ctx, "give the Redis its first watermark", err)
	}
	r.kick()
}

// survey asks whoever answers at our address who it is.
func (r *Redis) survey(ctx context.Context) (identity, error) {
	o := *r.options
	o.PoolSize = 1
	c := goredis.NewUniversalClient(&o)
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 4*patience)
	defer cancel()
	return identify(ctx, c)
}

// retire registers that the house has no Redis, when this node has none and no
// other node with one is alive: in two steps, because leases may still stand.
func (r *Redis) retire(ctx context.Context, reg idp.Registration) {
	g := &r.registrar
	now := time.Now()
	if reg.RunID == "" || now.Before(g.notBefore) {
		return
	}
	g.notBefore = now.Add(grace)
	others, err := r.log.RedisNodes(ctx, r.node, now.Add(-2*grace))
	if err != nil || others > 0 {
		return
	}
	if reg.RunID != leaving {
		reg, err = r.log.Register(ctx, reg, idp.Registration{RunID: leaving})
	}
	if err != nil || !wait(ctx, inForce) {
		return
	}
	if _, err = r.log.Register(ctx, reg, idp.Registration{}); err == nil {
		r.logger.InfoContext(ctx, "this house has no Redis any more")
	}
}

// tell logs what keeps the node in strict mode, once until it changes.
func (r *Redis) tell(ctx context.Context, what string, err error) {
	g := &r.registrar
	if what == g.told || ctx.Err() != nil {
		return
	}
	was := g.told
	g.told = what
	switch {
	case what != "":
		r.logger.WarnContext(ctx, what+": decisions ask the database", "error", err)
	case was != "":
		r.logger.InfoContext(ctx, "Redis is trusted again")
	}
}
