package login

import (
	"errors"
	"testing"

	"gatehouse/idp"
	"gatehouse/sessions"
)

// signedIn is a session of a person and its raw secret.
func (h *house) sessionOf(u idp.User, password string) (string, idp.Session) {
	h.Helper()
	in, err := h.Begin(h.Context(), idp.SignIn{}, bind)
	h.ok(err)
	in, err = h.Password(h.Context(), in, u.Username, password)
	h.ok(err)
	raw, s, err := h.gate.Start(h.Context(), in, "", "")
	h.ok(err)
	return raw, s
}

func TestChangingThePasswordEndsEverySession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.Mails = true
	anna := h.user("anna", secret)
	other, _ := h.sessionOf(anna, secret)
	mine, s := h.sessionOf(anna, secret)
	h.is(h.ChangePassword(t.Context(), s, "", "not the password", "another password"), idp.Invalid)
	h.is(h.ChangePassword(t.Context(), s, "", secret, "qwerty123456"), idp.Invalid)
	if _, err := h.gate.Session(t.Context(), mine); err != nil {
		t.Fatal("a change that was refused has ended the session")
	}
	h.ok(h.ChangePassword(t.Context(), s, "", secret, "another password"))
	for what, raw := range map[string]string{"the other session": other, "this session": mine} {
		if _, err := h.gate.Session(t.Context(), raw); !idp.IsKind(err, idp.Unauthenticated) {
			t.Errorf("%s: %v", what, err)
		}
	}
	h.is(h.ChangePassword(t.Context(), s, "", "another password", "a third password"), idp.Unauthenticated) // a session of before
	h.sessionOf(anna, "another password")
	if m := h.mailsTo(anna.ID); len(m) != 1 || m[0].Kind != idp.MailPasswordChanged {
		t.Errorf("anna is told %+v", m)
	}
}

// TestWhoComesByAPasskeyNeedsNoCurrentPassword: it was forgotten, or there is none.
func TestWhoComesByAPasskeyNeedsNoCurrentPassword(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	for name, password := range map[string]string{"anna": secret, "eve": ""} {
		u, key := h.user(name, password), newDevice()
		h.enrol(u, key)
		in, err := h.touch(key)
		h.ok(err)
		raw, s, err := h.gate.Start(t.Context(), in, "", "")
		h.ok(err)
		if has, err := h.HasPassword(t.Context(), u.ID); err != nil || has != (password != "") || AsksCurrent(s) {
			t.Errorf("%s has a password: %v, is asked for it: %v, %v", name, has, AsksCurrent(s), err)
		}
		byPassword := s
		byPassword.Methods = []string{"pwd"}
		h.is(h.ChangePassword(t.Context(), byPassword, "", password, "another password"), idp.Denied)
		h.is(h.ChangePassword(t.Context(), s, "", "", "short"), idp.Invalid)
		h.ok(h.ChangePassword(t.Context(), s, "", "", "another password"))
		_, err = h.gate.Session(t.Context(), raw)
		h.is(err, idp.Unauthenticated)
		h.ok(h.try("", name, "another password"))
		h.is(h.ChangePassword(t.Context(), s, "", "", "a third password"), idp.Unauthenticated) // a session of before
		if has, err := h.HasPassword(t.Context(), u.ID); err != nil || !has {
			t.Errorf("%s has a password: %v, %v", name, has, err)
		}
	}
}

// TestAStolenPasswordIsNotChanged by whoever has nothing else: where its owner has a
// second factor, it would shut them out.
func TestAStolenPasswordIsNotChanged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	_, s := h.sessionOf(anna, secret)
	p, _ := h.sets(anna)
	h.is(h.ChangePassword(t.Context(), s, "", secret, "another password"), idp.Denied)
	up, err := h.StepUp(t.Context(), idp.SignIn{ResumeURL: "/password"}, s, bind)
	h.ok(err)
	if Next(up) != StepCode {
		t.Fatalf("to change it: %s", Next(up))
	}
	up, err = h.Code(t.Context(), up, p.code())
	h.ok(err)
	raw, _, err := h.gate.Renew(t.Context(), up, s)
	h.ok(err)
	s, err = h.gate.Session(t.Context(), raw)
	h.ok(err)
	h.ok(h.ChangePassword(t.Context(), s, "", secret, "another password"))
	_, err = h.gate.Session(t.Context(), raw)
	h.is(err, idp.Unauthenticated)
}

// A session of before a suspension changes nothing after it, restored or not.
func TestASuspendedPersonChangesNoPassword(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	_, s := h.sessionOf(anna, secret)
	_, err := h.store.Commit(t.Context(), idp.Change{Ending: &idp.Ending{Kind: idp.EndUser, UserID: anna.ID, Key: "k", At: h.now(), ReceiptID: idp.NewReceiptID()}})
	h.ok(err)
	h.is(h.ChangePassword(t.Context(), s, "", secret, "another password"), idp.Unauthenticated)
	u, err := h.store.User(t.Context(), anna.ID)
	h.ok(err)
	u.Status = idp.UserActive
	_, err = h.store.Commit(t.Context(), idp.Change{Users: []idp.User{u}})
	h.ok(err)
	h.is(h.ChangePassword(t.Context(), s, "", secret, "another password"), idp.Unauthenticated)
	h.sessionOf(anna, secret)
}

// Whoever sits at a session left open cannot guess the password through it.
func TestGuessingTheCurrentPasswordIsThrottled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	_, s := h.sessionOf(anna, secret)
	var err error
	tries := 0
	for ; tries < 50; tries++ {
		err = h.ChangePassword(t.Context(), s, "", "not the password", "another password")
		if _, slow := errors.AsType[*ThrottledError](err); slow {
			break
		}
	}
	if tries > 10 {
		t.Errorf("%d tries, then %v", tries, err)
	}
}

// TestWhoChangesTheirPasswordIsNoStrangerInTheirBrowser: it is known as it was, so that a
// link from a mail works there; what else was known as theirs is not.
func TestWhoChangesTheirPasswordIsNoStrangerInTheirBrowser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	_, s := h.sessionOf(anna, secret)
	hers, other := h.knownTo(anna, ""), h.knownTo(anna, "")
	h.ok(h.ChangePassword(t.Context(), s, hers, secret, "another password"))
	anna, err := h.store.User(t.Context(), anna.ID)
	h.ok(err)
	for device, want := range map[string]Beside{hers: {}, other: {Stranger: true}} {
		if beside, err := h.Beside(t.Context(), h.link(anna, idp.LinkRecovery), device); err != nil || beside != want {
			t.Errorf("beside a link: %+v, %v, want %+v", beside, err, want)
		}
	}
	seen, err := h.gate.KnowDevice(t.Context(), h.own(anna).Proof, hers, sessions.Browser{}, idp.VouchNone)
	if err != nil || seen.New || seen.Secret != hers {
		t.Errorf("at the next sign-in her browser is %+v, %v", seen, err)
	}
}
