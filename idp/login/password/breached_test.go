package password

import (
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPasswordsThatAttackersTryFirstAreRefused(t *testing.T) {
	t.Parallel()
	for chosen, want := range map[string]bool{
		"qwerty123456":                      true, // on the list
		"QWERTY123456":                      true,
		"Password2026!":                     true, // a word of it with ornaments
		"!!!sunshine!!!":                    true,
		"1234567890!!":                      true,
		"passwordpassword":                  true, // over and over
		"abcabcabcabc":                      true,
		"xyxyxyxyxyxyxy":                    true,
		"            ":                      true,
		"correct horse battery":             false,
		"sunshine over the harbour":         false,
		"839201748392":                      false,
		"a needle in the analytical engine": false,
	} {
		if got := Check(chosen) != nil; got != want {
			t.Errorf("%q refused: %v", chosen, got)
		}
	}
	if n := len(common()); n != 19640 {
		t.Errorf("the list has %d passwords", n)
	}
}

// breachedFile writes a list as it is handed out: n passwords, with counts of
// every length, lines ended as end says.
func breachedFile(t *testing.T, n int, end string, counts bool) string {
	t.Helper()
	var lines []string
	for i := range n {
		line := fmt.Sprintf("%X", sha1.Sum(fmt.Appendf(nil, "breached password %d", i)))
		if counts {
			line += ":" + strings.Repeat("7", i%8+1)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	path := filepath.Join(t.TempDir(), "breached.txt")
	if err := os.WriteFile(path, []byte(strings.Join(lines, end)+end), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAFileOfBreachesIsSearchedOnDisk(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, 64, 1000} {
		for _, end := range []string{"\n", "\r\n"} {
			for _, counts := range []bool{true, false} {
				b, err := OpenBreached(breachedFile(t, n, end, counts))
				if err != nil {
					t.Fatal(err)
				}
				for i := range n + 50 {
					got, err := b.Has(fmt.Sprintf("breached password %d", i))
					if err != nil || got != (i < n) {
						t.Fatalf("%d of %d, ends %q, counts %v: %v, %v", i, n, end, counts, got, err)
					}
				}
			}
		}
	}
}

func TestAFileThatIsNoListIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "passwords": "password\nhunter2\n", "short": "ABCD\n",
		"unsorted": strings.Repeat("F", 40) + "\n" + strings.Repeat("1", 40) + ":3\n" + strings.Repeat("0", 40) + "\n",
	} {
		path := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenBreached(path); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := OpenBreached(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no file is taken")
	}
}
