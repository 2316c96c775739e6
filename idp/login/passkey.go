package login

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"gatehouse/idp"
)

// amr values of a passkey, RFC 8176 §2.
const (
	methodHardware = "hwk"  // its key cannot leave the device
	methodSoftware = "swk"  // its key is kept in step over several devices
	methodPresence = "user" // somebody touched it
)

// OfferPasskey begins the ceremony of a passkey for a SignIn. Where it is
// nobody's yet, any discoverable passkey of the house will do, and the browser
// may offer them in the field for the name. Where a factor was proven, it is one
// of that person's; the Ceremony is empty when they have none.
func (l *Login) OfferPasskey(ctx context.Context, in idp.SignIn) (Ceremony, error) {
	if l.Passkeys == nil {
		return Ceremony{}, nil
	}
	if in.UserID == "" {
		options, data, err := l.Passkeys.rp.BeginDiscoverableMediatedLogin(protocol.MediationConditional)
		if err != nil {
			return Ceremony{}, fmt.Errorf("begin a passkey's ceremony: %w", err)
		}
		return l.ceremony(purposeGet, string(in.ID), options, data)
	}
	k, err := l.keeper(ctx, in.UserID)
	if err != nil || len(k.credentials) == 0 {
		return Ceremony{}, err
	}
	// The password was one factor: touching the key is the other.
	options, data, err := l.Passkeys.rp.BeginLogin(k, webauthn.WithUserVerification(protocol.VerificationPreferred))
	if err != nil {
		return Ceremony{}, fmt.Errorf("begin a passkey's ceremony: %w", err)
	}
	return l.ceremony(purposeGet, string(in.ID), options, data)
}

// possession is a passkey that has signed the challenge, or did not.
type possession struct {
	credential idp.Credential
	user       idp.User // zero: unknown
	generation string
	kept       webauthn.Credential // as it is after this use
	verified   bool                // the person was, by the authenticator
	synced     bool                // the key has become one that is kept in step
	clone      bool                // the counter went back
}

// Passkey proves the SignIn's user by a passkey: state is of [Login.OfferPasskey]
// for this SignIn, response the browser's answer as JSON (WebAuthn L3 §5.5). The
// challenge is spent by the try. Every refusal is the same idp.Unauthenticated;
// too many tries from the address, or by the browser whose device secret in.Device
// is, are a [*ThrottledError].
func (l *Login) Passkey(ctx context.Context, in idp.SignIn, state, response string) (idp.SignIn, error) {
	if l.Passkeys == nil {
		return idp.SignIn{}, noPasskeys()
	}
	place, err := l.throttlePlace(ctx, in)
	if err != nil {
		return idp.SignIn{}, err
	}
	p, why, err := l.possess(ctx, in, state, response)
	if err != nil {
		return idp.SignIn{}, err
	}
	if why == "" {
		if err := l.forgive(ctx, place); err != nil {
			return idp.SignIn{}, err
		}
		var proven idp.SignIn
		if proven, why, err = l.prove(ctx, in, p); why == "" {
			return proven, err
		}
	}
	if err := l.recordPasskey(ctx, in, p, why); err != nil {
		return idp.SignIn{}, fmt.Errorf("record a passkey's refusal: %w", err)
	}
	return idp.SignIn{}, refusedPasskey()
}

// recordPasskey writes down why a passkey was refused. Of one that may have been
// copied the person is told, once a day.
func (l *Login) recordPasskey(ctx context.Context, in idp.SignIn, p possession, why string) error {
	events := l.passkeyEvents(ctx, in, p, why)
	if why != reasonCopied {
		return l.Store.Record(ctx, events...)
	}
	change := idp.Change{Events: events}
	n, _, err := l.Store.Count(ctx, throttleName("copied passkey", string(p.credential.ID), 24*time.Hour), 24*time.Hour, l.now())
	if err != nil {
		return err
	}
	if n == 1 {
		change.Mails = []idp.Mail{l.passkeyNotice(idp.MailPasskeyCopied, p.user, p.credential)}
	}
	_, err = l.Store.Commit(ctx, change)
	return err
}

// prove records the proof, with what the passkey has become by it and its
// events: a proof without an event is not given.
func (l *Login) prove(ctx context.Context, in idp.SignIn, p possession) (proven idp.SignIn, why string, err error) {
	b, err := json.Marshal(p.kept)
	if err != nil {
		return idp.SignIn{}, "", fmt.Errorf("write a passkey: %w", err)
	}
	p.credential.Data, in.Person = string(b), p.user
	proof := idp.Proof{UserID: p.user.ID, Epoch: p.user.Epoch, Generation: p.generation}
	w := idp.Witness{Events: l.passkeyEvents(ctx, in, p, ""), Used: p.credential}
	proven, err = l.Gate.Prove(ctx, in, proof, w, p.methods(in)...)
	if idp.IsKind(err, idp.Unauthenticated) {
		return idp.SignIn{}, notAnyMore, nil
	}
	return proven, "", err
}

// refusedPasskey is the one refusal.
func refusedPasskey() error {
	return idp.Errorf(idp.Unauthenticated, "This passkey does not sign you in here. Try it once more, or use your password.")
}

