package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWhateverTurnsALineSaysSo reads the statements of the store: one that
// changes what a line of a receipt says must have the receipt signed again.
func TestWhateverTurnsALineSaysSo(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	silent := regexp.MustCompile(`\b(claimed_by|claimed_until|next_at|noted_at) = [^,]+`)
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("UPDATE deliveries SET ([^`]*?)\\sWHERE").FindAllStringSubmatch(string(text), -1) {
			found++
			says := strings.Trim(silent.ReplaceAllString(m[1], ""), ", \n\t")
			if says != "" && !strings.Contains(says, "signed = ") {
				t.Errorf("%s: a line turns and is not signed again; add signed = 0: UPDATE deliveries SET %s", file, m[1])
			}
		}
	}
	if found < 8 {
		t.Errorf("only %d statements were found", found)
	}
}
