package login

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"gatehouse/idp"
)

// second writes into a SignIn, whose first factor the user has just proven, by
// which credentials a second one can be, and whether that is asked for. Who has an
// authenticator app is asked for it, whoever asks for the sign-in; who has none,
// where the policy or the app asks for it. browser is the device that it happens on,
// if the user is known there. why says by what the sign-in is a risk, if it is one.
func (l *Login) second(ctx context.Context, in idp.SignIn, id idp.UserID, browser idp.KnownDevice) (next idp.SignIn, why string, err error) {
	in, asked, err := l.stands(ctx, in, id)
	if err != nil {
		return idp.SignIn{}, "", err
	}
	in.Vouched = l.vouched(ctx, browser)
	why = l.risk(ctx, asked.Risk, in)
	next, err = l.ask(ctx, in, id, asked, browser)
	if err == nil && next.Confirm == idp.ConfirmNone && in.Vouched < browser.Vouched {
		// Whoever raises an alarm on an address shuts nobody out of their own browser
		// there, who has no other way to be told from the thief of a password.
		in.Vouched = browser.Vouched
		next, err = l.ask(ctx, in, id, asked, browser)
	}
	return next, why, err
}

// stands writes into a SignIn which second factors the user has, and returns what is
// asked of them.
func (l *Login) stands(ctx context.Context, in idp.SignIn, id idp.UserID) (idp.SignIn, idp.Demand, error) {
	all, err := l.Store.Credentials(ctx, id)
	if err != nil {
		return in, idp.Demand{}, fmt.Errorf("look for second factors: %w", err)
	}
	in.Has = l.secondFactors(all)
	asked, err := l.demand(ctx, id, in.AppID)
	return in, asked, err
}

// ask writes into a SignIn what is asked for by rules, risk, and what the user has set
// up.
func (l *Login) ask(ctx context.Context, in idp.SignIn, id idp.UserID, asked idp.Demand, browser idp.KnownDevice) (idp.SignIn, error) {
	more := weigh(asked.Risk, VouchedBy(in.Vouched, in.Methods), in.Has)
	if more.mail {
		var err error
		if in.Confirm, err = l.confirmation(ctx, id); err != nil {
			return idp.SignIn{}, err
		}
	}
	asked.SecondFactor, asked.Passkey = asked.SecondFactor || more.second, asked.Passkey || more.passkey
	in.Remember = l.remembers(in, asked, browser)
	if more.any() && in.Remember == idp.RememberDone {
		in.Remember = idp.RememberOffer // it was remembered, and this is not the time for it
	}
	// The house itself lets in who does not have it yet: where else could they set it
	// up? Their own page is all they get; console and apps ask again.
	home := in.AppID == ""
	in.Passkey = in.Passkey || asked.Passkey && (!home || slices.Contains(in.Has, idp.CredentialPasskey))
	wanted := asked.SecondFactor && (!home || len(in.Has) > 0) || slices.Contains(in.Has, idp.CredentialTOTP)
	in.Several = in.Several || in.Passkey || wanted && in.Remember != idp.RememberDone
	return in, nil
}

// remembers says how the browser of a SignIn stands. One that is remembered stands
// in for a second factor that the policy asks for or the person has set up, and for
// nothing else: not for what an app asks for by its own request, nor for a proof
// that is to be a new one, nor for a passkey.
func (l *Login) remembers(in idp.SignIn, asked idp.Demand, browser idp.KnownDevice) idp.Remembrance {
	p := l.policy()
	switch {
	case p.Remember == 0 || len(in.Has) == 0 || in.Several || in.Passkey || asked.Passkey || asked.MaxAge > 0 || !in.NotBefore.IsZero():
		return idp.RememberNever
	case p.Remembers(browser, l.now()):
		return idp.RememberDone
	}
	return idp.RememberOffer
}

func (l *Login) policy() idp.Policy {
	if l.Policy == nil {
		return idp.Policy{}
	}
	return l.Policy()
}

// secondFactors are the kinds among the credentials that a second factor can be
// proven by. Recovery codes stand in for the others, and are none by themselves.
func (l *Login) secondFactors(all []idp.Credential) []idp.CredentialKind {
	var kinds []idp.CredentialKind
	has := func(kind idp.CredentialKind) bool {
		return slices.ContainsFunc(all, func(c idp.Credential) bool { return c.Kind == kind && (kind != idp.CredentialRecovery || c.Mark == 0) })
	}
	if has(idp.CredentialTOTP) {
		kinds = append(kinds, idp.CredentialTOTP)
	}
	if l.Passkeys != nil && has(idp.CredentialPasskey) {
		kinds = append(kinds, idp.CredentialPasskey)
	}
	if len(kinds) > 0 && has(idp.CredentialRecovery) {
		kinds = append(kinds, idp.CredentialRecovery)
	}
	return kinds
}

