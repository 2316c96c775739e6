package login

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/sessions"
)

// mailHouse sends mails and takes codes from them.
func mailHouse(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	h.store.Mails = true
	h.MailCodes, h.MailCodeKey = func() bool { return true }, []byte("a key of the house")
	return h
}

// mailed sends what waits, as the worker does, and returns the codes by sign-in.
func (h *house) mailed() map[idp.SignInID]string {
	h.Helper()
	hand := string(idp.NewEventID())
	mails, err := h.store.ClaimMails(h.Context(), hand, h.now(), time.Minute, 500)
	h.ok(err)
	codes := map[idp.SignInID]string{}
	for _, m := range mails {
		m.State, m.FinishedAt = idp.MailSent, h.now()
		if m.Kind == idp.MailSignInCode || m.Kind == idp.MailConfirmCode {
			sent, until, err := h.WriteCode(h.Context(), m)
			if err != nil {
				h.is(err, idp.Unauthenticated)
				m.State = idp.MailDropped
			} else {
				codes[idp.SignInID(m.Data["sign_in"])] = sent.Data["code"]
				if m.Data["code"] != "" || !until.Equal(h.now().Add(10*time.Minute)) {
					h.Errorf("the mail that is kept has %v; good until %s", m.Data, until)
				}
			}
		}
		h.ok(h.store.SaveMail(h.Context(), m, hand))
	}
	return codes
}

// asksMail asks for a code, as a visitor does.
func (h *house) asksMail(ctx context.Context, in idp.SignIn, name, language string) error {
	_, err := h.MailCode(ctx, in, name, language)
	return err
}

// asksCode asks for a code in a sign-in of its own, and returns both.
func (h *house) asksCode(name, address, device string) (idp.SignIn, string) {
	h.Helper()
	in := h.begin()
	in.Device = device
	h.ok(h.asksMail(h.from(address), in, name, "en"))
	return in, h.mailed()[in.ID]
}

// TestACodeFromAMailIsOneFactor, and a sign-in like one by a password.
func TestACodeFromAMailIsOneFactor(t *testing.T) {
	t.Parallel()
	h := mailHouse(t)
	anna := h.user("anna", "")
	in, code := h.asksCode("anna@example.org", "192.0.2.1", "")
	if len(code) != 9 || strings.Trim(code, "0123456789 ") != "" {
		t.Fatalf("the code is %q", code)
	}
	in, err := h.MailedCode(h.from("192.0.2.1"), in, code)
	h.ok(err)
	if Next(in) != StepDone || in.UserID != anna.ID || !slices.Equal(in.Methods, []string{"mail"}) || !slices.Equal(AMR(in.Methods), []string{"otp"}) || MultiFactor(in.Methods) {
		t.Errorf("%s, %s by %v", Next(in), in.UserID, in.Methods)
	}
	_, s, err := h.gate.Start(t.Context(), in, "", "")
	h.ok(err)
	h.Demand = func(context.Context, idp.UserID, idp.AppID) (idp.Demand, error) {
		return idp.Demand{SecondFactor: true}, nil
	}
	if _, whole, err := h.Suffices(t.Context(), s, "app_x"); whole || err != nil {
		t.Errorf("where a second factor is asked for it is enough: %v", err)
	}
	for kind, n := range map[string]int{"signin.mail.ask": 1, "signin.mail.ok": 1, "signin.mail.refuse": 0} {
		if e := h.events(kind); len(e) != n || n == 1 && e[0].UserID != anna.ID {
			t.Errorf("%s: %+v", kind, e)
		}
	}
	// For an app that the policy asks more for, there is a second step.
	wish, err := h.Begin(t.Context(), idp.SignIn{ResumeURL: "/resume", AppID: "app_x", Protocol: idp.ProtocolOIDC}, bind)
	h.ok(err)
	h.ok(h.asksMail(h.from("192.0.2.1"), wish, "anna", "en"))
	wish, err = h.MailedCode(h.from("192.0.2.1"), wish, h.mailed()[wish.ID])
	h.ok(err)
	if Next(wish) != StepHelp {
		t.Errorf("where a second factor is asked for comes %s", Next(wish))
	}
}

