package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTheTableOfCasesIsTrue holds docs/security-cases.md to what is there: a
// test that it names exists, and a case that is tested here stands in it.
func TestTheTableOfCasesIsTrue(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile(filepath.Join("..", "docs", "security-cases.md"))
	if err != nil {
		t.Fatal(err)
	}
	room, name := regexp.MustCompile(`([a-z0-9/]+) `+"`"+`(Test\w+)`+"`"), regexp.MustCompile(`^\| ([A-Z]{2}-\d\d) \| ([a-z ]+) \| (.*) \| (.*) \|$`)
	standing := map[string]string{}
	for line := range strings.Lines(string(table)) {
		m := name.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| Case ") {
				t.Errorf("not a line of the table: %s", line)
			}
			continue
		}
		if standing[m[1]] != "" {
			t.Errorf("%s stands there twice", m[1])
		}
		standing[m[1]] = m[2]
		claimed := m[2] == "tested" || m[2] == "in part"
		if !claimed && m[2] != "not applicable yet" && m[2] != "not tested yet" || claimed == (m[3] == "") || m[2] == "in part" && m[4] == "" {
			t.Errorf("%s is %q by %q, with the note %q", m[1], m[2], m[3], m[4])
		}
		for _, test := range room.FindAllStringSubmatch(m[3], -1) {
			if !strings.Contains(testsOf(t, test[1]), "\nfunc "+test[2]+"(") {
				t.Errorf("%s: there is no %s in %s", m[1], test[2], test[1])
			}
		}
	}
	for _, run := range regexp.MustCompile(`(?:t\.Run\(|^\s+)"((?:[A-Z]{2}-\d\d )+)`).FindAllStringSubmatch(testsOf(t, "e2e"), -1) {
		for _, number := range strings.Fields(run[1]) {
			if !slices.Contains([]string{"tested", "in part"}, standing[number]) {
				t.Errorf("%s is tested here, and the table says %q", number, standing[number])
			}
		}
	}
	if len(standing) < 180 {
		t.Errorf("the table has %d cases", len(standing))
	}
}

// testsOf are the texts of a room's tests.
func testsOf(t testing.TB, room string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(room), "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("tests of %s: %v", room, err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
