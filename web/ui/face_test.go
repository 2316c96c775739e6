package ui_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"gatehouse/idp"
	"gatehouse/web/ui"
	"gatehouse/web/ui/uitest"
)

const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>`

func ownLook() idp.Look {
	return idp.Look{Name: "Acme & <Sons>", Language: "de", Accent: "#7a3b00", Logo: idp.Image{Type: "image/svg+xml", Data: []byte(logo)}, Version: 1}
}

// TestPagesLookAsTheHouseWishes: its name, its colour and its logo, from an
// address that may be kept for ever; in its language where a browser wants none.
func TestPagesLookAsTheHouseWishes(t *testing.T) {
	t.Parallel()
	faces := new(ui.Faces)
	faces.Show(ownLook())
	mux := http.NewServeMux()
	mux.Handle("GET "+ui.LookPath, faces.Files())
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(faces.Over(r.Context(), r.Header.Get("Accept-Language")))
		quiet().Problem(w, r, idp.Errorf(idp.Unavailable, ""))
	})
	h := ui.Headers(true, mux)
	get := func(path string) *http.Response {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Result()
	}
	body := func(res *http.Response) string {
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	page := body(get("/page"))
	for _, want := range []string{`<html lang="de">`, "<title>Acme &amp; &lt;Sons&gt; kann gerade nicht antworten · Acme &amp; &lt;Sons&gt;</title>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s: %s", want, page)
		}
	}
	files := regexp.MustCompile(`/look/[0-9a-f]{16}/[a-z.]+`).FindAllString(page, -1)
	if len(files) != 2 {
		t.Fatalf("files %q", files)
	}
	for _, file := range files {
		res := get(file)
		if res.StatusCode != http.StatusOK || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") ||
			!strings.Contains(res.Header.Get("Content-Security-Policy"), "sandbox") || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", file, res.StatusCode, res.Header)
		}
		if text := body(res); !strings.Contains(text, "light-dark(#7a3b00,#") && text != logo {
			t.Errorf("%s: %s", file, text)
		}
		old := get(strings.Replace(file, file[6:22], "0123456789abcdef", 1))
		if old.StatusCode != http.StatusOK || old.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s under another look's address: %d %v", file, old.StatusCode, old.Header)
		}
	}
	faces.Show(idp.Look{})
	if page := body(get("/page")); !strings.Contains(page, "· Gatehouse</title>") || strings.Contains(page, "/look/") {
		t.Errorf("the look is kept: %s", page)
	}
	if res := get(files[0]); res.StatusCode != http.StatusNotFound {
		t.Errorf("a file of a look that is gone: %d", res.StatusCode)
	}
}

// TestAccentsAreJudgedOnWhatStandsBehindThem: the colours by which an accent is judged
// are those of the style sheet, and its own accent would be taken.
func TestAccentsAreJudgedOnWhatStandsBehindThem(t *testing.T) {
	t.Parallel()
	css, err := os.ReadFile("assets/tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	colour := func(name string) (light, dark string) {
		m := regexp.MustCompile(`--` + name + `: light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`).FindStringSubmatch(string(css))
		if m == nil {
			t.Fatalf("no colour %s", name)
		}
		return m[1], m[2]
	}
	accent, _ := colour("accent")
	light, dark, err := idp.Accents(accent)
	if err != nil {
		t.Errorf("the house's own: %v", err)
	}
	for _, name := range []string{"page", "surface", "surface-2", "on-accent"} {
		l, d := colour(name)
		for c, behind := range map[idp.RGB]string{light: l, dark: d} {
			b, err := idp.ParseRGB(behind)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Contrast(b); got < idp.Legible {
				t.Errorf("%s with %s %s: %.2f", c, name, behind, got)
			}
		}
	}
	l, d := colour("on-accent")
	if l != idp.OnLight.String() || d != idp.OnDark.String() {
		t.Errorf("what stands on an accent: %s, %s", l, d)
	}
}

// TestAHousesLookStandsInABrowser: the dark partner of an accent is legible
// there too, and a logo is shown.
func TestAHousesLookStandsInABrowser(t *testing.T) {
	uitest.Look(t, []uitest.Page{
		{Name: "own-look", Visit: uitest.Employee(), Look: ownLook(), View: ui.Portal(ui.Page{Title: "My apps"})},
	})
}
