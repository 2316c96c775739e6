package sessions

import (
	"context"
	"time"

	"gatehouse/idp"
)

// MailCodes are passes of minutes: codes that were mailed for one SignIn.
type MailCodes interface {
	// CreateMailCode writes a code for a SignIn that is not over, of nobody or of
	// who is asked for one in it, in place of those before it.
	CreateMailCode(ctx context.Context, c idp.MailCode) error
	// TryMailCode looks whether the code of a SignIn has this MAC; so many wrong
	// ones void it. With a refusal comes whose it would have been.
	TryMailCode(ctx context.Context, in idp.SignInID, mac string, tries int, now time.Time) (idp.Proof, error)
}

const (
	// MailCodeTTL is how long a code works that was mailed.
	MailCodeTTL = 10 * time.Minute
	// mailCodeTries is how many wrong codes are looked at.
	mailCodeTries = 5
)

// NewMailCode issues a code, of which mac is the MAC with its SignIn, where that
// SignIn is not over, and nobody's yet or waiting for a code of the same proof. It
// answers idp.Unauthenticated where not, and where the proof does not stand.
func (g *Gate) NewMailCode(ctx context.Context, proof idp.Proof, in idp.SignInID, mac string) (idp.MailCode, error) {
	now := idp.Time(g.Now())
	c := idp.MailCode{SignInID: in, Proof: proof, MAC: mac, CreatedAt: now, ExpiresAt: now.Add(MailCodeTTL)}
	return c, g.Backend.CreateMailCode(ctx, c)
}

// MailCode accepts the code with this MAC in its SignIn and returns whose it is;
// [Gate.Prove] spends it. Every other answer is the same idp.Unauthenticated: a wrong
// code, one that was used, has run out or was tried too often, or none; with it, the
// proof says no more than whose code it would have been, for the audit log.
func (g *Gate) MailCode(ctx context.Context, in idp.SignIn, mac string) (idp.Proof, error) {
	proof, err := g.Backend.TryMailCode(ctx, in.ID, mac, mailCodeTries, idp.Time(g.Now()))
	if err != nil {
		err = unknown(err, "no such mailed code")
	}
	return proof, err
}
