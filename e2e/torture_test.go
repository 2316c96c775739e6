//go:build torture

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestSeededFaultsAreFound proves that the race test can see: it builds the
// house with one fault at a time and wants each found, and none in the house
// as it is.
func TestSeededFaultsAreFound(t *testing.T) {
	tree := t.TempDir()
	for _, dir := range []string{"cmd", "web", "jit", "sessions", "store", "idp"} {
		if err := os.CopyFS(filepath.Join(tree, dir), os.DirFS(filepath.Join("..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, file), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	memory := "package sessions\n\nimport \"sync\"\n\nvar memories sync.Map\n"
	if err := os.WriteFile(filepath.Join(tree, "sessions", "memory.go"), []byte(memory), 0o644); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for i, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			bin := filepath.Join(t.TempDir(), fmt.Sprint("gatehouse", i))
			seed(t, tree, f, bin)
			shown, after := hunt(t, bin, f)
			switch {
			case f.edits == nil && len(shown) > 0:
				t.Errorf("%d violations in the house as it is, the first: %s", len(shown), shown[0])
			case f.edits != nil && len(shown) == 0:
				t.Errorf("not found in %s", after)
			case f.edits != nil:
				seen++
				t.Logf("found after %s: %s", after, shown[0])
			}
		})
	}
	t.Logf("seeded faults found %d/%d", seen, len(faults)-1)
}

// seed builds the tree with the fault in it, and takes the fault out again.
func seed(t *testing.T, tree string, f fault, bin string) {
	t.Helper()
	for _, e := range f.edits {
		path := filepath.Join(tree, e.file)
		right, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(right, []byte(e.from)); n != 1 {
			t.Fatalf("%s holds %d times what the fault is to replace: fit the fault to the code:\n%s", e.file, n, e.from)
		}
		if err := os.WriteFile(path, bytes.Replace(right, []byte(e.from), []byte(e.to), 1), 0o644); err != nil {
			t.Fatal(err)
		}
		defer os.WriteFile(path, right, 0o644)
	}
	// The flags of the binary that is tested, so that most of it is built already.
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", bin, "./cmd/gatehouse")
	build.Dir, build.Env = tree, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

// hunt runs a small race against three nodes of that binary, and a Redis with its
// misfortunes, until something is found that shows the fault (of none: anything),
// for a minute at most.
func hunt(t *testing.T, bin string, f fault) (seen []violation, after time.Duration) {
	t.Helper()
	c := newCrowd(t, postgresDSN(t))
	redis := startRedis(t)
	c.env["GATEHOUSE_REDIS"] = redis.url()
	defer redis.trouble(again[f.name])()
	var addrs []string
	for range 3 {
		p, err := launch(t.TempDir(), bin, []string{"serve"}, c.env)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.kill)
		addrs = append(addrs, p.Addr)
	}
	run := race{people: 40, clients: 16, admins: 4, load: 40 * time.Second, finale: 10}
	if err := c.gather(run.people, addrs...); err != nil {
		t.Fatal(err)
	}
	stop, epochs := make(chan struct{}), make(chan error, 1)
	go func() { epochs <- c.readEpochs(stop) }()
	defer func() {
		close(stop)
		if err := <-epochs; err != nil {
			t.Error(err)
		}
	}()
	begun := time.Now()
	among := func(all []violation) []violation {
		return slices.DeleteFunc(all, func(v violation) bool { return f.shown != nil && !slices.Contains(f.shown, v.rule) })
	}
	var caught atomic.Bool
	var watching sync.WaitGroup
	watching.Go(func() {
		for time.Since(begun) < run.load && !caught.Load() {
			time.Sleep(500 * time.Millisecond)
			caught.Store(len(among(judge(c.log.soFar()).violations)) > 0)
		}
	})
	c.live(run, caught.Load)
	watching.Wait()
	if !caught.Load() {
		c.finale(run)
	}
	ops := c.log.soFar()
	seen = judge(ops).violations
	if !caught.Load() {
		receipts, err := c.receipts(t.Context())
		if err != nil {
			t.Log(err)
		}
		seen = append(seen, judgeReceipts(ops, receipts, c.wholeUser())...)
	}
	return among(seen), time.Since(begun).Round(time.Millisecond)
}
