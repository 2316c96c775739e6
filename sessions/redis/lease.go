package redis

import "time"

const (
	// leaseLife is how old an answer may be, counted from the beginning of the
	// poll that the lease rests on.
	leaseLife = time.Second
	// inForce is how long after its commit every lease that did not see an
	// ending has run out, with room for clocks that tick unevenly.
	inForce = 1250 * time.Millisecond
	// suspended: wall time ran ahead of ours, so this machine was asleep.
	suspended = 500 * time.Millisecond
)

// lease is the right to believe a process. It never uses an injected clock:
// start carries the monotonic reading.
type lease struct {
	*process
	n     int64 // the answer's watermark must reach it
	start time.Time
}

// valid reports whether the lease still holds at this moment.
func (l *lease) valid() bool {
	now := time.Now()
	elapsed := now.Sub(l.start)
	return elapsed < leaseLife && now.Round(0).Sub(l.start.Round(0))-elapsed < suspended
}
