package signin

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp"
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
	if strings.Contains(j.people, "ada") || len(j.people) > 3<<10 {
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
// the wire, is below 30 kB, and all of it is ours.
func TestTheSignInPageIsSmall(t *testing.T) {
	t.Parallel()
	var people []person
	for i := range mostPeople {
		people = append(people, person{fmt.Sprintf("somebody.with.a.name%d@navy.example", i), "Somebody With A Name"})
	}
	page := uitest.Page{Visit: uitest.Stranger(), View: identifyPage(identifyView{Action: "/signin/sin_x/identifier", Forget: "/signin/sin_x/forget", App: "Wiki", People: people})}
	w := httptest.NewRecorder()
	page.Serve(w, httptest.NewRequest(http.MethodGet, "/?lang=de", nil))
	html := w.Body.String()
	mux := http.NewServeMux()
	mux.Handle("GET "+ui.AssetsPath, ui.Assets())
	total := len(html)
	files := regexp.MustCompile(`(?:href|src)="([^"]+\.[a-z]+)"`).FindAllStringSubmatch(html, -1)
	for _, f := range files {
		r := httptest.NewRequest(http.MethodGet, f[1], nil)
		r.Header.Set("Accept-Encoding", "gzip, br")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != http.StatusOK || !strings.HasPrefix(f[1], "/assets/") {
			t.Errorf("%s: %d", f[1], w.Code)
		}
		total += w.Body.Len()
		if w.Header().Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, z); err != nil {
				t.Errorf("%s does not unpack: %v", f[1], err)
			}
		}
	}
	t.Logf("%d bytes, of which the page is %d", total, len(html))
	if len(files) != 3 || total > 30_000 {
		t.Errorf("%d files, %d bytes", len(files), total)
	}
	if found := regexp.MustCompile(`(href|src|action)="(https?:)?//`).FindString(html); found != "" {
		t.Errorf("the page asks elsewhere: %s", found)
	}
}
