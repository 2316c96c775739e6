package login

import (
	"context"
	"slices"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/sessions"
)

const day = 24 * time.Hour

// remembering is a house whose policy lets browsers be remembered for 30 days.
func remembering(t *testing.T) (*house, *idp.Policy) {
	t.Helper()
	h := passkeyHouse(t)
	p := &idp.Policy{Version: 2, Remember: 30 * day, RememberSince: 2}
	h.Policy = func() idp.Policy { return *p }
	return h, p
}

// remembers signs somebody in with both factors and has the browser remembered.
func (h *house) remembers(p *phone, raw string) (idp.SignIn, string) {
	h.Helper()
	in := h.full(p)
	seen, err := h.gate.KnowDevice(h.Context(), in.Proof, raw, sessions.Browser{UserAgent: "Firefox"}, VouchedBy(idp.VouchNone, in.Methods))
	h.ok(err)
	h.ok(h.Remember(h.Context(), in, seen.Device))
	return in, seen.Secret
}

// next is what a browser is asked for after the right password, by a sign-in that
// wishes this much.
func (h *house) next(device, username string, wish idp.SignIn) Step {
	h.Helper()
	wish.ResumeURL = "/resume"
	in, err := h.Begin(h.Context(), wish, bind)
	h.ok(err)
	in.Device = device
	in, err = h.Password(h.from("192.0.2.1"), in, username, secret)
	h.ok(err)
	stored, err := h.gate.SignIn(h.Context(), in.ID, bind)
	h.ok(err)
	if Next(stored) != Next(in) || stored.Remember != in.Remember {
		h.Errorf("as it is stored, it asks for %s (%d), not %s (%d)", Next(stored), stored.Remember, Next(in), in.Remember)
	}
	return Next(in)
}

// TestARememberedBrowserIsNotAskedAgain until its end, and no other is left alone.
func TestARememberedBrowserIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	h, _ := remembering(t)
	ada, eve := h.user("ada", secret), h.user("eve", secret)
	p, _ := h.sets(ada)
	h.sets(eve)
	evesOwn := h.knownTo(eve, "")
	_, hers := h.remembers(p, "")
	if got := h.next(hers, "ada", idp.SignIn{}); got != StepDone {
		t.Fatalf("in the remembered browser it asks for %s", got)
	}
	for name, c := range map[string][2]string{
		"another browser":                     {"", "ada"},
		"another person's browser":            {evesOwn, "ada"},
		"another person in this one":          {hers, "eve"},
		"a cookie that is longer by one sign": {hers + "A", "ada"},
		"a cookie that is another by one":     {flip(hers), "ada"},
		"a cookie that somebody has made up":  {"0123456789012345678901234567890123456789012", "ada"},
	} {
		if got := h.next(c[0], c[1], idp.SignIn{}); got != StepCode {
			t.Errorf("%s: it asks for %s", name, got)
		}
	}
	h.clock.pass(29 * day)
	if got := h.next(hers, "ada", idp.SignIn{}); got != StepDone {
		t.Errorf("before its end it asks for %s", got)
	}
	h.clock.pass(day)
	if got := h.next(hers, "ada", idp.SignIn{}); got != StepCode {
		t.Errorf("after its end it asks for %s", got)
	}
}

// flip changes the first sign of a secret.
func flip(s string) string {
	if s[0] == 'A' {
		return "B" + s[1:]
	}
	return "A" + s[1:]
}

