package saml

import (
	"context"
	"time"

	"gatehouse/idp"
)

// A request is taken once and answered once (SA-17). The browser that took it
// may come again while its sign-in is unfinished: it begins that sign-in anew,
// and whichever of them ends first is answered. Anything else is a replay.
// All three facts are values spent in the store.
const (
	spentRequest = "saml.request"         // the request was taken
	spentBrowser = "saml.request.browser" // by this browser, which then had to sign in
	spentAnswer  = "saml.request.answer"  // a sign-in for it was answered
)

// signInLife is longer than any sign-in lives.
const signInLife = time.Hour

// key names a request: IDs are unique per app only. A tab stands in neither.
func (req *request) key() string { return req.Issuer + "\t" + req.ID }

// takenUntil is when the request would be refused for its age, whichever way
// it comes; a minute for clocks that differ.
func (req *request) takenUntil() time.Time {
	return req.IssuedAt.Add(maxAge + continueLife + time.Minute)
}

// take spends the request. again: it was taken before by the browser that
// holds the secret bound, and is not answered yet.
func (p *Provider) take(ctx context.Context, req *request, bound string) (again bool, err error) {
	err = p.Gate.SpendOnce(ctx, spentRequest, req.key(), req.takenUntil())
	if err == nil || !idp.IsKind(err, idp.Conflict) {
		return false, err
	}
	mine, err := spent(ctx, p.Gate, spentBrowser, req.browserKey(bound))
	if err != nil {
		return false, err
	}
	answered, err := spent(ctx, p.Gate, spentAnswer, req.key())
	if err != nil {
		return false, err
	}
	if bound == "" || !mine || answered {
		return false, replayed()
	}
	return true, nil
}

// mark remembers which browser signs in for the request.
func (p *Provider) mark(ctx context.Context, req *request, bind string) error {
	err := p.Gate.SpendOnce(ctx, spentBrowser, req.browserKey(bind), req.takenUntil())
	if idp.IsKind(err, idp.Conflict) {
		return nil // it came again
	}
	return err
}

func (req *request) browserKey(bind string) string { return req.key() + "\t" + bind }

// takeAnswer spends the one answer of a request that a sign-in was begun for.
func (p *Provider) takeAnswer(ctx context.Context, req *request) error {
	err := p.Gate.SpendOnce(ctx, spentAnswer, req.key(), p.now().Add(signInLife))
	if idp.IsKind(err, idp.Conflict) {
		return replayed()
	}
	return err
}

// spent asks whether a value is spent, without spending it: what is spent
// until the past is not.
func spent(ctx context.Context, gate spender, kind, value string) (bool, error) {
	err := gate.SpendOnce(ctx, kind, value, time.Unix(0, 0))
	if idp.IsKind(err, idp.Conflict) {
		return true, nil
	}
	return false, err
}

// spender is the part of Gate that spends values.
type spender interface {
	SpendOnce(ctx context.Context, kind, value string, until time.Time) error
}

func replayed() error {
	return turnAway("replay", "This request of the app was used already. Go back to the app and start again.", nil)
}
