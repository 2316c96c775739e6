package login

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"time"

	"gatehouse/idp"
)

const (
	// mailCodeLength: of the five codes that are looked at for each mail, one in 20
	// million is right by chance.
	mailCodeLength = 8
	// dataSignIn is where a mail says for which SignIn its code is. That is no
	// secret: the browser's cookie is.
	dataSignIn = "sign_in"
)

// TakesMailCodes reports whether people may sign in by a code from a mail.
func (l *Login) TakesMailCodes() bool { return l.MailCodes != nil && l.MailCodes() }

// MailCode has a code mailed to the person of this name, with which they prove one
// factor of the SignIn, in this browser. in.Device is a known device that the
// request brings. What [Login.Recover] says of what shows, and of too many, is so
// here, but that too many for a name are told: a [*ThrottledError] where they were asked
// for in this browser or network; many, where everybody together has asked for so many
// that one was mailed only to who asked where the person has signed in before. Both are
// counted by what was typed, so that they are the same whoever has that name, if anybody.
// It answers idp.Denied where codes are not taken, and idp.Conflict for a
// SignIn in which something was proven: whoever reads the mailbox can set the
// password too, so this is never a factor beside another.
func (l *Login) MailCode(ctx context.Context, in idp.SignIn, username, language string) (many bool, err error) {
	if !l.TakesMailCodes() {
		return false, idp.Errorf(idp.Denied, "Codes by mail are not taken here. Use your password or a passkey.")
	}
	if Next(in) != StepPassword || in.UserID != "" {
		return false, noMailCode()
	}
	a, from, err := l.askedBy(ctx, username, in.Device)
	if err != nil {
		return false, err
	}
	may, many, err := l.mayMailCode(ctx, a, from, in.Device)
	if err != nil {
		return false, err
	}
	m := idp.NewMail(idp.MailSignInCode, a.user, l.now())
	m.Language, m.Data = language, map[string]string{dataSignIn: string(in.ID)}
	e := l.event(ctx, "signin.mail.ask")
	e.UserID, e.AppID = a.user.ID, in.AppID
	switch {
	case a.user.ID == "":
		e.Detail = map[string]string{"name": readable(a.typed, maxTyped)}
	case !may:
		m.Proof = idp.Proof{}
		e.Detail = map[string]string{"mailed": "no, there were too many"}
	}
	if _, err := l.Store.Commit(ctx, idp.Change{Mails: []idp.Mail{m}, Events: []idp.Event{e}}); err != nil {
		return false, fmt.Errorf("write down who asked for a code: %w", err)
	}
	return many, nil
}

func noMailCode() error {
	return idp.Errorf(idp.Conflict, "This sign-in waits for no code.")
}

// WriteCode makes the code of a mail of kind idp.MailSignInCode or idp.MailConfirmCode in the moment in which
// it is sent, in place of those before it in its SignIn, and returns the mail with
// the code in its Data, for nobody but the reader. It answers idp.Unauthenticated where what
// the person held was ended since, or the sign-in is over.
func (l *Login) WriteCode(ctx context.Context, m idp.Mail) (idp.Mail, time.Time, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
	if err != nil {
		return m, time.Time{}, fmt.Errorf("make a code: %w", err)
	}
	digits := fmt.Sprintf("%0*d", mailCodeLength, n)
	in := idp.SignInID(m.Data[dataSignIn])
	c, err := l.Gate.NewMailCode(ctx, m.Proof, in, l.mailCodeMAC(in, digits))
	if err != nil {
		return m, time.Time{}, err
	}
	m.Data = maps.Clone(m.Data)
	m.Data["code"] = digits[:4] + " " + digits[4:]
	return m, c.ExpiresAt, nil
}

// mailCodeMAC is what is kept of a code: eight digits would be found behind a bare
// hash by whoever has the database alone. It is of one SignIn.
func (l *Login) mailCodeMAC(in idp.SignInID, digits string) string {
	mac := hmac.New(sha256.New, l.MailCodeKey)
	mac.Write([]byte("mailed code\x00" + string(in) + "\x00" + digits))
	return hex.EncodeToString(mac.Sum(nil))
}

