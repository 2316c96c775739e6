package login

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/sessions"
)

// field is the field that a refusal is about.
func field(err error) string {
	if e, ok := errors.AsType[*idp.Error](err); ok && e.Kind == idp.Invalid {
		for name := range e.Fields {
			return name
		}
	}
	return ""
}

// TestPR03AMailedLinkIsOneOfTwoProofs: beside it, who has an authenticator app
// gives a code of it, or a recovery code; neither counts twice, here or at the
// sign-in, and nothing is spent for a password that may not be.
func TestPR03AMailedLinkIsOneOfTwoProofs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.Mails = true
	ada := h.user("ada", secret)
	p, codes := h.sets(ada)
	session := h.full(p)
	raw, _, err := h.gate.Start(t.Context(), session, "", "")
	h.ok(err)
	h.clock.pass(time.Minute)

	l := h.link(ada, idp.LinkRecovery)
	beside, err := h.Beside(t.Context(), l, "")
	h.ok(err)
	if beside != (Beside{App: true, Recovery: true}) {
		t.Errorf("beside the link: %+v", beside)
	}
	code := p.code()
	for name, c := range map[string]struct{ password, code, field string }{
		"no code":              {"another password", "", "code"},
		"a word":               {"another password", "please", "code"},
		"a wrong one":          {"another password", "000000", "code"},
		"a wrong recovery one": {"another password", "BBBB-BBBB-BBBB", "code"},
		"a bad password":       {"short", code, "password"},
	} {
		if err := h.set(t.Context(), l, c.password, c.code); field(err) != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.ok(h.try("", "ada", secret)) // nothing has changed
	if _, err := h.gate.Session(t.Context(), raw); err != nil {
		t.Errorf("a try that was refused has ended a session: %v", err)
	}
	h.ok(h.set(t.Context(), l, "another password", code))
	if _, err := h.gate.Session(t.Context(), raw); !idp.IsKind(err, idp.Unauthenticated) {
		t.Errorf("a session of before: %v", err)
	}
	if m := h.mailsTo(ada.ID)[0]; m.Kind != idp.MailRecovered {
		t.Errorf("told %s", m.Kind)
	}
	if e := h.events("password.set"); len(e) != 1 || e[0].Detail["link"] != "recovery" || e[0].Detail["code"] != "totp" {
		t.Errorf("events %+v", e)
	}
	// What it leads to is a sign-in like any other, with its second step, and the
	// code that was given is spent.
	in, err := h.Password(t.Context(), h.begin(), "ada", "another password")
	h.ok(err)
	if Next(in) != StepCode {
		t.Errorf("after the password comes %s", Next(in))
	}
	_, err = h.Code(t.Context(), in, code)
	h.is(err, idp.Unauthenticated)

	u, err := h.store.User(t.Context(), ada.ID)
	h.ok(err)
	h.ok(h.set(t.Context(), h.link(u, idp.LinkRecovery), "a third password", codes[2]))
	if m := h.mailsTo(ada.ID); m[0].Kind != idp.MailRecovered && m[1].Kind != idp.MailRecovered || len(m) < 2 {
		t.Errorf("told %+v", m)
	}
	u, err = h.store.User(t.Context(), ada.ID)
	h.ok(err)
	if err := h.set(t.Context(), h.link(u, idp.LinkRecovery), "a fourth password", codes[2]); field(err) != "code" {
		t.Errorf("a recovery code once more: %v", err)
	}
	if e := h.events("recovery.code.refuse"); len(e) != 3 {
		t.Errorf("%d refusals in the log, want 3", len(e))
	} else if x, ok := Explain(e[0]); !ok || x.Meaning == "" {
		t.Error("a refusal is not explained")
	}
}

// TestPR03ACodeBesideALinkCountsOnce, from 64 at once, and for a sign-in in the
// same moment.
func TestPR03ACodeBesideALinkCountsOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.user("ada", secret)
	_, codes := h.sets(ada)
	l, in := h.link(ada, idp.LinkRecovery), h.half("ada")
	var won atomic.Int64
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			var err error
			if i%2 == 0 {
				err = h.set(t.Context(), l, "another password", codes[0])
			} else {
				_, err = h.Code(t.Context(), in, codes[0])
			}
			if err == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("one code was good %d times", won.Load())
	}
}

