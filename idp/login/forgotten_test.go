package login

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/sessions"
)

// mailsTo is what waits for a person; "" for nobody.
func (h *house) mailsTo(id idp.UserID) []idp.Mail {
	h.Helper()
	all, err := h.store.MailsOf(h.Context(), id, 100)
	h.ok(err)
	return all
}

// EN-02: whoever is named, the answer is the same, and so is the work, also where
// a link is under way, and with a device cookie that is nobody's.
func TestEN02AskingForALinkTellsNothingOfAnybody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.Mails = true
	anna := h.user("anna", secret)
	gone := h.user("gone", secret)
	h.user("fresh", "")
	eves := h.knownTo(h.user("eve", secret), "")
	h.suspend(gone)
	for _, device := range []string{"", eves, "a secret that nobody has ever given out"} {
		var first uint64
		for i, name := range []string{"anna", "anna@example.org", "gone", "fresh", "nobody", "nobody@example.org", "anna"} {
			before, hashes := h.store.Statements(), h.computed()
			if err := h.Recover(h.from(fmt.Sprintf("192.0.2.%d:1000", i)), name, device, "en"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			n := h.store.Statements() - before
			if first == 0 {
				first = n
			}
			if n != first || h.computed() != hashes {
				t.Errorf("%s: %d statements, others %d; %d hashes", name, n, first, h.computed()-hashes)
			}
		}
	}
	if n := len(h.mailsTo(anna.ID)); n != 1 {
		t.Errorf("%d mails wait for anna, want 1", n)
	}
	if n := len(h.mailsTo("")); n != 18 { // of 21, anna has one, and gone and fresh
		t.Errorf("%d mails are to nobody, want 18", n)
	}
}

func (h *house) computed() int64 { _, _, n := h.Hasher.Load(); return n }

// postman sends what waits, as the worker does, and returns the newest link to a
// person; no link where none was sent.
func (h *house) postman(u idp.User) (newest idp.Link) {
	h.Helper()
	hand := string(idp.NewEventID())
	mails, err := h.store.ClaimMails(h.Context(), hand, h.now(), time.Minute, 500)
	h.ok(err)
	for _, m := range mails {
		if m.Kind == idp.MailRecovery {
			_, l, err := h.gate.NewLink(h.Context(), m.Proof, idp.LinkRecovery)
			h.ok(err)
			if m.UserID == u.ID {
				newest = l
			}
		}
		m.State, m.FinishedAt = idp.MailSent, h.now()
		h.ok(h.store.SaveMail(h.Context(), m, hand))
	}
	return newest
}

// asks asks for a link from an address, on a browser.
func (h *house) asksFor(name, address, device string) {
	h.Helper()
	h.ok(h.Recover(h.from(address), name, device, "en"))
}

// TestPR03AStrangerWhoAsksKillsNoLink: while one works, or waits to be mailed, no
// other is made, by whatever name it is asked for.
func TestPR03AStrangerWhoAsksKillsNoLink(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mailRecovers()
	h.store.Mails = true
	anna := h.user("anna", secret)
	h.asksFor("anna", "203.0.113.7", "")
	h.asksFor("anna@example.org", "198.51.100.1", "") // before it was sent
	l := h.postman(anna)
	if n := len(h.mailsTo(anna.ID)); n != 1 || l.ID == "" {
		t.Fatalf("%d mails, the link %+v", n, l)
	}
	for i := range 14 {
		h.asksFor([]string{"anna", "ANNA@example.org"}[i%2], fmt.Sprintf("198.51.%d.1", i), "")
		if other := h.postman(anna); other.ID != "" {
			t.Fatalf("minute %d: another link", i)
		}
		h.clock.pass(time.Minute)
	}
	h.ok(h.set(t.Context(), l, "another password", ""))
	asked, good := h.events("recovery.ask"), 0
	for _, e := range asked {
		if e.Detail["mailed"] == "no, the link of before is good" {
			good++
		}
	}
	if len(asked) != 16 || good != 15 {
		t.Errorf("%d asked, of whom %d found a good link", len(asked), good)
	}
	// It was used: who asks now gets one.
	h.asksFor("anna", "203.0.113.7", "")
	if l := h.postman(anna); l.ID == "" {
		t.Error("after a link was used there is no other")
	}
	// It ended by itself.
	h.clock.pass(15 * time.Minute)
	h.asksFor("anna", "203.0.113.7", "")
	if l := h.postman(anna); l.ID == "" {
		t.Error("after a link has ended there is no other")
	}
	// What the person held was ended: so was the link.
	_, err := h.store.Commit(t.Context(), idp.Change{Ending: &idp.Ending{Kind: idp.EndPasses, UserID: anna.ID, Key: "x", At: h.now(), ReceiptID: idp.NewReceiptID()}})
	h.ok(err)
	h.clock.pass(time.Minute)
	h.asksFor("anna", "203.0.113.7", "")
	if l := h.postman(anna); l.ID == "" {
		t.Error("after everything was ended there is no other")
	}
}

