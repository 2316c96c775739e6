package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is one line of `go test -json` (go doc test2json), and of the build
// output that go test mixes into it since Go 1.24.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

// Tally counts tests and subtests as their events arrive.
type Tally struct {
	Out io.Writer

	passed, failed, skipped int

	output   map[string][]string // by package and test, until its end is known
	failures map[string]int      // by package
	slow     []event             // the longest tests, longest first
}

// mostSlow is how many tests are named with the time they took.
const mostSlow = 12

// Read takes events until the end of r, writing to Out as it goes. A line that
// is no event is passed on unchanged. The error is that of r.
func (t *Tally) Read(r io.Reader) error {
	t.output, t.failures = map[string][]string{}, map[string]int{}
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil {
				t.take(e)
			} else {
				fmt.Fprintf(t.Out, "%s\n", strings.TrimSuffix(string(line), "\n"))
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read test events: %w", err)
		}
	}
}

func (t *Tally) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(t.Out, e.Output)
	case "output":
		t.output[key] = append(t.output[key], e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			t.closePackage(e)
		} else {
			t.closeTest(e)
		}
		delete(t.output, key)
	}
}

func (t *Tally) closeTest(e event) {
	t.time(e)
	switch e.Action {
	case "pass":
		t.passed++
		return
	case "fail":
		t.fail(e.Package)
	case "skip":
		t.skipped++
	}
	t.show(e.Package + " " + e.Test)
}

// time remembers the longest of the tests that stand by themselves. The time
// of one that waited for others to end is without that wait.
func (t *Tally) time(e event) {
	if strings.Contains(e.Test, "/") || e.Elapsed < 1 {
		return
	}
	i, _ := slices.BinarySearchFunc(t.slow, e, func(a, b event) int { return cmp.Compare(b.Elapsed, a.Elapsed) })
	t.slow = slices.Insert(t.slow, i, e)
	t.slow = t.slow[:min(len(t.slow), mostSlow)]
}

// closePackage also shows what was printed outside any test, and by a test
// that never ended: a panic or a timeout takes the package down with it.
func (t *Tally) closePackage(e event) {
	switch e.Action {
	case "pass":
		fmt.Fprintf(t.Out, "ok    %s  %.1fs\n", e.Package, e.Elapsed)
	case "fail":
		for _, key := range slices.Sorted(maps.Keys(t.output)) {
			if !strings.HasPrefix(key, e.Package+" ") {
				continue
			}
			t.show(key)
			if !strings.HasSuffix(key, " ") {
				t.fail(e.Package) // begun, never ended
			}
			delete(t.output, key)
		}
		if t.failures[e.Package] == 0 {
			t.fail(e.Package) // it did not build, or failed outside any test
		}
		fmt.Fprintf(t.Out, "FAIL  %s  %.1fs\n", e.Package, e.Elapsed)
	}
}

func (t *Tally) fail(pkg string) {
	t.failed++
	t.failures[pkg]++
}

func (t *Tally) show(key string) {
	fmt.Fprint(t.Out, strings.Join(t.output[key], ""))
}

// Close writes the closing lines and reports whether every test passed.
func (t *Tally) Close() bool {
	for _, e := range t.slow {
		fmt.Fprintf(t.Out, "slow  %s %s  %.1fs\n", e.Package, e.Test, e.Elapsed)
	}
	if t.skipped > 0 {
		fmt.Fprintf(t.Out, "%d skipped: a skipped test has not passed\n", t.skipped)
	}
	if t.passed+t.failed == 0 {
		fmt.Fprintln(t.Out, "no test ran")
	}
	fmt.Fprintf(t.Out, "%d passed, %d failed\n", t.passed, t.failed+t.skipped)
	return t.passed > 0 && t.failed+t.skipped == 0
}
