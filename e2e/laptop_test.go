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

// hours is a house of two nodes on PostgreSQL, or of one on SQLite, whose clock can be
// put forward.
type hours struct {
	*testing.T
	nodes []*proc
	api   *client.Client
	box   *mailbox
	clock string
}

// inHours runs a test in both.
func inHours(t *testing.T, test func(h *hours)) {
	t.Parallel()
	bin, err := builtFaulty()
	if err != nil {
		t.Fatal(err)
	}
	for name, nodes := range map[string]int{"PostgreSQL, two nodes": 2, "SQLite": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &hours{T: t, clock: filepath.Join(t.TempDir(), "clock"), box: newMailbox(t)}
			h.later(0)
			env := map[string]string{
				"GATEHOUSE_ADMIN_TOKEN": strings.Repeat("token ", 5)[:26], "FAULT_CLOCK": h.clock,
				"GATEHOUSE_SMTP": "smtp://" + h.box.addr, "GATEHOUSE_MAIL_FROM": "gatehouse@example.com",
			}
			if nodes > 1 {
				env["GATEHOUSE_DATABASE"], env["GATEHOUSE_SECRET"] = postgresDSN(t), strings.Repeat("root key ", 6)
			}
			for range nodes {
				p := startAs(t, bin, []string{"serve"}, env)
				p.Log.expect("clock")
				h.nodes = append(h.nodes, p)
			}
			h.api = &client.Client{URL: h.nodes[0].URL, Token: env["GATEHOUSE_ADMIN_TOKEN"]}
			test(h)
		})
	}
}

// later puts the clock forward.
func (h *hours) later(by time.Duration) {
	h.Helper()
	if err := os.WriteFile(h.clock+".next", []byte(by.String()), 0o600); err != nil {
		h.Fatal(err)
	}
	if err := os.Rename(h.clock+".next", h.clock); err != nil {
		h.Fatal(err)
	}
}

// comes adds somebody with a password, and returns a browser in which they have just
// signed in by it.
func (h *hours) comes(who client.Person) *visitor {
	h.Helper()
	made, err := h.api.AddUser(h.Context(), who)
	if err != nil {
		h.Fatal(err)
	}
	v := newVisitor(h)
	submit(h, v.get(h, made.Link), "/link/", url.Values{"password": {adasPassword}})
	h.signsIn(v, who.Username)
	return v
}

func (h *hours) signsIn(v *visitor, username string) {
	h.Helper()
	h.sees(h.types(h.named(v, username)).follow(h), "Hello, "+username)
}

// named is the page that asks for somebody's password.
func (h *hours) named(v *visitor, username string) *answer {
	h.Helper()
	return submit(h, v.get(h, h.nodes[0].URL+"/signin").follow(h), "/identifier", url.Values{"username": {username}})
}

func (h *hours) types(page *answer) *answer {
	h.Helper()
	return submit(h, page, "/password", url.Values{"password": {adasPassword}})
}

func (h *hours) sees(a *answer, words string) *answer {
	h.Helper()
	if !strings.Contains(a.Body, words) {
		h.Fatalf("%s answered %d without %q:\n%s", a.URL.Path, a.Status, words, a.Body)
	}
	return a
}

// asks reports whether a page asks on every node to sign in once more.
func (h *hours) asks(v *visitor, path string) {
	h.Helper()
	for i, node := range h.nodes {
		got := v.get(h, node.URL+path)
		if to := got.Header.Get("Location"); got.Status != http.StatusSeeOther || !strings.HasPrefix(to, "/signin?again=1&") {
			h.Errorf("node %d: %s answers %d to %q", i, path, got.Status, to)
		}
	}
}

// TestAStepUpIsNoNewProof: Ada signed in by her password in the morning, and has an
// authenticator app. Whoever sits down at her laptop, where her codes can be read, too,
// shows the second step and no more: what would keep them in asks for the password.
func TestAStepUpIsNoNewProof(t *testing.T) {
	inHours(t, func(h *hours) {
		laptop, phone := h.comes(client.Person{Username: "ada"}), newVisitor(h)
		h.signsIn(phone, "ada")
		page := phone.get(h, h.nodes[0].URL+"/codes")
		key := keyOnPage.FindStringSubmatch(page.Body)
		if key == nil {
			h.Fatalf("no key: %d\n%s", page.Status, page.Body)
		}
		app := strings.ReplaceAll(key[1], " ", "")
		h.sees(submit(h, page, "/codes/app", url.Values{"code": {oathtool(h, app, "now")}}), "They are shown this once.")

		h.later(50 * time.Minute)
		h.asks(laptop, "/passkeys")
		last := h.nodes[len(h.nodes)-1]
		page = h.sees(laptop.get(h, last.URL+"/signin?second=1&return_to=%2Fpasskeys").follow(h), "Second step")
		if got := submit(h, page, "/code", url.Values{"code": {oathtool(h, app, "now + 50 minutes")}}); got.Status != http.StatusSeeOther {
			h.Fatalf("the second step answered %d\n%s", got.Status, got.Body)
		}
		h.sees(laptop.get(h, last.URL+"/"), "Hello, ada")
		for _, path := range []string{"/passkeys", "/codes", "/codes/remove", "/password", "/my-data"} {
			h.asks(laptop, path)
		}
	})
}