// TestBF03AStrangerKeepsNobodyFromRecovering, and fills no mailbox: from ever new
// networks, in both names, through a whole day. Whoever asks on their own browser or
// from a network of theirs has a link that works at any time; who asks
// where they have never been, within the hour.
func TestBF03AStrangerKeepsNobodyFromRecovering(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.Mails = true
	anna := h.user("anna", secret)
	generation, err := h.store.Generation(t.Context())
	h.ok(err)
	seen, err := h.gate.KnowDevice(t.Context(), idp.Proof{UserID: anna.ID, Epoch: anna.Epoch, Generation: generation}, "", sessions.Browser{Address: "203.0.113.7:4711"}, idp.VouchNone)
	h.ok(err)
	var good idp.Link
	works := func() bool {
		if l := h.postman(anna); l.ID != "" {
			good = l
		}
		return h.now().Before(good.ExpiresAt)
	}
	dry, longest := time.Duration(0), time.Duration(0)
	const step = 2 * time.Minute
	night := h.now().Add(24 * time.Hour)
	for i := 0; h.now().Before(night); i++ {
		h.asksFor([]string{"anna", "anna@example.org"}[i%2], fmt.Sprintf("2001:db8:%x::1", i), "")
		if works() {
			dry = 0
		} else {
			dry += step
		}
		longest = max(longest, dry)
		switch i {
		case 300: // long after the free ones: on her browser, elsewhere
			h.clock.pass(20 * time.Minute)
			h.asksFor("anna", "192.0.2.55", seen.Secret)
			if !works() {
				t.Error("on her own browser she has no link")
			}
		case 500: // without it, but at home
			h.clock.pass(20 * time.Minute)
			h.asksFor("anna", "203.0.113.99", "")
			if !works() {
				t.Error("in her own network she has no link")
			}
		}
		h.clock.pass(step)
	}
	if longest > time.Hour {
		t.Errorf("no link worked for %s", longest)
	}
	if n := len(h.mailsTo(anna.ID)); n < 20 || n > 4+25+2 {
		t.Errorf("%d mails in a day", n)
	}
}

