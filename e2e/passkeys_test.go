package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	pages "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"gatehouse/web/api/client"
)

// authenticator gives the tab one that keeps passkeys and knows its owner. Nobody
// stands before it yet.
func (b *tab) authenticator(o webauthn.VirtualAuthenticatorOptions) webauthn.AuthenticatorID {
	b.t.Helper()
	o.HasUserVerification, o.IsUserVerified = true, true
	return b.authenticatorAs(o)
}

// authenticatorAs is authenticator for one that says itself whether it knows anybody.
func (b *tab) authenticatorAs(o webauthn.VirtualAuthenticatorOptions) (id webauthn.AuthenticatorID) {
	b.t.Helper()
	o.Protocol, o.Ctap2version, o.HasResidentKey = webauthn.AuthenticatorProtocolCtap2, webauthn.Ctap2versionCtap21, true
	b.act(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		made, err := cdp.Call(ctx, target, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &o})
		if err == nil {
			id = made.AuthenticatorID
		}
		return err
	}))
	return id
}

// present says whether the owner of an authenticator stands before it.
func (b *tab) present(id webauthn.AuthenticatorID, there bool) {
	b.t.Helper()
	b.do(call(webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: id, Enabled: there}))
}

// recognises says whether an authenticator knows whoever stands before it.
func (b *tab) recognises(id webauthn.AuthenticatorID, them bool) {
	b.t.Helper()
	b.do(call(webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: id, IsUserVerified: them}))
}

// says has an authenticator say of what it does what is not so; nothing: the truth again.
func (b *tab) says(id webauthn.AuthenticatorID, lies webauthn.SetResponseOverrideBitsParams) {
	b.t.Helper()
	lies.AuthenticatorID = id
	b.do(call(webauthn.SetResponseOverrideBits, lies))
}

// loses takes an authenticator away from the browser.
func (b *tab) loses(id webauthn.AuthenticatorID) {
	b.t.Helper()
	b.do(call(webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: id}))
}

// touches presses the button with somebody before the key.
func (b *tab) touches(id webauthn.AuthenticatorID, button string) {
	b.t.Helper()
	b.present(id, true)
	b.press(button)
}

// byButton keeps the browser, on pages to come, from offering passkeys in the
// field for the name, until the returned function is called.
func (b *tab) byButton() (otherwise func()) {
	b.t.Helper()
	var id pages.ScriptIdentifier
	b.act(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		made, err := cdp.Call(ctx, target, pages.AddScriptToEvaluateOnNewDocument, pages.AddScriptToEvaluateOnNewDocumentParams{
			Source: "PublicKeyCredential.isConditionalMediationAvailable = async () => false",
		})
		if err == nil {
			id = made.Identifier
		}
		return err
	}))
	return func() {
		b.do(call(pages.RemoveScriptToEvaluateOnNewDocument, pages.RemoveScriptToEvaluateOnNewDocumentParams{Identifier: id}))
	}
}

// signsOut and stands before the sign-in, with nobody at the key.
func (b *tab) signsOut(house string, id webauthn.AuthenticatorID) {
	b.t.Helper()
	b.present(id, false)
	b.open(house)
	b.press("Sign out")
	b.sees("You are signed out")
	b.open(house)
	b.sees("Use a passkey")
}