// HasSecond reports whether the user can prove a second factor, and by a passkey.
func (l *Login) HasSecond(ctx context.Context, id idp.UserID) (second, passkey bool, err error) {
	all, err := l.Store.Credentials(ctx, id)
	if err != nil {
		return false, false, fmt.Errorf("look for second factors: %w", err)
	}
	has := l.secondFactors(all)
	return len(has) > 0, slices.Contains(has, idp.CredentialPasskey), nil
}

// StepUp begins a SignIn in which the person of a live session proves only what
// that session lacks: a second factor, or a passkey where in.Passkey or the policy
// says so. Of in, the tongue sets what it knows.
func (l *Login) StepUp(ctx context.Context, in idp.SignIn, s idp.Session, bind string) (idp.SignIn, error) {
	if !localPath(in.ResumeURL) {
		return idp.SignIn{}, idp.Errorf(idp.Invalid, "A sign-in goes on at a page of this house only.")
	}
	in.Methods = s.Methods
	in, asked, err := l.stands(ctx, in, s.UserID)
	if err != nil {
		return idp.SignIn{}, err
	}
	in.Vouched = s.Vouched
	if in.AppID == "" && l.unconfirmed(s) {
		asked.Risk.Mail = true // it is asked for whatever changes what they sign in with
	}
	if in, err = l.ask(ctx, in, s.UserID, asked, idp.KnownDevice{}); err != nil {
		return idp.SignIn{}, err
	}
	if in.AppID == "" {
		in.Remember = idp.RememberNever // what the house itself asks for here, it always does
	}
	in.Several = in.Several || in.Confirm == idp.ConfirmNothing
	if in.Confirm == idp.ConfirmNone {
		if err := l.Store.Record(ctx, l.stuck(ctx, in, s.UserID)); err != nil {
			return idp.SignIn{}, fmt.Errorf("record who is not let in: %w", err)
		}
	}
	return l.Gate.BeginFrom(ctx, in, s, bind)
}

// Remember has the browser on which a SignIn has just come to its end remembered in
// place of the second factor that was given in it, where it offered that.
func (l *Login) Remember(ctx context.Context, in idp.SignIn, d idp.KnownDevice) error {
	p := l.policy()
	if p.Remember == 0 || in.Remember != idp.RememberOffer || !in.Several || !MultiFactor(in.Methods) {
		return nil
	}
	return l.Gate.TrustDevice(ctx, d, p)
}

// RememberFor is how long a browser may be remembered whose SignIn waits for a
// second factor; zero: not at all.
func (l *Login) RememberFor(in idp.SignIn) time.Duration {
	if in.Remember != idp.RememberOffer {
		return 0
	}
	return l.policy().Remember
}

// RememberedOf returns the browsers of a user that are remembered in place of a
// second factor, with TrustedUntil as it holds by now, and with no statement where
// the policy remembers none.
func (l *Login) RememberedOf(ctx context.Context, id idp.UserID) ([]idp.KnownDevice, error) {
	p := l.policy()
	if p.Remember == 0 {
		return nil, nil
	}
	all, err := l.Store.KnownDevices(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read the browsers that are remembered: %w", err)
	}
	all = slices.DeleteFunc(all, func(d idp.KnownDevice) bool { return !p.Remembers(d, l.now()) })
	for i, d := range all {
		all[i].TrustedUntil = p.RememberedUntil(d)
	}
	return all, nil
}

// AskAgain has one of the user's browsers remembered no more; idp.NotFound where
// it is not.
func (l *Login) AskAgain(ctx context.Context, user idp.UserID, id idp.KnownDeviceID) error {
	return l.Store.UntrustDevice(ctx, id, user, l.deviceEvent(ctx, "device.untrust", user, id))
}

// perCode: what a person has as a second factor is guessed at most so often,
// however many sign-ins are begun for it, by whatever codes and on whatever
// node. Nobody gets here without the first factor, so no stranger can use it up. A
// device on which the person has given a second factor before, or which is their first
// or by their own word theirs where no rule asks what speaks for it, counts for itself:
// who has stolen the password keeps nobody out there, and can make none such.
func perCode() []limit { return perAccount() }

// countCode counts one try of a code against its limit.
func (l *Login) countCode(ctx context.Context, in idp.SignIn) (tally, error) {
	d, err := l.deviceOf(ctx, in.Device, in.UserID)
	switch {
	case err != nil:
		return tally{}, err
	case d.Vouched >= idp.VouchSecond || d.ID != "" && !d.Asks && !l.AsksByRisk():
		return l.count(ctx, perCode(), "code", string(d.ID))
	}
	return l.count(ctx, perCode(), "code", string(in.UserID))
}

// Code proves the SignIn's second factor by a code of the person's
// authenticator app (RFC 6238) or one of their recovery codes. Every refusal is
// the same idp.Unauthenticated; too many tries are a [*ThrottledError]. A code
// counts once, and is spent only with what it proves. Of in, the caller sets the Device
// that the browser brings. The try and its outcome are in the events before the answer
// is given.
func (l *Login) Code(ctx context.Context, in idp.SignIn, typed string) (idp.SignIn, error) {
	if Next(in) != StepCode {
		return idp.SignIn{}, idp.Errorf(idp.Conflict, "This sign-in waits for no code.")
	}
	tries, err := l.countCode(ctx, in)
	if err != nil {
		return idp.SignIn{}, err
	}
	return l.tryCode(ctx, in, typed, tries)
}

