package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

// TestNoTwoNodesShareAName: whatever host and address they have, or directory.
func TestNoTwoNodesShareAName(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	names := map[string]bool{}
	one, beside, elsewhere := newNode(dir, log), newNode(dir, log), newNode(t.TempDir(), log)
	for _, n := range []node{one, beside, elsewhere, newNode("/no such directory", log)} {
		if n.name == "" || names[n.name] {
			t.Errorf("%q is the name of two, or none", n.name)
		}
		names[n.name] = true
	}
	if one.held == nil || beside.held != nil {
		t.Errorf("who holds the file: the first %v, the one beside it %v", one.held != nil, beside.held != nil)
	}
	// The kernel closes what a dead process had open.
	if err := one.held.Close(); err != nil {
		t.Fatal(err)
	}
	again := newNode(dir, log)
	if again.name != one.name {
		t.Errorf("killed and started again: %q, and was %q", again.name, one.name)
	}
	if err := again.held.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "node"), []byte("cut sh"), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := newNode(dir, log)
	if !nodeID.MatchString(damaged.name) || damaged.held == nil {
		t.Errorf("a damaged file: %q", damaged.name)
	}
	if err := damaged.held.Close(); err != nil {
		t.Fatal(err)
	}
	if next := newNode(dir, log); next.name != damaged.name {
		t.Errorf("and then %q, want %q", next.name, damaged.name)
	}
}
