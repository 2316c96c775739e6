package redis

// Status is how this node stands with its Redis.
type Status struct {
	Configured bool
	Trusted    bool   // a lease is valid: copies are believed
	RunID      string // of the registered process, as far as this node knows
	Generation string // of its keys
	Watermark  int64
	Position   int64 // the newest number of the log that this node has seen
	// How checks were answered since the start: from copies, by SQL for want
	// of a copy, by SQL for want of a lease; and endings that had to wait
	// until every lease had run out.
	Fast, Missed, Strict, Waited uint64
}

// Status returns how this node stands with its Redis at this moment.
func (r *Redis) Status() Status {
	s := Status{
		Configured: r.options != nil, Position: r.seen.Load(),
		Fast: r.tally.fast.Load(), Missed: r.tally.missed.Load(), Strict: r.tally.strict.Load(), Waited: r.tally.waited.Load(),
	}
	if p := r.known.Load(); p != nil {
		s.RunID, s.Generation, s.Watermark = p.registration.RunID, p.registration.Generation, p.highest.Load()
	}
	l := r.lease.Load()
	s.Trusted = l != nil && l.valid() && l.well()
	return s
}