// MailedCode proves the SignIn's first factor by a code that was mailed for it.
// Every refusal is the same idp.Unauthenticated; too many tries from an address
// are a [*ThrottledError]. A code counts once, and after five tries not at all;
// nobody else's tries count. Who has a second factor is asked for it, whatever the
// policy says: the mailbox alone opens nothing for them.
func (l *Login) MailedCode(ctx context.Context, in idp.SignIn, typed string) (idp.SignIn, error) {
	if !l.TakesMailCodes() {
		return idp.SignIn{}, idp.Errorf(idp.Denied, "Codes by mail are not taken here. Use your password or a passkey.")
	}
	if Next(in) != StepPassword || in.UserID != "" {
		return idp.SignIn{}, noMailCode()
	}
	place, err := l.throttlePlace(ctx, in)
	if err != nil {
		return idp.SignIn{}, err
	}
	proof, mac, err := l.takeMailCode(ctx, in, typed)
	if idp.IsKind(err, idp.Unauthenticated) {
		return idp.SignIn{}, l.refuseMailCode(ctx, in, proof.UserID, "wrong code")
	}
	if err != nil {
		return idp.SignIn{}, err
	}
	in.Methods = []string{methodMail}
	next, _, err := l.second(ctx, in, proof.UserID, idp.KnownDevice{}) // no browser is remembered for it
	if err != nil {
		return idp.SignIn{}, err
	}
	next.Several = next.Several || len(next.Has) > 0
	next.Remember = idp.RememberNever
	if err := l.forgive(ctx, place); err != nil {
		return idp.SignIn{}, err
	}
	e := l.event(ctx, "signin.mail.ok")
	e.UserID, e.AppID = proof.UserID, in.AppID
	e.Actor.Kind, e.Actor.UserID = "user", proof.UserID
	proven, err := l.Gate.Prove(ctx, next, proof, idp.Witness{Events: []idp.Event{e}, MailCode: mac}, methodMail)
	if idp.IsKind(err, idp.Unauthenticated) {
		return idp.SignIn{}, l.refuseMailCode(ctx, in, proof.UserID, notAnyMore)
	}
	return proven, err
}

// SendConfirmation has a code mailed to the person of a SignIn that waits for one
// ([StepMail]), in place of those before it; language is what they read. Of in, the
// caller sets the Device that the browser brings. Too many mails are a [*ThrottledError]; it answers idp.Conflict for a SignIn that waits for none.
func (l *Login) SendConfirmation(ctx context.Context, in idp.SignIn, language string) error {
	if Next(in) != StepMail {
		return noMailCode()
	}
	if err := l.countConfirmation(ctx, in); err != nil {
		return err
	}
	m := idp.NewMail(idp.MailConfirmCode, idp.User{ID: in.UserID, Epoch: in.Epoch}, l.now())
	m.Language, m.Data = language, map[string]string{dataSignIn: string(in.ID)}
	e := l.event(ctx, "signin.mail.ask")
	e.UserID, e.AppID, e.Detail = in.UserID, in.AppID, map[string]string{"for": "a sign-in that is a risk"}
	if _, err := l.Store.Commit(ctx, idp.Change{Mails: []idp.Mail{m}, Events: []idp.Event{e}}); err != nil {
		return fmt.Errorf("have a code mailed: %w", err)
	}
	return nil
}

