package jit

import (
	"regexp"
	"slices"
	"strings"
)

// Form reports whether a value is what the template's text makes with answers
// to its placeholders.
func (t Template) Form(text string) func(value string) bool {
	var pattern strings.Builder
	pattern.WriteString("^")
	at := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		pattern.WriteString(regexp.QuoteMeta(text[at:m[0]]))
		pattern.WriteString(t.answerForm(text[m[2]:m[3]]))
		at = m[1]
	}
	pattern.WriteString(regexp.QuoteMeta(text[at:]) + "$")
	return regexp.MustCompile(pattern.String()).MatchString
}

// answerForm is what an answer looks like, within a longer text.
func (t Template) answerForm(name string) string {
	at := slices.IndexFunc(t.Asks, func(a Ask) bool { return a.Name == name })
	if at < 0 {
		return ".+"
	}
	return "(?:" + strings.Trim(kinds[t.Asks[at].Kind].holds.String(), "^$") + ")"
}
