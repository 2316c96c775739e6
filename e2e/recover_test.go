package e2e

import (
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/web/api/client"
)

// TestWhoHoldsTheMachineGetsIn: a way back for the owner, beside a server that
// runs, and none for who has the database without its key. And the owner's own
// way: a new password in the portal.
func TestWhoHoldsTheMachineGetsIn(t *testing.T) {
	t.Parallel()
	token := strings.Repeat("token ", 5)[:26]
	p := start(t, []string{"serve"}, map[string]string{"GATEHOUSE_ADMIN_TOKEN": token})
	recovers := func(env map[string]string, args ...string) (string, error) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), p.path, append([]string{"admin", "recover"}, args...)...)
		cmd.Dir = p.Dir
		for name, value := range p.env {
			if given, ok := env[name]; ok {
				value = given
			}
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		if secret := env["GATEHOUSE_SECRET"]; secret != "" {
			cmd.Env = append(cmd.Env, "GATEHOUSE_SECRET="+secret)
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := recovers(nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	link := linkInMail.FindString(out)
	own := url.Values{"name": {"Root"}, "username": {"root"}, "password": {"a way back for the owner"}}
	// A name that somebody has stops nobody: it stands under its field, and the link goes on to work.
	api := &client.Client{URL: p.URL, Token: token}
	if _, err := api.AddUser(t.Context(), client.Person{Username: "root@example.org", Email: "jo@example.org"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		username, email string
		errors          []string
	}{
		{"root@example.org", "", []string{"username"}},
		{"root", "JO@example.org", []string{"email"}},
		{"jo@example.org", "root@example.org", []string{"username", "email"}},
	} {
		taken := url.Values{"name": {"Root"}, "username": {c.username}, "email": {c.email}, "password": {"a way back for the owner"}}
		got := submit(t, newVisitor(t).get(t, link), "/link/", taken)
		if got.Status != http.StatusBadRequest || strings.Count(got.Body, "Another person signs in by this") != len(c.errors) {
			t.Errorf("%+v: answered %d:\n%s", c, got.Status, got.Body)
		}
		for _, field := range c.errors {
			if !strings.Contains(got.Body, `id="`+field+`-error"`) {
				t.Errorf("%+v: nothing stands under %s", c, field)
			}
		}
	}
	if got := submit(t, newVisitor(t).get(t, link), "/link/", own); got.Status != http.StatusSeeOther {
		t.Fatalf("the link answered %d:\n%s", got.Status, got.Body)
	}
	if got := newVisitor(t).get(t, link); got.Status != http.StatusGone {
		t.Errorf("the second time the link answered %d", got.Status)
	}

	// By name; and not for those it is not for.
	v := newVisitor(t)
	signs := func(v *visitor, password string, back string) *answer {
		t.Helper()
		page := v.get(t, p.URL+"/signin?return_to="+url.QueryEscape(back)).follow(t)
		page = submit(t, page, "/identifier", url.Values{"username": {"root"}})
		return submit(t, page, "/password", url.Values{"password": {password}})
	}
	if out, err = recovers(nil, "root"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	until, err := time.Parse(time.RFC3339, regexp.MustCompile(`before (\S+),`).FindStringSubmatch(out)[1])
	if left := time.Until(until); err != nil || left > time.Hour || left < 55*time.Minute {
		t.Errorf("the link lives for %s, %v", left, err)
	}
	if got := submit(t, newVisitor(t).get(t, linkInMail.FindString(out)), "/link/", url.Values{"password": {"a second way back"}}); got.Status != http.StatusSeeOther {
		t.Fatalf("the link answered %d:\n%s", got.Status, got.Body)
	}
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		says string
	}{
		"nobody":           {nil, []string{"nobody"}, "look for nobody"},
		"another root key": {map[string]string{"GATEHOUSE_SECRET": strings.Repeat("x", 40)}, nil, "does not open what this database holds"},
		"another place":    {map[string]string{"GATEHOUSE_DATA": t.TempDir()}, nil, "there is no database"},
	} {
		if out, err := recovers(c.env, c.args...); err == nil || !strings.Contains(out, c.says) || linkInMail.MatchString(out) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}

	// The portal: the current password and the new one, and everything is over.
	if got := signs(v, "a second way back", "/password"); got.Status != http.StatusSeeOther {
		t.Fatalf("the owner does not get in: %d", got.Status)
	}
	elsewhere := newVisitor(t)
	signs(elsewhere, "a second way back", "/")
	page := v.get(t, p.URL+"/password")
	for _, c := range []struct {
		current, next, says string
		status              int
	}{
		{"not the password", "a third way back", "not your current password", http.StatusBadRequest},
		{"a second way back", "Password2026!", "attackers try first", http.StatusBadRequest},
		{"a second way back", "a third way back", "was changed", http.StatusOK},
	} {
		got := submit(t, page, "/password", url.Values{"current": {c.current}, "password": {c.next}})
		if got.Status != c.status || !strings.Contains(got.Body, c.says) {
			t.Errorf("%s: %d\n%s", c.says, got.Status, got.Body)
		}
	}
	for _, b := range []*visitor{v, elsewhere} {
		if got := b.get(t, p.URL+"/"); got.Status != http.StatusSeeOther {
			t.Errorf("a browser of before the change gets %d", got.Status)
		}
	}
	if got := signs(newVisitor(t), "a third way back", "/"); got.Status != http.StatusSeeOther {
		t.Errorf("the new password is refused: %d", got.Status)
	}
	// The bootstrap token died with the first owner.
	if _, err := (&client.Client{URL: p.URL, Token: token}).User(t.Context(), "root"); err == nil {
		t.Error("the bootstrap token lives beside an owner")
	}
}
