package main

import (
	"bytes"
	"crypto/rand"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
)

// node is what this process is called among the nodes: in its claims, and in
// its sign of life.
type node struct {
	name string
	held *os.File // locked as long as the process lives; nil: the name is of this process alone
}

var nodeID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// newNode names this process. The name is kept in the data directory, so that a
// node which was killed takes its own claims back at once, instead of waiting
// for them to run out. Hosts and addresses would not do: two containers may
// share both. A process that lives in the same directory has the name already,
// which its lock on the file says; then this one gets a name of its own.
func newNode(dir string, log *slog.Logger) node {
	f, err := os.OpenFile(filepath.Join(dir, "node"), os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		if lockFile(f) {
			var id string
			if id, err = keptID(f); err == nil {
				return node{id, f}
			}
		}
		_ = f.Close() // nothing was written that matters
	}
	if err != nil {
		log.Warn("the name of this node is not kept: what it works on when it is killed waits half a minute", "error", err)
	}
	return node{name: rand.Text()}
}

// keptID reads the name in the file, or writes one.
func keptID(f *os.File) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(f, 64))
	if id := string(bytes.TrimSpace(raw)); err != nil || nodeID.MatchString(id) {
		return id, err
	}
	id := rand.Text()
	if err := f.Truncate(0); err != nil {
		return "", err
	}
	_, err = f.WriteAt([]byte(id+"\n"), 0)
	return id, err
}
