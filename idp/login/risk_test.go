package login

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/sessions"
)

// TestWhatARiskIsAskedFor is the whole of the decision.
func TestWhatARiskIsAskedFor(t *testing.T) {
	t.Parallel()
	second, passkey, letIn := idp.RiskDemand{SecondFactor: true, Mail: true}, idp.RiskDemand{SecondFactor: true, Passkey: true, Mail: true}, idp.RiskDemand{SecondFactor: true}
	none, app, key := []idp.CredentialKind(nil), []idp.CredentialKind{idp.CredentialTOTP}, []idp.CredentialKind{idp.CredentialPasskey}
	for i, c := range []struct {
		asked idp.RiskDemand
		by    idp.Vouch
		has   []idp.CredentialKind
		want  extra
	}{
		{idp.RiskDemand{}, idp.VouchNone, none, extra{}},
		{idp.RiskDemand{}, idp.VouchNone, app, extra{}},
		{second, idp.VouchNone, none, extra{mail: true}},
		{second, idp.VouchMail, none, extra{}},
		{second, idp.VouchNone, app, extra{second: true}},
		{second, idp.VouchMail, app, extra{second: true}}, // set up since
		{second, idp.VouchSecond, app, extra{}},
		{second, idp.VouchPasskey, key, extra{}},
		{passkey, idp.VouchNone, none, extra{mail: true}},
		{passkey, idp.VouchSecond, key, extra{second: true, passkey: true}},
		{passkey, idp.VouchSecond, app, extra{second: true, passkey: true}},
		{passkey, idp.VouchPasskey, key, extra{}},
		{letIn, idp.VouchNone, none, extra{}},
		{letIn, idp.VouchNone, app, extra{second: true}},
	} {
		if got := weigh(c.asked, c.by, c.has); got != c.want {
			t.Errorf("%d: %+v by %d with %v: %+v, want %+v", i, c.asked, c.by, c.has, got, c.want)
		}
	}
	for i, c := range []struct {
		before  idp.Vouch
		methods []string
		want    idp.Vouch
	}{
		{idp.VouchNone, nil, idp.VouchNone},
		{idp.VouchNone, []string{"pwd"}, idp.VouchNone},
		{idp.VouchPasskey, []string{"pwd"}, idp.VouchPasskey},
		{idp.VouchNone, []string{"pwd", "mail"}, idp.VouchMail},
		{idp.VouchSecond, []string{"mail"}, idp.VouchSecond},
		{idp.VouchMail, []string{"pwd", "otp", "mfa"}, idp.VouchSecond},
		{idp.VouchNone, []string{"hwk", "user", "mfa"}, idp.VouchPasskey},
		{idp.VouchNone, []string{"hwk", "user"}, idp.VouchNone},
	} {
		if got := VouchedBy(c.before, c.methods); got != c.want {
			t.Errorf("%d: %v: %d, want %d", i, c.methods, got, c.want)
		}
	}
}

// risky is a house that sends mails and asks everybody for a second factor by risk.
func risky(t *testing.T, rules ...idp.PolicyRule) *house {
	t.Helper()
	h := newHouse(t)
	h.store.Mails, h.Mails, h.MailCodeKey = true, true, []byte("a key of the house")
	h.asks(rules...)
	return h
}

// asks has the house ask by these rules, or by none.
func (h *house) asks(rules ...idp.PolicyRule) {
	h.Helper()
	p, err := h.store.Policy(h.Context())
	h.ok(err)
	p.Rules = rules
	_, err = h.store.Commit(h.Context(), idp.Change{Policy: &p})
	h.ok(err)
	p, err = h.store.Policy(h.Context())
	h.ok(err)
	h.Policy = func() idp.Policy { return p }
	h.gate.Policy = h.Policy
	h.Demand = func(_ context.Context, _ idp.UserID, app idp.AppID) (idp.Demand, error) {
		return p.Demand(false, nil, app), nil
	}
}

var byRisk = idp.PolicyRule{SecondFactor: true, Risk: true}

