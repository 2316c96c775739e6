package e2e

import (
	"strings"
	"syscall"
	"testing"

	"gatehouse/web/api/client"
)

// byBrowserOnly registers both apps anew, so that nobody but the person's own
// browser can tell them.
func (w *town) byBrowserOnly(binding string) {
	w.t.Helper()
	var want client.Desired
	for _, name := range []string{"Wiki", "CRM"} {
		a, err := w.API.App(w.t.Context(), name)
		if err != nil {
			w.t.Fatal(err)
		}
		a.ID, a.ProbeURL = "", ""
		if a.OIDC != nil {
			a.OIDC.BackchannelLogoutURI, a.OIDC.FrontchannelLogoutURI = "", w.Wiki.URL+"/frontchannel-logout"
		} else {
			a.SAML.SOAPLogoutURL, a.SAML.FrontLogoutURL, a.SAML.FrontLogoutBinding = "", w.CRM.URL+"/saml/slo", binding
		}
		want.Apps = append(want.Apps, a)
	}
	if _, err := w.API.Apply(w.t.Context(), want, false); err != nil {
		w.t.Fatal(err)
	}
}

// lastReceipt is Ada's newest, once it is listed.
func (w *town) lastReceipt() client.Receipt {
	w.t.Helper()
	var r client.Receipt
	until(w.t, readyWithin, "the receipt is listed", func() bool {
		all, err := w.API.Receipts(w.t.Context(), "ada")
		if err != nil || len(all) == 0 {
			w.t.Fatalf("%d receipts, %v", len(all), err)
		}
		r = w.receipt(all[0].ID)
		return !r.Listing
	})
	return r
}

