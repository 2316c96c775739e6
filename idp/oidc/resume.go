package oidc

import (
	"errors"
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/idp"
)

// resume answers an authorization request whose sign-in is done, or that the
// person does not want to answer. The gate
// spends the SignIn, and only for the browser it is bound to; the session that
// finished it must be the browser's own.
func (p *Provider) resume(w http.ResponseWriter, r *http.Request) {
	accept, given := p.Gate.Resume, r.URL.Query()
	if given.Has("cancelled") {
		accept = p.Gate.SignIn // nothing is answered from it that could be used
	}
	in, err := accept(r.Context(), idp.SignInID(given.Get("signin")), p.Browser.Bound(r))
	switch {
	case idp.IsKind(err, idp.Unauthenticated), idp.IsKind(err, idp.Conflict):
		p.turnAway(w, r, startAgain(err))
		return
	case err != nil:
		p.Browser.Problem(w, r, err)
		return
	case in.Protocol != idp.ProtocolOIDC:
		p.turnAway(w, r, startAgain(errors.New("the sign-in is of another protocol")))
		return
	case given.Has("cancelled"):
		p.cancelled(w, r, in)
		return
	}
	session, err := p.Browser.Session(r)
	switch {
	case idp.IsKind(err, idp.Unauthenticated):
		p.turnAway(w, r, startAgain(err))
		return
	case err != nil:
		p.Browser.Problem(w, r, err)
		return
	case session.ID != in.SessionID || session.AuthTime.Before(in.NotBefore):
		p.turnAway(w, r, startAgain(errors.New("the browser's session is not the one that finished the sign-in")))
		return
	}
	p.answer(w, r, in, session)
}

// cancelled tells the app that the person does not want to sign in
// (OIDC Core §3.1.2.6, RFC 6749 §4.1.2.1).
func (p *Provider) cancelled(w http.ResponseWriter, r *http.Request, in idp.SignIn) {
	req, err := decodeRequest(in.Request)
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	adm, err := p.recognise(r.Context(), &req, in.UserID)
	if err != nil {
		p.turnAway(w, r, err)
		return
	}
	p.note(r.Context(), idp.Event{Kind: "oidc.signin.cancel", UserID: in.UserID, AppID: adm.App.ID})
	p.respond(w, r, adm.App, &req, errorParams(oidc.ErrAccessDenied().WithDescription("The person did not sign in.")))
}

// answer judges the kept request once more: the app may have changed while the
// person signed in.
func (p *Provider) answer(w http.ResponseWriter, r *http.Request, in idp.SignIn, session idp.Session) {
	req, err := decodeRequest(in.Request)
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	adm, err := p.recognise(r.Context(), &req, session.UserID)
	if err != nil {
		p.turnAway(w, r, err)
		return
	}
	if p.sufficesStill(w, r, adm.App, &req, session) {
		p.grant(w, r, adm, &req, session)
	}
}

// sufficesStill reports whether a session answers a request that was kept while
// the person did something; policy, session and app may have changed since it was
// judged. It answers the app itself where not.
func (p *Provider) sufficesStill(w http.ResponseWriter, r *http.Request, app idp.App, req *request, session idp.Session) bool {
	_, whole, err := p.SignIns.Suffices(r.Context(), session, app.ID)
	switch {
	case err != nil:
		p.Browser.Problem(w, r, err)
	case !whole, !req.means(session.UserID):
		p.respond(w, r, app, req, loginRequired())
	case len(req.ACR.Essential) > 0 && !req.ACR.met(session.Methods):
		p.refuse(w, r, app, req, unmet())
	default:
		return true
	}
	return false
}

func startAgain(cause error) error {
	return idp.Errorf(idp.Invalid, "This sign-in began in another browser, was used already, or took too long. Go back to the app and start again.").Because(cause)
}
