package saml

import (
	"context"
	"net/http"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// resume answers a request whose sign-in is done, or that the person does not
// want to answer. The gate spends the SignIn, and only for the browser it is
// bound to; the session that finished it must be the browser's own.
func (p *Provider) resume(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("cancelled") {
		p.cancelled(w, r)
		return
	}
	in, session, err := p.finished(r)
	if err != nil {
		p.refuse(w, r, idp.App{}, new(request), err)
		return
	}
	req, err := decodeRequest(in.Request)
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	v := &visitor{session: session, in: true}
	app, err := p.recall(r, v, req)
	if err == nil {
		err = p.whole(r, app, session)
	}
	if err == nil {
		err = p.takeAnswer(r.Context(), req)
	}
	if err != nil {
		p.refuse(w, r, app, req, err)
		return
	}
	p.grant(w, r, app, req, v, false)
}

// cancelled tells the app that the person does not want to sign in. That is its
// one answer to the request: who changes their mind begins at the app again.
func (p *Provider) cancelled(w http.ResponseWriter, r *http.Request) {
	in, err := p.begun(p.Gate.SignIn, r)
	if err != nil {
		p.refuse(w, r, idp.App{}, new(request), err)
		return
	}
	req, err := decodeRequest(in.Request)
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	app, err := p.recall(r, new(visitor), req)
	if err == nil {
		err = p.takeAnswer(r.Context(), req)
	}
	if err == nil {
		no := decline("cancelled", wire.StatusResponder, wire.StatusAuthnFailed, "The person did not sign in.")
		no.user = in.UserID
		err = no
	}
	p.refuse(w, r, app, req, err)
}

// whole refuses a session that lacks a factor which the policy has asked for since
// its sign-in began.
func (p *Provider) whole(r *http.Request, app idp.App, s idp.Session) error {
	_, whole, err := p.SignIns.Suffices(r.Context(), s, app.ID)
	if err == nil && !whole {
		err = startAgain("session", cause("the policy asks for a second factor"))
	}
	return err
}

// finished accepts the browser's finished SignIn and its session.
func (p *Provider) finished(r *http.Request) (idp.SignIn, idp.Session, error) {
	in, err := p.begun(p.Gate.Resume, r)
	if err != nil {
		return in, idp.Session{}, err
	}
	session, err := p.Browser.Session(r)
	switch {
	case idp.IsKind(err, idp.Unauthenticated):
		return in, session, startAgain("session", err)
	case err != nil:
		return in, session, err
	case session.ID != in.SessionID || session.AuthTime.Before(in.NotBefore):
		return in, session, startAgain("session", cause("the browser's session is not the one that finished the sign-in"))
	}
	return in, session, nil
}

// begun accepts the browser's SignIn by a way of the gate.
func (p *Provider) begun(accept func(context.Context, idp.SignInID, string) (idp.SignIn, error), r *http.Request) (idp.SignIn, error) {
	in, err := accept(r.Context(), idp.SignInID(r.URL.Query().Get("signin")), p.Browser.Bound(r))
	switch {
	case idp.IsKind(err, idp.Unauthenticated), idp.IsKind(err, idp.Conflict):
		return in, startAgain("sign_in", err)
	case err == nil && in.Protocol != idp.ProtocolSAML:
		return in, startAgain("sign_in", cause("the sign-in is of another protocol"))
	}
	return in, err
}
