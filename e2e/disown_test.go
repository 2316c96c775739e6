package e2e

import (
	"strings"
	"testing"

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
