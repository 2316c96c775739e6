package e2e

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"gatehouse/web/api/client"
)

// cookie is the value of a cookie that the tab would send to address.
func (b *tab) cookie(address, name string) (value string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		got, err := cdp.Call(ctx, target, network.GetCookies, network.GetCookiesParams{URLs: []string{address}})
		if err != nil {
			return err
		}
		for _, c := range got.Cookies {
			if c.Name == name {
				value = c.Value
			}
		}
		return nil
	}))
	return value
}

// TestARememberedBrowserOnTwoNodes: Ada has Chromium remembered, and is let in by
// her password alone, on either node; who has her password and another browser is
// not, nor is anybody else in hers. When she says so in the portal of one node, the
// other asks again.
func TestARememberedBrowserOnTwoNodes(t *testing.T) {
	t.Parallel()
	env := map[string]string{"GATEHOUSE_DATABASE": postgresDSN(t), "GATEHOUSE_SECRET": rand.Text() + rand.Text()}
	p := meet(t, env)
	if _, err := p.API.SetPolicy(t.Context(), client.Policy{Remember: "30d"}, false, false); err != nil {
		t.Fatal(err)
	}
	env["GATEHOUSE_URL"] = p.URL
	other := start(t, []string{"serve"}, env)

	b := browser(t)
	b.open(p.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Hello, ada")
	b.press("Add an authenticator app")
	b.sees("Code that the app shows now")
	key := b.keyShown()
	b.fill("code", oathtool(t, key, "now"))
	b.press("Add")
	b.sees("They are shown this once.")
	b.open(p.URL)
	b.press("Sign out")
	b.sees("You are signed out")

	b.open(p.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Do not ask again in this browser for 30 days")
	b.shot("remember")
	if read(b, chromedp.Evaluate[bool]("document.querySelector('[name=remember]').checked")) {
		t.Error("it is chosen before anybody has")
	}
	read(b, chromedp.Evaluate[bool]("document.querySelector('[name=remember]').click(), true"))
	b.fill("code", oathtool(t, key, "now + 30 seconds")) // that of now was spent when the app was added
	b.press("Continue")
	b.sees("Without a second step")
	b.press("Sign out")
	b.sees("You are signed out")
	b.open(p.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Hello, ada")

	device := b.cookie(p.URL, "gatehouse_device")
	if device == "" {
		t.Fatal("the browser has no cookie by which it is known")
	}
	asked := func(addr, device, username, password string) bool {
		t.Helper()
		v := newVisitor(t)
		v.http.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}}
		house, err := url.Parse(p.URL)
		if err != nil {
			t.Fatal(err)
		}
		v.http.Jar.SetCookies(house, []*http.Cookie{{Name: "gatehouse_device", Value: device, Path: "/"}})
		page := v.get(t, p.URL+"/signin").follow(t)
		page = submit(t, page, "/identifier", url.Values{"username": {username}})
		page = submit(t, page, "/password", url.Values{"password": {password}}).follow(t)
		switch {
		case strings.Contains(page.Body, "Hello,"):
			return false
		case !strings.Contains(page.Body, "Second step"):
			t.Errorf("%s at %s: %d\n%s", username, addr, page.Status, page.Body)
		}
		return true
	}
	done, err := p.API.Apply(t.Context(), client.Desired{Users: []client.DesiredUser{{Person: client.Person{Username: "eve"}}}}, false)
	if err != nil {
		t.Fatal(err)
	}
	const evesPassword = "eve and her long password"
	for _, c := range done.Changes {
		if c.Link != "" {
			choosesPassword(t, c.Link, url.Values{"password": {evesPassword}})
		}
	}
	for _, addr := range []string{p.Addr, other.Addr} {
		if asked(addr, device, "ada", adasPassword) {
			t.Errorf("at %s the remembered browser is asked", addr)
		}
		for name, wrong := range map[string]string{"none": "", "a shorter one": device[:len(device)-1], "another": rand.Text() + rand.Text()} {
			if !asked(addr, wrong, "ada", adasPassword) {
				t.Errorf("at %s, with %s, nothing is asked", addr, name)
			}
		}
	}
	b.open(p.URL)
	b.press("Ask again")
	until(t, readyWithin, "her page shows it no more", func() bool { return !strings.Contains(b.text(), "Without a second step") })
	for _, addr := range []string{p.Addr, other.Addr} {
		if !asked(addr, device, "ada", adasPassword) {
			t.Errorf("at %s nothing is asked after she said so", addr)
		}
	}
	if asked(other.Addr, device, "eve", evesPassword) {
		t.Error("who has no second factor is asked for one")
	}
}

// TestAnAppThatAsksForAPasskey: a rule leads Ada, who has none, to her own page to
// make one, and takes it and nothing else.
func TestAnAppThatAsksForAPasskey(t *testing.T) {
	t.Parallel()
	w := found(t, plan{})
	w.adaChoosesPassword()
	rule := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(rule, []byte("rules:\n  - passkey: true\n    app: Wiki\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := w.gatehouse("policy", "set", "--accept", rule); !strings.Contains(said, "Everybody needs a passkey for Wiki.") {
		t.Errorf("the policy says %s", said)
	}
	// Who comes from the app with nothing but a password is led to where they set it
	// up, and has to type no name for it.
	first := browser(t)
	first.byButton()
	first.open(w.Wiki.URL + "/login")
	signIn(first, "ada", adasPassword)
	first.sees("asks for a passkey, and you have none yet")
	first.press("Add a passkey")
	first.sees("Username or email")
	first.press("Continue")
	first.sees("Not you?")
	first.fill("password", adasPassword)
	first.press("Sign in")
	first.sees("With a passkey you sign in")

	b := browser(t)
	b.byButton()
	device := b.authenticator(webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportInternal})
	b.open(w.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Sign in faster next time")
	b.press("Not now")
	b.sees("Hello, Ada")
	b.open(w.Wiki.URL + "/login")
	b.sees("asks for a passkey, and you have none yet")
	b.press("Add a passkey")
	b.sees("With a passkey you sign in")
	b.touches(device, "Add a passkey")
	b.sees("On this device or key alone")
	b.present(device, false)
	b.open(w.Wiki.URL + "/login")
	b.sees("with a passkey of yours")
	if strings.Contains(b.text(), "Code from") || strings.Contains(b.text(), "Password") {
		t.Errorf("it asks for something else: %s", b.text())
	}
	b.touches(device, "Use a passkey")
	b.sees("Good to see you")
}
