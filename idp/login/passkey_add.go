package login

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"gatehouse/idp"
)

const (
	// maxPasskeys is how many one person may have.
	maxPasskeys = 20
	// maxPasskeyName is the longest name of one, in characters.
	maxPasskeyName = 64
	// minRSA is the shortest RSA key that is taken, in bits (NIST SP 800-131A).
	minRSA = 2048
)

// NewPasskey begins the ceremony with which the person of a session makes a
// passkey: discoverable, unlocked by them, on no authenticator that has one of
// theirs already.
func (l *Login) NewPasskey(ctx context.Context, s idp.Session) (Ceremony, error) {
	if l.Passkeys == nil {
		return Ceremony{}, noPasskeys()
	}
	_, k, err := l.enrolling(ctx, s)
	if err != nil {
		return Ceremony{}, err
	}
	return l.creation(k, string(s.ID))
}

// creation begins the ceremony in which a passkey is made, for whoever holds what
// is called whose.
func (l *Login) creation(k *keeper, whose string) (Ceremony, error) {
	options, data, err := l.Passkeys.rp.BeginRegistration(k,
		webauthn.WithExclusions(webauthn.Credentials(k.credentials).CredentialDescriptors()),
		webauthn.WithCredentialParameters(webauthn.CredentialParametersRecommendedL3()))
	if err != nil {
		return Ceremony{}, fmt.Errorf("begin to make a passkey: %w", err)
	}
	return l.ceremony(purposeCreate, whose, options, data)
}

func lateNew() error {
	return idp.Errorf(idp.Invalid, "That took too long, or was sent twice. Add the passkey once more.")
}

// AddPasskey keeps the passkey that a browser made in the ceremony of this
// session; device is what the person would call the browser, for the name of a
// passkey whose maker nobody knows. idp.Invalid for an answer that does not
// verify or an authenticator that the house does not take, idp.Conflict for a
// passkey that is somebody's already. Both say it to the person, and in the
// events.
func (l *Login) AddPasskey(ctx context.Context, s idp.Session, state, response, device string) (idp.Credential, error) {
	if l.Passkeys == nil {
		return idp.Credential{}, noPasskeys()
	}
	data, why, err := l.take(ctx, purposeCreate, string(s.ID), state)
	if err != nil {
		return idp.Credential{}, err
	}
	if why != "" {
		return idp.Credential{}, l.refuseNew(ctx, s.UserID, why, lateNew())
	}
	var c idp.Credential
	err = retry(func() error {
		u, k, err := l.enrolling(ctx, s)
		if err != nil {
			return err
		}
		c, err = l.fresh(ctx, k, data, response, device)
		if err != nil {
			return err
		}
		added := l.credentialEvent(ctx, "passkey.add", c)
		_, err = l.Store.Commit(ctx, idp.Change{Users: []idp.User{u}, Credentials: []idp.Credential{c}, UntrustDevices: []idp.UserID{u.ID},
			Events: []idp.Event{added}, Mails: []idp.Mail{l.passkeyNotice(idp.MailPasskeyAdded, u, c)}})
		return err
	})
	return c, err
}

// NeedsPasskey reports whether somebody could have passkeys here and has none.
func (l *Login) NeedsPasskey(ctx context.Context, id idp.UserID) (bool, error) {
	if l.Passkeys == nil {
		return false, nil
	}
	all, err := l.Store.Credentials(ctx, id)
	if err != nil {
		return false, fmt.Errorf("read the credentials of %s: %w", id, err)
	}
	return !slices.ContainsFunc(all, func(c idp.Credential) bool { return c.Kind == idp.CredentialPasskey }), nil
}

// enrolling reads the person of a session and their passkeys, and refuses who
// may have no more. What is added is written only over this version of them.
func (l *Login) enrolling(ctx context.Context, s idp.Session) (idp.User, *keeper, error) {
	u, err := l.Store.User(ctx, s.UserID)
	if err != nil {
		return u, nil, fmt.Errorf("read who adds a passkey: %w", err)
	}
	all, err := l.Store.Credentials(ctx, s.UserID)
	if err != nil {
		return u, nil, fmt.Errorf("read what they have: %w", err)
	}
	if err := l.mayChange(u, all, s); err != nil {
		return u, nil, err
	}
	k, err := l.keeper(ctx, u.ID)
	if err != nil {
		return u, nil, err
	}
	k.user = u
	if len(k.credentials) >= maxPasskeys {
		return u, nil, idp.Errorf(idp.Invalid, "You have %d passkeys, and more are not kept. Remove one first.", maxPasskeys)
	}
	return u, k, nil
}

