package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestNobodyIsLostOnTheWayToAnApp: Ada is on her way to the wiki. She reads about her
// trouble and comes back, opens the address of a step as a bookmark has it, looks at what
// she has typed as a password, and is in the wiki in the end.
func TestNobodyIsLostOnTheWayToAnApp(t *testing.T) {
	t.Parallel()
	w := found(t, plan{})
	w.adaChoosesPassword()
	b := browser(t)
	b.open(w.Wiki.URL + "/login")
	b.sees("to continue to Wiki")
	b.press("Trouble signing in?")
	b.sees("Forgotten the password")
	b.press("Back to sign-in")
	b.sees("to continue to Wiki")
	b.fill("username", "ada")
	b.press("Continue")
	b.sees("Not you?")
	step := b.url()
	if !strings.HasSuffix(step, "/identifier") {
		t.Fatalf("the password is asked for at %s", step)
	}
	b.open(step)
	b.sees("to continue to Wiki")
	b.fill("username", "ada")
	b.press("Continue")
	b.sees("Not you?")

	kind := func() string {
		t.Helper()
		return read(b, chromedp.Evaluate[string]("document.querySelector('#password').type"))
	}
	b.expect("401")
	b.fill("password", "not her password")
	b.press("Show")
	if kind() != "text" {
		t.Error("what she has typed is not shown")
	}
	b.press("Hide")
	if kind() != "password" {
		t.Error("what she has typed is still shown")
	}
	b.press("Show")
	read(b, chromedp.Evaluate[bool](`document.querySelector("form").addEventListener("submit", () => (name = document.querySelector("#password").type)), true`))
	b.press("Sign in")
	b.sees("Username and password do not match.")
	if sent := read(b, chromedp.Evaluate[string]("name")); sent != "password" {
		t.Errorf("what was shown left as a field for %s, which browsers keep for others", sent)
	}
	if got := b.focused(); got != "password" {
		t.Errorf("after a wrong password the focus is on %s", got)
	}
	b.keys(adasPassword + kb.Enter)
	b.sees("Good to see you")
}

// TestNoFormIsSentAgainByComingBack: neither a reload nor the way back asks the browser to
// send a form once more, which it does by a page of its own that frightens people.
func TestNoFormIsSentAgainByComingBack(t *testing.T) {
	t.Parallel()
	w := found(t, plan{})
	w.adaChoosesPassword()
	b := browser(t)
	b.expect("401")
	b.open(w.URL)
	signIn(b, "ada", "not her password")
	b.sees("Username and password do not match.")
	posts := func() int { return strings.Count(w.Nodes[0].Log.String(), `"method":"POST","path":"/signin/`) }
	stands := func(path string) {
		t.Helper()
		until(t, actWithin, "the page stands at "+path, func() bool { return strings.HasSuffix(strings.SplitN(b.url(), "?", 2)[0], path) })
	}
	// The browser shows the page that it has kept, or asks for it.
	back := func(either, or string) {
		t.Helper()
		read(b, chromedp.Evaluate[bool]("(left = setTimeout(() => history.back())) > 0"))
		until(t, actWithin, "it shows "+either+" or "+or, func() bool {
			text := read(b, chromedp.Evaluate[string]("window.left ? '' : document.body?.innerText ?? ''"))
			return strings.Contains(text, either) || strings.Contains(text, or)
		})
	}
	before := posts()
	stands("/password")
	b.do(chromedp.Reload())
	b.sees("Username or email")
	back("Username or email", "Not you?")
	b.open(w.URL)
	b.fill("username", "ada")
	b.press("Continue")
	b.sees("Not you?")
	b.press("Trouble signing in?")
	b.sees("Forgotten the password")
	back("Username or email", "Not you?")
	if n := posts(); n != before+1 {
		t.Errorf("%d forms were sent, of which she sent 1", n-before)
	}
	signIn(b, "ada", adasPassword)
	b.sees("Hello, Ada")
	b.press("Add an authenticator app")
	b.sees("Code that the app shows now")
	b.fill("code", oathtool(t, b.keyShown(), "now"))
	b.press("Add")
	b.sees("They are shown this once.")
	stands("/codes")
	b.do(chromedp.Reload())
	b.sees("Second step")
}

// TestTheFieldThatIsWrongHasTheFocus, wherever on the page it stands, also without
// scripts: nobody looks for it, and who is read to hears why first.
func TestTheFieldThatIsWrongHasTheFocus(t *testing.T) {
	t.Parallel()
	w := found(t, plan{})
	w.adaChoosesPassword()
	b := browser(t)
	b.withoutScript()
	b.expect("400")
	b.open(w.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Hello, Ada")
	wrong := func(field, words string) {
		t.Helper()
		b.sees(words)
		until(t, actWithin, "the focus is on "+field, func() bool { return b.focused() == field })
		if said := read(b, chromedp.Evaluate[string]("(document.getElementById(document.activeElement.getAttribute('aria-describedby')?.split(' ')[0]) ?? document.body).innerText")); strings.TrimSpace(said) == "" || !strings.HasPrefix(strings.TrimSpace(said), words) {
			t.Errorf("with the focus on %s it is said: %s", field, said)
		}
	}
	b.press("Add an authenticator app")
	b.sees("Code that the app shows now")
	b.fill("code", "000000")
	b.press("Add")
	wrong("code", "This code is not right.")
	b.open(w.URL + "/password")
	b.sees("Current password")
	b.fill("current", "not her password")
	b.fill("password", "another horse battery")
	b.press("Change password")
	wrong("current", "This is not your current password.")
	b.fill("current", adasPassword)
	b.fill("password", "short")
	b.press("Change password")
	wrong("password", "Use at least 12 characters.")
}

// TestTimesAreThoseOfTheirClock: an app's link says until when it works by the clock of
// whoever looks, and in UTC without scripts.
func TestTimesAreThoseOfTheirClock(t *testing.T) {
	t.Parallel()
	p := meet(t, nil)
	made, err := p.API.Invite(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	b := browser(t)
	b.do(call(emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Kolkata"}))
	b.open(made.Link)
	b.sees("This link works once, until")
	b.sees("GMT+5:30")
	b.withoutScript()
	b.open(made.Link)
	b.sees("This link works once, until")
	b.sees("UTC.")
}
