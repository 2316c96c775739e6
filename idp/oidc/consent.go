package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/idp"
)

const (
	pathConsent    = "/oauth/consent"
	purposeConsent = "oidc.consent"
	// consentLife is how long a person may think about it.
	consentLife = 15 * time.Minute
	// maxTicket bounds a question that comes back: a request of maxQuery, kept
	// as JSON and sealed.
	maxTicket = 4 * maxQuery
)

// Consents writes down what a person allows; *directory.Directory does.
type Consents interface {
	GiveConsent(ctx context.Context, user idp.UserID, app idp.AppID, scopes []string) (idp.Consent, error)
}

// question is an authorization request that waits for the person's word. It
// travels sealed through the page, and only the session it was asked in may
// answer it.
type question struct {
	Session idp.SessionID `json:"s"`
	Request request       `json:"r"`
	AskedAt int64         `json:"a"` // Unix time
}

// agreed returns the consent that lets the app have what it asks for: none for
// an app of the organisation's own. asked: there is none, or not of all of it,
// or the app wants the person to be asked anyway.
func (p *Provider) agreed(ctx context.Context, app idp.App, req *request, user idp.UserID) (c idp.Consent, asked bool, err error) {
	if !app.OIDC.ThirdParty {
		return idp.Consent{}, false, nil
	}
	c, err = p.Store.ConsentTo(ctx, user, app.ID)
	if err != nil && !idp.IsKind(err, idp.NotFound) {
		return idp.Consent{}, false, err
	}
	return c, err != nil || len(c.Missing(disclosed(req.Scopes, req.Wanted))) > 0 || slices.Contains(req.Prompt, oidc.PromptConsent), nil
}

// disclosed are the scopes that a person is asked about: those of the request,
// and those that tell the claims which it asks for by name.
func disclosed(scopes []string, w wanted) []string {
	return scopesWith(scopes, slices.Concat(w.UserInfo, w.IDToken))
}

// askConsent sends the browser to the page that asks. The address keeps the
// question, so that the page can be opened again.
func (p *Provider) askConsent(w http.ResponseWriter, r *http.Request, app idp.App, req *request, s idp.Session) {
	if req.silent() {
		p.respond(w, r, app, req, errorParams((&oidc.Error{ErrorType: consentRequired}).WithDescription("The person must be asked for consent.")))
		return
	}
	plain, err := json.Marshal(question{Session: s.ID, Request: *req, AskedAt: p.now().Unix()})
	if err != nil {
		p.Browser.Problem(w, r, fmt.Errorf("encode the question for consent: %w", err))
		return
	}
	redirect(w, pathConsent+"?"+url.Values{"ticket": {p.Box.Seal(purposeConsent, plain)}}.Encode())
}

// consent shows what an app wants to learn of the person, or goes on when that
// was answered meanwhile.
func (p *Provider) consent(w http.ResponseWriter, r *http.Request) {
	if len(r.URL.RawQuery) > maxTicket {
		p.turnAway(w, r, startAgain(errors.New("the question for consent is too long")))
		return
	}
	ticket := r.URL.Query().Get("ticket")
	req, adm, s, ok := p.asked(w, r, ticket)
	if !ok {
		return
	}
	app := adm.App
	c, open, err := p.agreed(r.Context(), app, &req, s.UserID)
	switch {
	case err != nil:
		p.Browser.Problem(w, r, err)
	case !open:
		p.grant(w, r, adm, &req, s)
	default:
		p.Browser.Speak(r, req.Languages)
		p.Browser.AskConsent(w, r, idp.ConsentQuestion{
			App: app, UserID: s.UserID, Scopes: disclosed(req.Scopes, req.Wanted), Allowed: c.Scopes, RedirectURI: req.RedirectURI, Ticket: ticket,
		})
	}
}