// TestWhoAsksAtOnceGetsOneLink: 64 in parallel, over two nodes.
func TestWhoAsksAtOnceGetsOneLink(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.Mails = true
	anna := h.user("anna", secret)
	other := &Login{Store: h.Store, Gate: h.Gate, Hasher: h.Hasher, Spellings: h.Spellings, Box: h.Box, Now: h.Now}
	var all sync.WaitGroup
	for i := range 64 {
		node := []*Login{h.Login, other}[i%2]
		all.Go(func() {
			if err := node.Recover(h.from(fmt.Sprintf("198.51.%d.1", i)), "anna", "", "en"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(h.mailsTo(anna.ID)); n != 1 {
		t.Errorf("%d mails wait, want 1", n)
	}
}

// TestOneAddressAsksForFew, in whatever names, known or not; and the person whose
// browser it is goes on.
func TestOneAddressAsksForFew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.Mails = true
	anna := h.user("anna", secret)
	hers := h.knownTo(anna, "")
	most := perAskingAddress()[0].tries
	for i := range 2 * most {
		err := h.Recover(h.from("192.0.2.1:99"), []string{"anna", fmt.Sprint("nobody", i)}[i%2], "", "en")
		if slow, ok := errors.AsType[*ThrottledError](err); ok != (i >= most) || ok && slow.Err.Kind != idp.Throttled {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	for i := range most + 1 {
		err := h.Recover(h.from("192.0.2.1:99"), "anna", hers, "en")
		if _, slow := errors.AsType[*ThrottledError](err); slow != (i == most) {
			t.Fatalf("try %d on her browser: %v", i, err)
		}
	}
	h.asksFor("nobody", "198.51.100.1", "")
	// A network of many addresses has more, and an end.
	n := 0
	for ; n < 300; n++ {
		if h.Recover(h.from(fmt.Sprintf("203.0.113.%d", n%256)), "anna", "", "en") != nil {
			break
		}
	}
	if n != perAskingNetwork()[0].tries {
		t.Errorf("%d tries from one network, want %d", n, perAskingNetwork()[0].tries)
	}
}

// PR-03: once, for 15 minutes, the newest only, for its user, beside a second
// factor where there is one.
func TestPR03AMailedLinkIsGoodOnceAndNotForLong(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mailRecovers()
	anna, bert := h.user("anna", secret), h.user("bert", secret)
	l := h.link(anna, idp.LinkRecovery)
	h.clock.pass(15 * time.Minute)
	h.is(h.set(t.Context(), l, "another password", ""), idp.Unauthenticated)

	older := h.link(anna, idp.LinkRecovery)
	h.clock.pass(time.Second)
	l = h.link(anna, idp.LinkRecovery)
	h.is(h.set(t.Context(), older, "another password", ""), idp.Unauthenticated)
	forged := l
	forged.UserID = bert.ID
	h.ok(h.set(t.Context(), l, "another password", ""))
	h.is(h.set(t.Context(), l, "a third password", ""), idp.Unauthenticated)
	h.is(h.set(t.Context(), forged, "a third password", ""), idp.Unauthenticated)

	p, _ := h.sets(bert)
	l = h.link(bert, idp.LinkRecovery)
	h.is(h.set(t.Context(), l, "another password", ""), idp.Invalid)
	h.ok(h.set(t.Context(), h.link(bert, idp.LinkReset), "another password", "")) // an owner's link
	h.is(h.set(t.Context(), l, "another password", p.code()), idp.Unauthenticated)
}

func TestSettingAPasswordIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.Mails = true
	anna, fresh := h.user("anna", secret), h.user("fresh", "")
	h.ok(h.set(t.Context(), h.link(anna, idp.LinkReset), "another password", ""))
	h.ok(h.set(t.Context(), h.link(fresh, idp.LinkPassword), "another password", ""))
	if m := h.mailsTo(anna.ID); len(m) != 1 || m[0].Kind != idp.MailPasswordChanged {
		t.Errorf("anna is told %+v", m)
	}
	if m := h.mailsTo(fresh.ID); len(m) != 0 {
		t.Errorf("whoever chose their first password is told %+v", m)
	}
}

func TestALinkOfTheMachineMakesOneMoreOwner(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("anna", secret)
	l := h.link(idp.User{}, idp.LinkOwner)
	u := idp.User{ID: idp.NewUserID(), Username: "root", Epoch: 1, CreatedAt: h.now(), UpdatedAt: h.now()}
	h.is(h.set(t.Context(), l, "another password", ""), idp.Invalid)
	made, err := h.FirstOwner(t.Context(), l, u, "another password")
	h.ok(err)
	if made.Role != idp.RoleOwner || len(h.events("owner.recover")) != 1 || len(h.events("owner.first")) != 0 {
		t.Errorf("%+v, and the events are wrong", made)
	}
	u.ID, u.Username = idp.NewUserID(), "second"
	_, err = h.FirstOwner(t.Context(), l, u, "another password")
	h.is(err, idp.Unauthenticated)
}