// types gives the right password in a browser that brings this device secret.
func (h *house) types(u idp.User, device, address string, app idp.AppID) idp.SignIn {
	h.Helper()
	in, err := h.Begin(h.Context(), idp.SignIn{ResumeURL: "/resume", AppID: app}, bind)
	h.ok(err)
	in.Device = device
	_, err = h.Password(h.from(address), in, u.Username, secret)
	h.ok(err)
	stored, err := h.gate.SignIn(h.Context(), in.ID, bind)
	h.ok(err)
	return stored
}

// enters starts the session of a proven sign-in, as the pages do.
func (h *house) enters(in idp.SignIn, device string) (idp.Session, sessions.Seen) {
	h.Helper()
	if Next(in) != StepDone {
		h.Fatalf("it waits for %s", Next(in))
	}
	b := sessions.Browser{Notice: func(ctx context.Context) ([]idp.Mail, error) {
		return h.Notice(ctx, in.Proof, "192.0.2.1", "Firefox", "")
	}}
	seen, err := h.gate.KnowDevice(h.Context(), in.Proof, device, b, VouchedBy(idp.VouchNone, in.Methods))
	h.ok(err)
	raw, _, err := h.gate.Start(h.Context(), in, "", "")
	h.ok(err)
	s, err := h.gate.Session(h.Context(), raw)
	h.ok(err)
	return s, seen
}

func (h *house) whole(s idp.Session, app idp.AppID) bool {
	h.Helper()
	_, whole, err := h.Suffices(h.Context(), s, app)
	h.ok(err)
	return whole
}

// TestAnUnknownBrowserAsksForAMailedCode of who has nothing else: a stolen password
// gets nowhere, and into no enrolment; the person is known there from then on.
func TestAnUnknownBrowserAsksForAMailedCode(t *testing.T) {
	t.Parallel()
	h := risky(t)
	anna, berta := h.user("anna", secret), h.user("berta", secret)
	hers := h.knownTo(anna, "") // before any rule asked
	h.asks(byRisk)

	before := h.store.Statements()
	known := h.types(anna, hers, "192.0.2.1", "")
	with := h.store.Statements() - before
	if Next(known) != StepDone || known.Vouched != idp.VouchPasskey {
		t.Errorf("on her own browser: %s", Next(known))
	}
	h.asks()
	h.clock.pass(2 * time.Hour) // nothing is counted any more
	before = h.store.Statements()
	h.types(anna, hers, "192.0.2.1", "")
	if without := h.store.Statements() - before; with != without {
		t.Errorf("on a known browser a rule by risk costs %d statements, none costs %d", with, without)
	}
	h.asks(byRisk)

	if e := h.events("signin.password.ok"); len(e) != 2 || e[0].Detail["risk"] != "" || e[1].Detail["risk"] != "" {
		t.Errorf("the log says %+v", e)
	}
	h.clock.pass(time.Second)
	in := h.types(anna, "", "192.0.2.1", "")
	if Next(in) != StepMail {
		t.Fatalf("on an unknown browser: %s", Next(in))
	}
	if e := h.events("signin.password.ok"); e[0].Detail["risk"] != riskBrowser {
		t.Errorf("the log says %+v", e[0])
	}
	h.ok(h.SendConfirmation(h.from("192.0.2.1"), in, "en"))
	other := h.types(berta, "", "192.0.2.1", "")
	h.ok(h.SendConfirmation(h.from("192.0.2.1"), other, "en"))
	codes := h.mailed()
	for _, wrong := range []string{"", "0000 0000", codes[other.ID]} {
		_, err := h.Confirm(h.from("192.0.2.1"), in, wrong)
		h.is(err, idp.Unauthenticated)
	}
	if e := h.events("signin.mail.refuse"); len(e) != 3 || slices.ContainsFunc(e, func(e idp.Event) bool { return e.UserID != anna.ID }) {
		t.Errorf("events %+v", e)
	}
	if m := h.mailsTo(anna.ID)[0]; m.Kind != idp.MailConfirmCode {
		t.Errorf("mailed %s", m.Kind)
	}
	_, err := h.Code(h.from("192.0.2.1"), in, codes[in.ID])
	h.is(err, idp.Conflict)
	in, err = h.Confirm(h.from("192.0.2.1"), in, codes[in.ID])
	h.ok(err)
	if !slices.Equal(in.Methods, []string{"pwd", "mail"}) || MultiFactor(in.Methods) || !slices.Equal(AMR(in.Methods), []string{"pwd"}) {
		t.Errorf("it says of itself %v", in.Methods)
	}
	_, err = h.Confirm(h.from("192.0.2.1"), in, codes[in.ID])
	h.is(err, idp.Conflict)
	s, seen := h.enters(in, "")
	if !h.whole(s, "") || !h.whole(s, "app_x") {
		t.Error("the session does not suffice")
	}
	if may, err := h.MayChange(t.Context(), s); !may || err != nil {
		t.Errorf("she sets nothing up: %v, %v", may, err)
	}
	if in := h.types(anna, seen.Secret, "192.0.2.1", ""); Next(in) != StepDone {
		t.Errorf("there again: %s", Next(in))
	}
	if in := h.types(berta, seen.Secret, "192.0.2.1", ""); Next(in) != StepMail {
		t.Errorf("berta in anna's browser: %s", Next(in))
	}
	// A second factor that is set up since is asked for, once.
	p, _ := h.sets(anna)
	in = h.types(anna, seen.Secret, "192.0.2.1", "")
	if Next(in) != StepCode {
		t.Fatalf("with an app: %s", Next(in))
	}
	in, err = h.Code(h.from("192.0.2.1"), in, p.code())
	h.ok(err)
	if _, seen = h.enters(in, seen.Secret); seen.New || seen.Device.Vouched != idp.VouchSecond {
		t.Errorf("the browser is %+v", seen)
	}
}

