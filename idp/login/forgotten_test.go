package login

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"gatehouse/idp"
)

// mailsTo is what waits for a person; "" for nobody.
func (h *house) mailsTo(id idp.UserID) []idp.Mail {
	h.Helper()
	all, err := h.store.MailsOf(h.Context(), id, 100)
	h.ok(err)
	return all
}

// EN-02: whoever is named, the answer is the same, and so is the work.
func TestEN02AskingForALinkTellsNothingOfAnybody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.Mails = true
	anna := h.user("anna", secret)
	gone := h.user("gone", secret)
	h.user("fresh", "")
	_, err := h.store.Commit(t.Context(), idp.Change{Ending: &idp.Ending{Kind: idp.EndUser, UserID: gone.ID, Key: "k", At: idp.Time(h.clock.now()), ReceiptID: idp.NewReceiptID()}})
	h.ok(err)
	var first uint64
	for i, name := range []string{"anna", "anna@example.org", "gone", "fresh", "nobody", "nobody@example.org"} {
		before, hashes := h.store.Statements(), h.computed()
		if err := h.Recover(h.from(fmt.Sprintf("192.0.2.%d:1000", i)), name, "en"); err != nil {
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
	if n := len(h.mailsTo(anna.ID)); n != 2 {
		t.Errorf("%d mails wait for anna, want 2", n)
	}
	if n := len(h.mailsTo("")); n != 2 {
		t.Errorf("%d mails wait for nobody, want 2", n)
	}
}

func (h *house) computed() int64 { _, _, n := h.Hasher.Load(); return n }

// Nobody is flooded, by one name or by two, and nobody sees that it is so.
func TestAPersonGetsFewMails(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.Mails = true
	anna := h.user("anna", secret)
	for i := range 4 {
		for _, name := range []string{"anna", "anna@example.org"} {
			h.ok(h.Recover(h.from(fmt.Sprintf("192.0.2.%d:1000", i)), name, "en"))
		}
	}
	if n := len(h.mailsTo(anna.ID)); n != 3 {
		t.Errorf("%d mails wait, want 3", n)
	}
	// Known and unknown are refused after as many tries.
	for _, name := range []string{"anna", "nobody"} {
		tries := 0
		for i := 4; ; i++ {
			err := h.Recover(h.from(fmt.Sprintf("192.0.2.%d:1000", i)), name, "en")
			if slow, ok := errors.AsType[*ThrottledError](err); ok {
				if slow.Err.Kind != idp.Throttled {
					t.Error(err)
				}
				break
			}
			h.ok(err)
			tries++
		}
		if name == "anna" {
			tries += 4
		}
		if tries != 5 {
			t.Errorf("%s: refused after %d tries, want 5", name, tries)
		}
	}
	h.clock.pass(16 * time.Minute)
	h.ok(h.Recover(h.from("192.0.2.99:1"), "anna", "en"))
	if n := len(h.mailsTo(anna.ID)); n != 4 {
		t.Errorf("%d mails wait a quarter of an hour later, want 4", n)
	}
}

// PR-03: once, for 15 minutes, the newest only, for its user, beside a second
// factor where there is one.
func TestPR03AMailedLinkIsGoodOnceAndNotForLong(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna, bert := h.user("anna", secret), h.user("bert", secret)
	l := h.link(anna, idp.LinkRecovery)
	h.clock.pass(15 * time.Minute)
	h.is(h.SetPassword(t.Context(), l, "another password", ""), idp.Unauthenticated)

	older := h.link(anna, idp.LinkRecovery)
	h.clock.pass(time.Second)
	l = h.link(anna, idp.LinkRecovery)
	h.is(h.SetPassword(t.Context(), older, "another password", ""), idp.Unauthenticated)
	forged := l
	forged.UserID = bert.ID
	h.ok(h.SetPassword(t.Context(), l, "another password", ""))
	h.is(h.SetPassword(t.Context(), l, "a third password", ""), idp.Unauthenticated)
	h.is(h.SetPassword(t.Context(), forged, "a third password", ""), idp.Unauthenticated)

	p, _ := h.sets(bert)
	l = h.link(bert, idp.LinkRecovery)
	h.is(h.SetPassword(t.Context(), l, "another password", ""), idp.Invalid)
	h.ok(h.SetPassword(t.Context(), h.link(bert, idp.LinkReset), "another password", "")) // an owner's link
	h.is(h.SetPassword(t.Context(), l, "another password", p.code()), idp.Unauthenticated)
}

func TestSettingAPasswordIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.Mails = true
	anna, fresh := h.user("anna", secret), h.user("fresh", "")
	h.ok(h.SetPassword(t.Context(), h.link(anna, idp.LinkPassword), "another password", ""))
	h.ok(h.SetPassword(t.Context(), h.link(fresh, idp.LinkPassword), "another password", ""))
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
	h.is(h.SetPassword(t.Context(), l, "another password", ""), idp.Invalid)
	made, err := h.FirstOwner(t.Context(), l, u, "another password")
	h.ok(err)
	if made.Role != idp.RoleOwner || len(h.events("owner.recover")) != 1 || len(h.events("owner.first")) != 0 {
		t.Errorf("%+v, and the events are wrong", made)
	}
	u.ID, u.Username = idp.NewUserID(), "second"
	_, err = h.FirstOwner(t.Context(), l, u, "another password")
	h.is(err, idp.Unauthenticated)
}