// countConfirmation counts one code that is mailed for a sign-in that is a risk. Nobody
// gets here without the first factor, so no stranger can use them up; nor does the thief
// of a password where its owner has been before, or, from one network, on a browser that
// is new.
func (l *Login) countConfirmation(ctx context.Context, in idp.SignIn) error {
	d, err := l.deviceOf(ctx, in.Device, in.UserID)
	if err != nil {
		return err
	}
	_, network, ok := networks(idp.ActorOf(ctx).Address)
	switch {
	case d.Vouched >= idp.VouchMail:
		_, err = l.count(ctx, perConfirmation(), "confirmation", string(d.ID))
	case !ok:
		_, err = l.count(ctx, perConfirmation(), "confirmation", string(in.UserID))
	default:
		if _, err = l.count(ctx, perConfirmingNetwork(), "confirmation", network.String()+" "+string(in.UserID)); err == nil {
			_, err = l.count(ctx, perConfirmation()[1:], "confirmation", string(in.UserID))
		}
	}
	return err
}

// perConfirmation: so many codes are mailed to somebody whose password is right; to new
// browsers in one network at most perConfirmingNetwork of them.
func perConfirmation() []limit      { return []limit{{5, 15 * time.Minute}, {20, 24 * time.Hour}} }
func perConfirmingNetwork() []limit { return []limit{{5, 15 * time.Minute}, {7, 24 * time.Hour}} }

// Confirm takes the code that was mailed for a SignIn that waits for it ([StepMail]).
// What it shows is no factor: a rule that asks for a second one is not met by it.
// Refusals are those of [Login.MailedCode].
func (l *Login) Confirm(ctx context.Context, in idp.SignIn, typed string) (idp.SignIn, error) {
	if Next(in) != StepMail {
		return idp.SignIn{}, noMailCode()
	}
	place, err := l.throttlePlace(ctx, in)
	if err != nil {
		return idp.SignIn{}, err
	}
	proof, mac, err := l.takeMailCode(ctx, in, typed)
	switch {
	case idp.IsKind(err, idp.Unauthenticated) || err == nil && proof != in.Proof:
		return idp.SignIn{}, l.refuseMailCode(ctx, in, in.UserID, "wrong code")
	case err != nil:
		return idp.SignIn{}, err
	}
	if err := l.forgive(ctx, place); err != nil {
		return idp.SignIn{}, err
	}
	e := l.event(ctx, "signin.mail.ok")
	e.UserID, e.AppID, e.Detail = in.UserID, in.AppID, map[string]string{"for": "a sign-in that is a risk"}
	e.Actor.Kind, e.Actor.UserID = "user", in.UserID
	proven, err := l.Gate.Prove(ctx, in, in.Proof, idp.Witness{Events: []idp.Event{e}, MailCode: mac}, methodMail)
	if idp.IsKind(err, idp.Unauthenticated) {
		return idp.SignIn{}, l.refuseMailCode(ctx, in, in.UserID, notAnyMore)
	}
	return proven, err
}

// takeMailCode looks at what was typed, and returns the MAC by which it is spent. What
// can be no code costs no try. Of a wrong one, the proof says whose it would have been,
// for the events alone.
func (l *Login) takeMailCode(ctx context.Context, in idp.SignIn, typed string) (proof idp.Proof, mac string, err error) {
	digits := digitsOf(typed)
	if len(digits) != mailCodeLength {
		return idp.Proof{}, "", wrongMailCode()
	}
	mac = l.mailCodeMAC(in.ID, digits)
	proof, err = l.Gate.MailCode(ctx, in, mac)
	return proof, mac, err
}

func (l *Login) refuseMailCode(ctx context.Context, in idp.SignIn, id idp.UserID, why string) error {
	e := l.event(ctx, "signin.mail.refuse")
	e.UserID, e.AppID, e.Detail = id, in.AppID, map[string]string{"reason": why}
	if err := l.Store.Record(ctx, e); err != nil {
		return fmt.Errorf("record the refusal: %w", err)
	}
	return wrongMailCode()
}

// wrongMailCode is the one refusal.
func wrongMailCode() *idp.Error {
	return idp.Errorf(idp.Unauthenticated, "This code is not right, or is good no more. Type the one of the newest mail, or have another sent.")
}

// digitsOf is what was typed without what stands between the digits.
func digitsOf(typed string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, typed[:min(len(typed), 64)])
}