// TestPasskeysInABrowser is a passkey's life in Chromium: offered after a
// password, made, used without a name, asked for again by an app, renamed,
// removed; and what a stranger, a key that is gone and a suspended person see.
func TestPasskeysInABrowser(t *testing.T) {
	t.Parallel()
	p := meet(t, nil)
	b := browser(t)
	otherwise := b.byButton()
	device := b.authenticator(webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportInternal})
	b.open(p.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Sign in faster next time")
	b.shot("passkey-offer")
	b.touches(device, "Add a passkey")
	b.sees("Hello, ada") // on the way that they were on
	b.sees("You have 1 passkey.")
	b.signsOut(p.URL, device)
	b.shot("passkey-sign-in")
	b.touches(device, "Use a passkey")
	b.sees("Hello, ada")

	// A second one, that is kept in step; the device that has one is excluded.
	b.present(device, false)
	manager := b.authenticator(webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportUsb, DefaultBackupEligibility: true, DefaultBackupState: true})
	b.open(p.URL + "/passkeys")
	b.touches(manager, "Add a passkey")
	b.sees("Kept on all your devices")
	b.shot("passkeys")
	p.provesItAgain(t, b, manager)

	// The browser offers it by itself, in the field for the name.
	otherwise()
	b.signsOut(p.URL, manager)
	b.present(manager, true)
	b.open(p.URL)
	b.sees("Hello, ada")
	b.byButton()

	stranger := browser(t)
	empty := stranger.authenticator(webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportInternal})
	stranger.open(p.URL)
	stranger.touches(empty, "Use a passkey")
	stranger.sees("No passkey was used. Try again when yours is at hand.")

	// Removed by an owner while she is at the sign-in.
	b.signsOut(p.URL, manager)
	all, err := p.API.Credentials(t.Context(), "ada")
	if err != nil || len(all) != 3 {
		t.Fatalf("credentials %+v, %v", all, err)
	}
	for _, c := range all {
		if c.Synced {
			_, err = p.API.RemoveCredential(t.Context(), "ada", c.ID)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	b.expect("401")
	b.touches(manager, "Use a passkey")
	b.sees("This passkey does not sign you in here.")
	removed := b.text()

	b.present(manager, false)
	if _, err := p.API.Suspend(t.Context(), "ada", "Left the company"); err != nil {
		t.Fatal(err)
	}
	b.touches(device, "Use a passkey")
	until(t, readyWithin, "the suspended person is refused", func() bool {
		return strings.Count(p.Log.String(), `/passkey","status":401`) > 1
	})
	b.sees("This passkey does not sign you in here.")
	if got := b.text(); got != removed {
		t.Errorf("suspended, the page shows\n%s\nand for a removed passkey\n%s", got, removed)
	}
}

// provesItAgain: an app asks for a new proof, and a touch is all it takes.
func (p *parties) provesItAgain(t *testing.T, b *tab, id webauthn.AuthenticatorID) {
	t.Helper()
	b.present(id, false)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>vault</title><link rel=icon href=data:,><p>code " + r.FormValue("error") + "</p>"))
	}))
	t.Cleanup(app.Close)
	back := strings.Replace(app.URL, "127.0.0.1", "vault.localhost", 1) + "/cb"
	_, err := p.API.Apply(t.Context(), client.Desired{
		Apps:   []client.App{{Name: "vault", Protocol: "oidc", Identifier: "vault", OIDC: &client.OIDC{RedirectURIs: []string{back}}}},
		Grants: []client.Grant{{App: "vault", User: "ada"}},
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	b.open(authorizing(p.URL, "vault", back, "openid") + "&prompt=login")
	b.touches(id, "Use a passkey")
	b.sees("code")
	if at, err := url.Parse(b.url()); err != nil || at.Query().Get("code") == "" {
		t.Errorf("the app got no code: %s", b.url())
	}
}

// TestWA03OfManyOnTwoNodesOneWins: what Chromium's passkey has signed is sent 64
// times at once to two nodes. Before that, what its key signs and no browser would say
// is refused at both.
func TestWA03OfManyOnTwoNodesOneWins(t *testing.T) {
	t.Parallel()
	env := map[string]string{"GATEHOUSE_DATABASE": postgresDSN(t), "GATEHOUSE_SECRET": rand.Text() + rand.Text()}
	p := meet(t, env)
	env["GATEHOUSE_URL"] = p.URL
	other := start(t, []string{"serve"}, env)
	b := browser(t)
	b.byButton()
	device := b.authenticator(webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportInternal})
	b.open(p.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Sign in faster next time")
	b.touches(device, "Add a passkey")
	b.sees("Hello, ada")
	t.Run("WA-01 WA-02 WA-03 WA-04 WA-05 forged by the key itself", func(t *testing.T) {
		f := forgerOf(t, b.kept(device)[0])
		f.forgeries(t, p.URL, []string{p.Addr, other.Addr})
		b.do(call(webauthn.SetCredentialProperties, webauthn.SetCredentialPropertiesParams{
			AuthenticatorID: device, CredentialID: f.id, SignCount: new(float64(f.count)), // it is no copy
		}))
	})
	b.signsOut(p.URL, device)

	read(b, chromedp.Evaluate[bool](`document.querySelector("form[data-passkey]").submit = () => { document.querySelector("h1").textContent = "Held back"; }; true`))
	b.touches(device, "Use a passkey")
	b.sees("Held back")
	var fields map[string]string
	if err := json.Unmarshal([]byte(read(b, chromedp.Evaluate[string](`JSON.stringify(Object.fromEntries(new FormData(document.querySelector("form[data-passkey]"))))`))), &fields); err != nil {
		t.Fatal(err)
	}
	form := url.Values{}
	for name, value := range fields {
		form.Set(name, value)
	}
	path := read(b, chromedp.Evaluate[string](`new URL(document.querySelector("form[data-passkey]").action).pathname`))
	var cookies []string
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		got, err := cdp.Call(ctx, target, network.GetCookies, network.GetCookiesParams{URLs: []string{p.URL}})
		if err == nil {
			cookies = nil
			for _, c := range got.Cookies {
				cookies = append(cookies, c.Name+"="+c.Value)
			}
		}
		return err
	}))

	var won, lost atomic.Int32
	var all sync.WaitGroup
	ways := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for i := range 64 {
		addr := []string{p.Addr, other.Addr}[i%2]
		all.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+path, strings.NewReader(form.Encode()))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Cookie", strings.Join(cookies, "; "))
			got, err := ways.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			_ = got.Body.Close()
			for _, c := range got.Cookies() {
				if c.Name == "gatehouse" && c.Value != "" {
					won.Add(1)
				}
			}
			if got.StatusCode == http.StatusUnauthorized {
				lost.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || lost.Load() == 0 {
		t.Errorf("of 64, %d got a session and %d a refusal", won.Load(), lost.Load())
	}
}

