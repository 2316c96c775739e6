package login

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/idp"
)

// Beside says by what somebody shows, beside a link that came by mail, that it is
// they who read it: a mailbox that was taken over opens nothing by itself. Zero:
// the link is enough.
type Beside struct {
	App      bool // a code of their authenticator app
	Recovery bool // a recovery code that was not used
	// Passkey: they have one. It signs in by itself and needs no link.
	Passkey bool
	// Stranger: they have nothing but the password, and this browser, which would
	// speak for them, is not known as theirs, or by a mail alone. An invitation that
	// came after the password is no better than any link from a mail.
	Stranger bool
}

// Code reports whether a code is asked for.
func (b Beside) Code() bool { return b.App || b.Recovery }

// Only reports whether the link is of no use: its person comes in by a passkey,
// and by nothing else.
func (b Beside) Only() bool { return b.Passkey && !b.Code() }

// Beside says what a link is asked for beside itself, in the browser with the raw
// device secret device, "" for none. What an owner made for who can sign in is proof
// enough; an invitation is, until its person has something else to sign in with.
func (l *Login) Beside(ctx context.Context, link idp.Link, device string) (Beside, error) {
	all, err := l.Store.Credentials(ctx, link.UserID)
	if err != nil {
		return Beside{}, fmt.Errorf("read what the person has enrolled: %w", err)
	}
	return l.beside(ctx, link, all, device)
}

func (l *Login) beside(ctx context.Context, link idp.Link, all []idp.Credential, device string) (Beside, error) {
	b := l.besideOf(link, all)
	if link.Purpose == idp.LinkReset || b != (Beside{}) || l.policy().MailRecovers {
		return b, nil
	}
	d, err := l.deviceOf(ctx, device, link.UserID)
	if err != nil || d.ID != "" && !d.ByMail {
		return b, err
	}
	b.Stranger, err = l.keptFromMail(ctx, link, all)
	return b, err
}

// keptFromMail reports whether there is anything that a mail alone must not open: not
// where codes by mail are all that somebody signs in with, or has ever signed in with,
// and not where they never have, for an invitation would come by the same mail. Of an
// invitation that is as long as its person has nothing else: a mail server may bring it
// when they have chosen a password by another link.
func (l *Login) keptFromMail(ctx context.Context, link idp.Link, all []idp.Credential) (bool, error) {
	switch {
	case signsInWithout(all, ""):
		return true, nil
	case link.Purpose == idp.LinkPassword, l.TakesMailCodes():
		return false, nil
	}
	browsers, err := l.Store.EveryDevice(ctx, link.UserID)
	if err != nil {
		return false, fmt.Errorf("look whether the person has ever signed in: %w", err)
	}
	return slices.ContainsFunc(browsers, func(d idp.KnownDevice) bool { return !d.ByMail }), nil
}

func (l *Login) besideOf(link idp.Link, all []idp.Credential) Beside {
	if link.Purpose == idp.LinkReset {
		return Beside{}
	}
	has := func(kind idp.CredentialKind) bool {
		return slices.ContainsFunc(all, func(c idp.Credential) bool { return c.Kind == kind })
	}
	return Beside{App: has(idp.CredentialTOTP), Recovery: unused(all) > 0, Passkey: l.Passkeys != nil && has(idp.CredentialPasskey)}
}

// perLinkCode: who holds a link from a mail guesses codes at most so often. It is
// apart from what is guessed at a sign-in, so that who reads the mailbox keeps
// nobody from signing in; and below it, for the mailbox may be in other hands.
func perLinkCode() []limit { return []limit{{5, 15 * time.Minute}, {20, 24 * time.Hour}} }

// mayTry refuses who has nothing to show, and counts the try of a code. The
// refusal is under the field "code".
func (l *Login) mayTry(ctx context.Context, link idp.Link, b Beside, typed string) (tally, error) {
	switch digits, letters := canonicalCode(typed); {
	case b.Stranger:
		return tally{}, idp.Errorf(idp.Denied, "A link from a mail is not enough in a browser where you have not signed in before.")
	case b.Only():
		return tally{}, idp.Errorf(idp.Denied, "You have a passkey: sign in with it. A link from a mail is not enough beside it.")
	case !b.Code():
		return tally{}, nil
	case digits == "" && letters == "":
		return tally{}, badCode(idp.Errorf(idp.Invalid, "Type a code from your authenticator app, or one of your recovery codes."))
	}
	return l.count(ctx, perLinkCode(), "link code", string(link.UserID))
}

// secondProof spends the code that was typed beside a link from a mail.
func (l *Login) secondProof(ctx context.Context, link idp.Link, all []idp.Credential, typed string) (idp.CredentialKind, error) {
	used, why, err := l.spend(ctx, link.Proof, all, typed)
	if err != nil || why == "" {
		return used, err
	}
	e := l.event(ctx, "recovery.code.refuse")
	e.UserID, e.Detail = link.UserID, map[string]string{"reason": why}
	if err := l.Store.Record(ctx, e); err != nil {
		return "", fmt.Errorf("record the refusal: %w", err)
	}
	return "", badCode(wrongCode())
}

// badCode is a refusal in the words of e, under the field of the code.
func badCode(e *idp.Error) error {
	e.Kind, e.Fields = idp.Invalid, map[string]string{"code": e.Detail}
	return e
}