// TestBF05CodesBesideALinkAreCountedApart: who reads the mailbox guesses few, over
// all links, and keeps nobody from signing in.
func TestBF05CodesBesideALinkAreCountedApart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mailRecovers()
	ada := h.user("ada", secret)
	p, _ := h.sets(ada)
	most := perLinkCode()[0].tries
	for i := range most + 5 {
		err := h.set(t.Context(), h.link(ada, idp.LinkRecovery), "another password", []string{"000000", "BBBB-BBBB-BBBB"}[i%2])
		if _, slow := errors.AsType[*ThrottledError](err); slow != (i >= most) {
			t.Fatalf("guess %d: %v", i, err)
		}
		h.clock.pass(time.Second)
	}
	_, err := h.Code(t.Context(), h.half("ada"), p.code())
	h.ok(err)
	// Without a link nobody counts against anybody.
	eve := h.user("eve", secret)
	for range 10 {
		h.is(h.set(t.Context(), idp.Link{ID: idp.NewLinkID(), Proof: idp.Proof{UserID: eve.ID}, Purpose: idp.LinkRecovery}, "another password", ""), idp.Unauthenticated)
	}
	h.clock.pass(perLinkCode()[0].window)
	h.ok(h.set(t.Context(), h.link(ada, idp.LinkRecovery), "another password", p.code()))
}

// TestAPasskeyThatNobodyCanUseKeepsNobodyOut: in a house that can have no passkeys (any
// more, at its address), a link from a mail is enough beside one that is kept still.
func TestAPasskeyThatNobodyCanUseKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u := h.user("grace", "")
	h.enrol(u, newDevice())
	l := h.link(u, idp.LinkRecovery)
	h.is(h.set(t.Context(), l, "another password", ""), idp.Denied)
	h.Passkeys = nil
	h.mailRecovers()
	beside, err := h.Beside(t.Context(), l, "")
	h.ok(err)
	if beside != (Beside{}) || beside.Only() {
		t.Errorf("beside the link: %+v", beside)
	}
	h.ok(h.set(t.Context(), l, "another password", ""))
	if err := h.tryOn("", "192.0.2.1", "grace", "another password"); err != nil {
		t.Error(err)
	}
}

// TestAPasskeyIsTheWayIn: beside one, a link from a mail is not enough, unless
// recovery codes go with it; an owner's link is.
func TestAPasskeyIsTheWayIn(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u := h.user("grace", "")
	h.enrol(u, newDevice())
	l := h.link(u, idp.LinkRecovery)
	beside, err := h.Beside(t.Context(), l, "")
	h.ok(err)
	if !beside.Only() {
		t.Errorf("beside the link: %+v", beside)
	}
	h.is(h.set(t.Context(), l, "another password", "123456"), idp.Denied)
	codes, err := h.RenewRecovery(t.Context(), h.own(u))
	h.ok(err)
	if err := h.set(t.Context(), l, "another password", "123456"); field(err) != "code" {
		t.Errorf("a code of an app that there is not: %v", err)
	}
	h.ok(h.set(t.Context(), l, "another password", codes[0]))

	u, err = h.store.User(t.Context(), u.ID)
	h.ok(err)
	reset := h.link(u, idp.LinkReset)
	if beside, err := h.Beside(t.Context(), reset, ""); err != nil || beside != (Beside{}) {
		t.Errorf("beside an owner's link: %+v, %v", beside, err)
	}
	h.ok(h.set(t.Context(), reset, "a third password", ""))
}

// TestALinkOutIsEnough: every other link of the person dies with the one that
// was used, of whatever purpose.
func TestALinkOutIsEnough(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mailRecovers()
	fresh := h.user("fresh", "")
	invitation, mailed := h.link(fresh, idp.LinkPassword), h.link(fresh, idp.LinkRecovery)
	other := h.link(h.user("anna", ""), idp.LinkPassword)
	h.ok(h.set(t.Context(), mailed, secret, ""))
	h.is(h.set(t.Context(), invitation, "a finder's password", ""), idp.Unauthenticated)
	h.ok(h.set(t.Context(), other, secret, ""))
}

// TestAnInvitationIsNoWayBack: one that was made when its person had chosen a password
// already, because a mail server was slow, is a link from a mail like any other: it works
// where they are known, or where the policy has mails recover.
func TestAnInvitationIsNoWayBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	fresh, anna := h.user("fresh", ""), h.user("anna", secret)
	first := h.link(anna, idp.LinkPassword)
	if beside, err := h.Beside(t.Context(), first, ""); err != nil || beside != (Beside{Stranger: true}) {
		t.Errorf("beside a password: %+v, %v", beside, err)
	}
	h.is(h.set(t.Context(), first, "a finder's password", ""), idp.Denied)
	h.ok(h.try("", "anna", secret))
	_, err := h.SetPassword(t.Context(), first, h.knownTo(anna, ""), "another password", "")
	h.ok(err)
	h.ok(h.set(t.Context(), h.link(fresh, idp.LinkPassword), secret, ""))
	h.mailRecovers()
	h.ok(h.set(t.Context(), h.link(fresh, idp.LinkPassword), "another password", ""))
}

