package signin

import "testing"

func TestOR02ReturnToStaysInTheHouse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/console":             "/console",
		"/console?q=a%20b":     "/console?q=a%20b",
		"":                     "/",
		"//evil.example":       "/",
		`/\evil.example`:       "/",
		"/%09/evil.example":    "/",
		"/%2f%2fevil":          "/",
		"/%5cevil":             "/",
		"https:evil.example":   "/",
		"https://evil.example": "/",
		"javascript:alert(1)":  "/",
		"/a b":                 "/a%20b",
		"/x?q=a b":             "/",
		"console":              "/",
		"/\r\nSet-Cookie: x":   "/",
	} {
		if got := localPath(in); got != want {
			t.Errorf("localPath(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	f.Add("//evil.example")
	f.Add("/%2f/evil")
	f.Fuzz(func(t *testing.T, s string) {
		got := localPath(s)
		if got[0] != '/' || len(got) > 1 && (got[1] == '/' || got[1] == '\\') {
			t.Fatalf("localPath(%q) = %q leads elsewhere", s, got)
		}
	})
}