// TestARememberedBrowserStandsInForNothingElse: what an app asks for by its own
// request, a new proof, a young proof, a passkey, a change of factors, the console.
func TestARememberedBrowserStandsInForNothingElse(t *testing.T) {
	t.Parallel()
	h, policy := remembering(t)
	ada := h.user("ada", secret)
	p, _ := h.sets(ada)
	_, hers := h.remembers(p, "")
	for name, wish := range map[string]idp.SignIn{
		"an app asks for several factors": {AppID: "app_x", Several: true},
		"a new proof":                     {NotBefore: h.clock.now().Add(-time.Minute)},
		"a rule with an age":              {AppID: "app_young"},
	} {
		h.Demand = func(_ context.Context, _ idp.UserID, app idp.AppID) (idp.Demand, error) {
			d := idp.Demand{SecondFactor: true}
			if app == "app_young" {
				d.MaxAge = 15 * time.Minute
			}
			return d, nil
		}
		if got := h.next(hers, "ada", wish); got != StepCode {
			t.Errorf("%s: it asks for %s", name, got)
		}
	}
	// The session that it makes is of one factor, and says so.
	in := h.begin()
	in.Device = hers
	in, err := h.Password(h.from("192.0.2.1"), in, "ada", secret)
	h.ok(err)
	raw, _, err := h.gate.Start(t.Context(), in, "", "")
	h.ok(err)
	s, err := h.gate.Session(t.Context(), raw)
	h.ok(err)
	if !s.Remembered || MultiFactor(s.Methods) {
		t.Fatalf("the session is %+v", s)
	}
	if !slices.ContainsFunc(h.events("signin.password.ok"), func(e idp.Event) bool { return e.Detail["remembered"] != "" }) {
		t.Error("its event says nothing of it")
	}
	whole := func(app idp.AppID) bool {
		_, whole, err := h.Suffices(t.Context(), s, app)
		h.ok(err)
		return whole
	}
	if !whole("app_x") || whole("app_young") || whole("") {
		t.Errorf("it is enough for an app: %v, for one that asks for a young proof: %v, for the console: %v", whole("app_x"), whole("app_young"), whole(""))
	}
	h.Demand = nil
	if whole("") {
		t.Error("without any rule it is enough for the console")
	}
	if may, err := h.MayChange(t.Context(), s); may || err != nil {
		t.Errorf("by it, factors are changed: %v, %v", may, err)
	}
	step, err := h.StepUp(t.Context(), idp.SignIn{ResumeURL: "/"}, s, bind)
	h.ok(err)
	if Next(step) != StepCode || h.RememberFor(step) != 0 {
		t.Errorf("a step up asks for %s and offers to remember for %s", Next(step), h.RememberFor(step))
	}
	h.Demand = func(context.Context, idp.UserID, idp.AppID) (idp.Demand, error) {
		return idp.Demand{SecondFactor: true}, nil
	}
	policy.RememberSinceAt = s.AuthTime // turned off and on again since
	if whole("app_x") {
		t.Error("after remembering was off for a while, it is enough for an app")
	}
	policy.RememberSinceAt = s.AuthTime.Add(-time.Second)
	if !whole("app_x") {
		t.Error("begun after remembering was turned on, it is not enough for an app")
	}
	policy.Remember = 0
	if whole("app_x") {
		t.Error("with nothing remembered any more, it is enough for an app")
	}
}