// TestALinkThatResetsIsShort: an hour, where an invitation has days.
func TestALinkThatResetsIsShort(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	l := h.link(anna, idp.LinkReset)
	h.clock.pass(time.Hour)
	h.is(h.set(t.Context(), l, "another password", ""), idp.Unauthenticated)
	h.ok(h.set(t.Context(), h.link(anna, idp.LinkReset), "another password", ""))
}

// TestPR03AMailedLinkWorksWhereItsPersonIsKnown: who has nothing but the password
// that they forgot has a browser still, which whoever reads their mails has not. An
// owner's link, or the policy, does without it.
func TestPR03AMailedLinkWorksWhereItsPersonIsKnown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, eve := h.user("ada", secret), h.user("eve", secret)
	generation, err := h.store.Generation(t.Context())
	h.ok(err)
	seen := func(u idp.User) string {
		s, err := h.gate.KnowDevice(t.Context(), idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: generation}, "", sessions.Browser{}, idp.VouchNone)
		h.ok(err)
		return s.Secret
	}
	hers, eves := seen(ada), seen(eve)
	l := h.link(ada, idp.LinkRecovery)
	for name, device := range map[string]string{"no browser's": "", "another person's": eves, "made up": hers + "x"} {
		beside, err := h.Beside(t.Context(), l, device)
		if err != nil || beside != (Beside{Stranger: true}) {
			t.Errorf("beside the link, %s: %+v, %v", name, beside, err)
		}
		_, err = h.SetPassword(t.Context(), l, device, "another password", "")
		h.is(err, idp.Denied)
	}
	if beside, err := h.Beside(t.Context(), l, hers); err != nil || beside != (Beside{}) {
		t.Errorf("beside the link, in her browser: %+v, %v", beside, err)
	}
	_, err = h.SetPassword(t.Context(), l, hers, "another password", "")
	h.ok(err)
	ada, err = h.store.User(t.Context(), ada.ID)
	h.ok(err)
	// What ended all that was hers has made her browser anybody's.
	_, err = h.SetPassword(t.Context(), h.link(ada, idp.LinkRecovery), hers, "a third password", "")
	h.is(err, idp.Denied)
	h.ok(h.set(t.Context(), h.link(ada, idp.LinkReset), "a third password", ""))
	ada, err = h.store.User(t.Context(), ada.ID)
	h.ok(err)
	h.mailRecovers()
	h.ok(h.set(t.Context(), h.link(ada, idp.LinkRecovery), "a fourth password", ""))
}

// known is the secret of a browser in which a sign-in has just come to its end, as the
// pages have it known.
func (h *house) known(in idp.SignIn, raw string) string {
	h.Helper()
	seen, err := h.gate.KnowDevice(h.Context(), in.Proof, raw, sessions.Browser{ByMail: ByMail(in.Methods)}, VouchedBy(idp.VouchNone, in.Methods))
	h.ok(err)
	return seen.Secret
}

// TestPR03TheMailboxAloneTakesNoAccountWhereCodesAreMailed: a browser that a code from a
// mail has let somebody in by is known, and says nothing beside a link from a mail,
// until a password was given there. Nor does its session change what she signs in with.
func TestPR03TheMailboxAloneTakesNoAccountWhereCodesAreMailed(t *testing.T) {
	t.Parallel()
	h := mailHouse(t)
	h.havePasskeys()
	ada := h.user("ada", secret)
	hers := h.knownTo(ada, "")
	mailed := func(device string) (idp.SignIn, string) {
		in, code := h.asksCode("ada", "192.0.2.1", device)
		in, err := h.MailedCode(h.from("192.0.2.1"), in, code)
		h.ok(err)
		return in, h.known(in, device)
	}
	in, thiefs := mailed("")
	_, s, err := h.gate.Start(t.Context(), in, "", "")
	h.ok(err)
	l := h.link(ada, idp.LinkRecovery)
	if beside, err := h.Beside(t.Context(), l, thiefs); err != nil || beside != (Beside{Stranger: true}) {
		t.Errorf("beside the link, where a mail let somebody in: %+v, %v", beside, err)
	}
	_, err = h.SetPassword(t.Context(), l, thiefs, "another password", "")
	h.is(err, idp.Denied)

	if may, err := h.MayChange(t.Context(), s); may || err != nil {
		t.Errorf("may change by a mail alone: %v, %v", may, err)
	}
	_, err = h.NewPasskey(t.Context(), s)
	h.is(err, idp.Denied)
	offer, err := h.OfferTOTP(ada, "Gatehouse")
	h.ok(err)
	_, err = h.AddTOTP(t.Context(), s, offer.Sealed, "000000")
	h.is(err, idp.Denied)
	h.is(h.ChangePassword(t.Context(), s, thiefs, secret, "another password"), idp.Denied)
	if all, err := h.store.Credentials(t.Context(), ada.ID); err != nil || len(all) != 1 {
		t.Errorf("she has %+v, %v", all, err)
	}

	// A code in her own browser takes nothing from it.
	if _, same := mailed(hers); same != hers {
		t.Error("her browser has another secret")
	}
	if beside, err := h.Beside(t.Context(), l, hers); err != nil || beside != (Beside{}) {
		t.Errorf("beside the link, in her browser: %+v, %v", beside, err)
	}
	// And where she gives her password, it is hers.
	_, laptop := mailed("")
	in, err = h.Password(t.Context(), h.begin(), "ada", secret)
	h.ok(err)
	if h.known(in, laptop) != laptop {
		t.Error("her laptop has another secret")
	}
	if beside, err := h.Beside(t.Context(), l, laptop); err != nil || beside != (Beside{}) {
		t.Errorf("beside the link, where she has given her password: %+v, %v", beside, err)
	}

	// The policy says whether a mail is enough.
	h.mailRecovers()
	if may, err := h.MayChange(t.Context(), s); !may || err != nil {
		t.Errorf("may change, where a mail is enough: %v, %v", may, err)
	}
	_, err = h.SetPassword(t.Context(), l, thiefs, "another password", "")
	h.ok(err)
}