// TestASecondFactorIsAskedForOnAnUnknownBrowser of who has a passkey and gives the
// password; on a known one it is not.
func TestASecondFactorIsAskedForOnAnUnknownBrowser(t *testing.T) {
	t.Parallel()
	h := risky(t)
	h.havePasskeys()
	anna, phone := h.user("anna", secret), newDevice()
	hers := h.knownTo(anna, "")
	h.enrol(anna, phone)
	h.asks(byRisk)
	if in := h.types(anna, hers, "192.0.2.1", ""); Next(in) != StepDone {
		t.Errorf("on her own browser: %s", Next(in))
	}
	in := h.types(anna, "", "192.0.2.1", "")
	if Next(in) != StepCode || !slices.Equal(in.Has, []idp.CredentialKind{idp.CredentialPasskey}) {
		t.Fatalf("on an unknown one: %s by %v", Next(in), in.Has)
	}
	c := h.offer(in)
	in, err := h.Passkey(h.from("192.0.2.1"), in, c.State, phone.use(t, c))
	h.ok(err)
	if _, seen := h.enters(in, ""); seen.Device.Vouched != idp.VouchPasskey || !seen.Device.Asks {
		t.Errorf("the browser is %+v", seen.Device)
	}
	// A rule for passkeys is not met by a browser for which a code speaks.
	p, _ := h.sets(anna)
	in = h.types(anna, "", "192.0.2.1", "")
	in, err = h.Code(h.from("192.0.2.1"), in, p.code())
	h.ok(err)
	_, seen := h.enters(in, "")
	h.asks(idp.PolicyRule{Passkey: true, Risk: true})
	if in := h.types(anna, seen.Secret, "192.0.2.1", ""); Next(in) != StepPasskey {
		t.Errorf("a rule for passkeys, in a browser of a code: %s", Next(in))
	}
	if in := h.types(anna, hers, "192.0.2.1", ""); Next(in) != StepCode { // her app, as always
		t.Errorf("a rule for passkeys, in her own browser: %s", Next(in))
	}
}

