package login

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxHint = 256
	// maxTyped is how much of a name that nobody has is remembered.
	maxTyped = 64
)

// readable makes a stranger's text fit for an event or a page: valid UTF-8, no
// control characters or reordering (terminal escapes, line breaks, right to
// left override), at most max bytes and a mark where it was cut.
func readable(s string, max int) string {
	s = s[:min(len(s), 8*max)] // the megabyte is not looked at
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max] + "…"
}