// handsOut are forms of the console by which somebody comes in, or gets in more easily.
func (h *hours) handsOut(v *visitor) map[string]*answer {
	h.Helper()
	last := h.nodes[len(h.nodes)-1].URL
	person := regexp.MustCompile(`/console/users/usr_\w+`).FindString(h.sees(v.get(h, last+"/console/users"), "ada").Body)
	page := h.sees(v.get(h, last+person), "Make a new one-time link")
	token := csrfOn(h, page.Body)
	posts := func(path string, form url.Values) *answer {
		h.Helper()
		form.Set("csrf", token)
		return v.with(h, map[string]string{"Sec-Fetch-Site": "same-origin"}, func() *answer { return v.postForm(h, last+path, form) })
	}
	return map[string]*answer{
		"a link for herself":  submit(h, page, "/link", nil),
		"a token":             submit(h, h.sees(v.get(h, last+"/console/tokens"), "API tokens"), "/console/tokens", url.Values{"name": {"mine"}}),
		"another owner":       posts("/console/users", url.Values{"username": {"eve"}, "role": {"owner"}}),
		"codes by mail":       submit(h, h.sees(v.get(h, last+"/console/policy"), "Ways in"), "/policy/ways", url.Values{"email_code": {"yes"}, "mail_recovers": {"yes"}}),
		"tokens for apps":     posts("/console/initial-tokens", url.Values{"name": {"mine"}, "uses": {"1"}, "ttl": {"24h"}}),
		"back in":             posts(person+"/restore", url.Values{}),
		"no second factor":    posts(person+"/reset-factors", url.Values{}),
		"no password, either": posts(person+"/credentials/crd_x/remove", url.Values{}),
	}
}

// refusesAll: each of them says that nothing was done, and leads to a sign-in.
func (h *hours) refusesAll(v *visitor) {
	h.Helper()
	for what, got := range h.handsOut(v) {
		if way := `href="/signin?again=1&amp;return_to=%2Fconsole%2F`; got.Status != http.StatusForbidden || !strings.Contains(got.Body, "Nothing was changed") || !strings.Contains(got.Body, way) {
			h.Errorf("%s: answered %d:\n%s", what, got.Status, got.Body)
		}
	}
}

// TestAnUnlockedConsoleLetsNobodyIn: whoever sits down at the laptop of an owner, who
// signed in a while ago, sees the console and can stop what has to be stopped; they take
// no link, no token and no account with them. She signs in once more, and it is done.
func TestAnUnlockedConsoleLetsNobodyIn(t *testing.T) {
	inHours(t, func(h *hours) {
		laptop := h.comes(client.Person{Username: "ada", Role: "owner"})
		h.later(50 * time.Minute)
		h.refusesAll(laptop)
		h.asks(laptop, "/console/users/new")
		tokens := laptop.get(h, h.nodes[0].URL+"/console/tokens")
		h.sees(submit(h, tokens, "/console/tokens", url.Values{"name": {"mine"}}), `href="/signin?again=1&amp;return_to=%2Fconsole%2Ftokens"`)
		again := laptop.get(h, h.nodes[0].URL+"/signin?again=1&return_to=%2Fconsole%2Ftokens").follow(h)
		page := submit(h, again, "/identifier", url.Values{"username": {"ada"}})
		page = h.sees(h.types(page).follow(h), "API tokens")
		if got := submit(h, page, "/console/tokens", url.Values{"name": {"mine"}}); got.Status != http.StatusCreated {
			h.Errorf("who has just signed in is answered %d\n%s", got.Status, got.Body)
		}
	})
}

// TestAMailboxTakesNoConsole: where codes by mail are taken, whoever reads an owner's
// mails gets into the console by one, which that means, and makes nothing there that lasts.
func TestAMailboxTakesNoConsole(t *testing.T) {
	inHours(t, func(h *hours) {
		if _, err := h.api.SetPolicy(h.Context(), client.Policy{EmailCode: true}, false, false); err != nil {
			h.Fatal(err)
		}
		h.comes(client.Person{Username: "ada", Email: "ada@example.org", Role: "owner"})
		thief := newVisitor(h)
		asked := submit(h, h.named(thief, "ada"), "/mail", nil).follow(h)
		code := codeInMail.FindString(h.box.next(h, "ada@example.org", 0).text)
		h.sees(submit(h, asked, "/mailed", url.Values{"code": {code}}).follow(h), "Hello, ada")
		h.refusesAll(thief)
	})
}

// TestAnInvitationThatComesLateOpensNothing: the mail server was slow, and Ada has chosen
// a password by another link meanwhile. Whoever reads her mails then holds an invitation,
// good for days, that was made after it; she uses it where she is known.
func TestAnInvitationThatComesLateOpensNothing(t *testing.T) {
	inHours(t, func(h *hours) {
		h.box.greylists.Store(true)
		made, err := h.api.AddUser(h.Context(), client.Person{Username: "ada", Email: "ada@example.org"})
		if err != nil {
			h.Fatal(err)
		}
		if _, err := h.api.MailInvitation(h.Context(), "ada"); err != nil {
			h.Fatal(err)
		}
		hers, thief := newVisitor(h), newVisitor(h)
		submit(h, hers.get(h, made.Link), "/link/", url.Values{"password": {adasPassword}})
		h.signsIn(hers, "ada")
		h.box.greylists.Store(false)
		h.later(5 * time.Minute)
		late := h.box.next(h, "ada@example.org", 0).link(h)

		page := h.sees(thief.get(h, late), "Open this link where you have signed in before")
		if strings.Contains(page.Body, "New password") {
			h.Errorf("a stranger is asked for a new password:\n%s", page.Body)
		}
		h.signsIn(newVisitor(h), "ada")
		submit(h, h.sees(hers.get(h, late), "New password"), "/link/", url.Values{"password": {"another horse battery"}}).follow(h)
		h.sees(h.types(h.named(newVisitor(h), "ada")), "Username and password do not match.")
	})
}
