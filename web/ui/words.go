package ui

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Initials returns one or two letters that stand for a name beside it: of its
// first and last word, in upper case. It is "?" when the name has no letter or
// digit.
func Initials(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r)
	})
	words = slices.DeleteFunc(words, func(w string) bool { // marks on what is no letter
		r, _ := utf8.DecodeRuneInString(w)
		return unicode.Is(unicode.M, r)
	})
	switch len(words) {
	case 0:
		for _, r := range name {
			if unicode.Is(unicode.So, r) {
				return string(r)
			}
		}
		return "?"
	case 1:
		return firstLetter(words[0])
	}
	return firstLetter(words[0]) + firstLetter(words[len(words)-1])
}

func firstLetter(s string) string {
	r, _ := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r))
}

// Count returns "1 session", "12 sessions", "1,204 sessions".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Number(n) + " " + many
}

// Number groups the digits of n by thousands.
func Number(n int) string { return T(context.Background(), "%d", n) }

// Relative says how far t is from now, the way one would say it.
func Relative(t, now time.Time) string { return relative(context.Background(), t, now) }

func relative(ctx context.Context, t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d < -time.Second:
		return inWords(ctx, -d)
	case d < 10*time.Second:
		return T(ctx, "just now")
	case d > 30*24*time.Hour:
		return day(ctx, t, t.UTC().Format("Jan"))
	case d < time.Minute:
		return T(ctx, "%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return T(ctx, "%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return T(ctx, "%d h ago", int(d.Hours()))
	}
	return T(ctx, "%d days ago", int(d.Hours()/24))
}

func inWords(ctx context.Context, d time.Duration) string {
	switch {
	case d < time.Minute:
		return T(ctx, "in %d s", max(1, int(d.Seconds())))
	case d < time.Hour:
		return T(ctx, "in %d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return T(ctx, "in %d h", int(d.Hours()))
	}
	return T(ctx, "in %d days", int(d.Hours()/24))
}

// Span says a duration in its largest unit: 42 s, 5 min, 7 h, 3 days.
func Span(d time.Duration) string { return SpanIn(context.Background(), d) }

// SpanIn is [Span] in the language of the page.
func SpanIn(ctx context.Context, d time.Duration) string {
	switch {
	case d < time.Minute:
		return T(ctx, "%d s", max(1, int(d.Seconds())))
	case d < time.Hour:
		return T(ctx, "%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return T(ctx, "%d h", int(d.Hours()))
	}
	return T(ctx, "%d days", int(d.Hours()/24))
}

// Moment returns t as a decision needs it: with its zone, and with its day when
// that is not today.
func Moment(t, now time.Time) string { return MomentIn(context.Background(), t, now) }

// MomentIn is [Moment] in the language of the page.
func MomentIn(ctx context.Context, t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04 MST")
	}
	return day(ctx, t, t.Format("Jan")) + t.Format(", 15:04 MST")
}

// Exact returns t to the second, with its zone.
func Exact(t time.Time) string { return ExactIn(context.Background(), t) }

// ExactIn is [Exact] in the language of the page.
func ExactIn(ctx context.Context, t time.Time) string {
	t = t.UTC()
	return day(ctx, t, t.Month().String()) + t.Format(", 15:04:05 MST")
}

// day is a date with the name of its month, which the catalogues know long and
// short.
func day(ctx context.Context, t time.Time, month string) string {
	t = t.UTC()
	return T(ctx, "%[1]s %[2]s %[3]s", strconv.Itoa(t.Day()), T(ctx, month), strconv.Itoa(t.Year()))
}

// Device says in a few words which browser on which system a user agent names.
// The text is a hint for the person, never evidence.
func Device(userAgent string) string { return DeviceIn(context.Background(), userAgent) }

// DeviceIn is [Device] in the language of the page.
func DeviceIn(ctx context.Context, userAgent string) string {
	browser := firstMatch(userAgent, [][2]string{
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"},
		{"Safari/", "Safari"}, {"curl/", "curl"},
	})
	system := firstMatch(userAgent, [][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"},
		{"CrOS", "ChromeOS"}, {"Macintosh", "Mac"}, {"Linux", "Linux"},
	})
	switch {
	case browser != "" && system != "":
		return T(ctx, "%s on %s", browser, system)
	case browser != "":
		return browser
	case system != "":
		return T(ctx, "A browser on %s", system)
	}
	return T(ctx, "Unknown device")
}

func firstMatch(s string, table [][2]string) string {
	for _, row := range table {
		if strings.Contains(s, row[0]) {
			return row[1]
		}
	}
	return ""
}

// sentence makes a shown detail begin and end like one.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	s = string(unicode.ToUpper(r)) + s[n:]
	if !strings.ContainsRune(".?:", rune(s[len(s)-1])) {
		s += "."
	}
	return s
}
