package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse/web/api/client"
)

// TestAStolenPasswordOpensNothingInAnotherBrowser: by a rule by risk, in Chromium, with
// a mail server and oathtool. Anna's own browser knows her by the link from her mail;
// another asks her for a code from her mailbox, once; who has her password and another
// browser gets nowhere, and adds nothing to sign in with. Bert, to whom no code can be
// mailed, gets in by a link from an owner.
func TestAStolenPasswordOpensNothingInAnotherBrowser(t *testing.T) {
	t.Parallel()
	box := newMailbox(t)
	token := strings.Repeat("token ", 5)[:26]
	p := start(t, []string{"serve"}, map[string]string{
		"GATEHOUSE_ADMIN_TOKEN": token, "GATEHOUSE_SMTP": "smtp://" + box.addr, "GATEHOUSE_MAIL_FROM": "gatehouse@example.com",
	})
	api := &client.Client{URL: p.URL, Token: token}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const annas, berts = "correct horse battery", "anna's is better than mine"
	_, err := api.AddUser(t.Context(), client.Person{Username: "anna", Email: "anna@example.org"})
	must(err)
	_, err = api.AddUser(t.Context(), client.Person{Username: "bert"})
	must(err)
	byRisk := client.Policy{Rules: []client.PolicyRule{{SecondFactor: true, Risk: true}}}
	looked, err := api.SetPolicy(t.Context(), byRisk, false, true)
	must(err)
	if looked.LocksOut == nil || looked.LocksOut.Mailed != 1 || looked.LocksOut.Count != 1 || !strings.Contains(looked.LocksOut.Sentence, "bert") {
		t.Errorf("it is said to ask %+v", looked.LocksOut)
	}
	_, err = api.SetPolicy(t.Context(), byRisk, true, false)
	must(err)
	_, err = api.MailInvitation(t.Context(), "anna")
	must(err)
	link := box.next(t, "anna@example.org", 0).link(t)

	own := browser(t)
	own.open(link)
	own.fill("password", annas)
	own.press("Set password")
	own.sees("Username or email")
	signIn(own, "anna", annas)
	own.sees("Hello, anna")

	// The thief: the right password, and nothing else. The code of their own making,
	// the pages of the house, and the sign-in half done open nothing.
	thief := newVisitor(t)
	page := submit(t, thief.get(t, p.URL+"/signin").follow(t), "/identifier", url.Values{"username": {"anna"}})
	asked := submit(t, page, "/password", url.Values{"password": {annas}}).follow(t)
	if !strings.Contains(asked.Body, "Confirm that it is you") || !strings.Contains(asked.Body, `autocomplete="one-time-code"`) {
		t.Fatalf("a stolen password gets %d:\n%s", asked.Status, asked.Body)
	}
	code := codeInMail.FindString(box.next(t, "anna@example.org", 1).text)
	for _, guess := range []string{"1234 5678", "", strings.Repeat("9", 8)} {
		if got := submit(t, asked, "/confirm", url.Values{"code": {guess}}); got.Status != http.StatusUnauthorized {
			t.Errorf("%q answered %d", guess, got.Status)
		}
	}
	for _, path := range []string{"/", "/codes", "/passkeys", "/console"} {
		if got := thief.get(t, p.URL+path); got.Status != http.StatusSeeOther || !strings.Contains(got.Header.Get("Location"), "/signin") {
			t.Errorf("%s answered %d to %s", path, got.Status, got.Header.Get("Location"))
		}
	}
	if got := submit(t, asked, "/send", nil).follow(t); !strings.Contains(got.Body, "Code from the mail") {
		t.Errorf("another code: %d\n%s", got.Status, got.Body)
	}
	box.next(t, "anna@example.org", 2)

	// Anna in another browser of hers.
	b := browser(t)
	b.open(p.URL)
	signIn(b, "anna", annas)
	b.sees("Confirm that it is you")
	b.shot("confirm")
	b.expect("401")
	b.fill("code", code) // the thief's: of another sign-in
	b.press("Go on")
	b.sees("This code is not right")
	b.fill("code", codeInMail.FindString(box.next(t, "anna@example.org", 3).text))
	b.press("Go on")
	b.sees("Hello, anna")
	b.press("Sign out")
	b.sees("You are signed out")
	b.open(p.URL)
	signIn(b, "anna", annas)
	b.sees("Hello, anna")

	// Confirmed, she sets up an authenticator app; from then on that is asked for.
	b.press("Add an authenticator app")
	b.sees("Code that the app shows now")
	key := strings.ReplaceAll(read(b, chromedp.Evaluate[string]("document.querySelector('.offer code').textContent")), " ", "")
	b.fill("code", oathtool(t, key, "now"))
	b.press("Add")
	b.sees("They are shown this once.")
	again := submit(t, newVisitor(t).get(t, p.URL+"/signin").follow(t), "/identifier", url.Values{"username": {"anna"}})
	if again = submit(t, again, "/password", url.Values{"password": {annas}}).follow(t); !strings.Contains(again.Body, "Second step") {
		t.Fatalf("with an app she is asked %d:\n%s", again.Status, again.Body)
	}
	if got := submit(t, again, "/code", url.Values{"code": {oathtool(t, key, "now + 30 seconds")}}); got.Status != http.StatusSeeOther {
		t.Errorf("the app's code answered %d", got.Status)
	}

	// Bert has no address.
	made, err := api.Invite(t.Context(), "bert")
	must(err)
	his := newVisitor(t)
	if got := submit(t, his.get(t, made.Link), "/link/", url.Values{"password": {berts}}); got.Status != http.StatusSeeOther {
		t.Fatalf("the link answered %d", got.Status)
	}
	in := func(v *visitor) *answer {
		t.Helper()
		page := submit(t, v.get(t, p.URL+"/signin").follow(t), "/identifier", url.Values{"username": {"bert"}})
		return submit(t, page, "/password", url.Values{"password": {berts}}).follow(t)
	}
	if got := in(his); !strings.Contains(got.Body, "Hello, bert") {
		t.Errorf("in the browser of the link: %d\n%s", got.Status, got.Body)
	}
	if got := in(newVisitor(t)); !strings.Contains(got.Body, "ask an owner") {
		t.Errorf("in another: %d\n%s", got.Status, got.Body)
	}
	events, err := api.Events(t.Context(), "bert")
	must(err)
	found := false
	for _, e := range events {
		found = found || e.Kind == "signin.risk.refuse" && e.Detail["reason"] == "no address of the person"
	}
	if !found {
		t.Errorf("the log does not say why: %+v", events)
	}

	// By a rule that lets people in, whoever has Cleo's password is in, and sets nothing
	// up: for that the code is asked for, and no passkey is offered before.
	_, err = api.AddUser(t.Context(), client.Person{Username: "cleo", Email: "cleo@example.org"})
	must(err)
	made, err = api.Invite(t.Context(), "cleo")
	must(err)
	choosesPassword(t, made.Link, url.Values{"password": {annas}})
	letIn := client.Policy{Rules: []client.PolicyRule{{SecondFactor: true, Risk: true, LetIn: true}}}
	_, err = api.SetPolicy(t.Context(), letIn, false, false)
	must(err)
	thief = newVisitor(t)
	page = submit(t, thief.get(t, p.URL+"/signin").follow(t), "/identifier", url.Values{"username": {"cleo"}})
	if got := submit(t, page, "/password", url.Values{"password": {annas}, "platform": {"1"}}); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/" {
		t.Errorf("let in: %d to %s", got.Status, got.Header.Get("Location"))
	}
	if got := box.next(t, "cleo@example.org", 0); !strings.Contains(got.text, "browser") {
		t.Errorf("told: %s", got.text)
	}
	if got := thief.get(t, p.URL+"/passkeys"); !strings.Contains(got.Body, "Show that it is me") || strings.Contains(got.Body, `name="response"`) {
		t.Errorf("the thief's passkeys: %d\n%s", got.Status, got.Body)
	}
	asked = thief.get(t, p.URL+"/codes").follow(t)
	for asked.Status == http.StatusSeeOther {
		asked = asked.follow(t)
	}
	if !strings.Contains(asked.Body, "Email me a code") {
		t.Fatalf("the thief's codes: %d\n%s", asked.Status, asked.Body)
	}
	sent := submit(t, asked, "/send", nil).follow(t)
	if got := submit(t, sent, "/confirm", url.Values{"code": {"1234 5678"}}); got.Status != http.StatusUnauthorized {
		t.Errorf("a guess answered %d", got.Status)
	}
	for _, path := range []string{"/codes", "/password"} {
		if got := thief.get(t, p.URL+path); got.Status != http.StatusSeeOther {
			t.Errorf("and then %s: %d", path, got.Status)
		}
	}
	for range 4 {
		sent = submit(t, sent, "/send", nil).follow(t)
	}
	// No more are mailed; the last one can be typed all the same.
	if got := submit(t, sent, "/send", nil); got.Status != http.StatusTooManyRequests || !strings.Contains(got.Body, `autocomplete="one-time-code"`) {
		t.Errorf("one more code: %d\n%s", got.Status, got.Body)
	}

	// Nor has the first owner; a link is enough for them, too.
	first := newVisitor(t)
	opened := first.get(t, linkInMail.FindString(p.Log.String()))
	if got := submit(t, opened, "/link/", url.Values{"name": {"Grace"}, "username": {"grace"}, "email": {""}, "password": {berts}}); got.Status != http.StatusSeeOther {
		t.Fatalf("the first owner: %d\n%s", got.Status, got.Body)
	}
	page = submit(t, first.get(t, p.URL+"/signin?return_to=%2Fconsole").follow(t), "/identifier", url.Values{"username": {"grace"}})
	if got := submit(t, page, "/password", url.Values{"password": {berts}}); got.Status != http.StatusSeeOther || !strings.HasSuffix(got.Header.Get("Location"), "/console") {
		t.Errorf("the first owner signs in: %d to %s", got.Status, got.Header.Get("Location"))
	}
	if got := first.get(t, p.URL+"/console/policy"); got.Status != http.StatusOK {
		t.Errorf("the first owner at the console: %d", got.Status)
	}
}
