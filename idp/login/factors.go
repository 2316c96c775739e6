package login

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"gatehouse/idp"
)

// TOTPOffer is a secret that an authenticator app may take, and that counts
// only once a code has shown that it did.
type TOTPOffer struct {
	URI    string // otpauth://totp/..., what a QR code says
	Secret string // base32, for people to type
	Sealed string // the same, for [Login.AddTOTP]
}

// offerLife is how long a person has to scan a code and type another.
const offerLife = 15 * time.Minute

type sealedOffer struct {
	Secret []byte
	Until  time.Time
}

// OfferTOTP makes a secret for the user. issuer is what the authenticator app
// calls this house. Nothing is kept.
func (l *Login) OfferTOTP(u idp.User, issuer string) (TOTPOffer, error) {
	secret := make([]byte, totpSecretSize)
	rand.Read(secret)
	sealed, err := json.Marshal(sealedOffer{Secret: secret, Until: l.now().Add(offerLife)})
	if err != nil {
		return TOTPOffer{}, fmt.Errorf("seal a TOTP secret: %w", err)
	}
	return totpOffer(u, issuer, secret, l.Box.Seal(offerFor(u), sealed))
}

func totpOffer(u idp.User, issuer string, secret []byte, sealed string) (TOTPOffer, error) {
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: issuer, AccountName: u.Username, Secret: secret,
		Period: uint(totpPeriod / time.Second), Digits: totpDigits, Algorithm: otp.AlgorithmSHA1,
	})
	if err != nil {
		return TOTPOffer{}, fmt.Errorf("offer a TOTP secret: %w", err)
	}
	return TOTPOffer{URI: key.URL(), Secret: key.Secret(), Sealed: sealed}, nil
}

// SameOffer is the offer that was sealed for the user, to show it once more
// after a code that was not right. It answers idp.Invalid for one that has run
// out or is another user's.
func (l *Login) SameOffer(u idp.User, issuer, sealed string) (TOTPOffer, error) {
	secret, err := l.offered(u, sealed)
	if err != nil {
		return TOTPOffer{}, err
	}
	return totpOffer(u, issuer, secret, sealed)
}

func offerFor(u idp.User) string { return "totp offer " + string(u.ID) }

func (l *Login) offered(u idp.User, sealed string) ([]byte, error) {
	var offer sealedOffer
	plain, err := l.Box.Open(offerFor(u), sealed)
	if err == nil {
		err = json.Unmarshal(plain, &offer)
	}
	if err != nil || !l.now().Before(offer.Until) {
		return nil, idp.Errorf(idp.Invalid, "This secret has run out. Begin again.").Because(err)
	}
	return offer.Secret, nil
}

// AddTOTP keeps an offered secret for the person of a session, once typed is a code of it, and
// returns the recovery codes that come with it, which are shown this once. It
// answers idp.Invalid, under the field "code", for a code that is not right, and
// idp.Conflict where the user has an authenticator app already. The code that
// was typed is spent.
func (l *Login) AddTOTP(ctx context.Context, s idp.Session, sealed, typed string) ([]string, error) {
	u, all, err := l.ownFactors(ctx, s)
	if err != nil {
		return nil, err
	}
	secret, err := l.offered(u, sealed)
	if err != nil {
		return nil, err
	}
	if _, err := l.count(ctx, perCode(), "offer", string(u.ID)); err != nil {
		return nil, err
	}
	digits, _ := canonicalCode(typed)
	step, ok, err := stepOf(secret, digits, l.Now())
	switch {
	case err != nil:
		return nil, err
	case !ok:
		words := "This code is not right. Type the one that the app shows now."
		return nil, &idp.Error{Kind: idp.Invalid, Detail: words, Fields: map[string]string{"code": words}}
	}
	c := idp.Credential{ID: idp.NewCredentialID(), UserID: u.ID, Kind: idp.CredentialTOTP, Mark: step, CreatedAt: l.now(), UpdatedAt: l.now()}
	c.Data = l.Box.Seal(sealedAs(c), secret)
	shown, change := l.withRecovery(u, all)
	change.Credentials = append(change.Credentials, c)
	change.Events = []idp.Event{l.factorEvent(ctx, "factor.totp.add", u.ID)}
	change.Mails = []idp.Mail{l.notice(idp.MailAppAdded, u)}
	if _, err := l.Store.Commit(ctx, change); err != nil {
		return nil, err
	}
	return shown, nil
}