// TestNobodyIsStuckOnAnUnknownBrowser: whom no code can be mailed is told by what they
// get in, a link from an owner does, and the log is explained.
func TestNobodyIsStuckOnAnUnknownBrowser(t *testing.T) {
	t.Parallel()
	h := risky(t, byRisk)
	anna := h.user("anna", secret)
	h.Mails = false
	in := h.types(anna, "", "192.0.2.1", "")
	if Next(in) != StepHelp || in.Confirm != idp.ConfirmNone {
		t.Fatalf("without mails: %s", Next(in))
	}
	h.is(h.SendConfirmation(h.from("192.0.2.1"), in, "en"), idp.Conflict)
	h.Mails = true
	h.clock.pass(time.Second)
	u := anna
	u.Email = ""
	_, err := h.store.Commit(t.Context(), idp.Change{Users: []idp.User{u}})
	h.ok(err)
	if in := h.types(anna, "", "192.0.2.1", ""); Next(in) != StepHelp {
		t.Fatalf("without an address: %s", Next(in))
	}
	e := h.events("signin.risk.refuse")
	if len(e) != 2 || e[1].Detail["reason"] != "no mails are sent" || e[0].Detail["reason"] != "no address of the person" || e[0].UserID != anna.ID {
		t.Fatalf("events %+v", e)
	}
	for _, e := range e {
		if x, ok := Explain(e); !ok || x.Meaning == explained["signin.risk.refuse"][""].Meaning {
			t.Errorf("%v is explained as %+v", e.Detail, x)
		}
	}
	after, err := h.SetPassword(t.Context(), h.link(anna, idp.LinkReset), "", secret, "")
	h.ok(err)
	seen, err := h.gate.KnowDevice(t.Context(), after, "", sessions.Browser{}, idp.VouchMail)
	h.ok(err)
	if in := h.types(anna, seen.Secret, "192.0.2.1", ""); Next(in) != StepDone {
		t.Errorf("in the browser of the link: %s", Next(in))
	}
	// It stays known over a change of the password in it, and no other browser does.
	anna = must(h.store.User(t.Context(), anna.ID))
	another := h.knownTo(anna, "")
	in = h.types(anna, seen.Secret, "192.0.2.1", "")
	raw, _, err := h.gate.Start(t.Context(), in, "", "")
	h.ok(err)
	s, err := h.gate.Session(t.Context(), raw)
	h.ok(err)
	h.ok(h.ChangePassword(t.Context(), s, seen.Secret, secret, secret+" anew"))
	kept, err := h.gate.KnownDevice(t.Context(), seen.Secret, anna.ID)
	h.ok(err)
	if kept.ID != seen.Device.ID || kept.Vouched != idp.VouchMail || kept.Epoch != anna.Epoch+1 {
		t.Errorf("kept as %+v", kept)
	}
	_, err = h.gate.KnownDevice(t.Context(), another, anna.ID)
	h.is(err, idp.Unauthenticated)
	if len(h.events("device.keep")) != 1 {
		t.Error("no event")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestWhoIsLetInSetsNothingUp: where the rule lets people in, whoever has stolen a
// password is in as ever, and adds no factor of their own, nor makes their browser a
// known one; whoever reads the mailbox does.
func TestWhoIsLetInSetsNothingUp(t *testing.T) {
	t.Parallel()
	letIn := byRisk
	letIn.LetIn = true
	h := risky(t, letIn)
	anna := h.user("anna", secret)
	in := h.types(anna, "", "192.0.2.1", "")
	if Next(in) != StepDone {
		t.Fatalf("let in: %s", Next(in))
	}
	if e := h.events("signin.password.ok"); e[0].Detail["risk"] != riskBrowser {
		t.Errorf("the log says %v", e[0].Detail)
	}
	s, seen := h.enters(in, "")
	if seen.Device.Vouched != idp.VouchNone || !seen.Device.Asks {
		t.Errorf("her first browser, in which nothing was shown, is %+v", seen.Device)
	}
	if m := h.mailsTo(anna.ID); len(m) != 1 || m[0].Kind != idp.MailNewDevice {
		t.Errorf("mails %+v", m)
	}
	if !h.whole(s, "") || !h.whole(s, "app_x") {
		t.Error("let in, and no further")
	}
	refused := func(s idp.Session) {
		t.Helper()
		if may, err := h.MayChange(t.Context(), s); may || err != nil {
			t.Errorf("may change: %v, %v", may, err)
		}
		offer, err := h.OfferTOTP(anna, "gatehouse.test")
		h.ok(err)
		p := &phone{h, offer.Secret}
		_, err = h.AddTOTP(t.Context(), s, offer.Sealed, p.code())
		h.is(err, idp.Denied)
		h.is(h.ChangePassword(t.Context(), s, "", secret, "another password"), idp.Denied)
	}
	refused(s)
	// The second time, in the same browser, which is known by now, it is no better.
	again, _ := h.enters(h.types(anna, seen.Secret, "192.0.2.1", ""), seen.Secret)
	refused(again)

	up, err := h.StepUp(t.Context(), idp.SignIn{ResumeURL: "/codes"}, s, bind)
	h.ok(err)
	if Next(up) != StepMail {
		t.Fatalf("to set something up: %s", Next(up))
	}
	h.ok(h.SendConfirmation(h.from("192.0.2.1"), up, "en"))
	up, err = h.Confirm(h.from("192.0.2.1"), up, h.mailed()[up.ID])
	h.ok(err)
	if Next(up) != StepDone {
		t.Fatalf("confirmed: %s", Next(up))
	}
	raw, _, err := h.gate.Renew(t.Context(), up, s)
	h.ok(err)
	s, err = h.gate.Session(t.Context(), raw)
	h.ok(err)
	if may, err := h.MayChange(t.Context(), s); !may || err != nil {
		t.Errorf("confirmed, she may not: %v, %v", may, err)
	}
}

// TestARuleByRiskForOneAppIsAskedThere of a session that has shown nothing more, for
// that alone; and the portal is no way round it.
func TestARuleByRiskForOneAppIsAskedThere(t *testing.T) {
	t.Parallel()
	payroll := byRisk
	payroll.AppID = "app_payroll"
	h := risky(t)
	anna, mona := h.user("anna", secret), h.user("mona", secret)
	hers := h.knownTo(anna, "")
	h.asks(payroll)
	known, _ := h.enters(h.types(anna, hers, "192.0.2.1", ""), hers)
	if !h.whole(known, "app_payroll") {
		t.Error("in her own browser it is asked for")
	}
	s, seen := h.enters(h.types(anna, "", "192.0.2.1", ""), "")
	if !h.whole(s, "app_wiki") || !h.whole(s, "") || h.whole(s, "app_payroll") {
		t.Error("a session of an unknown browser, at apps with and without the rule")
	}
	if may, err := h.MayChange(t.Context(), s); may || err != nil {
		t.Errorf("by the portal, a factor is set up for it: %v, %v", may, err)
	}
	if again, _ := h.enters(h.types(anna, seen.Secret, "192.0.2.1", ""), seen.Secret); h.whole(again, "app_payroll") {
		t.Error("to have been let into the portal makes it known")
	}
	up, err := h.StepUp(t.Context(), idp.SignIn{ResumeURL: "/resume", AppID: "app_payroll"}, s, bind)
	h.ok(err)
	if Next(up) != StepMail {
		t.Fatalf("at the app: %s", Next(up))
	}
	h.ok(h.SendConfirmation(h.from("192.0.2.1"), up, "en"))
	up, err = h.Confirm(h.from("192.0.2.1"), up, h.mailed()[up.ID])
	h.ok(err)
	raw, _, err := h.gate.Renew(t.Context(), up, s)
	h.ok(err)
	s, err = h.gate.Session(t.Context(), raw)
	h.ok(err)
	if Next(up) != StepDone || !h.whole(s, "app_payroll") {
		t.Errorf("with the code: %s", Next(up))
	}
	// Who has an app is asked for that, by the same session.
	s, _ = h.enters(h.types(mona, "", "192.0.2.1", ""), "")
	p, _ := h.sets(mona)
	up, err = h.StepUp(t.Context(), idp.SignIn{ResumeURL: "/resume", AppID: "app_payroll"}, s, bind)
	h.ok(err)
	if h.whole(s, "app_payroll") || Next(up) != StepCode {
		t.Fatalf("who has an app: %s", Next(up))
	}
	up, err = h.Code(h.from("192.0.2.1"), up, p.code())
	h.ok(err)
	if Next(up) != StepDone {
		t.Errorf("with the app's code: %s", Next(up))
	}
}

// TestAPlaceUnderAlarmIsARisk on a known and on a remembered browser, on the node that
// found it and on others.
func TestAPlaceUnderAlarmIsARisk(t *testing.T) {
	t.Parallel()
	h := risky(t)
	anna, ada := h.user("anna", secret), h.user("ada", secret)
	hers := h.knownTo(anna, "")
	p, _ := h.sets(ada)
	h.asks(byRisk)
	policy := h.policy()
	policy.Remember, policy.RememberSince = 30*day, policy.Version
	h.Policy = func() idp.Policy { return policy }
	h.gate.Policy = h.Policy
	_, adas := h.remembers(p, "")
	other := newNode(t, h.store, h.clock)
	other.Mails, other.Policy, other.Demand, other.MailCodeKey = true, h.Policy, h.Demand, h.MailCodeKey

	asked := func(h *house, address string) string {
		return fmt.Sprint(Next(h.types(anna, hers, address, "")), " ", Next(h.types(ada, adas, address, "")))
	}
	if got := asked(h, "203.0.113.9"); got != "done done" {
		t.Fatalf("before: %s", got)
	}
	for i := range namesAtAddress + 1 {
		_ = h.try("203.0.113.9", fmt.Sprint("name ", i), "wrong")
	}
	if len(h.events("signin.stuffing")) != 1 {
		t.Fatal("no alarm")
	}
	if got := asked(h, "203.0.113.9"); got != "confirm code" {
		t.Errorf("from there: %s", got)
	}
	if n := len(slices.DeleteFunc(h.events("signin.password.ok"), func(e idp.Event) bool { return e.Detail["risk"] != riskPlace })); n != 2 {
		t.Errorf("the log says so %d times", n)
	}
	if got := asked(h, "203.0.113.10"); got != "done done" {
		t.Errorf("from next door: %s", got)
	}
	if got := asked(other, "203.0.113.9"); got != "done done" {
		t.Errorf("on a node that knows of nothing: %s", got)
	}
	h.ok(other.HearAlarms(t.Context(), h.clock.now().Add(-AlarmsLast)))
	if got := asked(other, "203.0.113.9"); got != "confirm code" {
		t.Errorf("on another node: %s", got)
	}
	// Whom no code can be mailed is told from the thief of a password by their own
	// browser alone, and not shut out of it by whoever tries many names beside them.
	h.Mails = false
	if got := asked(h, "203.0.113.9"); got != "done code" {
		t.Errorf("without mails, from there: %s", got)
	}
	if in := h.types(anna, "", "203.0.113.9", ""); Next(in) != StepHelp {
		t.Errorf("without mails, in another browser: %s", Next(in))
	}
	h.Mails = true
	h.clock.pass(AlarmsLast + time.Minute)
	if got := asked(h, "203.0.113.9") + " " + asked(other, "203.0.113.9"); got != "done done done done" {
		t.Errorf("an hour later: %s", got)
	}
}

// TestACodeByMailAsFirstFactorIsEnough on an unknown browser, of who has nothing else:
// no password was given that could be stolen.
func TestACodeByMailAsFirstFactorIsEnough(t *testing.T) {
	t.Parallel()
	h := risky(t, byRisk)
	h.MailCodes = func() bool { return true }
	h.user("anna", secret)
	in, code := h.asksCode("anna", "192.0.2.1", "")
	in, err := h.MailedCode(h.from("192.0.2.1"), in, code)
	h.ok(err)
	if s, _ := h.enters(in, ""); !h.whole(s, "") {
		t.Error("it is not enough")
	}
	if e := h.events("signin.mail.ok"); len(e) != 1 {
		t.Errorf("events %+v", e)
	}
}

// TestRiskComesBeforeEnrolmentThatIsForced: where everybody needs a second factor, who
// has none yet is led to set one up, on an unknown browser after a code by mail only.
func TestRiskComesBeforeEnrolmentThatIsForced(t *testing.T) {
	t.Parallel()
	h := risky(t, idp.PolicyRule{SecondFactor: true}, byRisk)
	anna := h.user("anna", secret)
	for app, then := range map[idp.AppID]Step{"": StepDone, "app_x": StepHelp} {
		in := h.types(anna, "", "192.0.2.1", app)
		if Next(in) != StepMail {
			t.Fatalf("at %q: %s", app, Next(in))
		}
		h.ok(h.SendConfirmation(h.from("192.0.2.1"), in, "en"))
		in, err := h.Confirm(h.from("192.0.2.1"), in, h.mailed()[in.ID])
		h.ok(err)
		if Next(in) != then {
			t.Errorf("at %q, confirmed: %s, want %s", app, Next(in), then)
		}
		if app != "" {
			continue
		}
		s, _ := h.enters(in, "")
		if may, err := h.MayChange(t.Context(), s); !may || err != nil || h.whole(s, "app_x") {
			t.Errorf("confirmed, she may not set one up, or needs none: %v, %v", may, err)
		}
	}
}

// TestConfirmationsAreFew: whoever has a stolen password fills no mailbox.
func TestConfirmationsAreFew(t *testing.T) {
	t.Parallel()
	h := risky(t, byRisk)
	anna := h.user("anna", secret)
	sent := 0
	for range 8 {
		if err := h.SendConfirmation(h.from("192.0.2.1"), h.types(anna, "", "192.0.2.1", ""), "en"); err == nil {
			sent++
		} else {
			h.is(err, idp.Throttled)
		}
	}
	e := h.events("signin.password.throttle")
	if sent != 5 || len(e) != 1 || e[0].Detail["by"] != "confirmation" {
		t.Fatalf("%d mails, events %+v", sent, e)
	}
	if x, ok := Explain(e[0]); !ok || x.Meaning == explained["signin.password.throttle"][""].Meaning {
		t.Errorf("explained as %+v", x)
	}
	// They have used up none of her own, where something speaks for her: there she is
	// asked on the day that many names are tried beside her.
	h.asks()
	berta := h.user("berta", secret)
	hers := h.knownTo(berta, "")
	h.asks(byRisk)
	for i := range namesAtAddress + 1 {
		_ = h.try("203.0.113.9", fmt.Sprint("name ", i), "wrong")
	}
	for range 5 {
		h.ok(h.SendConfirmation(h.from("192.0.2.1"), h.types(berta, "", "192.0.2.1", ""), "en"))
	}
	thiefs, own := h.types(berta, "", "192.0.2.1", ""), h.types(berta, hers, "203.0.113.9", "")
	h.is(h.SendConfirmation(h.from("192.0.2.1"), thiefs, "en"), idp.Throttled)
	own.Device = hers
	for range 5 {
		h.ok(h.SendConfirmation(h.from("203.0.113.9"), own, "en"))
	}
	h.is(h.SendConfirmation(h.from("203.0.113.9"), own, "en"), idp.Throttled)
}

// TestStrangersKeepNobodyFromConfirming: from where many names are tried, also a known
// browser is asked for a code by mail; what strangers try there does not refuse it.
func TestStrangersKeepNobodyFromConfirming(t *testing.T) {
	t.Parallel()
	h := risky(t)
	anna := h.user("anna", secret)
	hers := h.knownTo(anna, "")
	h.asks(byRisk)
	const office = "192.0.2.1"
	for i := range 60 { // names that one in the office goes through
		_ = h.tryOn("", office, fmt.Sprintf("name%d", i), "wrong password")
		h.clock.pass(time.Second)
	}
	in := h.types(anna, hers, office, "")
	if Next(in) != StepMail {
		t.Fatalf("from where many names are tried: %s", Next(in))
	}
	h.ok(h.SendConfirmation(h.from(office), in, "en"))
	in.Device = hers
	_, err := h.Confirm(h.from(office), in, h.mailed()[in.ID])
	h.ok(err)
}

// TestConfirmationsOfOneNetworkAreAPartOfTheDay: the thief of a password uses up in one
// network no more than a third of what is mailed to new browsers in a day; all together
// get no more than that.
func TestConfirmationsOfOneNetworkAreAPartOfTheDay(t *testing.T) {
	t.Parallel()
	h := risky(t, byRisk)
	anna := h.user("anna", secret)
	asks := func(address string) error {
		h.Helper()
		return h.SendConfirmation(h.from(address), h.types(anna, "", address, ""), "en")
	}
	sent := 0
	for i := range 60 {
		if err := asks(fmt.Sprintf("203.0.113.%d", i)); err == nil {
			sent++
		} else {
			h.is(err, idp.Throttled)
		}
		h.clock.pass(10 * time.Minute)
	}
	if sent != 7 {
		t.Errorf("%d mails to one network", sent)
	}
	for range 5 {
		h.ok(asks("192.0.2.1")) // she, in a new browser somewhere else
	}
	for i := range 20 {
		if asks(fmt.Sprintf("198.51.%d.1", i)) == nil {
			sent++
		}
	}
	if sent+5 != 20 {
		t.Errorf("%d mails in a day", sent+5)
	}
}