// TestABrowserIsLedThroughAppsThatNobodyElseCanTell: at a sign-out, by
// redirect and by post, with scripts and without. A suspension says what it
// cannot reach, and waits for no browser.
func TestABrowserIsLedThroughAppsThatNobodyElseCanTell(t *testing.T) {
	t.Parallel()
	w := found(t, plan{})
	w.adaChoosesPassword()
	comesIn := func(b *tab) {
		t.Helper()
		b.open(w.URL)
		signIn(b, "ada", adasPassword)
		b.sees("Hello, Ada")
		b.open(w.Wiki.URL + "/login")
		b.sees("Good to see you")
		b.open(w.CRM.URL + "/login")
		b.sees("Contacts")
		if w.live(w.Wiki) != 1 || w.live(w.CRM) != 1 {
			t.Fatal("she is not in both apps")
		}
		b.open(w.URL)
	}
	isOut := func(b *tab, how string) {
		t.Helper()
		until(t, readyWithin, how+": both apps have ended her session", func() bool { return w.live(w.Wiki)+w.live(w.CRM) == 0 })
		var wiki, crm client.Line
		until(t, readyWithin, how+": the CRM has answered", func() bool {
			r := w.lastReceipt()
			wiki, crm = line(t, r, "Wiki"), line(t, r, "CRM")
			return crm.AckedAt != nil
		}, func() any { return crm })
		if wiki.Lever != "oidc_frontchannel" || wiki.State != "alive" || wiki.AckedAt != nil || !strings.Contains(wiki.Answer, "Their own browser was led there") {
			t.Errorf("%s: the wiki's line says %+v", how, wiki)
		}
		// The assertion is a moment old: it could still land.
		if crm.Lever != "saml_front" || crm.State != "alive" || crm.Answer != "It answered Success." {
			t.Errorf("%s: the CRM's line says %+v", how, crm)
		}
	}
	for _, binding := range []string{"redirect", "post"} {
		w.byBrowserOnly(binding)
		b := browser(t)
		comesIn(b)
		b.press("Sign out")
		b.sees("You are signed out of CRM.")
		b.sees("Asked by your browser. It gives no answer.")
		if binding == "redirect" {
			b.shot("signing-out")
		}
		isOut(b, binding)
	}

	w.byBrowserOnly("redirect")
	b := browser(t)
	b.withoutScript()
	b.open(w.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Hello, Ada")
	b.open(w.Wiki.URL + "/login")
	b.open(w.URL)
	b.press("Sign out")
	until(t, readyWithin, "without scripts: the wiki has ended her session", func() bool { return w.live(w.Wiki) == 0 })

	b = browser(t)
	comesIn(b)
	r := w.suspends()
	until(t, readyWithin, "the receipt is listed", func() bool { r = w.receipt(r.ID); return !r.Listing })
	said := map[string]int{}
	for _, l := range r.Lines { // also of the sessions before, whose end is not proven
		said[l.App]++
		// Nothing says when the wiki's own session ends.
		if l.State != "alive" || l.Lever != "none" || (l.Ceiling == nil) != (l.App == "Wiki") || l.Attempts != 0 {
			t.Errorf("suspended, the line of %s says %+v", l.App, l)
		}
	}
	if said["Wiki"] == 0 || said["CRM"] == 0 {
		t.Errorf("lines of %v", said)
	}
}

// TestADeadAppKeepsNobodyFromLeaving: the app from which she leaves gets her
// back though another hangs, and the receipt says that nothing came back.
func TestADeadAppKeepsNobodyFromLeaving(t *testing.T) {
	t.Parallel()
	w := found(t, plan{})
	w.adaChoosesPassword()
	w.byBrowserOnly("post")
	b := browser(t)
	b.open(w.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Hello, Ada")
	b.open(w.CRM.URL + "/login")
	b.sees("Contacts")
	b.open(w.Wiki.URL + "/login")
	b.sees("Good to see you")
	if err := w.CRM.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer w.CRM.cmd.Process.Signal(syscall.SIGCONT)
	b.press("Sign out")
	b.sees("You are signed out") // of Gatehouse, while the CRM hangs
	until(t, readyWithin, "she is back at the wiki", func() bool {
		return strings.HasPrefix(b.url(), w.Wiki.URL) && strings.Contains(b.text(), "You signed out at")
	})
	if l := line(t, w.lastReceipt(), "CRM"); l.State != "alive" || l.AckedAt != nil || l.Ceiling == nil || !strings.Contains(l.Answer, "Nothing has come back") {
		t.Errorf("the CRM's line says %+v", l)
	}
}

// TestAnAppSignsHerOutEverywhere: she signs out of the CRM, which asks Gatehouse
// by SAML; the wiki is told before she is back, also where only her browser can
// tell it.
func TestAnAppSignsHerOutEverywhere(t *testing.T) {
	t.Parallel()
	w := found(t, plan{})
	w.adaChoosesPassword()
	leaves := func() *tab {
		t.Helper()
		b := browser(t)
		b.open(w.URL)
		signIn(b, "ada", adasPassword)
		b.sees("Hello, Ada")
		b.open(w.Wiki.URL + "/login")
		b.sees("Good to see you")
		b.open(w.CRM.URL + "/login")
		b.sees("Contacts")
		b.press("Sign out")
		return b
	}
	isOut := func(b *tab) {
		t.Helper()
		until(t, readyWithin, "both apps have ended her session", func() bool { return w.live(w.Wiki)+w.live(w.CRM) == 0 })
		if l := line(t, w.lastReceipt(), "CRM"); l.Answer != "It asked for this sign-out itself." || l.Attempts != 0 {
			t.Errorf("the CRM's line says %+v", l)
		}
		b.open(w.URL)
		b.sees("Sign in")
	}
	b := leaves()
	b.sees("Gatehouse has signed you out, too, and every other app that you opened from it.")
	b.shot("crm-signed-out")
	isOut(b)

	w.byBrowserOnly("redirect")
	b = leaves()
	b.sees("You are signed out") // of Gatehouse: her browser is led to the wiki
	until(t, readyWithin, "she is back at the CRM", func() bool {
		return strings.HasPrefix(b.url(), w.CRM.URL) && strings.Contains(b.text(), "Not every other app that you opened from it has confirmed that yet.")
	})
	isOut(b)
}
