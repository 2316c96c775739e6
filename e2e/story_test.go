package e2e

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const (
	adasPassword   = "a needle in the analytical engine"
	gracesPassword = "the first actual case of a bug"
	noMatch        = "Username and password do not match." // for unknown, wrong and suspended alike

	// outWithin is the bound of the promise that this test insists on; what it
	// took stands in the log, and the aim is one second.
	outWithin = 5 * time.Second
)

// story is the main job, as Ada and an owner live it in two browsers.
type story struct {
	*town
	ada, grace *tab
	// before an owner or an employee acts; two nodes take turns here.
	asOwner, asAda func()
	pictures       bool
}

// TestStory: sign in once, two apps create the account just in time, one click
// ends it everywhere, with a receipt.
func TestStory(t *testing.T) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		here := func() {}
		tell(t, &story{town: found(t, plan{}), asOwner: here, asAda: here, pictures: true})
	})
	t.Run("two nodes on PostgreSQL", func(t *testing.T) {
		t.Parallel()
		f := newFront(t)
		w := found(t, plan{Nodes: 2, Front: f, Env: map[string]string{
			"GATEHOUSE_URL": f.URL, "GATEHOUSE_DATABASE": postgresDSN(t), "GATEHOUSE_REDIS": startRedis(t).url(), "GATEHOUSE_SECRET": rand.Text() + rand.Text(),
		}})
		tell(t, &story{
			town:    w,
			asOwner: func() { f.to(w.Nodes[0].Addr) },
			asAda:   func() { f.to(w.Nodes[1].Addr) },
		})
	})
}

func tell(t *testing.T, s *story) {
	s.ada, s.grace = browser(t), browser(t)
	s.adaSetsHerPassword()
	s.adaOpensBothApps()
	s.graceBecomesOwner()
	s.graceFindsAda()
	old := s.cookiesOfAda()
	s.graceSuspendsAda()
	s.adaIsOutEverywhere()
	s.refused(old)
	s.graceRestoresAda()
	s.refused(old)
	s.adaIsBack()
}

func (s *story) look(b *tab, name string) {
	s.t.Helper()
	if s.pictures {
		b.shot(name)
	}
}

func (s *story) adaSetsHerPassword() {
	s.asAda()
	s.ada.open(s.Ada)
	s.ada.sees("How do you want to sign in?")
	s.look(s.ada, "link-password")
	s.ada.fill("password", adasPassword)
	s.ada.press("Set password")
	s.ada.sees("Username or email")
	s.look(s.ada, "signin-username")
	s.ada.fill("username", "ada")
	s.ada.press("Continue")
	s.ada.sees("Not you?")
	s.look(s.ada, "signin-password")
	s.ada.fill("password", adasPassword)
	s.ada.press("Sign in")
	s.ada.sees("Hello, Ada")
	s.look(s.ada, "portal")
}

// adaOpensBothApps: she types nothing again, and each app shows the account it
// made and from where it has what it knows.
func (s *story) adaOpensBothApps() {
	s.asAda()
	s.ada.open(s.Wiki.URL)
	s.look(s.ada, "wiki-landing")
	s.ada.press("Sign in with Gatehouse")
	s.ada.sees("Good to see you, Ada Lovelace")
	s.look(s.ada, "wiki")
	s.ada.open(s.Wiki.URL + "/account")
	s.ada.sees("Nobody filled in a form for this account.")
	s.told("Email", "ada@example.com", "the claim email of the")
	s.told("Given name", "Ada", "the claim given_name of the")
	s.look(s.ada, "wiki-account")

	// The other way in: from her own list of apps.
	s.ada.open(s.URL)
	s.ada.act(chromedp.Click(chromedp.CSS(`a[href^="` + s.CRM.URL + `"]`)))
	s.ada.sees("Contacts")
	s.look(s.ada, "crm")
	s.ada.open(s.CRM.URL + "/account")
	s.ada.sees("Nobody filled in a form for this account.")
	s.told("Email", "ada@example.com", "the SAML attribute ")
	s.told("Role", "editor", "the SAML attribute ")
	s.look(s.ada, "crm-account")
	for _, app := range []*proc{s.Wiki, s.CRM} {
		if known := s.knows(app); len(known) != 1 || known[0].Name != "Ada Lovelace" || known[0].Live != 1 {
			s.t.Errorf("%s knows %+v, want one account, made by the one sign-in", app.URL, known)
		}
	}
}

