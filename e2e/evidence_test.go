package e2e

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/web/api/client"
)

// TestARefusedCallIsEvidence: an app that no lever reaches shows by a call of
// its own that the end has reached it, and its line says which call and when:
// also with Redis in front, which had just answered the same call.
func TestARefusedCallIsEvidence(t *testing.T) {
	t.Parallel()
	var apps []client.App
	for _, name := range []string{"userinfo", "introspection", "refresh", "silent"} {
		apps = append(apps, client.App{Name: name, OIDC: &client.OIDC{}})
	}
	p := meet(t, map[string]string{"GATEHOUSE_REDIS": startRedis(t).url()}, apps...)
	access, refresh := map[string]string{}, map[string]string{}
	for _, a := range apps {
		access[a.Name], refresh[a.Name] = p.tokens(a.Name)
	}
	calls := map[string]func() bool{
		"userinfo": func() bool {
			v := newVisitor(t)
			v.Header = http.Header{"Authorization": {"Bearer " + access["userinfo"]}}
			return v.get(t, p.URL+"/oauth/userinfo").Status == http.StatusOK
		},
		"introspection": func() bool {
			got := newVisitor(t).postForm(t, p.URL+"/oauth/introspect", p.as("introspection", "token", access["introspection"]))
			return got.Status == http.StatusOK && strings.Contains(got.Body, `"active":true`)
		},
		"refresh": func() bool {
			got := newVisitor(t).postForm(t, p.URL+"/oauth/token", p.as("refresh", "grant_type", "refresh_token", "refresh_token", refresh["refresh"]))
			return got.Status == http.StatusOK
		},
	}
	for range 3 { // the last ones by a copy
		for _, name := range []string{"userinfo", "introspection"} {
			if !calls[name]() {
				t.Fatalf("%s is refused before the cut", name)
			}
		}
	}
	r, err := p.API.Suspend(t.Context(), "ada", "left")
	if err != nil {
		t.Fatal(err)
	}
	until(t, readyWithin, "the receipt is listed", func() bool { r = p.receipt(r.ID); return !r.Listing })
	for name, call := range calls {
		if call() {
			t.Errorf("%s is answered after the cut", name)
		}
	}
	r = p.receipt(r.ID)
	for name, words := range map[string]string{
		"introspection": "it asked about a token and was told that it is over", "refresh": "its refresh was refused",
	} {
		l := line(t, r, name)
		if l.State != "verified" || l.FinishedAt == nil || l.FinishedAt.Before(r.CutAt) || !strings.Contains(l.Evidence, words) {
			t.Errorf("the line of %s says %+v", name, l)
		}
	}
	// Whoever holds the token can call userinfo: it is noted and proves nothing
	// of the app.
	if l := line(t, r, "userinfo"); l.State != "alive" || !strings.Contains(l.Evidence, "a call to userinfo with its token was refused") {
		t.Errorf("the line of an app whose token was presented says %+v", l)
	}
	if l := line(t, r, "silent"); l.State != "alive" || l.Evidence != "" {
		t.Errorf("the line of an app that did not come says %+v", l)
	}
}