// TestTheFirstPasswordEndsWhatACodeLetIn: who reads an invited person's mails comes
// in before them, and is out when they have come.
func TestTheFirstPasswordEndsWhatACodeLetIn(t *testing.T) {
	t.Parallel()
	for name, taken := range map[string]bool{"codes are taken": true, "they were": false} {
		h := mailHouse(t)
		anna := h.user("anna", "")
		invitation := h.link(anna, idp.LinkPassword)
		in, code := h.asksCode("anna", "192.0.2.1", "")
		in, err := h.MailedCode(h.from("192.0.2.1"), in, code)
		h.ok(err)
		raw, s, err := h.gate.Start(t.Context(), in, "", "")
		h.ok(err)
		_, err = h.gate.KnowDevice(t.Context(), s.Proof, "", sessions.Browser{Address: "192.0.2.1"}, idp.VouchNone)
		h.ok(err)
		h.MailCodes = func() bool { return taken }
		h.ok(h.set(t.Context(), invitation, secret, ""))
		if _, err := h.gate.Session(t.Context(), raw); !idp.IsKind(err, idp.Unauthenticated) {
			t.Errorf("%s: the session of before: %v", name, err)
		}
	}
}

// TestAnInvitationIsNotEnoughBesideAFactor that its person has set up meanwhile.
func TestAnInvitationIsNotEnoughBesideAFactor(t *testing.T) {
	t.Parallel()
	h := mailHouse(t)
	anna := h.user("anna", "")
	invitation := h.link(anna, idp.LinkPassword)
	p, _ := h.sets(anna)
	if err := h.set(t.Context(), invitation, secret, ""); field(err) != "code" {
		t.Errorf("the invitation alone: %v", err)
	}
	h.ok(h.set(t.Context(), invitation, secret, p.code()))
}

// EN-02: whoever is named, the answers are the same, and so is the work.
func TestEN02AskingForACodeTellsNothingOfAnybody(t *testing.T) {
	t.Parallel()
	h := mailHouse(t)
	h.user("anna", secret)
	gone := h.user("gone", secret)
	h.user("fresh", "")
	eves := h.knownTo(h.user("eve", secret), "")
	h.suspend(gone)
	for _, device := range []string{"", eves, "a secret that nobody has ever given out"} {
		var want string
		for i, name := range []string{"anna", "gone", "fresh", "nobody", "nobody@example.org"} {
			from := h.from(fmt.Sprintf("192.0.%d.1:1000", i))
			in := h.begin()
			in.Device = device
			var answers []string
			for range 12 { // until there were too many
				before := h.store.Statements()
				err := h.asksMail(from, in, name, "en")
				answers = append(answers, fmt.Sprint(h.store.Statements()-before, err))
				if err != nil {
					break
				}
			}
			h.mailed()
			for range 7 { // until the code is void
				before := h.store.Statements()
				_, err := h.MailedCode(from, in, "12345678")
				answers = append(answers, fmt.Sprint(h.store.Statements()-before, err))
			}
			got := strings.Join(answers, "\n")
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%q with %.9s:\n%s\nothers:\n%s", name, device, got, want)
			}
			h.clock.pass(24 * time.Hour)
		}
	}
}

