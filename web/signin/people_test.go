package signin

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/keys"
	"gatehouse/web/ui"
	"gatehouse/web/ui/uitest"
)

// jar is a browser that keeps who has signed in.
type jar struct {
	Cookies
	people string
}

func (j *jar) SetPeople(_ http.ResponseWriter, sealed string, life time.Duration) {
	j.people = sealed
	if life < 0 {
		j.people = ""
	}
}
func (j *jar) People(*http.Request) string { return j.people }

// somebody is a store in which everybody has a name.
type somebody struct{ Store }

func (somebody) User(_ context.Context, id idp.UserID) (idp.User, error) {
	return idp.User{ID: id, Username: string(id), DisplayName: "Person " + string(id)}, nil
}

// TestABrowserRemembersWhoSignedIn: the last one first, each once, at most five;
// sealed, so that nobody else writes the list or reads it, and none that was
// sealed elsewhere counts.
func TestABrowserRemembersWhoSignedIn(t *testing.T) {
	t.Parallel()
	box, err := keys.NewBox([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	j := &jar{}
	s := &SignIn{Box: box, Cookies: j, Store: somebody{}}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	names := func() (out []string) {
		for _, p := range s.people(r) {
			out = append(out, p.Username)
		}
		return out
	}
	for _, id := range strings.Fields("ada bob ada cy dee eve flo") {
		if err := s.remember(t.Context(), httptest.NewRecorder(), r, idp.SignIn{Proof: idp.Proof{UserID: idp.UserID(id)}}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(strings.Fields("flo eve dee cy ada"), names()); diff != "" {
		t.Error(diff)
	}
	// With the signs around it: three letters stand by chance in what is random.
	raw, err := base64.RawURLEncoding.DecodeString(j.people)
	if err != nil || bytes.Contains(raw, []byte(`"ada"`)) || len(j.people) > 3<<10 {
		t.Errorf("the cookie: %d bytes, %s", len(j.people), j.people)
	}
	kept := j.people
	for what, bad := range map[string]string{
		"nothing": "", "what nobody sealed": "W3sidSI6ImFkYSJ9XQ", "another byte": kept[:20] + string(kept[20]^1) + kept[21:],
		"sealed for something else": box.Seal(purposeLeft, []byte(`[{"u":"ada","n":"Ada"}]`)), "no list": box.Seal(purposePeople, []byte("{")),
	} {
		if j.people = bad; len(names()) != 0 {
			t.Errorf("%s was read: %q", what, names())
		}
	}
	j.people = kept
	if err := s.keepPeople(nil, s.people(r)[:1]); err != nil || len(names()) != 1 {
		t.Errorf("one left: %q, %v", names(), err)
	}
	if err := s.keepPeople(nil, nil); err != nil || j.people != "" {
		t.Errorf("nobody left: %q, %v", j.people, err)
	}
}

// TestTheSignInPageIsSmall: all that a browser fetches for it, as it comes over
// the wire with its headers, is below 30 kB, and all of it is ours: with the largest
// logo, a colour and as many people as are remembered.
func TestTheSignInPageIsSmall(t *testing.T) {
	t.Parallel()
	var people []person
	for i := range mostPeople {
		people = append(people, person{fmt.Sprintf("somebody.with.a.name%d@navy.example", i), "Somebody With A Name"})
	}
	logo := []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="`)
	for i := 0; len(logo) < directory.MaxLogo-16; i++ {
		logo = fmt.Appendf(logo, "L%d %d", i*7919%997, i*104729%991)
	}
	logo = append(logo, `"/></svg>`...)
	page := uitest.Page{
		Visit: uitest.Stranger(), Look: idp.Look{Version: 1, Name: "Navy", Accent: "#7a3b00", Logo: idp.Image{Type: "image/svg+xml", Data: logo}},
		View: identifyPage(identifyView{Action: "/signin/sin_x/identifier", Forget: "/signin/sin_x/forget", App: "Wiki", People: people}),
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+ui.AssetsPath, ui.Assets())
	mux.HandleFunc("GET /", page.Serve)
	mux.HandleFunc("GET "+ui.LookPath, page.Serve)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	wire := func(address string) (sent int, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", "gzip, br")
		res, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		whole, err := httputil.DumpResponse(res, true)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d, %v", address, res.StatusCode, err)
		}
		in := io.Reader(res.Body)
		if res.Header.Get("Content-Encoding") == "gzip" {
			if in, err = gzip.NewReader(res.Body); err != nil {
				t.Fatal(err)
			}
		}
		plain, err := io.ReadAll(in)
		if err != nil {
			t.Fatalf("%s does not unpack: %v", address, err)
		}
		return len(whole), string(plain)
	}
	total, html := wire("/?lang=de")
	t.Logf("the page: %d bytes", total)
	files := regexp.MustCompile(`<(?:link|script|img)\b[^>]*?\b(?:href|src)="([^"]+)"`).FindAllStringSubmatch(html, -1)
	for _, f := range files {
		if !strings.HasPrefix(f[1], "/assets/") && !strings.HasPrefix(f[1], "/look/") {
			t.Errorf("the page loads %s", f[1])
		}
		n, _ := wire(f[1])
		t.Logf("%s: %d bytes", f[1], n)
		total += n
	}
	t.Logf("%d bytes in all, of which the logo has %d", total, len(logo))
	if len(files) != 5 || total >= 30_000 || len(logo) < directory.MaxLogo-16 || len(logo) > directory.MaxLogo {
		t.Errorf("%d files, %d bytes, a logo of %d", len(files), total, len(logo))
	}
	if found := regexp.MustCompile(`(href|src|action)="(https?:)?//`).FindString(html); found != "" {
		t.Errorf("the page asks elsewhere: %s", found)
	}
}
