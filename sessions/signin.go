package sessions

import (
	"context"
	"crypto/subtle"
	"slices"
	"time"

	"gatehouse/idp"
)

// SignInTTL is how long a person has to finish a sign-in.
const SignInTTL = 30 * time.Minute

// BeginSignIn issues a SignIn that is bound to the browser which holds the
// raw secret bind. ID, BindHash and times are set here.
func (g *Gate) BeginSignIn(ctx context.Context, in idp.SignIn, bind string) (idp.SignIn, error) {
	if !plausible(bind) {
		return idp.SignIn{}, refused("a sign-in must be bound to a browser")
	}
	now := idp.Time(g.Now())
	in.ID = idp.NewSignInID()
	in.BindHash = Hash(bind)
	in.CreatedAt, in.ExpiresAt = now, now.Add(SignInTTL)
	in.DoneAt, in.SpentAt = time.Time{}, time.Time{}
	if err := g.Backend.CreateSignIn(ctx, in); err != nil {
		return idp.SignIn{}, err
	}
	return in, nil
}

// SignIn accepts the ID of a SignIn from the browser that holds bind: not
// another browser's, not expired, and what was proven in it still stands.
func (g *Gate) SignIn(ctx context.Context, id idp.SignInID, bind string) (idp.SignIn, error) {
	if !idp.ValidID("sin", string(id)) || !plausible(bind) {
		return idp.SignIn{}, refused("no sign-in, or no binding cookie")
	}
	in, standing, err := g.Backend.SignInByID(ctx, id)
	if err != nil {
		return idp.SignIn{}, unknown(err, "unknown sign-in")
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(in.BindHash), []byte(Hash(bind))) != 1:
		return idp.SignIn{}, refused("the sign-in belongs to another browser")
	case !g.Now().Before(in.ExpiresAt):
		return idp.SignIn{}, refused("the sign-in has expired")
	case in.UserID != "" && !in.Stands(standing, in.CreatedAt):
		return idp.SignIn{}, refused("what was proven in the sign-in does not stand")
	}
	return in, nil
}

// BeginFrom issues a SignIn that begins with what the person of a live session
// has proven in it, so that only what is missing is asked for. It can do nothing
// but renew that session, whose AuthTime stays what it was: whoever sits down at a
// browser that somebody else has signed in to shows a second step, and not that they are
// the person. It answers idp.Unauthenticated where the session's
// proof does not stand.
func (g *Gate) BeginFrom(ctx context.Context, in idp.SignIn, s idp.Session, bind string) (idp.SignIn, error) {
	in.Renews = s.ID
	in, err := g.BeginSignIn(ctx, in, bind)
	if err != nil {
		return idp.SignIn{}, err
	}
	in.Proof, in.Methods, in.AuthTime = s.Proof, s.Methods, s.AuthTime
	if err := g.Backend.ProveSignIn(ctx, in, in.CreatedAt, idp.Witness{}); err != nil {
		return idp.SignIn{}, err
	}
	return in, nil
}

// Prove records in the SignIn that proof's user has proven a factor just now
// by methods (RFC 8176 amr values), and with it what in says of Several, Passkey,
// Has, Remember, Vouched and Confirm, and what w does. All of it is written, and only where the proof
// still stands; of a credential whose person stands it may be noted that it was
// used, and refused. It answers idp.Conflict where a credential that is to be spent was
// spent before.
func (g *Gate) Prove(ctx context.Context, in idp.SignIn, proof idp.Proof, w idp.Witness, methods ...string) (idp.SignIn, error) {
	now := idp.Time(g.Now())
	in.Proof = proof
	in.Methods = slices.Clone(in.Methods)
	for _, m := range methods {
		if !slices.Contains(in.Methods, m) {
			in.Methods = append(in.Methods, m)
		}
	}
	if in.Renews == "" {
		in.AuthTime = now
	}
	if err := g.Backend.ProveSignIn(ctx, in, now, w); err != nil {
		return idp.SignIn{}, err
	}
	return in, nil
}

// Resume accepts a finished SignIn from its browser for the one answer that
// is given from it. The second time it answers idp.Conflict.
func (g *Gate) Resume(ctx context.Context, id idp.SignInID, bind string) (idp.SignIn, error) {
	if !idp.ValidID("sin", string(id)) || !plausible(bind) {
		return idp.SignIn{}, refused("no sign-in, or no binding cookie")
	}
	in, err := g.Backend.SpendSignIn(ctx, id, Hash(bind), idp.Time(g.Now()))
	if !idp.IsKind(err, idp.Unauthenticated) {
		return in, err
	}
	// Refused in one statement, which does not say why.
	switch in, why := g.SignIn(ctx, id, bind); {
	case why != nil:
		return idp.SignIn{}, why
	case in.DoneAt.IsZero():
		return idp.SignIn{}, refused("the sign-in is not finished")
	}
	return idp.SignIn{}, err
}
