package saml

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// spentLogout: the answer to a LogoutRequest of ours was taken.
const spentLogout = "saml.logout.answer"

// slo is the single logout service for browsers: it takes what an app asks, and
// what an app answers to which a browser was led.
func (p *Provider) slo(w http.ResponseWriter, r *http.Request) {
	switch {
	case carries(r, wire.ParamResponse):
		p.answeredByBrowser(w, r)
	case carries(r, wire.ParamRequest):
		p.askedByBrowser(w, r)
	default:
		p.Browser.Problem(w, r, idp.Errorf(idp.Invalid, "This address takes messages of apps, and none came. To sign out, open Gatehouse."))
	}
}

// answeredByBrowser takes an app's answer (SAML Profiles §4.4.3.4). Whoever may
// have made it up is not told why it is refused; the audit log is.
func (p *Provider) answeredByBrowser(w http.ResponseWriter, r *http.Request) {
	answer, done, err := p.answered(r.Context(), r)
	if no, refused := errors.AsType[*refusal](err); refused {
		p.Browser.LogoutAnswered(w, r, false, no.err.Detail)
		return
	}
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	p.Browser.LogoutAnswered(w, r, done, answer)
}

// carries reports whether the message param came, and reads a form within the
// bounds of a message.
func carries(r *http.Request, param string) bool {
	if r.Method != http.MethodPost {
		q, err := url.ParseQuery(r.URL.RawQuery)
		return err == nil && q.Has(param)
	}
	if r.PostForm == nil {
		r.Body = http.MaxBytesReader(nil, r.Body, wire.MaxMessage)
	}
	return r.ParseForm() == nil && r.PostForm.Has(param)
}

// answered judges the answer and writes down what it says of the receipt's line.
func (p *Provider) answered(ctx context.Context, r *http.Request) (words string, done bool, err error) {
	m, err := wire.Decode(r, wire.ParamResponse)
	if err != nil {
		m, err = nil, notTaken("message", err)
	}
	var (
		app    idp.App
		answer wire.LogoutResponse
		about  asked
		proven bool
	)
	if err == nil {
		app, answer, about, proven, err = p.judgeAnswer(ctx, m)
	}
	if no, refused := errors.AsType[*refusal](err); refused {
		p.noteRefused(ctx, idp.Event{Kind: kindLogoutRefused, AppID: app.ID, Detail: map[string]string{
			"rule": no.rule, "reason": clip(no.err.Error()), "issuer": clip(answer.Issuer),
		}}, m, proven)
		return "", false, no
	}
	if err != nil {
		return "", false, err
	}
	said, notDone := judgeStatus(answer.Status)
	if e, ok := errors.AsType[*idp.Error](notDone); ok {
		said = e.Detail
	}
	err = p.Answered(ctx, about.Delivery, said, notDone == nil)
	if err != nil && !idp.IsKind(err, idp.Conflict) { // the line may have ended by itself
		return "", false, err
	}
	if notDone != nil {
		return app.Name + " could not sign you out. " + said, false, nil
	}
	return "You are signed out of " + app.Name + ".", true, nil
}

// judgeAnswer reads a LogoutResponse and proves it: signed by the app, for us,
// of now, to a request of ours that is not answered yet. What is returned beside
// a refusal is only what was claimed, but for proven: it is signed by the app.
func (p *Provider) judgeAnswer(ctx context.Context, m *wire.Message) (app idp.App, answer wire.LogoutResponse, about asked, proven bool, err error) {
	if answer, err = wire.ParseLogoutResponse(m.Root); err != nil {
		return app, answer, about, false, notTaken("message", err)
	}
	app, err = p.app(ctx, answer.Issuer)
	if err != nil {
		if no, refused := errors.AsType[*refusal](err); refused {
			err = notTaken("issuer", no)
		}
		return app, answer, about, proven, err
	}
	certs, err := certificates(app.SAML.SigningCerts)
	if err != nil {
		return app, answer, about, proven, err
	}
	el, err := m.Verify(certs, wire.At(p.now()))
	if err == nil {
		answer, err = wire.ParseLogoutResponse(el)
	}
	if err != nil {
		return app, answer, about, proven, notTaken("signature", err)
	}
	proven = true
	about, err = readAsked(p.Box, answer.InResponseTo)
	until := time.Unix(about.Until, 0)
	switch {
	case err != nil:
		return app, answer, about, proven, notTaken("in_response_to", err)
	case answer.Issuer != app.Identifier || about.App != app.ID:
		return app, answer, about, proven, notTaken("issuer", cause("another app was asked"))
	case answer.Destination != p.sloURL():
		return app, answer, about, proven, notTaken("destination", cause("it is not addressed to us"))
	case !p.now().Before(until):
		return app, answer, about, proven, notTaken("age", cause("the request was too long ago"))
	}
	if err := judgeTime(answer.IssueInstant, p.now()); err != nil {
		return app, answer, about, proven, notTaken("age", err)
	}
	err = p.Gate.SpendOnce(ctx, spentLogout, answer.InResponseTo, until)
	if idp.IsKind(err, idp.Conflict) {
		err = notTaken("replay", cause("it was answered before"))
	}
	return app, answer, about, proven, err
}

func notTaken(rule string, cause error) error {
	return turnAway(rule, "This answer is not taken: it is not proven to come from the app. If you are still signed in there, sign out there.", cause)
}