func (p possession) methods(in idp.SignIn) []string {
	methods := []string{methodHardware, methodPresence}
	if p.kept.Flags.BackupEligible {
		methods[0] = methodSoftware
	}
	if p.verified || len(in.Methods) > 0 {
		methods = append(methods, methodSeveral)
	}
	return methods
}

// possess looks at a try; why says, for the events, what is wrong with it.
func (l *Login) possess(ctx context.Context, in idp.SignIn, state, response string) (p possession, why string, err error) {
	data, why, err := l.take(ctx, purposeGet, string(in.ID), state)
	if err != nil || why != "" {
		return p, why, err
	}
	if len(response) > maxResponse {
		return p, "the answer is too long", nil
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes([]byte(response))
	if err != nil {
		return p, "an answer that cannot be read", nil
	}
	p.credential, p.user, p.generation, err = l.Store.CredentialByLookup(ctx, idp.CredentialPasskey, lookupOf(answer.RawID))
	switch {
	case idp.IsKind(err, idp.NotFound):
		return p, "unknown passkey", nil
	case err != nil:
		return p, "", fmt.Errorf("look up a passkey: %w", err)
	}
	if why, err = l.verify(ctx, in, &p, data, answer); err != nil || why != "" {
		return p, why, err
	}
	if p.user.Status != idp.UserActive {
		return p, "suspended", nil
	}
	return p, "", nil
}

// verify is WebAuthn L3 §7.2. What the library leaves to us: whose passkey it
// is, and what a counter that went back or a flag that changed means.
func (l *Login) verify(ctx context.Context, in idp.SignIn, p *possession, data webauthn.SessionData, answer *protocol.ParsedCredentialAssertionData) (string, error) {
	if in.UserID != "" && in.UserID != p.user.ID {
		return "a passkey of somebody else", nil
	}
	k, err := l.keeping(p.user.ID, p.credential)
	if len(data.UserID) > 0 {
		k, err = l.keeper(ctx, p.user.ID) // all that may answer are looked at
	}
	if err != nil {
		return "", err
	}
	flags := answer.Response.AuthenticatorData.Flags
	p.verified = flags.HasUserVerified()
	p.synced = k.becomeSynced(answer.RawID, flags)
	var after *webauthn.Credential
	if len(data.UserID) > 0 {
		after, err = l.Passkeys.rp.ValidateLogin(k, data, answer)
	} else {
		_, after, err = l.Passkeys.rp.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return k, nil }, data, answer)
	}
	if err != nil {
		return "it does not verify: " + reasonOf(err), nil
	}
	p.kept, p.clone = *after, after.Authenticator.CloneWarning
	p.kept.Authenticator.CloneWarning = false
	if p.clone && !p.kept.Flags.BackupEligible {
		// A key that cannot leave its device has one counter (§6.1.1).
		return reasonCopied, nil
	}
	return "", nil
}

// What the events say of an answer that does not verify, where it is worth a name.
const (
	reasonOrigin     = "another address"
	reasonDomain     = "another domain"
	reasonUnverified = "the person was not verified"
	reasonUntouched  = "nobody touched it"
	reasonChallenge  = "another challenge"
	reasonSignature  = "a wrong signature"
	reasonCopied     = "the counter went back"
	reasonUnsynced   = "it was kept in step and is no more"
)

// reasonOf is what the library says of a refusal, for the events: it names
// rules, and nothing of the answer.
func reasonOf(err error) string {
	e, ok := errors.AsType[*protocol.Error](err)
	if !ok {
		return "refused"
	}
	for _, known := range [][2]string{
		{"Error validating origin", reasonOrigin}, {"Error validating challenge", reasonChallenge},
		{"Error validating the assertion signature", reasonSignature}, {"Backup Eligible flag inconsistency", reasonUnsynced},
	} {
		if strings.HasPrefix(e.Details, known[0]) {
			return known[1]
		}
	}
	for _, known := range [][2]string{
		{"RP Hash mismatch", reasonDomain}, {"User verification required", reasonUnverified}, {"User presence required", reasonUntouched},
	} {
		if strings.HasPrefix(e.DevInfo, known[0]) {
			return known[1]
		}
	}
	return readable(e.Details, maxTyped)
}

// passkeyEvents are what became of a try; why: it was refused.
func (l *Login) passkeyEvents(ctx context.Context, in idp.SignIn, p possession, why string) (events []idp.Event) {
	about := func(kind string) idp.Event {
		e := l.event(ctx, kind)
		e.UserID, e.AppID, e.Detail = p.user.ID, in.AppID, map[string]string{}
		if p.credential.ID != "" {
			e.Detail["credential"], e.Detail["name"] = string(p.credential.ID), p.credential.Name
		}
		return e
	}
	if p.clone {
		events = append(events, about("signin.passkey.clone"))
	}
	if why != "" {
		e := about("signin.passkey.refuse")
		e.Detail["reason"] = why
		return append(events, e)
	}
	if p.synced {
		events = append(events, about("signin.passkey.synced"))
	}
	e := about("signin.passkey.ok")
	e.Actor.Kind, e.Actor.UserID = "user", p.user.ID // whoever that was has just proven it
	return append(events, e)
}

func lookupOf(credentialID []byte) string { return base64.RawURLEncoding.EncodeToString(credentialID) }
