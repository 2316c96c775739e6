package redis

import (
	"context"

	"gatehouse/idp"
)

// A log that ends before what this node or the registered process has seen of
// it is not the log that was: somebody put an older database back. What it
// lets in is not known, so the node lets nobody in until it is started anew.

// Behind reports whether the database has gone back in time under this node.
func (r *Redis) Behind() bool { return r.behind.Load() }

// wentBack notes a position that is before one this node has seen. Only the
// polling goroutine asks.
func (r *Redis) wentBack(ctx context.Context, at idp.Position) bool {
	seen := r.seen.Load()
	if at.N < seen {
		r.alarm(ctx, "the log ends before what this node has seen of it", at.N, seen)
	}
	r.seen.Store(max(seen, at.N))
	return r.behind.Load()
}

// ahead looks at a watermark beyond the position that was read before it: rows
// that were committed in between, or a Redis that remembers a later time.
func (r *Redis) ahead(ctx context.Context, p *process, watermark int64) bool {
	at, err := r.log.Position(ctx, r.node, true)
	if err != nil || at.Registration != p.registration {
		return false // asked again in the next round
	}
	if at.N < watermark {
		r.alarm(ctx, "Redis is ahead of the database", at.N, watermark)
	}
	return r.behind.Load()
}

func (r *Redis) alarm(ctx context.Context, what string, log, seen int64) {
	r.lease.Store(nil)
	if !r.behind.Swap(true) {
		r.logger.ErrorContext(ctx, what+": the database has gone back in time. Nothing is served; run gatehouse restore-backup --in-place with the cut journals of all nodes, then start again",
			"database", log, "seen", seen)
	}
}

// Look asks once, before anything is served, whether the registered process
// remembers a later log than the database: idp.Unavailable where it does, or
// where the database does not answer. A process that does not answer within
// 600 ms says nothing.
func (r *Redis) Look(ctx context.Context) error {
	if r.options == nil {
		return nil
	}
	at, err := r.log.Position(ctx, r.node, true)
	if err != nil {
		return err
	}
	p := r.adopt(at.Registration)
	if p == nil {
		return nil
	}
	asking, cancel := context.WithTimeout(ctx, 4*patience)
	defer cancel()
	watermark, err := p.raise(asking, nil)
	for err != nil && wait(asking, patience/4) { // it may only have been slow
		watermark, err = p.raise(asking, nil)
	}
	if err == nil && watermark > at.N && r.ahead(ctx, p, watermark) {
		return idp.Errorf(idp.Unavailable, "The database has gone back in time: Redis has seen cut %d, and the database ends before it. Somebody who was suspended might be let in again, so nothing is served. "+
			"If an older database was put back, run: gatehouse restore-backup --in-place --journal DIR (the cuts directory in the data directory of each node); it makes the missing cuts again and shows them to you.", watermark)
	}
	return nil
}
