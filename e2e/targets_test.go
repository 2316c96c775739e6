package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/web/api/client"
)

// TestRV14FortyTargetsAndAKill is RV-14 and F-16 on the whole house: somebody is
// suspended who used 40 apps, of which 10 are well, 10 slow, 10 fail, 5 hang and
// 5 have no address, and the node is killed midway. The cut is in force at once;
// every app has its line, none is lost and none waits for another; and what a
// bad app answers does not leak into anything but its line.
func TestRV14FortyTargetsAndAKill(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, "")
	delete(c.env, "GATEHOUSE_DATABASE")
	var told [40]atomic.Int64
	secret := "inner-thoughts-of-an-app"
	apps := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n int
		if _, err := fmt.Sscanf(r.URL.Path, "/app%d", &n); err != nil {
			http.NotFound(w, r)
			return
		}
		told[n].Add(1)
		_ = r.ParseForm()
		switch {
		case n < 10:
		case n < 20:
			time.Sleep(700 * time.Millisecond)
		case n < 30:
			http.Error(w, secret, http.StatusInternalServerError)
		default:
			<-r.Context().Done()
		}
	}))
	t.Cleanup(func() {
		apps.CloseClientConnections()
		apps.Close()
	})
	c.env["GATEHOUSE_OUTBOUND_ALLOW"] = strings.TrimPrefix(apps.URL, "http://")
	node := start(t, []string{"serve"}, c.env)
	c.nodes = append(c.nodes, wayTo(node.Addr))
	want := client.Desired{Users: []client.DesiredUser{{Person: client.Person{Username: "ada"}}}}
	for i := range 40 {
		logout := fmt.Sprintf("%s/app%d", apps.URL, i)
		if i >= 35 {
			logout = fmt.Sprintf("https://app%d.invalid/logout", i)
		}
		name := fmt.Sprintf("App %02d", i)
		want.Apps = append(want.Apps, client.App{Name: name, Protocol: "oidc", Identifier: fmt.Sprint("app", i), OIDC: &client.OIDC{
			RedirectURIs: []string{callback}, BackchannelLogoutURI: logout,
		}})
		want.Grants = append(want.Grants, client.Grant{App: name, User: "ada"})
	}
	done, err := c.api(0).Apply(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	ada := &person{name: "ada", passes: map[string][]pass{}}
	secrets := map[string]string{}
	for _, change := range done.Changes {
		if change.Link != "" {
			if err := c.setPassword(ada, change.Link); err != nil {
				t.Fatal(err)
			}
		}
		if change.Kind == "app" {
			secrets[change.Name] += change.Secret // the line of the grant has none
		}
	}
	for i, a := range want.Apps {
		c.apps, ada.apps = append(c.apps, relyingApp{name: a.Name, id: a.Identifier, secret: secrets[a.Name]}), append(ada.apps, i)
	}
	u, err := c.api(0).User(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	ada.id, c.people, c.hashes = u.ID, []*person{ada}, make(chan struct{}, 1)
	for len(ada.all("session")) == 0 {
		c.signIn(0, ada)
	}
	session := ada.all("session")[0]
	for app := range c.apps {
		path, verifier := c.request(app, "none")
		for range 20 { // now and then an app exchanges its code later
			before := len(ada.all("access"))
			c.answer(op{Op: opAuthorize}, ada, app, session, path, verifier, withSession(c, session))
			if len(ada.all("access")) > before {
				break
			}
			path, verifier = c.request(app, "none")
		}
	}
	cut := c.suspend(0, ada, 0)
	if cut.Result != saidYes {
		t.Fatal(cut.Said)
	}
	for _, kind := range []string{opPortal, opUserinfo} {
		for _, held := range ada.all(uses[kind]) {
			c.use(0, ada, kind, held)
		}
	}
	until(t, readyWithin, "the first are told", func() bool { return told[0].Load()+told[1].Load()+told[2].Load() > 0 })
	node.kill()
	node.again(t)
	again := time.Now()
	var r client.Receipt
	until(t, 2*readyWithin, "every app was told, or was tried", func() bool {
		if r, err = c.api(0).Receipt(t.Context(), cut.Receipt); err != nil {
			t.Fatal(err)
		}
		for _, l := range r.Lines {
			if l.AckedAt == nil && l.Attempts == 0 {
				return false
			}
		}
		return !r.Listing && len(r.Lines) >= 40
	}, func() any { return r })
	tried := time.Since(again)
	lines := map[string]int{}
	for _, l := range r.Lines {
		lines[l.App]++
		var n int
		if _, err := fmt.Sscanf(l.App, "App %d", &n); err != nil {
			t.Fatal(err)
		}
		switch well := n < 20; {
		case well && l.AckedAt == nil:
			t.Errorf("%s is well and has not acknowledged: %+v", l.App, l)
		case !well && (l.State != "retrying" || l.NextAt == nil || l.Answer == ""):
			t.Errorf("%s: %+v", l.App, l)
		}
	}
	for i, a := range c.apps {
		if lines[a.name] != 1 {
			t.Errorf("%s has %d lines, want 1", a.name, lines[a.name])
		}
		if n := told[i].Load(); i < 10 && (n < 1 || n > 2) {
			t.Errorf("%s was told %d times; more than once only because of the kill", a.name, n)
		}
	}
	if strings.Contains(node.Log.String(), secret) {
		t.Error("the log repeats what an app answered")
	}
	for _, wrong := range judge(c.log.soFar()).violations {
		t.Error(wrong)
	}
	t.Logf("40 lines, none lost; all tried %s after the restart", tried.Round(time.Millisecond))
}
