package login

import (
	"context"
	"fmt"
	"slices"

	"gatehouse/idp"
)

// DisownAsks is what somebody is asked for, on the very page on which they say that a
// sign-in was not theirs. Zero: their session says enough. What was set up since that
// sign-in may be the other's: it is never asked for, and keeps nobody from ending it.
type DisownAsks struct {
	Password bool // the current one
	Code     bool // of the authenticator app that they had before, or a recovery code
	// Passkey: they had one before, and may sign in by it in place of that.
	Passkey bool
	// Again: there is nothing that could be typed: they sign in once more first.
	// Second: they have, and show besides what else their session lacks.
	Again, Second bool
}

// Any reports whether something is asked for.
func (a DisownAsks) Any() bool { return a != DisownAsks{Passkey: a.Passkey} }

// AskedAbout returns one of what [Login.Asked] does, and what the person of the session
// is asked for to disown it; fresh: they have just proven themselves in it.
// idp.NotFound for another.
func (l *Login) AskedAbout(ctx context.Context, s idp.Session, fresh bool, raw string, id idp.KnownDeviceID) (idp.KnownDevice, DisownAsks, error) {
	w, err := l.wasNot(ctx, s, fresh, raw, id)
	return w.device, w.asks, err
}

// wasNot is a sign-in about to be disowned.
type wasNot struct {
	here, device idp.KnownDevice
	kept, gone   []idp.Credential // what the person had before it, and what is to go
	asks         DisownAsks
}

// wasNot reads it. The password stays what it was: whoever changes it ends everything,
// this browser's proof too, so in this browser it is its owner's.
func (l *Login) wasNot(ctx context.Context, s idp.Session, fresh bool, raw string, id idp.KnownDeviceID) (w wasNot, err error) {
	if w.here, w.device, err = l.answer(ctx, s.UserID, raw, id); err != nil {
		return w, err
	}
	u, all, err := l.factorsOf(ctx, s.UserID)
	if err != nil {
		return w, err
	}
	if u.Status != idp.UserActive || u.Epoch != s.Epoch {
		return w, notSignedIn()
	}
	for _, c := range all {
		password, before := c.Kind == idp.CredentialPassword, c.CreatedAt.Before(w.device.FirstAt)
		if password || before {
			w.kept = append(w.kept, c)
		}
		if password || !before {
			w.gone = append(w.gone, c)
		}
	}
	w.asks = l.disownAsks(w.kept, s, fresh)
	return w, nil
}

func (l *Login) disownAsks(kept []idp.Credential, s idp.Session, fresh bool) (a DisownAsks) {
	has := func(kind idp.CredentialKind) bool {
		return slices.ContainsFunc(kept, func(c idp.Credential) bool { return c.Kind == kind })
	}
	had, password := l.secondFactors(kept), has(idp.CredentialPassword)
	second := len(had) > 0 && !MultiFactor(s.Methods)
	a.Passkey = slices.Contains(had, idp.CredentialPasskey)
	a.Password = password && (!fresh || ByMail(s.Methods))
	a.Code = second && (slices.Contains(had, idp.CredentialTOTP) || slices.Contains(had, idp.CredentialRecovery))
	switch {
	case !fresh && (!password || second && !a.Code):
		a.Again = true
	case second && !a.Code, len(had) == 0 && l.unconfirmed(s):
		a.Second = true
	}
	return a
}

// Disown says, in the browser with this raw device secret, that the sign-in on
// a device was not the person's of this session: everything that they hold ends,
// with a receipt; the password, and whatever else was enrolled since then, is no
// proof any more; every browser but this one is forgotten, and this one stays known. It
// returns the raw secret of a link by which they set a new password. Where it is lost,
// this browser is where another one works, that they have mailed.
//
// fresh: they have just proven themselves in the session. current and code are what
// [Login.AskedAbout] asks for; tries are counted for this browser, apart from what others
// try elsewhere. It answers idp.NotFound like Own, idp.Denied to who has to show something
// that cannot be typed, idp.Invalid under the field "current" or "code", and a
// [*ThrottledError] after too many tries.
func (l *Login) Disown(ctx context.Context, s idp.Session, fresh bool, raw string, id idp.KnownDeviceID, current, code string) (link string, err error) {
	w, err := l.wasNot(ctx, s, fresh, raw, id)
	if err != nil {
		return "", err
	}
	if err := l.showsFor(ctx, s, w, current, code); err != nil {
		return "", err
	}
	if link, _, err = l.Gate.StartOver(ctx, w.here, l.disowning(ctx, w)); err != nil {
		return "", err
	}
	l.wake()
	return link, nil
}

// showsFor looks at what was typed to disown a sign-in.
func (l *Login) showsFor(ctx context.Context, s idp.Session, w wasNot, current, code string) error {
	if w.asks.Again || w.asks.Second {
		return idp.Errorf(idp.Denied, "Show first that it is you. Open the page again: it asks for it.")
	}
	if w.asks.Password {
		if err := l.knowsPassword(ctx, s.UserID, current, "disown", string(w.here.ID), "device.disown.refuse"); err != nil {
			return err
		}
	}
	if !w.asks.Code {
		return nil
	}
	if digits, letters := canonicalCode(code); digits == "" && letters == "" {
		return badCode(idp.Errorf(idp.Invalid, "Type a code from your authenticator app, or one of your recovery codes."))
	}
	tries, err := l.count(ctx, perCode(), "disown code", string(w.here.ID))
	if err != nil {
		return err
	}
	_, why, err := l.spend(ctx, s.Proof, w.kept, code)
	switch {
	case err != nil:
		return err
	case why == "":
		return l.forgive(ctx, tries)
	}
	e := l.event(ctx, "device.disown.refuse")
	e.UserID, e.Detail = s.UserID, map[string]string{"reason": why}
	if err := l.Store.Record(ctx, e); err != nil {
		return fmt.Errorf("record the refusal: %w", err)
	}
	return badCode(wrongCode())
}

// disowning is the change that makes a device nobody's.
func (l *Login) disowning(ctx context.Context, w wasNot) idp.Change {
	d := w.device
	e := l.deviceEvent(ctx, "device.disown", d.UserID, d.ID)
	return idp.Change{
		RemoveCredentials: w.gone,
		ForgetDevices:     []idp.KnownDevice{{ID: w.here.ID, Proof: idp.Proof{UserID: d.UserID}}},
		Events:            []idp.Event{e},
		Mails:             []idp.Mail{l.notice(idp.MailDisowned, idp.User{ID: d.UserID, Epoch: d.Epoch})},
		Ending: &idp.Ending{
			Kind: idp.EndPasses, UserID: d.UserID, Key: "disown/" + string(d.ID), Reason: "a sign-in that was not theirs",
			Actor: e.Actor, At: l.now(), ReceiptID: idp.NewReceiptID(),
		},
	}
}
