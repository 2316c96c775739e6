package main

import (
	"strings"
	"testing"
)

func TestTally(t *testing.T) {
	t.Parallel()
	const (
		passing = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"quiet words\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}
`
		ok = `{"Action":"pass","Package":"p","Elapsed":0.5}
`
	)
	cases := []struct {
		name   string
		events string
		good   bool
		says   []string
		hides  string
	}{
		{"every test passed", passing + ok, true, []string{"ok    p  0.5s", "1 passed, 0 failed"}, "quiet words"},
		{"a failed test shows its output", passing +
			`{"Action":"output","Package":"p","Test":"TestB","Output":"b.go:1: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"fail","Package":"p"}
`, false, []string{"b.go:1: wrong", "FAIL  p", "1 passed, 1 failed"}, "quiet words"},
		{"a skipped test has not passed", passing +
			`{"Action":"output","Package":"p","Test":"TestB","Output":"b.go:1: no database\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
` + ok, false, []string{"no database", "1 skipped", "1 passed, 1 failed"}, ""},
		{"a test that never ended has failed", passing +
			`{"Action":"output","Package":"p","Test":"TestB","Output":"panic: test timed out\n"}
{"Action":"fail","Package":"p"}
`, false, []string{"timed out", "1 passed, 1 failed"}, ""},
		{"a package that does not build has failed", passing + ok +
			`{"ImportPath":"q","Action":"build-output","Output":"q.go:1: undefined: x\n"}
{"Action":"fail","Package":"q"}
`, false, []string{"undefined: x", "FAIL  q", "1 passed, 1 failed"}, ""},
		{"two packages that do not build are two failures", passing + ok +
			`{"Action":"fail","Package":"q"}
{"Action":"fail","Package":"r"}
`, false, []string{"1 passed, 2 failed"}, ""},
		{"a package without tests proves nothing", `{"Action":"skip","Package":"p"}
`, false, []string{"no test ran"}, ""},
		{"a word of an output is not an action", passing +
			`{"Action":"output","Package":"p","Test":"TestC","Output":"{\"Action\":\"skip\",\"Test\":\"TestC\"}\n"}
{"Action":"pass","Package":"p","Test":"TestC"}
` + ok, true, []string{"2 passed, 0 failed"}, ""},
		{"the longest tests are named, longest first", passing +
			`{"Action":"pass","Package":"p","Test":"TestLong","Elapsed":7}
{"Action":"pass","Package":"p","Test":"TestLonger","Elapsed":70.25}
{"Action":"pass","Package":"p","Test":"TestLonger/part","Elapsed":60}
` + ok, true, []string{"slow  p TestLonger  70.2s\nslow  p TestLong  7.0s\n4 passed"}, "TestA"},
		{"a line that is no event is passed on", passing + ok + "go: cannot reach the module\n", true,
			[]string{"go: cannot reach the module"}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			run := Tally{Out: &out}
			if err := run.Read(strings.NewReader(c.events)); err != nil {
				t.Fatal(err)
			}
			if got := run.Close(); got != c.good {
				t.Errorf("all passed = %v, want %v", got, c.good)
			}
			for _, want := range c.says {
				if !strings.Contains(out.String(), want) {
					t.Errorf("output lacks %q:\n%s", want, out.String())
				}
			}
			if c.hides != "" && strings.Contains(out.String(), c.hides) {
				t.Errorf("output shows %q:\n%s", c.hides, out.String())
			}
		})
	}
}