// told wants a row of the account page that Ada is on.
func (s *story) told(field, value, from string) {
	s.t.Helper()
	rows := read(s.ada, chromedp.Evaluate[[]string](`[...document.querySelectorAll("table.facts tbody tr")].map(r => [...r.children].map(c => c.textContent).join("|"))`))
	if !slices.ContainsFunc(rows, func(row string) bool { return strings.HasPrefix(row, field+"|"+value+"|"+from) }) {
		s.t.Errorf("no row says %s, %s, %s: %q", field, value, from, rows)
	}
}

func (s *story) graceBecomesOwner() {
	s.asOwner()
	s.grace.open(s.Nodes[0].Log.await(s.t, "/link/"))
	s.grace.sees("You are its first owner")
	s.look(s.grace, "link-first-owner")
	s.grace.fill("name", "Grace Hopper")
	s.grace.fill("username", "grace")
	s.grace.fill("email", "grace@example.com")
	s.grace.fill("password", gracesPassword)
	s.grace.press("Become the owner")
	signIn(s.grace, "grace", gracesPassword)
}

// signIn does what somebody does who is asked to sign in.
func signIn(b *tab, username, password string) {
	b.t.Helper()
	b.sees("Username or email")
	b.fill("username", username)
	b.press("Continue")
	b.sees("Not you?")
	b.fill("password", password)
	b.press("Sign in")
}

func (s *story) graceFindsAda() {
	s.asOwner()
	s.grace.sees("Add a person")
	s.look(s.grace, "console-people")
	s.grace.fill("q", "lovel")
	s.grace.press("Find")
	s.grace.sees("Show everybody")
	s.look(s.grace, "console-search")
	s.grace.press("Ada Lovelace")
	s.grace.sees("If suspended now: out of 2 apps")
	s.look(s.grace, "console-person")
	s.grace.press("Suspend Ada Lovelace")
	s.grace.sees("Suspend Ada Lovelace?")
	s.look(s.grace, "console-suspend")
}

// graceSuspendsAda: both apps have ended the session before anybody reloads a
// page, and the receipt says so by itself.
func (s *story) graceSuspendsAda() {
	s.asOwner()
	s.grace.fill("reason", "Left the company")
	s.grace.press("Suspend Ada Lovelace")
	took := until(s.t, outWithin, "both apps have ended Ada's session", func() bool { return s.live(s.Wiki)+s.live(s.CRM) == 0 })
	s.t.Logf("out of both apps %s after the click", took.Round(time.Millisecond))
	s.grace.sees("Left the company")
	s.grace.sees("0 of 2 verified, 2 sent") // what was handed out a moment ago could still land
	until(s.t, outWithin, "the receipt shows both answers", func() bool { return !strings.Contains(s.grace.text(), "no answer yet") })
	s.look(s.grace, "console-receipt")
	for _, app := range []*proc{s.Wiki, s.CRM} {
		if last := s.knows(app)[0].Sessions[0]; last.EndedKind != "identity provider" || last.EndedBy == "" {
			s.t.Errorf("%s says of the session: %+v", app.URL, last)
		}
	}
}