// consented takes the answer. Everything is judged once more: what the page
// said may be a while ago.
func (p *Provider) consented(w http.ResponseWriter, r *http.Request) {
	if _, err := queryOf(r); err != nil {
		p.turnAway(w, r, err)
		return
	}
	if !p.Browser.OwnForm(r) {
		p.Browser.Problem(w, r, idp.Errorf(idp.Denied, "This form is no longer valid. Go back to the app and start again."))
		return
	}
	req, adm, s, ok := p.asked(w, r, r.PostFormValue("ticket"))
	if !ok {
		return
	}
	app := adm.App
	ctx := idp.WithActor(r.Context(), actorOf(r.Context(), s))
	r = r.WithContext(ctx)
	switch r.PostFormValue("answer") {
	case "allow":
		if app.OIDC.ThirdParty {
			if _, err := p.Consents.GiveConsent(ctx, s.UserID, app.ID, disclosed(req.Scopes, req.Wanted)); err != nil {
				p.Browser.Problem(w, r, err)
				return
			}
		}
		req.Prompt = slices.DeleteFunc(req.Prompt, func(word string) bool { return word == oidc.PromptConsent })
		p.grant(w, r, adm, &req, s)
	case "cancel":
		p.note(ctx, idp.Event{Kind: "oidc.consent.cancel", UserID: s.UserID, AppID: app.ID, SessionID: s.ID})
		p.respond(w, r, app, &req, errorParams(oidc.ErrAccessDenied().WithDescription("The person did not allow it.")))
	default:
		p.turnAway(w, r, idp.Errorf(idp.Invalid, "The form came back without an answer. Go back to the app and start again."))
	}
}

// asked opens a question that came back and proves that it is this browser's
// session that was asked. It answers the browser itself where it is not.
func (p *Provider) asked(w http.ResponseWriter, r *http.Request, ticket string) (req request, adm idp.Admission, s idp.Session, ok bool) {
	q, err := p.openQuestion(ticket)
	if err != nil {
		p.turnAway(w, r, startAgain(err))
		return req, adm, s, false
	}
	s, err = p.Browser.Session(r)
	switch {
	case idp.IsKind(err, idp.Unauthenticated):
		p.turnAway(w, r, startAgain(err))
		return req, adm, s, false
	case err != nil:
		p.Browser.Problem(w, r, err)
		return req, adm, s, false
	case s.ID != q.Session:
		p.turnAway(w, r, startAgain(errors.New("another session was asked for consent")))
		return req, adm, s, false
	}
	if adm, err = p.recognise(r.Context(), &q.Request, s.UserID); err != nil {
		p.turnAway(w, r, err)
		return req, adm, s, false
	}
	return q.Request, adm, s, p.sufficesStill(w, r, adm.App, &q.Request, s)
}

// openQuestion opens what may be a question of ours; idp.Invalid if not, or
// too old.
func (p *Provider) openQuestion(ticket string) (q question, err error) {
	plain, err := p.Box.Open(purposeConsent, ticket)
	if err != nil {
		return question{}, err
	}
	if err := json.Unmarshal(plain, &q); err != nil {
		return question{}, fmt.Errorf("decode the question for consent: %w", err)
	}
	if p.now().Sub(time.Unix(q.AskedAt, 0)) > consentLife {
		return question{}, idp.Errorf(idp.Invalid, "the question for consent is too old")
	}
	return q, nil
}

// withdrawn reports whether the consent that a code was given out on is gone,
// or speaks no longer of all that the code tells.
// It is asked after the code's token family is written: whoever takes a consent
// back says so before they look for families, so one of the two sees the other.
func (p *Provider) withdrawn(ctx context.Context, c code) (bool, error) {
	if c.Consent == "" {
		return false, nil
	}
	have, err := p.Store.ConsentTo(ctx, c.User, c.App)
	if err != nil && !idp.IsKind(err, idp.NotFound) {
		return false, err
	}
	return have.ID != c.Consent || len(have.Missing(disclosed(c.Scopes, c.Wanted))) > 0, nil
}

// endWithdrawn ends a token family that came about while its consent was taken
// back, and refuses the code.
func (p *Provider) endWithdrawn(ctx context.Context, f idp.TokenFamily) error {
	const why = "the person took back their consent"
	if err := p.Endings.EndFamily(ctx, f, why); err != nil {
		return fault(err)
	}
	p.note(ctx, idp.Event{
		Kind: "oidc.code.refuse", UserID: f.UserID, AppID: f.AppID, SessionID: f.SessionID,
		Detail: map[string]string{"reason": why},
	})
	return invalidGrant(errors.New(why))
}

// actorOf is the person of the session, who has pressed a button of ours.
func actorOf(ctx context.Context, s idp.Session) idp.Actor {
	actor := idp.ActorOf(ctx)
	actor.Kind, actor.UserID = "user", s.UserID
	return actor
}
