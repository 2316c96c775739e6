package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse/web/api/client"
)

// TestNoScriptIsNeededForPasswordsAndCodes: in a Chromium whose scripts are off,
// somebody comes by an invitation, sets up an authenticator app and signs in by its
// codes, by a recovery code and by a code from a mail. Of passkeys no button is shown
// that would do nothing.
func TestNoScriptIsNeededForPasswordsAndCodes(t *testing.T) {
	t.Parallel()
	box, token := newMailbox(t), strings.Repeat("token ", 5)[:26]
	p := start(t, []string{"serve"}, map[string]string{
		"GATEHOUSE_ADMIN_TOKEN": token, "GATEHOUSE_SMTP": "smtp://" + box.addr, "GATEHOUSE_MAIL_FROM": "gatehouse@example.com",
	})
	api := &client.Client{URL: p.URL, Token: token}
	if _, err := api.SetPolicy(t.Context(), client.Policy{EmailCode: true}, false, false); err != nil {
		t.Fatal(err)
	}
	if _, err := api.AddUser(t.Context(), client.Person{Username: "ada", Email: "ada@example.org", DisplayName: "Ada Lovelace"}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.MailInvitation(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	b := browser(t)
	b.withoutScript()
	b.open(box.next(t, "ada@example.org", 0).link(t))
	b.fill("password", adasPassword)
	b.press("Set password")
	b.sees("Username or email")
	if name := read(b, chromedp.Evaluate[string]("document.querySelector('[name=username]').value")); name != "ada" {
		t.Errorf("after the invitation the name is %q", name)
	}
	if strings.Contains(b.text(), "Use a passkey") {
		t.Error("a passkey is offered to who has no scripts")
	}
	b.press("Continue")
	b.sees("Not you?")
	if strings.Contains(b.text(), "Use a passkey") {
		t.Error("a passkey is offered to who has no scripts, beside the password")
	}
	b.fill("password", adasPassword)
	b.press("Sign in")
	b.sees("Hello, Ada")
	b.press("Add an authenticator app")
	b.sees("Code that the app shows now")
	key := b.keyShown()
	b.fill("code", oathtool(t, key, "now"))
	b.press("Add")
	b.sees("They are shown this once.")
	codes := read(b, chromedp.Evaluate[[]string]("[...document.querySelectorAll('.recovery-codes code')].map((c) => c.textContent)"))
	file := read(b, chromedp.Evaluate[string]("decodeURIComponent(document.querySelector('a[download]').href)"))
	for _, c := range codes {
		if !strings.Contains(file, "\n"+c+"\n") {
			t.Errorf("the text to keep lacks %s:\n%s", c, file)
		}
	}
	leaves := func() {
		t.Helper()
		b.press("Sign out")
		b.sees("You are signed out")
		b.open(p.URL)
		b.sees("Use another account")
	}
	b.press("I have kept them")
	b.sees("You have 10 recovery codes left.")
	leaves()
	b.fill("username", "ada")
	b.press("Continue")
	b.sees("Not you?")
	b.fill("password", adasPassword)
	b.press("Sign in")
	b.sees("Second step")
	b.fill("code", oathtool(t, key, "now + 30 seconds"))
	b.press("Continue")
	b.sees("Hello, Ada")
	leaves()
	b.do(chromedp.Click(chromedp.CSS("button[name=choose]")))
	b.sees("Not you?")
	b.press("Email me a code")
	b.sees("Look into your mailbox")
	written := box.next(t, "ada@example.org", 2).text // after the invitation, and the word of the app
	b.fill("code", codeInMail.FindString(written))
	b.press("Sign in")
	b.sees("Second step")
	b.fill("code", codes[3])
	b.press("Continue")
	b.sees("You have 9 recovery codes left.")
}
