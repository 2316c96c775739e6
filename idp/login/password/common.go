package password

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// commonList are 19,640 passwords that people choose most, in lower case, one a
// line: the list of Royce Williams
// (gist.github.com/roycewilliams/226886fd01572964e1431ac8afc999ce) as Django has
// it in django/contrib/auth/common-passwords.txt.gz, under the BSD license.
//
//go:embed common-passwords.txt.gz
var commonList []byte

// common are the passwords of the list. The build has put it there: one that
// cannot be read is an impossible state.
var common = sync.OnceValue(func() map[string]struct{} {
	r, err := gzip.NewReader(bytes.NewReader(commonList))
	if err != nil {
		panic("common passwords: " + err.Error())
	}
	text, err := io.ReadAll(r)
	if err != nil {
		panic("common passwords: " + err.Error())
	}
	lines := strings.Fields(string(text))
	all := make(map[string]struct{}, len(lines))
	for _, l := range lines {
		all[l] = struct{}{}
	}
	return all
})

// isCommon reports whether a password is one of those that attackers try first:
// on the list in any case, also with signs or digits before or behind it, as
// people add them to satisfy a rule; or one of these, or a few characters, over
// and over.
func isCommon(password string) bool {
	password = strings.ToLower(strings.TrimSpace(password))
	repeats := unit(password)
	return utf8.RuneCountInString(repeats) < 4 || listed(password) || listed(repeats) ||
		listed(strings.TrimFunc(password, isSign)) || listed(strings.TrimFunc(password, isOrnament))
}

func listed(s string) bool { _, found := common()[s]; return found }

func isSign(r rune) bool     { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
func isOrnament(r rune) bool { return !unicode.IsLetter(r) }

// unit is the shortest text that s repeats, or s.
func unit(s string) string {
	// Where a text repeats itself, it stands in its double before the second half.
	n := strings.Index((s + s)[min(1, len(s)):], s) + 1
	if n <= 0 || n > len(s) {
		return s
	}
	return s[:n]
}
