package login

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse/idp"
)

// told are the kinds of mails that wait for a person and were not asked for
// before, the oldest first.
func (h *house) told(u idp.User, seen map[idp.MailID]bool) (kinds []idp.MailKind, last idp.Mail) {
	h.Helper()
	all := h.mailsTo(u.ID)
	for i := len(all) - 1; i >= 0; i-- {
		if !seen[all[i].ID] {
			seen[all[i].ID] = true
			kinds, last = append(kinds, all[i].Kind), all[i]
		}
	}
	return kinds, last
}

// TestWhatSomebodySignsInWithIsToldWhenItChanges, in the change itself, and what
// was refused is not.
func TestWhatSomebodySignsInWithIsToldWhenItChanges(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	h.store.Mails = true
	u := h.user("ada", secret)
	var key, second idp.Credential
	var codes []string
	var p *phone
	seen := map[idp.MailID]bool{}
	for _, c := range []struct {
		what string
		do   func()
		want idp.MailKind
		data map[string]string
	}{
		{"a passkey is added", func() { key = h.enrol(u, newDevice()) }, idp.MailPasskeyAdded, map[string]string{"passkey": "Chrome on Linux"}},
		{"and another", func() { second = h.enrol(u, newDevice()) }, idp.MailPasskeyAdded, nil},
		{"one is removed", func() { h.ok(h.RemovePasskey(t.Context(), h.own(u), key.ID)) }, idp.MailPasskeyRemoved, map[string]string{"passkey": "Chrome on Linux"}},
		{"it is removed once more", func() { h.is(h.RemovePasskey(t.Context(), h.own(u), key.ID), idp.NotFound) }, "", nil},
		{"an owner removes one", func() { _, err := h.RemoveCredential(t.Context(), u.ID, second.ID); h.ok(err) }, idp.MailPasskeyRemoved, nil},
		{"an authenticator app is set up", func() { p, _ = h.sets(u) }, idp.MailAppAdded, nil},
		{"a code of it is used", func() { _, err := h.Code(t.Context(), h.half("ada"), p.code()); h.ok(err) }, "", nil},
		{"recovery codes are made", func() { var err error; codes, err = h.RenewRecovery(t.Context(), h.own(u)); h.ok(err) }, idp.MailCodesMade, nil},
		{"one is used", func() { _, err := h.Code(t.Context(), h.half("ada"), codes[0]); h.ok(err) }, idp.MailCodeUsed, map[string]string{"left": "9"}},
		{"it is used again", func() { _, err := h.Code(t.Context(), h.half("ada"), codes[0]); h.is(err, idp.Unauthenticated) }, "", nil},
		{"the app is removed", func() { h.ok(h.RemoveOwnFactors(t.Context(), h.own(u))) }, idp.MailAppRemoved, nil},
		{"there is none to remove", func() { h.ok(h.RemoveOwnFactors(t.Context(), h.own(u))) }, "", nil},
		{"an owner resets factors", func() {
			h.clock.pass(time.Hour)
			h.sets(u)
			h.told(u, seen)
			_, err := h.RemoveSecondFactors(t.Context(), u.ID)
			h.ok(err)
		}, idp.MailFactorsReset, nil},
		{"the password is changed", func() { h.ok(h.set(t.Context(), h.link(u, idp.LinkReset), "another password", "")) }, idp.MailPasswordChanged, nil},
		{"an owner removes the password", func() {
			c, err := h.store.Credential(t.Context(), u.ID, idp.CredentialPassword)
			h.ok(err)
			_, err = h.RemoveCredential(t.Context(), u.ID, c.ID)
			h.ok(err)
		}, idp.MailPasswordRemoved, nil},
	} {
		var err error
		u, err = h.store.User(t.Context(), u.ID) // a removal has ended what they held
		h.ok(err)
		c.do()
		kinds, last := h.told(u, seen)
		if c.want == "" {
			if len(kinds) != 0 {
				t.Errorf("%s: told %v", c.what, kinds)
			}
			continue
		}
		if len(kinds) != 1 || kinds[0] != c.want {
			t.Errorf("%s: told %v, want %s", c.what, kinds, c.want)
		}
		for k, v := range c.data {
			if last.Data[k] != v {
				t.Errorf("%s: told of %v, want %s", c.what, last.Data, v)
			}
		}
	}
}

// TestAHouseWithoutMailTellsNobody, and a recovery code is good there all the same.
func TestAHouseWithoutMailTellsNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := h.user("ada", secret)
	_, codes := h.sets(u)
	_, err := h.Code(t.Context(), h.half("ada"), codes[0])
	h.ok(err)
	if m := h.mailsTo(u.ID); len(m) != 0 {
		t.Errorf("mails %+v", m)
	}
}

// TestOneRecoveryCodeIsToldOnce, from 64 sign-ins at once: what loses tells
// nobody.
func TestOneRecoveryCodeIsToldOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.Mails = true
	u := h.user("ada", secret)
	_, codes := h.sets(u)
	before := len(h.mailsTo(u.ID))
	in := h.half("ada")
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() { _, _ = h.Code(t.Context(), in, codes[1]) })
	}
	all.Wait()
	if m := h.mailsTo(u.ID); len(m) != before+1 || m[0].Kind != idp.MailCodeUsed {
		t.Errorf("%d mails, the newest %s", len(m)-before, fmt.Sprint(m[0].Kind))
	}
}

// TestADisownedSignInIsTold: what it ends is told like any change.
func TestADisownedSignInIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.Mails = true
	anna := h.user("anna", secret)
	hers, _ := h.newcomer(anna)
	_, intruder := h.newcomer(anna)
	_, err := h.Disown(t.Context(), h.own(anna), true, hers, intruder.ID, "", "")
	h.ok(err)
	if m := h.mailsTo(anna.ID); len(m) == 0 || m[0].Kind != idp.MailDisowned {
		t.Errorf("told %+v", m)
	}
}
