package main

import (
	"fmt"
	"testing"
	"time"
)

func TestStrangersCannotFillTheAuditLog(t *testing.T) {
	var s strangers
	now := time.Now()
	count := func(address string, tries int) (n int) {
		for range tries {
			if s.may(address, now) {
				n++
			}
		}
		return n
	}
	if n := count("203.0.113.1", 1000); n != strangerLines {
		t.Errorf("one address wrote %d lines in a minute, want %d", n, strangerLines)
	}
	if n := count("203.0.113.2", 1); n != 1 {
		t.Error("another address was shut out by the first")
	}
	total := strangerLines + 1
	for i := range 1000 {
		total += count(fmt.Sprintf("198.51.100.%d", i), 5)
	}
	if total != allLines {
		t.Errorf("all addresses wrote %d lines in a minute, want %d", total, allLines)
	}
	if now = now.Add(time.Minute); count("203.0.113.1", 1) != 1 {
		t.Error("a minute later nothing was written")
	}
	if n := count("127.0.0.1", 1000); n != allLines-1 {
		t.Errorf("loopback wrote %d lines, want what all may: %d", n, allLines-1)
	}
}