// TestWhoHasNothingButMailsGetsAPasswordByOne: a link, or a passkey of theirs, is no more
// than the code that lets them in.
func TestWhoHasNothingButMailsGetsAPasswordByOne(t *testing.T) {
	t.Parallel()
	h := mailHouse(t)
	h.havePasskeys()
	ada := h.user("ada", "")
	in, code := h.asksCode("ada", "192.0.2.1", "")
	in, err := h.MailedCode(h.from("192.0.2.1"), in, code)
	h.ok(err)
	browser := h.known(in, "")
	_, s, err := h.gate.Start(t.Context(), in, "", "")
	h.ok(err)
	if may, err := h.MayChange(t.Context(), s); !may || err != nil {
		t.Errorf("may change: %v, %v", may, err)
	}
	_, err = h.NewPasskey(t.Context(), s)
	h.ok(err)
	for name, device := range map[string]string{"where she was": browser, "elsewhere": ""} {
		if beside, err := h.Beside(t.Context(), h.link(ada, idp.LinkRecovery), device); err != nil || beside != (Beside{}) {
			t.Errorf("%s: %+v, %v", name, beside, err)
		}
	}
	// Where no codes are mailed any more, that is so of who has never come by anything
	// else, and of who has never been here.
	h.MailCodes = func() bool { return false }
	for name, c := range map[string]struct {
		user idp.User
		want Beside
	}{"ada": {ada, Beside{}}, "who was invited": {h.user("ben", ""), Beside{}}} {
		if beside, err := h.Beside(t.Context(), h.link(c.user, idp.LinkRecovery), ""); err != nil || beside != c.want {
			t.Errorf("%s: %+v, %v", name, beside, err)
		}
	}
	cleo := h.user("cleo", "")
	h.knownTo(cleo, "") // by what was taken away since
	if beside, err := h.Beside(t.Context(), h.link(cleo, idp.LinkRecovery), ""); err != nil || !beside.Stranger {
		t.Errorf("who had something: %+v, %v", beside, err)
	}
}

// TestPR03WhoHasNothingYetRecoversAsTheyAreInvited: by the mail alone, for there is
// nothing to take over. Not so who has lost what they had.
func TestPR03WhoHasNothingYetRecoversAsTheyAreInvited(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", "")
	l := h.link(anna, idp.LinkRecovery)
	if beside, err := h.Beside(t.Context(), l, ""); err != nil || beside != (Beside{}) {
		t.Errorf("beside the link of who was invited: %+v, %v", beside, err)
	}
	h.ok(h.set(t.Context(), l, secret, ""))
	h.ok(h.try("", "anna", secret))
	h.is(h.set(t.Context(), h.link(anna, idp.LinkRecovery), "another password", ""), idp.Denied)

	// Their password was taken away, as by "this was not me".
	bert := h.user("bert", secret)
	h.knownTo(bert, "")
	all, err := h.store.Credentials(t.Context(), bert.ID)
	h.ok(err)
	_, err = h.store.Commit(t.Context(), idp.Change{RemoveCredentials: all,
		Ending: &idp.Ending{Kind: idp.EndPasses, UserID: bert.ID, Key: "x", At: h.now(), ReceiptID: idp.NewReceiptID()}})
	h.ok(err)
	bert, err = h.store.User(t.Context(), bert.ID)
	h.ok(err)
	h.is(h.set(t.Context(), h.link(bert, idp.LinkRecovery), "another password", ""), idp.Denied)
}