// TestMF03AMailedCodeCountsOnce, from 64 at once over two nodes; in its own
// sign-in, for ten minutes, the newest, and while few were wrong.
func TestMF03AMailedCodeCountsOnce(t *testing.T) {
	t.Parallel()
	h := mailHouse(t)
	h.user("anna", secret)
	h.user("berta", secret)
	try := func(in idp.SignIn, code string) error {
		_, err := h.MailedCode(h.from("192.0.2.1"), in, code)
		return err
	}
	in, code := h.asksCode("anna", "192.0.2.1", "")
	other := &Login{Store: h.Store, Gate: h.Gate, Hasher: h.Hasher, Spellings: h.Spellings, Box: h.Box, Now: h.Now, MailCodes: h.MailCodes, MailCodeKey: h.MailCodeKey}
	var won atomic.Int64
	var all sync.WaitGroup
	for i := range 64 {
		node := []*Login{h.Login, other}[i%2]
		all.Go(func() {
			switch _, err := node.MailedCode(h.from(fmt.Sprintf("198.51.%d.1", i)), in, code); {
			case err == nil:
				won.Add(1)
			case !idp.IsKind(err, idp.Unauthenticated):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("one code was good %d times", won.Load())
	}

	// In another browser's sign-in it is worth nothing.
	h.clock.pass(time.Hour)
	_, stolen := h.asksCode("anna", "192.0.2.1", "")
	thief, theirs := h.asksCode("berta", "203.0.113.1", "")
	h.is(try(thief, stolen), idp.Unauthenticated)
	h.ok(try(thief, strings.ReplaceAll(theirs, " ", "-")))

	// The newest counts.
	h.clock.pass(time.Hour)
	in, older := h.asksCode("anna", "192.0.2.1", "")
	h.ok(h.asksMail(h.from("192.0.2.1"), in, "anna", "en"))
	newer := h.mailed()[in.ID]
	h.is(try(in, older), idp.Unauthenticated)
	h.ok(try(in, newer))

	h.clock.pass(time.Hour)
	in, code = h.asksCode("anna", "192.0.2.1", "")
	h.clock.pass(10 * time.Minute)
	h.is(try(in, code), idp.Unauthenticated)

	h.clock.pass(time.Hour)
	in, code = h.asksCode("anna", "192.0.2.1", "")
	for i := range 5 {
		for _, none := range []string{"", "1234567", "no code"} { // what can be none costs no try
			h.is(try(in, none), idp.Unauthenticated)
		}
		h.is(try(in, fmt.Sprintf("%08d", i)), idp.Unauthenticated)
	}
	h.is(try(in, code), idp.Unauthenticated)

	// Two are two, also of the same digits: what is kept is of one sign-in.
	if a, b := h.mailCodeMAC("sin_a", "12345678"), h.mailCodeMAC("sin_b", "12345678"); a == b || strings.Contains(a, "12345678") {
		t.Errorf("kept as %s and %s", a, b)
	}
}

// TestBF03NobodysCodesKeepAPersonOut: strangers who ask and guess in her name use
// up neither what she may ask for on her own browser, nor her password; and where they
// ask from everywhere, there is one in an hour for new browsers still.
func TestBF03NobodysCodesKeepAPersonOut(t *testing.T) {
	t.Parallel()
	h := mailHouse(t)
	anna := h.user("anna", secret)
	hers := h.knownTo(anna, "")
	var mine idp.SignIn
	for i := range 200 {
		in := h.begin()
		h.ok(h.asksMail(h.from(fmt.Sprintf("2001:db8:%x::1", i)), in, "anna", "en"))
		h.mailed()
		for range 6 {
			_, err := h.MailedCode(h.from(fmt.Sprintf("2001:db8:%x::1", i)), in, "12345678")
			h.is(err, idp.Unauthenticated)
		}
		mine = in
	}
	if n := len(h.mailsTo(anna.ID)); n > codesForStrangers+1 {
		t.Errorf("%d mails to her", n)
	}
	if _, err := h.MailedCode(h.from("192.0.2.1"), mine, "12345678"); !idp.IsKind(err, idp.Unauthenticated) {
		t.Error(err)
	}
	in, code := h.asksCode("anna", "192.0.2.55", hers)
	_, err := h.MailedCode(h.from("192.0.2.55"), in, code)
	h.ok(err)
	h.ok(h.try("192.0.2.56", "anna", secret))
	h.clock.pass(time.Hour)
	if _, code := h.asksCode("anna", "192.0.2.77", ""); code == "" {
		t.Error("an hour later a new browser of hers gets none")
	}
}

// TestBF03OneNetworkUsesUpNobodysCodes: a stranger who asks in her name every minute of
// a day, from all addresses of a network, in one browser and in new ones, leaves most of
// the day's codes to her, wherever she is; and who asks too often is told so, by the same
// words in the same moment whether there is such a person or not.
func TestBF03OneNetworkUsesUpNobodysCodes(t *testing.T) {
	t.Parallel()
	h := mailHouse(t)
	anna := h.user("anna", "")
	eve := h.user("eve", secret)
	eves := h.knownTo(eve, "")
	told := map[string][]string{}
	got := 0
	for minute := range 24 * 60 {
		for _, name := range []string{"anna", "nobody"} {
			in := h.begin()
			if minute%20 == 0 {
				in.Device = eves
			}
			many, err := h.MailCode(h.from(fmt.Sprintf("203.0.113.%d", minute%200)), in, name, "en")
			if err != nil {
				h.is(err, idp.Throttled)
			}
			told[name] = append(told[name], fmt.Sprint(many, err))
		}
		if minute%200 == 100 { // seven times, each time somewhere else
			if _, code := h.asksCode("anna", fmt.Sprintf("198.51.%d.7", minute/200), ""); code != "" {
				got++
			}
		}
		h.clock.pass(time.Minute)
		h.mailed()
	}
	if got != 7 {
		t.Errorf("of seven codes that she asked for in new browsers she got %d", got)
	}
	if n := len(h.mailsTo(anna.ID)); n > codesForStrangers+24 {
		t.Errorf("%d mails to her in a day", n)
	}
	if !strings.Contains(strings.Join(told["anna"], "\n"), "Too many tries") {
		t.Error("nobody was told that there were too many")
	}
	// She asks as well, and in her name more is asked for by that: of what the stranger
	// alone has done, both are told the same.
	for i := range 100 {
		if told["anna"][i] != told["nobody"][i] {
			t.Errorf("minute %d: %s of anna, %s of nobody", i, told["anna"][i], told["nobody"][i])
		}
	}
}

// TestEN02TooManyCodesAreTheSameForAll: when strangers from everywhere have used up a
// day's codes, whoever asks is told that, in whatever name, and the person gets theirs
// where they have signed in before.
func TestEN02TooManyCodesAreTheSameForAll(t *testing.T) {
	t.Parallel()
	h := mailHouse(t)
	anna := h.user("anna", "")
	hers := h.knownTo(anna, "")
	const home = "192.0.2.9"
	in, code := h.asksCode("anna", home, hers)
	in, err := h.MailedCode(h.from(home), in, code)
	h.ok(err)
	_, err = h.gate.KnowDevice(t.Context(), in.Proof, "", sessions.Browser{Address: home}, idp.VouchMail)
	h.ok(err)
	var each [2]uint64
	for i := range codesForStrangers + 5 {
		for which, name := range []string{"anna", "nobody"} {
			before := h.store.Statements()
			many, err := h.MailCode(h.from(fmt.Sprintf("198.51.%d.1", i)), h.begin(), name, "en")
			if h.ok(err); many != (i >= codesForStrangers) {
				t.Errorf("ask %d in the name of %s: many %v", i, name, many)
			}
			each[which] = h.store.Statements() - before
		}
		if each[0] != each[1] {
			t.Errorf("ask %d: %d statements for her, %d for nobody", i, each[0], each[1])
		}
	}
	h.mailed()
	for _, name := range []string{"anna", "nobody"} {
		if many, err := h.MailCode(h.from("192.0.2.77"), h.begin(), name, "en"); !many || err != nil { // the network of hers
			t.Errorf("%s from the network of one of them: %v, %v", name, many, err)
		}
	}
	if n := len(h.mailed()); n != 1 {
		t.Errorf("%d codes to her own network", n)
	}
	for range 3 {
		if _, code := h.asksCode("anna", "203.0.113.1", hers); code == "" {
			t.Error("she gets none in her own browser")
		}
	}
}

// TestEN02AColleagueIsToldWhatAnybodyIs: who asks from a network in which she has signed
// in, in browser after browser, fills no mailbox and learns nothing of her.
func TestEN02AColleagueIsToldWhatAnybodyIs(t *testing.T) {
	t.Parallel()
	h := mailHouse(t)
	anna := h.user("anna", "")
	in, code := h.asksCode("anna", "192.0.2.9", "")
	in, err := h.MailedCode(h.from("192.0.2.9"), in, code)
	h.ok(err)
	_, err = h.gate.KnowDevice(t.Context(), in.Proof, "", sessions.Browser{Address: "192.0.2.9"}, idp.VouchMail)
	h.ok(err)
	before := len(h.mailsTo(anna.ID))
	for i := range codesForStrangers + 5 {
		theirs := h.knownTo(h.user(fmt.Sprint("colleague", i), ""), "")
		var told [2]bool
		for which, name := range []string{"anna", "nobody"} {
			in := h.begin()
			in.Device = theirs
			told[which], err = h.MailCode(h.from(fmt.Sprintf("192.0.2.%d", 100+i)), in, name, "en")
			h.ok(err)
		}
		if i < codesForStrangers-1 && told != [2]bool{} || i > codesForStrangers && told != [2]bool{true, true} { // she has asked once herself
			t.Errorf("ask %d: many %v in her name, %v in that of nobody", i, told[0], told[1])
		}
		h.clock.pass(time.Minute)
	}
	h.mailed()
	if n := len(h.mailsTo(anna.ID)) - before; n > codesForNetwork {
		t.Errorf("%d codes in an hour", n)
	}
}

// TestMF01ACodeFromAMailIsNeverTheSecond: beside a password there is none, be it
// first or last, for the mailbox may have set that; and who has a second factor
// proves it, whatever the policy says.
func TestMF01ACodeFromAMailIsNeverTheSecond(t *testing.T) {
	t.Parallel()
	h := mailHouse(t)
	ada := h.user("ada", secret)
	p, _ := h.sets(ada)
	h.mailed()
	in, code := h.asksCode("ada", "192.0.2.1", "")
	in, err := h.MailedCode(h.from("192.0.2.1"), in, code)
	h.ok(err)
	if Next(in) != StepCode {
		t.Fatalf("after the mailed code comes %s", Next(in))
	}
	in, err = h.Password(h.from("192.0.2.1"), in, "ada", secret)
	h.ok(err)
	if Next(in) != StepCode || MultiFactor(in.Methods) {
		t.Errorf("with the password beside it comes %s, by %v", Next(in), in.Methods)
	}
	h.is(h.asksMail(h.from("192.0.2.1"), in, "ada", "en"), idp.Conflict)
	in, err = h.Code(h.from("192.0.2.1"), in, p.code())
	h.ok(err)
	if Next(in) != StepDone {
		t.Errorf("after the app's code comes %s", Next(in))
	}

	half := h.half("ada")
	h.is(h.asksMail(h.from("192.0.2.1"), half, "ada", "en"), idp.Conflict)
	_, err = h.MailedCode(h.from("192.0.2.1"), half, "12345678")
	h.is(err, idp.Conflict)
	// A code that was asked for before the password is void after it.
	in, _ = h.asksCode("ada", "192.0.2.1", "")
	h.ok(h.asksMail(h.from("192.0.2.1"), in, "ada", "en"))
	_, err = h.Password(h.from("192.0.2.1"), in, "ada", secret)
	h.ok(err)
	if late := h.mailed()[in.ID]; late != "" {
		t.Error("a code was mailed for a sign-in that is somebody's")
	}
	// A passkey is a second factor too.
	k := passkeyHouse(t)
	k.store.Mails, k.MailCodes, k.MailCodeKey = true, h.MailCodes, h.MailCodeKey
	grace := k.user("grace", secret)
	k.enrol(grace, newDevice())
	k.mailed()
	in, code = k.asksCode("grace", "192.0.2.1", "")
	in, err = k.MailedCode(k.from("192.0.2.1"), in, code)
	k.ok(err)
	if Next(in) != StepCode {
		t.Errorf("for who has a passkey comes %s", Next(in))
	}
	if MultiFactor([]string{"pwd", "mail"}) || !MultiFactor([]string{"pwd", "otp"}) {
		t.Error("a code from a mail makes a second factor, or one of an app does not")
	}
	if got := AMR([]string{"mail", "otp", "mfa"}); !slices.Equal(got, []string{"otp", "mfa"}) {
		t.Errorf("apps are told %v", got)
	}
}

// TestACodeFromAMailDiesWithWhatThePersonHolds, sent or not, and with the policy
// that allowed it.
func TestACodeFromAMailDiesWithWhatThePersonHolds(t *testing.T) {
	t.Parallel()
	h := mailHouse(t)
	anna := h.user("anna", secret)
	sent, code := h.asksCode("anna", "192.0.2.1", "")
	waits := h.begin()
	h.ok(h.asksMail(h.from("192.0.2.1"), waits, "anna", "en"))
	_, err := h.store.Commit(t.Context(), idp.Change{Ending: &idp.Ending{Kind: idp.EndPasses, UserID: anna.ID, Key: "x", At: h.now(), ReceiptID: idp.NewReceiptID()}})
	h.ok(err)
	_, err = h.MailedCode(h.from("192.0.2.1"), sent, code)
	h.is(err, idp.Unauthenticated)
	if late := h.mailed()[waits.ID]; late != "" {
		t.Error("a code was mailed after what it hangs on was ended")
	}
	in, code := h.asksCode("anna", "192.0.2.1", "")
	h.MailCodes = func() bool { return false }
	_, err = h.MailedCode(h.from("192.0.2.1"), in, code)
	h.is(err, idp.Denied)
	h.is(h.asksMail(h.from("192.0.2.1"), in, "anna", "en"), idp.Denied)
	h.MailCodes = nil
	h.is(h.asksMail(h.from("192.0.2.1"), in, "anna", "en"), idp.Denied)
	// Nobody asks for more than some from one address.
	h.MailCodes = func() bool { return true }
	for i := range 30 {
		if err = h.asksMail(h.from("192.0.2.1"), in, fmt.Sprint("name", i), "en"); err != nil {
			break
		}
	}
	if _, slow := errors.AsType[*ThrottledError](err); !slow {
		t.Errorf("thirty from one address: %v", err)
	}
}

// TestTheLogNamesWhoseMailedCodeWasWrong, where there was one for anybody, be it used up
// or not; the visitor is told the same in the same work (EN-02 is a test of its own).
func TestTheLogNamesWhoseMailedCodeWasWrong(t *testing.T) {
	t.Parallel()
	h := mailHouse(t)
	anna := h.user("anna", "")
	var said []string
	for _, name := range []string{"anna", "nobody"} {
		in, _ := h.asksCode(name, "192.0.2.1", "")
		for range 6 { // the last one is not looked at any more
			_, err := h.MailedCode(h.from("192.0.2.1"), in, "0000 0000")
			h.is(err, idp.Unauthenticated)
			said = append(said, err.Error())
		}
		want := idp.UserID("")
		if name == "anna" {
			want = anna.ID
		}
		for _, e := range h.events("signin.mail.refuse")[:6] {
			if e.UserID != want || e.Detail["reason"] != "wrong code" {
				t.Errorf("%s: the log says %+v", name, e)
			}
		}
		h.clock.pass(time.Second)
	}
	if len(slices.Compact(said)) != 1 {
		t.Errorf("told: %q", slices.Compact(said))
	}
}
