//go:build faultclock

package main

import (
	"os"
	"strings"
	"time"
)

// wallTime, in a build for tests alone, is off by what the file says that
// FAULT_CLOCK names: a duration.
func wallTime() time.Time {
	text, err := os.ReadFile(os.Getenv("FAULT_CLOCK"))
	if err != nil {
		panic(err)
	}
	off, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if err != nil {
		panic(err)
	}
	return time.Now().Add(off)
}