// TestWhatEndsARememberedBrowser: all that ends what the person holds, a change of
// what they sign in with, their own word, and the policy. Nothing brings it back.
func TestWhatEndsARememberedBrowser(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(h *house, policy *idp.Policy, u idp.User, p *phone){
		"suspended and restored": func(h *house, _ *idp.Policy, u idp.User, _ *phone) {
			h.suspend(u)
			u, err := h.store.User(h.Context(), u.ID)
			h.ok(err)
			u.Status = idp.UserActive
			_, err = h.store.Commit(h.Context(), idp.Change{Users: []idp.User{u}, Supersede: []idp.UserID{u.ID}})
			h.ok(err)
		},
		"all sessions ended": func(h *house, _ *idp.Policy, u idp.User, _ *phone) {
			_, err := h.store.Commit(h.Context(), idp.Change{Ending: &idp.Ending{Kind: idp.EndPasses, UserID: u.ID, Key: "x", At: idp.Time(h.clock.now()), ReceiptID: idp.NewReceiptID()}})
			h.ok(err)
		},
		"another password": func(h *house, _ *idp.Policy, u idp.User, _ *phone) {
			h.ok(h.ChangePassword(h.from("192.0.2.1"), h.own(u), "", secret, "another one, long enough"))
			u, err := h.store.User(h.Context(), u.ID)
			h.ok(err)
			h.ok(h.set(h.from("192.0.2.1"), h.link(u, idp.LinkReset), secret, ""))
		},
		"new recovery codes": func(h *house, _ *idp.Policy, u idp.User, _ *phone) {
			_, err := h.RenewRecovery(h.Context(), h.own(u))
			h.ok(err)
		},
		"a passkey added": func(h *house, _ *idp.Policy, u idp.User, _ *phone) {
			h.enrol(u, newDevice())
		},
		"the app taken away and added again": func(h *house, _ *idp.Policy, u idp.User, _ *phone) {
			_, err := h.RemoveSecondFactors(h.Context(), u.ID)
			h.ok(err)
			h.sets(u)
		},
		"their own word": func(h *house, _ *idp.Policy, u idp.User, _ *phone) {
			all, err := h.RememberedOf(h.Context(), u.ID)
			h.ok(err)
			if len(all) != 1 {
				h.Fatalf("remembered: %+v", all)
			}
			h.is(h.AskAgain(h.Context(), h.user("eve", "").ID, all[0].ID), idp.NotFound)
			h.ok(h.AskAgain(h.Context(), u.ID, all[0].ID))
			h.is(h.AskAgain(h.Context(), u.ID, all[0].ID), idp.NotFound)
		},
		"the policy says fewer days": func(h *house, policy *idp.Policy, _ idp.User, _ *phone) {
			h.clock.pass(7 * day)
			policy.Remember, policy.Version = 7*day, 3
		},
		"the policy was off for a while": func(h *house, policy *idp.Policy, _ idp.User, _ *phone) {
			policy.Version, policy.RememberSince = 4, 4
		},
		"the policy is off": func(h *house, policy *idp.Policy, u idp.User, _ *phone) {
			policy.Remember = 0
			if all, err := h.RememberedOf(h.Context(), u.ID); err != nil || all != nil {
				h.Errorf("remembered: %+v, %v", all, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, policy := remembering(t)
			u := h.user("ada", secret)
			p, _ := h.sets(u)
			_, hers := h.remembers(p, "")
			if got := h.next(hers, "ada", idp.SignIn{}); got != StepDone {
				t.Fatalf("before, it asks for %s", got)
			}
			end(h, policy, u, p)
			if got := h.next(hers, "ada", idp.SignIn{}); got != StepCode {
				t.Errorf("after, it asks for %s", got)
			}
		})
	}
}

// TestAMailedCodeRemembersNoBrowser: neither is the second factor left out after one in a
// browser that is remembered, nor is a browser remembered by a sign-in that began with
// one, whatever its form says.
func TestAMailedCodeRemembersNoBrowser(t *testing.T) {
	t.Parallel()
	h, _ := remembering(t)
	h.store.Mails, h.MailCodes, h.MailCodeKey = true, func() bool { return true }, []byte("a key of the house")
	p, _ := h.sets(h.user("ada", secret))
	_, hers := h.remembers(p, "")
	in, code := h.asksCode("ada", "192.0.2.1", hers)
	in.Device = hers
	in, err := h.MailedCode(h.from("192.0.2.1"), in, code)
	h.ok(err)
	if Next(in) != StepCode || in.Remember != idp.RememberNever || h.RememberFor(in) != 0 {
		t.Fatalf("in a remembered browser: %s, %d, offered for %s", Next(in), in.Remember, h.RememberFor(in))
	}

	in, code = h.asksCode("ada", "192.0.2.1", "")
	in, err = h.MailedCode(h.from("192.0.2.1"), in, code)
	h.ok(err)
	h.clock.pass(time.Minute)
	in, err = h.Code(h.from("192.0.2.1"), in, p.code())
	h.ok(err)
	seen, err := h.gate.KnowDevice(t.Context(), in.Proof, "", sessions.Browser{}, idp.VouchSecond)
	h.ok(err)
	h.ok(h.Remember(t.Context(), in, seen.Device)) // the box is ticked all the same
	if got := h.next(seen.Secret, "ada", idp.SignIn{}); got != StepCode {
		t.Errorf("remembered by a sign-in that began with a mailed code: it asks for %s", got)
	}
}

// TestOnlyASecondFactorGivenNowIsRemembered: not by half a sign-in, nor by one that
// was not offered it, and by none of a moment before a suspension.
func TestOnlyASecondFactorGivenNowIsRemembered(t *testing.T) {
	t.Parallel()
	h, policy := remembering(t)
	u := h.user("ada", secret)
	p, _ := h.sets(u)
	in := h.half("ada")
	seen, err := h.gate.KnowDevice(t.Context(), in.Proof, "", sessions.Browser{}, idp.VouchNone)
	h.ok(err)
	h.ok(h.Remember(t.Context(), in, seen.Device))
	if got := h.next(seen.Secret, "ada", idp.SignIn{}); got != StepCode {
		t.Errorf("remembered by half a sign-in: it asks for %s", got)
	}
	again, err := h.Begin(t.Context(), idp.SignIn{ResumeURL: "/", NotBefore: h.clock.now()}, bind)
	h.ok(err)
	again, err = h.Password(h.from("192.0.2.1"), again, "ada", secret)
	h.ok(err)
	h.clock.pass(time.Minute)
	again, err = h.Code(t.Context(), again, p.code())
	h.ok(err)
	h.ok(h.Remember(t.Context(), again, seen.Device))
	if got := h.next(seen.Secret, "ada", idp.SignIn{}); got != StepCode {
		t.Errorf("remembered by a new proof: it asks for %s", got)
	}
	policy.Remember = 0
	full := h.full(p)
	h.ok(h.Remember(t.Context(), full, seen.Device))
	policy.Remember = 30 * day
	if got := h.next(seen.Secret, "ada", idp.SignIn{}); got != StepCode {
		t.Errorf("remembered where nothing is: it asks for %s", got)
	}
	full = h.full(p)
	h.suspend(u)
	h.is(h.Remember(t.Context(), full, seen.Device), idp.Unauthenticated)
	if n := len(h.events("signin.remember")); n != 0 {
		t.Errorf("%d events of it", n)
	}
}

// TestARememberedBrowserCostsNoStatement more than another that is known.
func TestARememberedBrowserCostsNoStatement(t *testing.T) {
	t.Parallel()
	h, policy := remembering(t)
	u := h.user("ada", secret)
	p, _ := h.sets(u)
	_, hers := h.remembers(p, "")
	cost := func() uint64 {
		in := h.begin()
		in.Device = hers
		before := h.store.Statements()
		_, err := h.Password(h.from("192.0.2.1"), in, "ada", secret)
		h.ok(err)
		return h.store.Statements() - before
	}
	remembered := cost()
	h.clock.pass(2 * time.Hour) // no try is remembered against her
	policy.Remember = 0
	if plain := cost(); remembered != plain {
		t.Errorf("%d statements in a remembered browser, %d in any", remembered, plain)
	}
}

// TestARuleForAPasskeyTakesNothingElse: neither codes nor a remembered browser; a
// passkey does, by itself or after the password. Who has none gets to their own page
// with what they have, and nowhere else.
func TestARuleForAPasskeyTakesNothingElse(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	policy := &idp.Policy{Version: 1, Remember: 30 * day}
	h.Policy = func() idp.Policy { return *policy }
	ada, d := h.user("ada", secret), newDevice()
	p, _ := h.sets(ada)
	_, hers := h.remembers(p, "")
	h.Demand = func(context.Context, idp.UserID, idp.AppID) (idp.Demand, error) {
		return idp.Demand{SecondFactor: true, Passkey: true}, nil
	}
	// With an authenticator app alone: to her own page, by both.
	if got := h.next("", "ada", idp.SignIn{}); got != StepCode {
		t.Fatalf("on the way to her own page it asks for %s", got)
	}
	if got := h.next(hers, "ada", idp.SignIn{}); got != StepCode {
		t.Errorf("in a remembered browser it asks for %s", got)
	}
	if got := h.next("", "ada", idp.SignIn{AppID: "app_x"}); got != StepHelp {
		t.Errorf("on the way to an app it asks for %s", got)
	}
	in := h.full(p)
	_, s, err := h.gate.Start(t.Context(), in, "", "")
	h.ok(err)
	if _, whole, err := h.Suffices(t.Context(), s, ""); whole || err != nil {
		t.Errorf("codes are enough for the console: %v, %v", whole, err)
	}
	c, err := h.NewPasskey(t.Context(), s)
	h.ok(err)
	_, err = h.AddPasskey(t.Context(), s, c.State, d.make(t, c), "")
	h.ok(err)
	d.AddCredential(d.key)

	// With one: it alone, also after the password, and no code.
	if got := h.next("", "ada", idp.SignIn{}); got != StepPasskey {
		t.Errorf("with a passkey it asks for %s", got)
	}
	half := h.half("ada")
	_, err = h.Code(t.Context(), half, p.code())
	h.is(err, idp.Conflict)
	c = h.offer(half)
	done, err := h.Passkey(h.from("192.0.2.1"), half, c.State, d.use(t, c))
	h.ok(err)
	alone, err := h.touch(d)
	h.ok(err)
	for name, in := range map[string]idp.SignIn{"after the password": done, "alone": alone} {
		if Next(in) != StepDone {
			t.Errorf("%s, it asks for %s", name, Next(in))
		}
		if _, whole, err := h.Suffices(t.Context(), idp.Session{ID: "ses_x", Proof: in.Proof, Methods: in.Methods}, "app_x"); !whole || err != nil {
			t.Errorf("%s, its session does not suffice: %v, %v", name, whole, err)
		}
	}
	// A session by codes is asked for the passkey alone.
	step, err := h.StepUp(t.Context(), idp.SignIn{ResumeURL: "/", AppID: "app_x"}, s, bind)
	h.ok(err)
	if Next(step) != StepPasskey {
		t.Errorf("a session by codes is asked for %s", Next(step))
	}
	c = h.offer(step)
	step, err = h.Passkey(h.from("192.0.2.1"), step, c.State, d.use(t, c))
	h.ok(err)
	_, renewed, err := h.gate.Renew(t.Context(), step, s)
	h.ok(err)
	if !ByPasskey(renewed.Methods) || renewed.ID != s.ID {
		t.Errorf("renewed to %+v", renewed)
	}
}
