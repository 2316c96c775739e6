package sessions

import (
	"context"

	"gatehouse/idp"
)

// NewApp issues the right to one token for an app itself (RFC 6749 §4.4), which
// has authenticated as a with this secret (see idp.AppProof).
//
// Nothing is written, so nothing can be compared in the step that writes: what
// is issued beside an ending carries the epoch of before, and is refused for
// ever by [Gate.App]. It answers idp.Unauthenticated for an app that is not
// what it was when it authenticated.
func (g *Gate) NewApp(ctx context.Context, a idp.App, secret string) (idp.AppProof, error) {
	p := idp.AppProof{AppID: a.ID, Epoch: a.Epoch, Secret: secret, MadeAt: idp.Time(g.Now())}
	t, err := g.Backend.AppTruth(ctx, a.ID)
	if err != nil {
		return idp.AppProof{}, unknown(err, "unknown app")
	}
	p.Generation = t.Generation
	if !p.Stands(t) {
		return idp.AppProof{}, refused("the app has changed since it authenticated")
	}
	return p, nil
}

// App accepts a pass that stands for an app itself, and returns the app as of
// this moment. Its life is its holder's to judge.
func (g *Gate) App(ctx context.Context, p idp.AppProof) (idp.App, error) {
	t, err := g.Backend.AppTruth(ctx, p.AppID)
	switch {
	case err != nil:
		return idp.App{}, unknown(err, "unknown app")
	case !p.Stands(t):
		return idp.App{}, refused("the app's tokens were ended, or its secret is gone")
	}
	return t.App, nil
}