// kept is what an authenticator has of passkeys.
func (b *tab) kept(id webauthn.AuthenticatorID) (all []*webauthn.Credential) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		got, err := cdp.Call(ctx, target, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: id})
		if err == nil {
			all = got.Credentials
		}
		return err
	}))
	return all
}

// TestTheDeviceFollowsWhatTheHouseKeeps (WebAuthn L3 §5.1.10): it shows the name of
// today, and a passkey that was removed, by the person or by an owner, disappears
// from it.
func TestTheDeviceFollowsWhatTheHouseKeeps(t *testing.T) {
	t.Parallel()
	p := meet(t, map[string]string{"GATEHOUSE_PASSKEY_ORIGINS": "https://example.de"})
	b := browser(t)
	b.byButton()
	device := b.authenticator(webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportInternal})
	b.open(p.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Sign in faster next time")
	b.touches(device, "Add a passkey")
	b.sees("Hello, ada")
	if all := b.kept(device); len(all) != 1 || all[0].UserName != "ada" {
		t.Fatalf("the device has %+v", all)
	}
	if _, err := p.API.ChangeUser(t.Context(), "ada", client.Person{Username: "ada.king", DisplayName: "Ada King"}); err != nil {
		t.Fatal(err)
	}
	b.open(p.URL)
	b.sees("Hello, Ada")
	until(t, actWithin, "the device shows the name of today", func() bool {
		all := b.kept(device)
		return len(all) == 1 && all[0].UserName == "ada.king" && all[0].UserDisplayName == "Ada King"
	})

	b.signsOut(p.URL, device)
	b.touches(device, "Use a passkey")
	b.sees("Hello, Ada")
	b.open(p.URL + "/passkeys")
	b.press("Remove")
	b.press("Remove it and sign out everywhere")
	b.sees("It was removed")
	until(t, actWithin, "the passkey that was removed is gone from the device", func() bool { return len(b.kept(device)) == 0 })

	b.open(p.URL + "/passkeys")
	signIn(b, "ada.king", adasPassword)
	b.sees("With a passkey you sign in")
	b.touches(device, "Add a passkey")
	b.sees("On this device or key alone")
	all, err := p.API.Credentials(t.Context(), "ada.king")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Kind != "passkey" {
			continue
		}
		if _, err := p.API.RemoveCredential(t.Context(), "ada.king", c.ID); err != nil {
			t.Fatal(err)
		}
	}
	b.open(p.URL + "/passkeys")
	signIn(b, "ada.king", adasPassword)
	b.sees("With a passkey you sign in")
	until(t, actWithin, "the passkey that an owner removed is gone from the device", func() bool { return len(b.kept(device)) == 0 })

	related := newVisitor(t).get(t, p.URL+"/.well-known/webauthn")
	if want := `{"origins":["` + p.URL + `","https://example.de"]}`; strings.TrimSpace(related.Body) != want || related.Header.Get("Content-Type") != "application/json" {
		t.Errorf("related origins: %s, %s", related.Header.Get("Content-Type"), related.Body)
	}
}

