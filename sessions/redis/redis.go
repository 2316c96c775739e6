package redis

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"gatehouse/idp"
)

// Log is what is asked of the store.
type Log interface {
	// Position says where the log stands and which process is registered, in
	// one statement on the primary, and that this node is alive.
	Position(ctx context.Context, node string, redis bool) (idp.Position, error)
	// RedisNodes counts the other nodes with a Redis that were seen since.
	RedisNodes(ctx context.Context, except string, since time.Time) (int, error)
	// EndingsAfter returns the rows after n in order, without a gap.
	EndingsAfter(ctx context.Context, n int64, limit int) ([]idp.Ending, error)
	// Register replaces a registration by another, which takes a row of the
	// log. idp.Conflict when was is not the one that stands.
	Register(ctx context.Context, was, to idp.Registration) (idp.Registration, error)
}

// Redis is this node's side of the one Redis, or of none. Its methods are safe
// for concurrent use; without [Redis.Run] every question goes to SQL.
type Redis struct {
	log     Log
	node    string
	logger  *slog.Logger
	options *goredis.UniversalOptions // nil: this node has none

	mu    sync.Mutex // of changes to known
	known atomic.Pointer[process]
	lease atomic.Pointer[lease]
	kicks chan struct{}

	registrar registrar
	tally     tally
	seen      atomic.Int64 // the farthest position that the polling goroutine saw
	behind    atomic.Bool
	skewed    bool // the polling goroutine has said that the clock is wrong
}

// New returns the node's side of the Redis at address, none when it is empty.
// It does not connect. idp.Invalid for an address that is none, or a cluster.
func New(address string, log Log, node string, logger *slog.Logger) (*Redis, error) {
	r := &Redis{log: log, node: node, logger: logger, kicks: make(chan struct{}, 1)}
	if address == "" {
		return r, nil
	}
	goredis.SetLogger(silent{}) // what is wrong is said by us, once
	var err error
	r.options, err = parse(address)
	return r, err
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// pollEvery is how often SQL is asked where the log stands.
const pollEvery = 250 * time.Millisecond

// Run polls the log, keeps the registered process up with it and the lease
// alive, and registers a process where there is none to trust, until ctx ends.
func (r *Redis) Run(ctx context.Context) error {
	next := time.NewTicker(pollEvery)
	defer next.Stop()
	for ctx.Err() == nil {
		r.poll(ctx)
		select {
		case <-ctx.Done():
		case <-next.C:
		case <-r.kicks:
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lease.Store(nil)
	if p := r.known.Swap(nil); p != nil {
		return p.client.Close()
	}
	return nil
}

// kick has the log polled now.
func (r *Redis) kick() {
	select {
	case r.kicks <- struct{}{}:
	default:
	}
}

// poll is one round. A lease that is not renewed in it runs out by itself.
func (r *Redis) poll(ctx context.Context) {
	start := time.Now()
	asking, cancel := context.WithTimeout(ctx, leaseLife)
	defer cancel()
	at, err := r.log.Position(asking, r.node, r.options != nil)
	if err != nil {
		r.tell(ctx, "the database does not say where the log stands", err)
		return
	}
	r.compareClocks(ctx, at.Ahead)
	if r.wentBack(ctx, at) {
		return
	}
	if r.options == nil {
		r.retire(ctx, at.Registration)
		return
	}
	p := r.adopt(at.Registration)
	if p == nil {
		r.register(ctx, at.Registration)
		return
	}
	watermark, err := r.keepUp(asking, p, at.N)
	if err == nil {
		err = p.keeps(asking)
	}
	if p.forgot {
		r.lease.Store(nil)
	}
	switch {
	case err == nil && watermark > at.N && r.ahead(asking, p, watermark):
		return
	case err == nil && watermark >= at.N:
		r.lease.Store(&lease{process: p, n: at.N, start: start})
		r.registrar.calm(start)
		r.tell(ctx, "", nil)
	case err == nil:
		return // behind: not renewed, tried again
	case errors.Is(err, errLost):
		if r.abandoned(p) {
			r.register(ctx, at.Registration)
		}
	default:
		r.tell(ctx, "Redis does not answer as it should", err)
		if _, other := errors.AsType[*elseError](err); other {
			r.register(ctx, at.Registration)
		}
	}
}

// errLost: the process has no watermark, or one that went back, or may have
// forgotten what it was told.
var errLost = errors.New("what was applied here is gone")

// keepUp applies to p what is missing up to n and returns its watermark.
func (r *Redis) keepUp(ctx context.Context, p *process, n int64) (int64, error) {
	high := p.highest.Load()
	watermark, err := p.raise(ctx, nil)
	for err == nil && watermark >= 0 && watermark < n {
		rows, logErr := r.log.EndingsAfter(ctx, watermark, raiseRows)
		if logErr != nil {
			return watermark, logErr
		}
		if rows = upToRegistration(rows); len(rows) == 0 {
			return watermark, nil // of a generation that is over
		}
		watermark, err = p.raise(ctx, rows)
	}
	if err == nil && (watermark < 0 || watermark < high) {
		err = errLost
	}
	return watermark, err
}

// upToRegistration cuts rows before the next registration: what comes after it
// belongs to another generation.
func upToRegistration(rows []idp.Ending) []idp.Ending {
	for i, e := range rows {
		if e.Kind == idp.LogRegistration {
			return rows[:i]
		}
	}
	return rows
}

// adopt makes a registration the one this node knows, unless it knows a later
// one, and returns its process; nil where no process is registered.
func (r *Redis) adopt(reg idp.Registration) *process {
	if p := r.known.Load(); p != nil && p.registration.N >= reg.N {
		return p
	}
	if reg.RunID == "" || reg.RunID == leaving || r.options == nil {
		r.replace(nil)
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.known.Load()
	if old != nil && old.registration.N >= reg.N {
		return old
	}
	p := connect(*r.options, reg)
	r.swap(old, p)
	return p
}

func (r *Redis) replace(p *process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.swap(r.known.Load(), p)
}

// swap ends the lease on the old process before anything else.
func (r *Redis) swap(old, p *process) {
	r.lease.Store(nil)
	r.known.Store(p)
	if old != nil {
		// Who is just asking it gets an error, and asks SQL.
		_ = old.client.Close()
	}
}
