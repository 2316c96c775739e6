//go:build !faultclock

package main

import "time"

// wallTime is the time of day for everything that is given one. Leases run on
// the monotonic clock and never ask it.
func wallTime() time.Time { return time.Now() }