// fresh is WebAuthn L3 §7.1, with what the library leaves to us.
func (l *Login) fresh(ctx context.Context, k *keeper, data webauthn.SessionData, response, device string) (idp.Credential, error) {
	refuse := func(why string, refusal error) error { return l.refuseNew(ctx, k.user.ID, why, refusal) }
	if len(response) > maxResponse {
		return idp.Credential{}, refuse("the answer is too long", unreadable())
	}
	answer, err := protocol.ParseCredentialCreationResponseBytes([]byte(response))
	if err != nil {
		return idp.Credential{}, refuse("an answer that cannot be read", unreadable())
	}
	made, err := l.Passkeys.rp.CreateCredential(k, data, answer)
	if err != nil {
		return idp.Credential{}, refuse("it does not verify: "+reasonOf(err), unreadable())
	}
	if !strongKey(made.PublicKey) {
		return idp.Credential{}, refuse("a weak key", unreadable())
	}
	aaguid, err := uuid.FromBytes(made.Authenticator.AAGUID)
	if err != nil {
		return idp.Credential{}, refuse("no AAGUID", unreadable())
	}
	if !l.Passkeys.takes(aaguid) {
		return idp.Credential{}, refuse("authenticator "+aaguid.String()+" is not on the list", notTaken())
	}
	if !l.Passkeys.vouched(answer.Response.AttestationObject, l.now()) {
		return idp.Credential{}, refuse(reasonUnvouched, notTaken())
	}
	lookup := lookupOf(made.ID)
	switch _, _, _, err := l.Store.CredentialByLookup(ctx, idp.CredentialPasskey, lookup); {
	case err == nil:
		return idp.Credential{}, refuse("the passkey is somebody's already", idp.Errorf(idp.Denied, "This passkey is in use already. Make a new one."))
	case !idp.IsKind(err, idp.NotFound):
		return idp.Credential{}, fmt.Errorf("look up a passkey: %w", err)
	}
	return l.newCredential(k, *made, lookup, nameOf(aaguid.String(), device))
}

// reasonUnvouched is what the events say of an authenticator whose maker the house
// does not know.
const reasonUnvouched = "no maker that is known vouches for the authenticator"

func notTaken() error {
	return idp.Errorf(idp.Invalid, "Your organisation does not take passkeys of this kind. Ask which ones it takes.")
}

func unreadable() error {
	return idp.Errorf(idp.Invalid, "This passkey could not be read. Add it once more, or use another device.")
}

func (l *Login) newCredential(k *keeper, made webauthn.Credential, lookup, name string) (idp.Credential, error) {
	if !l.Passkeys.attestation {
		made.Attestation = webauthn.CredentialAttestation{} // nobody will ask for it
	}
	b, err := json.Marshal(made)
	if err != nil {
		return idp.Credential{}, fmt.Errorf("write a passkey: %w", err)
	}
	now := l.now()
	return idp.Credential{
		ID: idp.NewCredentialID(), UserID: k.user.ID, Kind: idp.CredentialPasskey, Name: name, Lookup: lookup,
		Data: string(b), CreatedAt: now, UpdatedAt: now,
	}, nil
}

// takes reports whether passkeys of an authenticator are taken. The zero AAGUID
// is that of one that does not say what it is: a list excludes it.
func (p *Passkeys) takes(aaguid uuid.UUID) bool {
	return len(p.permitted) == 0 || slices.Contains(p.permitted, aaguid.String())
}

// strongKey reports whether a COSE key is one that the ceremony asked for, and
// no RSA key that can be broken. That a point lies on its curve, the library
// has looked at.
func strongKey(cose []byte) bool {
	parsed, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return false
	}
	if k, ok := parsed.(webauthncose.RSAPublicKeyData); ok {
		return len(strings.TrimLeft(string(k.Modulus), "\x00"))*8 >= minRSA && validExponent(k)
	}
	return true
}

func validExponent(k webauthncose.RSAPublicKeyData) bool {
	var e int
	for _, b := range k.Exponent {
		e = e<<8 | int(b)
	}
	return len(k.Exponent) <= 4 && e >= 65537 && e%2 == 1 && rsa.PublicKey{E: e}.E == e
}

// refuseNew writes down why a passkey was not kept.
func (l *Login) refuseNew(ctx context.Context, whose idp.UserID, why string, refusal error) error {
	e := l.event(ctx, "passkey.refuse")
	e.UserID, e.Detail = whose, map[string]string{"reason": why}
	if err := l.Store.Record(ctx, e); err != nil {
		return fmt.Errorf("record the refusal of a passkey: %w", err)
	}
	return refusal
}

// passkeyName is a name as it is kept; idp.Invalid for none.
func passkeyName(name string) (string, error) {
	name = strings.TrimSpace(readable(name, 4*maxPasskeyName))
	if name == "" || utf8.RuneCountInString(name) > maxPasskeyName {
		return "", idp.Errorf(idp.Invalid, "Give it a name of at most %d characters.", maxPasskeyName)
	}
	return name, nil
}