// tryCode is Code for a try that was counted. What was typed is spent with what it
// proves, or not at all.
func (l *Login) tryCode(ctx context.Context, in idp.SignIn, typed string, tries tally) (idp.SignIn, error) {
	all, err := l.Store.Credentials(ctx, in.UserID)
	if err != nil {
		return idp.SignIn{}, fmt.Errorf("read whose code it is: %w", err)
	}
	c, mark, why, err := l.match(all, typed)
	if err != nil {
		return idp.SignIn{}, err
	}
	if why != "" {
		return idp.SignIn{}, l.refuseCode(ctx, in, why)
	}
	methods := []string{methodSeveral}
	if c.Kind == idp.CredentialTOTP {
		methods = []string{methodOTP, methodSeveral}
	}
	e := l.event(ctx, "signin.code.ok")
	e.UserID, e.AppID, e.Detail = in.UserID, in.AppID, map[string]string{"by": string(c.Kind)}
	e.Actor.Kind, e.Actor.UserID = "user", in.UserID
	c.Mark = mark
	w := idp.Witness{Events: []idp.Event{e}, Spent: c, Told: l.tellUsed(in.Proof, c, all)}
	proven, err := l.Gate.Prove(ctx, in, in.Proof, w, methods...)
	switch {
	case idp.IsKind(err, idp.Conflict):
		return idp.SignIn{}, l.refuseCode(ctx, in, usedBefore)
	case idp.IsKind(err, idp.Unauthenticated):
		return idp.SignIn{}, l.refuseCode(ctx, in, notAnyMore)
	case err != nil:
		return idp.SignIn{}, err
	}
	// Only now: a code that was used before, which others may have seen, forgives nothing.
	if err := l.forgive(ctx, tries); err != nil {
		l.logAfter(ctx, "forget tries of a code", err)
	}
	return proven, nil
}

// usedBefore is why a right code is refused, for the events.
const usedBefore = "code used before"

// tellUsed are the mails that tell somebody, who has all these, that a recovery code
// was used.
func (l *Login) tellUsed(whose idp.Proof, c idp.Credential, all []idp.Credential) []idp.Mail {
	if c.Kind != idp.CredentialRecovery {
		return nil
	}
	m := l.notice(idp.MailCodeUsed, idp.User{ID: whose.UserID, Epoch: whose.Epoch})
	m.Data = map[string]string{"left": strconv.Itoa(unused(all) - 1)}
	return []idp.Mail{m}
}

// spend spends what was typed. why says for the events that nothing was there to
// spend. Of a recovery code the person is told.
func (l *Login) spend(ctx context.Context, whose idp.Proof, all []idp.Credential, typed string) (used idp.CredentialKind, why string, err error) {
	c, mark, why, err := l.match(all, typed)
	if err != nil || why != "" {
		return "", why, err
	}
	switch err := l.Store.SpendCredential(ctx, c, mark, l.now(), l.tellUsed(whose, c, all)...); {
	case idp.IsKind(err, idp.Conflict):
		return "", usedBefore, nil
	case idp.IsKind(err, idp.Unauthenticated):
		return "", "the credential was removed", nil
	case err != nil:
		return "", "", fmt.Errorf("spend a code: %w", err)
	}
	return c.Kind, "", nil
}

// match finds the credential that a code is of, and the mark to spend it with.
func (l *Login) match(all []idp.Credential, typed string) (c idp.Credential, mark int64, why string, err error) {
	digits, letters := canonicalCode(typed)
	why = "no code"
	for _, c := range all {
		switch {
		case c.Kind == idp.CredentialTOTP && digits != "":
			why = "wrong code"
			step, ok, err := l.totpStep(c, digits)
			if err != nil || ok {
				return c, step, "", err
			}
		case c.Kind == idp.CredentialRecovery && letters != "":
			why = "wrong recovery code"
			if ok, err := l.isRecovery(c, letters); err != nil || ok {
				return c, 1, "", err
			}
		}
	}
	return idp.Credential{}, 0, why, nil
}

func (l *Login) refuseCode(ctx context.Context, in idp.SignIn, why string) error {
	e := l.event(ctx, "signin.code.refuse")
	e.UserID, e.AppID, e.Detail = in.UserID, in.AppID, map[string]string{"reason": why}
	if err := l.Store.Record(ctx, e); err != nil {
		return fmt.Errorf("record the refusal: %w", err)
	}
	return wrongCode()
}

// wrongCode is the one refusal of a code.
func wrongCode() *idp.Error {
	return idp.Errorf(idp.Unauthenticated, "This code is not right, or was used before. Wait for the next one and try again.")
}