// TestAForgottenPasswordBesideAPasskey: Ada has typed her name and does not know her
// password. The passkey is offered there too, and by it she chooses another one, and
// is not asked for the one that she has forgotten. Who came by the password is.
func TestAForgottenPasswordBesideAPasskey(t *testing.T) {
	t.Parallel()
	p := meet(t, nil)
	b := browser(t)
	b.byButton()
	device := b.authenticator(webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportInternal})
	b.open(p.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Sign in faster next time")
	b.touches(device, "Add a passkey")
	b.sees("Hello, ada")
	b.open(p.URL + "/password")
	b.sees("Show once more that it is you")
	b.press("My apps")
	b.sees("Hello, ada")
	b.signsOut(p.URL, device)

	b.fill("username", "ada")
	b.press("Continue")
	b.sees("Not you?")
	b.shot("password-or-passkey")
	b.touches(device, "Use a passkey")
	b.sees("Hello, ada")
	b.press("Change your password")
	b.sees("New password")
	if strings.Contains(b.text(), "Current password") {
		t.Errorf("she is asked for what she has forgotten:\n%s", b.text())
	}
	b.fill("password", "another horse battery")
	b.press("Change password")
	b.sees("Your password was changed")
	b.present(device, false)
	b.open(p.URL)
	b.sees("Use another account")
	signIn(b, "ada", "another horse battery")
	b.sees("Hello, ada")
}

// TestAnInvitationEndsWithAPasskeyInABrowser: no password anywhere. Without a script, or
// without a key, the password is there; and a key that says it has verified nobody makes
// none.
func TestAnInvitationEndsWithAPasskeyInABrowser(t *testing.T) {
	t.Parallel()
	p := meet(t, nil)
	invited := func(name string) string {
		t.Helper()
		made, err := p.API.AddUser(t.Context(), client.Person{Username: name})
		if err != nil {
			t.Fatal(err)
		}
		return made.Link
	}
	b := browser(t)
	b.byButton()
	device := b.authenticator(webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportInternal})
	link := invited("grace")
	b.open(link)
	b.sees("How do you want to sign in?")
	b.sees("With a password")
	b.shot("invitation-passkey")
	b.touches(device, "Make a passkey")
	b.sees("Username or email")
	b.touches(device, "Use a passkey")
	b.sees("Hello, grace")
	all, err := p.API.Credentials(t.Context(), "grace")
	if err != nil || len(all) != 1 || all[0].Kind != "passkey" {
		t.Fatalf("credentials %+v, %v", all, err)
	}
	v := newVisitor(t)
	if got := v.get(t, link); got.Status != http.StatusGone {
		t.Errorf("the link answers %d", got.Status)
	}

	// A security key, that roams.
	c := browser(t)
	c.byButton()
	key := c.authenticator(webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportUsb})
	c.open(invited("hedy"))
	c.sees("How do you want to sign in?")
	c.do(call(webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: key, IsUserVerified: false}))
	c.touches(key, "Make a passkey")
	c.sees("No passkey was made. Try again when you are ready, or choose a password.")
	c.do(call(webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: key, IsUserVerified: true}))
	c.touches(key, "Make a passkey")
	c.sees("Username or email")
	c.touches(key, "Use a passkey")
	c.sees("Hello, hedy")

	// One that the house does not keep is taken off the key again.
	v = newVisitor(t)
	page := v.get(t, invited("ines"))
	if got := submit(t, page, "/passkey", url.Values{"response": {`{"id":"AAAA"}`}}); got.Status != http.StatusBadRequest ||
		!strings.Contains(got.Body, `data-unknown="{&#34;credentialId&#34;:&#34;AAAA&#34;,&#34;rpId&#34;:&#34;localhost&#34;}"`) || !strings.Contains(got.Body, "allAcceptedCredentialIds") {
		t.Errorf("the browser is not told: %d\n%s", got.Status, got.Body)
	}

	// By the password, on the same page; and what is no passkey leaves the link good.
	link = invited("ida")
	page = v.get(t, link)
	if page.Status != http.StatusOK || !strings.Contains(page.Body, "How do you want to sign in?") {
		t.Fatalf("%d\n%s", page.Status, page.Body)
	}
	if got := submit(t, page, "/passkey", url.Values{"response": {"{}"}}); got.Status != http.StatusBadRequest || !strings.Contains(got.Body, "This passkey could not be read.") {
		t.Errorf("no passkey: %d\n%s", got.Status, got.Body)
	}
	if got := submit(t, page, link[strings.Index(link, "/link/"):], url.Values{"password": {adasPassword}}); got.Status != http.StatusSeeOther {
		t.Errorf("the password: %d\n%s", got.Status, got.Body)
	}
	comesIn(t, p.URL, "ida", adasPassword)
}
