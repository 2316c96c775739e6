package sessions

import (
	"context"
	"time"

	"gatehouse/idp"
)

// NewApp issues the right to one token for an app itself (RFC 6749 §4.4), which
// has authenticated with this secret (see idp.AppProof). t is what it was
// authenticated as, and was asked for at that moment or later.
//
// Nothing is written, so nothing can be compared in the step that writes: what
// is issued beside an ending carries the epoch of before, and is refused for
// ever by [Gate.App]. It is as old as the question, so that what an ending cuts
// off was asked for before it. It answers idp.Unauthenticated for an app that may
// have none.
func (g *Gate) NewApp(t idp.AppTruth, secret string, asked time.Time) (idp.AppProof, error) {
	p := idp.AppProof{AppID: t.App.ID, Epoch: t.App.Epoch, Generation: t.Generation, Secret: secret, MadeAt: idp.Time(asked), Token: idp.NewTokenID()}
	if !p.Stands(t) {
		return idp.AppProof{}, refused("the app is no machine, or its secret is gone")
	}
	return p, nil
}

// App accepts a pass that stands for an app itself, and returns the app as of
// this moment. Its life is its holder's to judge.
func (g *Gate) App(ctx context.Context, p idp.AppProof) (idp.App, error) {
	t, err := g.Backend.AppTruth(ctx, p.AppID, p.Token)
	switch {
	case err != nil:
		return idp.App{}, unknown(err, "unknown app")
	case !p.Stands(t):
		return idp.App{}, refused("the token or all of the app's were ended, or its secret is gone")
	}
	return t.App, nil
}
