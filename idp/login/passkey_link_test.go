package login

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
)

// TestAnInvitationEndsWithAPasskey: whoever has nothing yet makes one in place of a
// password, by the link and once, and signs in by it; and by what else they are let in
// is what they had before.
func TestAnInvitationEndsWithAPasskey(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	anna := h.user("anna", "")
	d := newDevice()
	l, other := h.link(anna, idp.LinkPassword), h.link(anna, idp.LinkRecovery)
	c, err := h.PasskeyByLink(t.Context(), l, "")
	h.ok(err)
	if c.State == "" {
		t.Fatal("nothing is offered")
	}
	answer := d.make(h, c)
	// A ceremony of another link, or of somebody else's, makes none.
	_, err = h.AddPasskeyByLink(t.Context(), other, "", c.State, answer, "Chrome")
	h.is(err, idp.Invalid)
	eve := h.user("eve", "")
	_, err = h.AddPasskeyByLink(t.Context(), h.link(eve, idp.LinkPassword), "", c.State, answer, "Chrome")
	h.is(err, idp.Invalid)
	if all, err := h.store.Credentials(t.Context(), anna.ID); err != nil || len(all) != 0 {
		t.Fatalf("kept %+v, %v", all, err)
	}
	_, err = h.AddPasskeyByLink(h.from("192.0.2.1"), l, "", c.State, answer, "Chrome on Linux")
	h.ok(err)
	d.AddCredential(d.key)
	in, err := h.touch(d)
	h.ok(err)
	if Next(in) != StepDone || in.UserID != anna.ID || !MultiFactor(in.Methods) {
		t.Errorf("signed in: %+v", in)
	}
	e := h.events("passkey.add")
	if len(e) != 1 || e[0].UserID != anna.ID || e[0].Actor.UserID != anna.ID || e[0].Actor.Address != "192.0.2.1" || e[0].Detail["link"] != "password" {
		t.Errorf("events %+v", e)
	}
	// Both links are spent, for either.
	for _, l := range []idp.Link{l, other} {
		if c, err := h.PasskeyByLink(t.Context(), l, ""); err != nil || c.State != "" {
			t.Errorf("offered again: %v", err)
		}
		_, err = h.AddPasskeyByLink(t.Context(), l, "", c.State, answer, "Chrome")
		h.is(err, idp.Denied)
	}
	h.is(h.set(t.Context(), l, secret, ""), idp.Denied) // whose way in is the passkey
}

// TestAFirstPasskeyIsForWhoHasNothing: a link lets nobody add one beside what they
// have, nor a stranger to a person whose mailbox they read.
func TestAFirstPasskeyIsForWhoHasNothing(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	withPassword, lost := h.user("anna", secret), h.user("bert", secret)
	h.knownTo(lost, "")
	all, err := h.store.Credentials(t.Context(), lost.ID)
	h.ok(err)
	_, err = h.store.Commit(t.Context(), idp.Change{RemoveCredentials: all,
		Ending: &idp.Ending{Kind: idp.EndPasses, UserID: lost.ID, Key: "x", At: h.now(), ReceiptID: idp.NewReceiptID()}})
	h.ok(err)
	lost, err = h.store.User(t.Context(), lost.ID)
	h.ok(err)
	invited := h.user("cyd", "")
	for name, c := range map[string]struct {
		u       idp.User
		purpose idp.LinkPurpose
		offered bool
	}{
		"a password, and an owner's link":   {withPassword, idp.LinkReset, false},
		"a password, and an old invitation": {withPassword, idp.LinkPassword, false},
		"a password, and a mailed link":     {withPassword, idp.LinkRecovery, false},
		"nothing left, and a mailed link":   {lost, idp.LinkRecovery, false},
		"nothing left, and an owner's link": {lost, idp.LinkReset, true},
		"invited, and a mailed link":        {invited, idp.LinkRecovery, true},
	} {
		l := h.link(c.u, c.purpose)
		got, err := h.PasskeyByLink(t.Context(), l, "")
		if err != nil || (got.State != "") != c.offered {
			t.Errorf("%s: offered %q, %v", name, got.State, err)
		}
		if !c.offered {
			_, err = h.AddPasskeyByLink(t.Context(), l, "", got.State, "{}", "Chrome")
			h.is(err, idp.Denied)
		}
	}
	none := newHouse(t)
	l := none.link(none.user("anna", ""), idp.LinkPassword)
	if c, err := none.PasskeyByLink(t.Context(), l, ""); err != nil || c.State != "" {
		t.Errorf("in a house without passkeys: %+v, %v", c, err)
	}
}

// TestAFirstPasskeyOfManyIsOne: 64 at once, half of them with a password.
func TestAFirstPasskeyOfManyIsOne(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	h.MailCodes = func() bool { return true }
	anna := h.user("anna", "")
	l := h.link(anna, idp.LinkPassword)
	var tries [64]func() error
	for i := range tries {
		if i%2 == 0 {
			tries[i] = func() error { return h.set(t.Context(), l, secret, "") }
			continue
		}
		d := newDevice()
		c, err := h.PasskeyByLink(t.Context(), l, "")
		h.ok(err)
		answer := d.make(h, c)
		tries[i] = func() error {
			_, err := h.AddPasskeyByLink(t.Context(), l, "", c.State, answer, "Chrome")
			return err
		}
	}
	var won atomic.Int64
	var all sync.WaitGroup
	for _, try := range tries {
		all.Go(func() {
			if try() == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	kept, err := h.store.Credentials(t.Context(), anna.ID)
	if won.Load() != 1 || err != nil || len(kept) != 1 {
		t.Errorf("%d won, %d are kept, %v", won.Load(), len(kept), err)
	}
	// Codes by mail may have let them in: that is over.
	if _, err := h.store.LastReceipt(t.Context(), anna.ID, idp.EndPasses); err != nil {
		t.Errorf("what they held by codes goes on: %v", err)
	}
	// An answer that is late makes none.
	bert := h.user("bert", "")
	l = h.link(bert, idp.LinkPassword)
	d := newDevice()
	c, err := h.PasskeyByLink(t.Context(), l, "")
	h.ok(err)
	answer := d.make(h, c)
	h.clock.pass(6 * time.Minute)
	_, err = h.AddPasskeyByLink(t.Context(), l, "", c.State, answer, "Chrome")
	h.is(err, idp.Invalid)
	h.ok(h.set(t.Context(), l, secret, ""))
}
