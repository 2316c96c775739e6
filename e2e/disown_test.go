package e2e

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/web/api/client"
)

// TestThisWasNotMe: somebody signs in with Ada's password in a browser of theirs and
// sets up an authenticator app. Ada is told by mail, and asked in the browser that
// she has used before; the other one is asked nothing. She says that it was not she:
// the stranger is out, with the password and the app, a receipt says so, and she
// comes in with a password that she chooses at once.
func TestThisWasNotMe(t *testing.T) {
	t.Parallel()
	box, token := newMailbox(t), strings.Repeat("token ", 5)[:26]
	p := start(t, []string{"serve"}, map[string]string{
		"GATEHOUSE_ADMIN_TOKEN": token, "GATEHOUSE_SMTP": "smtp://" + box.addr, "GATEHOUSE_MAIL_FROM": "gatehouse@example.com",
	})
	api := &client.Client{URL: p.URL, Token: token}
	if _, err := api.AddUser(t.Context(), client.Person{Username: "ada", Email: "ada@example.org", DisplayName: "Ada Lovelace"}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.MailInvitation(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	hers, theirs := browser(t), browser(t)
	hers.open(box.next(t, "ada@example.org", 0).link(t))
	hers.fill("password", adasPassword)
	hers.press("Set password")
	signIn(hers, "ada", adasPassword)
	hers.sees("Hello, Ada")
	if strings.Contains(hers.text(), "Was this you?") {
		t.Error("her first browser of all is news")
	}

	theirs.open(p.URL)
	signIn(theirs, "ada", adasPassword)
	theirs.sees("Hello, Ada")
	if strings.Contains(theirs.text(), "Was this you?") {
		t.Error("a new browser is asked about itself")
	}
	theirs.press("Add an authenticator app")
	theirs.sees("Code that the app shows now")
	theirs.fill("code", oathtool(t, theirs.keyShown(), "now"))
	theirs.press("Add")
	theirs.sees("They are shown this once.")

	if said := box.next(t, "ada@example.org", 1).text; !strings.Contains(said, "a browser that was not used before: Chrome on Linux, from 127.0.0.1") {
		t.Errorf("the mail says\n%s", said)
	}
	hers.open(p.URL)
	hers.sees("Was this you?")
	hers.shot("was-this-you")
	hers.press("No, this was not me")
	hers.sees("Somebody signed in as you on Chrome on Linux")
	hers.shot("this-was-not-me")
	hers.press("Sign out everywhere and set a new password")
	hers.sees("New password")

	theirs.open(p.URL)
	theirs.sees("Username or email")
	theirs.expect("401")
	signIn(theirs, "ada", adasPassword)
	theirs.sees("Username and password do not match.")

	hers.fill("password", "another horse battery")
	hers.press("Set password")
	signIn(hers, "ada", "another horse battery")
	hers.sees("Hello, Ada")
	if text := hers.text(); strings.Contains(text, "recovery codes left") || strings.Contains(text, "Was this you?") {
		t.Errorf("what the stranger has set up is there still:\n%s", text)
	}
	receipts, err := api.Receipts(t.Context(), "ada")
	if err != nil || len(receipts) == 0 {
		t.Errorf("receipts: %+v, %v", receipts, err)
	}
	events, err := api.Events(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, e := range events {
		kinds[e.Kind]++
	}
	if kinds["device.disown"] != 1 || kinds["signin.device"] < 2 {
		t.Errorf("the log has %v", kinds)
	}
}

var keyOnPage = regexp.MustCompile(`<code[^>]*>([A-Z2-7 ]{20,})</code>`)

// TestThisWasNotMeThoughTheThiefWasFaster: whoever has Ada's password has set up an
// authenticator app, and she signed in hours ago. Nobody asks her for its codes: she types
// her password on the page itself, without a script, and is rid of both.
func TestThisWasNotMeThoughTheThiefWasFaster(t *testing.T) {
	t.Parallel()
	bin, err := builtFaulty()
	if err != nil {
		t.Fatal(err)
	}
	clock, token := filepath.Join(t.TempDir(), "clock"), strings.Repeat("token ", 5)[:26]
	later := func(by time.Duration) {
		t.Helper()
		if err := os.WriteFile(clock+".next", []byte(by.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(clock+".next", clock); err != nil {
			t.Fatal(err)
		}
	}
	later(0)
	p := startAs(t, bin, []string{"serve"}, map[string]string{"GATEHOUSE_ADMIN_TOKEN": token, "FAULT_CLOCK": clock})
	p.Log.expect("clock")
	api := &client.Client{URL: p.URL, Token: token}
	if _, err := api.AddUser(t.Context(), client.Person{Username: "ada"}); err != nil {
		t.Fatal(err)
	}
	made, err := api.Invite(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	in := func(v *visitor, password string) *answer {
		t.Helper()
		page := submit(t, v.get(t, p.URL+"/signin").follow(t), "/identifier", url.Values{"username": {"ada"}})
		return submit(t, page, "/password", url.Values{"password": {password}}).follow(t)
	}
	sees := func(a *answer, words string) *answer {
		t.Helper()
		if !strings.Contains(a.Body, words) {
			t.Fatalf("%s answered %d without %q:\n%s", a.URL.Path, a.Status, words, a.Body)
		}
		return a
	}
	hers, theirs := newVisitor(t), newVisitor(t)
	submit(t, hers.get(t, made.Link), "/link/", url.Values{"password": {adasPassword}}).follow(t)
	sees(in(hers, adasPassword), "Hello, ada")
	sees(in(theirs, adasPassword), "Hello, ada")
	page := theirs.get(t, p.URL+"/codes")
	key := keyOnPage.FindStringSubmatch(page.Body)
	if key == nil {
		t.Fatalf("no key: %d\n%s", page.Status, page.Body)
	}
	sees(submit(t, page, "/codes/app", url.Values{"code": {oathtool(t, strings.ReplaceAll(key[1], " ", ""), "now")}}), "They are shown this once.")

	later(50 * time.Minute)
	home := sees(hers.get(t, p.URL+"/"), "Was this you?")
	ask := regexp.MustCompile(`/devices/[a-z0-9_]+/disown`).FindString(home.Body)
	page = sees(hers.get(t, p.URL+ask), "Somebody signed in as you")
	if page.Status != http.StatusOK || !strings.Contains(page.Body, `autocomplete="current-password"`) || strings.Contains(page.Body, "one-time-code") {
		t.Fatalf("she is asked %d:\n%s", page.Status, page.Body)
	}
	wrong := submit(t, page, "/disown", url.Values{"current": {"not her password"}})
	if sees(wrong, "This is not your current password."); wrong.Status != http.StatusBadRequest {
		t.Errorf("a wrong password answers %d", wrong.Status)
	}
	link := submit(t, wrong, "/disown", url.Values{"current": {adasPassword}}).follow(t)
	submit(t, sees(link, "Set password"), "/link/", url.Values{"password": {"another horse battery"}}).follow(t)
	if got := theirs.get(t, p.URL+"/"); got.Status != http.StatusSeeOther {
		t.Errorf("the thief's session answers %d", got.Status)
	}
	sees(in(theirs, adasPassword), "Username and password do not match.")
	if text := sees(in(hers, "another horse battery"), "Hello, ada").Body; strings.Contains(text, "Was this you?") || strings.Contains(text, "recovery codes left") {
		t.Errorf("her page:\n%s", text)
	}
}
