package login

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAU01StrangersTextBecomesReadable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"anna":                        "anna",
		"":                            "",
		"anna\r\nuser.suspend ok":     "annauser.suspend ok",
		"\x1b[31mred\x1b[0m":          "[31mred[0m",
		`"quoted" \ {}`:               `"quoted" \ {}`,
		"a\x00b\u0085c\u2028d\u2029e": "abcde",
		"\u202egnp.anna":              "gnp.anna",
		"an\u200bna":                  "anna",
		"bad \xff\xfe utf8":           "bad  utf8",
		strings.Repeat("a", 64):       strings.Repeat("a", 64),
		strings.Repeat("a", 65):       strings.Repeat("a", 64) + "…",
		strings.Repeat("é", 33):       strings.Repeat("é", 32) + "…",
		"a" + strings.Repeat("é", 40): "a" + strings.Repeat("é", 31) + "…",
		strings.Repeat("x", 1<<20):    strings.Repeat("x", 64) + "…",
	} {
		if got := readable(in, maxTyped); got != want {
			t.Errorf("%.40q: %q, want %q", in, got, want)
		}
	}
}

func FuzzReadable(f *testing.F) {
	f.Add("anna\r\n\x1b[0m")
	f.Add("\xff\u202e")
	f.Fuzz(func(t *testing.T, s string) {
		got := readable(s, maxTyped)
		if !utf8.ValidString(got) || len(got) > maxTyped+len("…") || strings.ContainsAny(got, "\r\n\x00\x1b\u202e") {
			t.Errorf("%q became %q", s, got)
		}
	})
}

func TestSignInGoesOnInThisHouseOnly(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"/": true, "/oauth/authorize?a=b&c=https://x": true, "/saml/sso/resume?id=1#f": true,
		"": false, "x": false, "//evil.example": false, `/\evil.example`: false, `\\evil.example`: false,
		"https://evil.example/": false, "javascript:alert(1)": false, "/\t/evil.example": false, "/a\r\nSet-Cookie: x": false,
		"/" + strings.Repeat("a", maxResume): false,
	} {
		if got := localPath(path); got != want {
			t.Errorf("%.40q: %v", path, got)
		}
	}
}