// adaIsOutEverywhere: on her next click in either app, and at the house, which
// answers the right password as it answers a wrong one.
func (s *story) adaIsOutEverywhere() {
	s.asAda()
	s.ada.press("Pipeline")
	s.ada.sees("You were signed out by Gatehouse at ")
	s.look(s.ada, "crm-signed-out")
	s.ada.open(s.Wiki.URL + "/pages/onboarding")
	s.ada.sees("You were signed out by Gatehouse at ")
	s.look(s.ada, "wiki-signed-out")

	s.ada.expect("status of 401")
	s.ada.press("Sign in with Gatehouse")
	signIn(s.ada, "ada", adasPassword)
	s.ada.sees(noMatch)
	s.look(s.ada, "signin-refused")
	suspended := s.ada.text()
	s.ada.fill("password", "not "+adasPassword)
	s.ada.press("Sign in")
	until(s.t, actWithin, "a new page", func() bool { return s.value("password") == "" })
	s.ada.sees(noMatch)
	if wrong := s.ada.text(); wrong != suspended {
		s.t.Errorf("a wrong password reads %q, a suspended person %q", wrong, suspended)
	}
}

// value is what stands in a field of Ada's page; between two pages, nothing
// anybody would have typed.
func (s *story) value(field string) string {
	v, err := chromedp.Run(s.ada.ctx, chromedp.Evaluate[string](`document.querySelector("[name=`+field+`]").value`))
	if err != nil {
		return "no page"
	}
	return v
}

// cookiesOfAda are those that her browser holds, in the hands of somebody who
// copied them.
func (s *story) cookiesOfAda() *visitor {
	s.t.Helper()
	v := newVisitor(s.t)
	for _, at := range []string{s.URL, s.Wiki.URL, s.CRM.URL} {
		u, err := url.Parse(at)
		if err != nil {
			s.t.Fatal(err)
		}
		held := read(s.ada, func(ctx context.Context, tab *chromedp.Target) (network.GetCookiesResult, error) {
			return cdp.Call(ctx, tab, network.GetCookies, network.GetCookiesParams{URLs: []string{at}})
		})
		if len(held.Cookies) == 0 {
			s.t.Errorf("Ada's browser holds no cookie for %s", at)
		}
		for _, c := range held.Cookies {
			v.http.Jar.SetCookies(u, []*http.Cookie{{Name: c.Name, Value: c.Value, Path: c.Path}})
		}
	}
	return v
}

// refused: nothing that was handed out before the cut opens anything.
func (s *story) refused(v *visitor) {
	s.t.Helper()
	s.asAda()
	if got := v.get(s.t, s.URL+"/"); got.Status != http.StatusSeeOther || !strings.HasPrefix(got.location(s.t).Path, "/signin") {
		s.t.Errorf("her old session opens the house: %d %s", got.Status, got.Body)
	}
	for _, app := range []*proc{s.Wiki, s.CRM} {
		if got := v.get(s.t, app.URL+"/whoami.json"); got.Status != http.StatusUnauthorized {
			s.t.Errorf("her old session opens %s: %d %s", app.URL, got.Status, got.Body)
		}
	}
}

func (s *story) graceRestoresAda() {
	s.asOwner()
	s.grace.press("← Ada Lovelace")
	s.grace.sees("Nothing of theirs is accepted.")
	s.look(s.grace, "console-person-suspended")
	s.grace.press("Restore Ada Lovelace")
	s.grace.sees("Everything that the suspension ended stays ended")
	s.look(s.grace, "console-restore")
	s.grace.press("Restore Ada Lovelace")
	s.grace.sees("If suspended now")
	s.grace.open(s.URL + "/console/receipts")
	s.look(s.grace, "console-receipts")
}

func (s *story) adaIsBack() {
	s.asAda()
	s.ada.open(s.Wiki.URL)
	s.ada.press("Sign in with Gatehouse")
	signIn(s.ada, "ada", adasPassword)
	s.ada.sees("Good to see you, Ada Lovelace")
	if known := s.knows(s.Wiki); len(known) != 1 || known[0].SignIns != 2 {
		s.t.Errorf("the wiki knows %+v, want the account she had", known)
	}
}
