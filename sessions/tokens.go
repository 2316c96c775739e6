package sessions

import (
	"context"
	"time"

	"gatehouse/idp"
)

// RefreshGrace is how long the token before the newest may ask for the same
// successor again, for an answer that was lost on the way (RFC 9700 §4.14.2
// leaves room for it).
const RefreshGrace = 10 * time.Second

// SpendCode spends a code once and issues its token family: f.ID is the
// code's ID and f.Proof the proof the code carried. Participant and account
// are written in the same step. It answers idp.Conflict for a code spent
// before, idp.Unauthenticated where the proof, the session or the grant no
// longer stand.
func (g *Gate) SpendCode(ctx context.Context, f idp.TokenFamily, p idp.Participant, a idp.Account) error {
	return g.Backend.SpendCode(ctx, f, p, a)
}

// Rotate accepts refresh token seq of a family and issues the next. It
// answers idp.Conflict for a token used before (the caller must end the
// family), idp.Unauthenticated for one that is dead.
func (g *Gate) Rotate(ctx context.Context, id idp.TokenFamilyID, proof idp.Proof, seq int64) (idp.TokenFamily, error) {
	return g.Backend.Rotate(ctx, id, proof, seq, idp.Time(g.Now()), RefreshGrace)
}

// Family accepts a token of a family, given the proof the token carried, and
// returns the family with its user and grant as of this moment. A refusal comes
// with the family alone when its person, session or app has ended, and without it
// otherwise: an app that is told so has shown what that ending means to it. The
// standing of the moment comes with either, but not with that of one unknown.
func (g *Gate) Family(ctx context.Context, id idp.TokenFamilyID, proof idp.Proof) (idp.FamilyTruth, error) {
	return g.family(ctx, id, proof, g.Backend.FamilyByID)
}

// FamilyAndApp is [Gate.Family] with the family's app as of the same moment, for a
// token that names the app it was given to.
func (g *Gate) FamilyAndApp(ctx context.Context, id idp.TokenFamilyID, app idp.AppID, proof idp.Proof) (t idp.FamilyTruth, of idp.App, err error) {
	t, err = g.family(ctx, id, proof, func(ctx context.Context, id idp.TokenFamilyID, now time.Time) (t idp.FamilyTruth, err error) {
		t, of, err = g.Backend.FamilyAndApp(ctx, id, app, now)
		return t, err
	})
	if err != nil {
		return t, idp.App{}, err
	}
	return t, of, nil
}

// Exchanged is [Gate.Family] for what came of an exchange: tokens are itself and
// those that it was made of one after the other, of which each ends it.
func (g *Gate) Exchanged(ctx context.Context, id idp.TokenFamilyID, tokens []idp.TokenID, proof idp.Proof) (idp.FamilyTruth, error) {
	return g.family(ctx, id, proof, func(ctx context.Context, id idp.TokenFamilyID, now time.Time) (idp.FamilyTruth, error) {
		return g.Backend.FamilyOfTokens(ctx, id, tokens, now)
	})
}

// RefreshFamily is [Gate.Family] for a refresh token: the family's Seq is that
// of the newest one.
func (g *Gate) RefreshFamily(ctx context.Context, id idp.TokenFamilyID, proof idp.Proof) (idp.FamilyTruth, error) {
	return g.family(ctx, id, proof, g.Backend.FamilyOfRefreshToken)
}

type familyReader func(ctx context.Context, id idp.TokenFamilyID, now time.Time) (idp.FamilyTruth, error)

func (g *Gate) family(ctx context.Context, id idp.TokenFamilyID, proof idp.Proof, read familyReader) (idp.FamilyTruth, error) {
	now := g.Now()
	t, err := read(ctx, id, idp.Time(now))
	if err != nil {
		return idp.FamilyTruth{}, unknown(err, "unknown token family")
	}
	err = judgeFamily(t, proof, now)
	switch {
	case err == nil:
		return t, nil
	case proof == t.Family.Proof && (!proof.Stands(t.Standing, t.Family.CreatedAt) || !t.SessionAlive || t.Family.AppEpoch != t.AppEpoch):
		return idp.FamilyTruth{Family: t.Family, Standing: t.Standing}, err
	}
	return idp.FamilyTruth{Standing: t.Standing}, err
}

func judgeFamily(t idp.FamilyTruth, proof idp.Proof, now time.Time) error {
	switch {
	case proof != t.Family.Proof:
		return refused("the token is not of this family")
	case !proof.Stands(t.Standing, t.Family.CreatedAt):
		return refused("the token's proof does not stand")
	case !t.Family.RevokedAt.IsZero():
		return refused("the token family was revoked")
	case !now.Before(t.Family.ExpiresAt):
		return refused("the token family has expired")
	case !t.SessionAlive:
		return refused("the token's session has ended")
	case t.Family.AppEpoch != t.AppEpoch:
		return refused("everything its app held was ended")
	case t.TokenEnded:
		return refused("the token was revoked")
	case !t.Granted:
		return refused("the grant for the app has ended")
	}
	return nil
}

// Assert issues the right to make one assertion from a session: participant
// and account are written where proof, session and grant stand, and returned
// as they now are (a known account keeps its subject unless it follows, a known
// participant its NameID).
func (g *Gate) Assert(ctx context.Context, proof idp.Proof, p idp.Participant, a idp.Account) (idp.Participant, idp.Account, error) {
	return g.Backend.RecordAssertion(ctx, proof, p, a)
}

// Answer is Assert that spends the request it answers with it, all or nothing:
// idp.Conflict for one that SpendOnce, or an Answer, has spent before.
func (g *Gate) Answer(ctx context.Context, proof idp.Proof, once idp.Once, p idp.Participant, a idp.Account) (idp.Participant, idp.Account, error) {
	once.Value, once.Until = Hash(once.Value), idp.Time(once.Until)
	return g.Backend.RecordAnswer(ctx, proof, once, p, a)
}

// SpendOnce spends a value (a request ID, a jti) of a kind once. It answers
// idp.Conflict for one spent before and not yet expired.
func (g *Gate) SpendOnce(ctx context.Context, kind, value string, until time.Time) error {
	return g.Backend.Spend(ctx, kind, Hash(value), idp.Time(until))
}