// RenewRecovery replaces the recovery codes of a session's person, used or not, and returns the
// new ones, which are shown this once. It answers idp.Conflict for a user who
// has no second factor that they could stand in for.
func (l *Login) RenewRecovery(ctx context.Context, s idp.Session) ([]string, error) {
	u, all, err := l.ownFactors(ctx, s)
	if err != nil {
		return nil, err
	}
	if len(l.secondFactors(all)) == 0 {
		return nil, idp.Errorf(idp.Conflict, "Recovery codes stand in for a second factor. Add one first.")
	}
	shown, change := l.withRecovery(u, all)
	change.Events = []idp.Event{l.factorEvent(ctx, "factor.recovery.renew", u.ID)}
	change.Mails = []idp.Mail{l.notice(idp.MailCodesMade, u)}
	if _, err := l.Store.Commit(ctx, change); err != nil {
		return nil, err
	}
	return shown, nil
}

// RemoveOwnFactors takes away the authenticator app and the recovery codes of a
// session's person, and ends everything that they hold with it, as
// [Login.RemovePasskey] does. Where there are none, nothing ends.
func (l *Login) RemoveOwnFactors(ctx context.Context, s idp.Session) error {
	u, all, err := l.ownFactors(ctx, s)
	if err != nil {
		return err
	}
	gone := codesAmong(all)
	if len(gone) == 0 {
		return nil
	}
	return l.removeOwn(ctx, s, gone, l.factorEvent(ctx, "factor.remove", u.ID), l.notice(idp.MailAppRemoved, u))
}

// RemoveSecondFactors takes away a user's authenticator app and recovery codes at
// an owner's wish, and ends everything that the user holds in the same
// transaction; the actor is in the event. It returns the receipt of that, "" where
// there was nothing to take away and nothing has ended.
func (l *Login) RemoveSecondFactors(ctx context.Context, id idp.UserID) (idp.ReceiptID, error) {
	u, all, err := l.factorsOf(ctx, id)
	if err != nil {
		return "", err
	}
	gone := codesAmong(all)
	if len(gone) == 0 {
		return "", nil
	}
	return l.removeFrom(ctx, id, gone, l.factorEvent(ctx, "factor.remove", id), l.notice(idp.MailFactorsReset, u))
}

// codesAmong are the authenticator app and the recovery codes.
func codesAmong(all []idp.Credential) []idp.Credential {
	return slices.DeleteFunc(slices.Clone(all), func(c idp.Credential) bool {
		return c.Kind != idp.CredentialTOTP && c.Kind != idp.CredentialRecovery
	})
}

// ownFactors reads the person of a session who wishes to change what they have,
// and refuses who may not.
func (l *Login) ownFactors(ctx context.Context, s idp.Session) (idp.User, []idp.Credential, error) {
	u, all, err := l.factorsOf(ctx, s.UserID)
	if err == nil {
		err = l.mayChange(u, all, s)
	}
	return u, all, err
}

// withRecovery is a change of the user that gives them new recovery codes in
// place of all they have.
func (l *Login) withRecovery(u idp.User, all []idp.Credential) (shown []string, change idp.Change) {
	shown, kept := l.newRecovery(u.ID)
	change = idp.Change{Users: []idp.User{u}, Credentials: kept, UntrustDevices: []idp.UserID{u.ID}}
	for _, c := range all {
		if c.Kind == idp.CredentialRecovery {
			change.RemoveCredentials = append(change.RemoveCredentials, c)
		}
	}
	return shown, change
}

// factorsOf reads a user and what they have. The user is read first, and its
// version keeps two changes apart that were decided by the same credentials.
func (l *Login) factorsOf(ctx context.Context, id idp.UserID) (idp.User, []idp.Credential, error) {
	u, err := l.Store.User(ctx, id)
	if err != nil {
		return idp.User{}, nil, fmt.Errorf("read whose factors they are: %w", err)
	}
	all, err := l.Store.Credentials(ctx, id)
	if err != nil {
		return idp.User{}, nil, fmt.Errorf("read the factors: %w", err)
	}
	return u, all, nil
}

func (l *Login) factorEvent(ctx context.Context, kind string, id idp.UserID) idp.Event {
	e := l.event(ctx, kind)
	e.UserID = id
	return e
}
