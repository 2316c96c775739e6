package saml

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// Launch is the form of ours that opens app from the portal without a request
// of the app: where it is posted, and its fields. ok is false for an app for
// which that is not allowed.
func Launch(app idp.App) (action string, fields [][2]string, ok bool) {
	if app.SAML == nil || !app.SAML.IdPInitiated {
		return "", nil, false
	}
	return pathLaunch, [][2]string{{"app", string(app.ID)}}, true
}

// launch answers a person who opens an app from the portal with an assertion
// that the app did not ask for (SAML Profiles §4.1.5). Only a form of ours,
// shown in the person's own session, gets one: no other site can sign somebody
// in to an app, and no address can be sent around that does.
func (p *Provider) launch(w http.ResponseWriter, r *http.Request) {
	session, err := p.Browser.Session(r)
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	id := idp.AppID(r.PostFormValue("app")) // read first: OwnForm looks at a copy
	if !p.Browser.OwnForm(r) {
		p.Browser.Problem(w, r, idp.Errorf(idp.Denied, "This did not come from your apps here, or that page is old. Open your apps and choose again."))
		return
	}
	app, err := p.Store.App(r.Context(), id)
	if err == nil && app.SAML == nil {
		err = idp.Errorf(idp.NotFound, "There is no such app.")
	}
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	req := &request{Issuer: app.Identifier, RelayState: app.SAML.RelayState}
	acs, registered := consumer(app.SAML.ACS, wire.AuthnRequest{})
	if !app.SAML.IdPInitiated || !registered {
		no := turnAway("idp_initiated", "This app begins its sign-ons itself. Open it from its own page.", nil)
		no.user = session.UserID
		p.refuse(w, r, app, req, no)
		return
	}
	req.ACS = acs
	v := &visitor{session: session, in: true}
	if app, err = v.app(r.Context(), p, app.Identifier); err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	fresh, whole, err := p.SignIns.Suffices(r.Context(), session, app.ID)
	switch {
	case err != nil:
		p.Browser.Problem(w, r, err)
	case !fresh || !whole:
		p.proveFirst(w, r, app, session, fresh)
	default:
		p.grant(w, r, app, req, v, false)
	}
}

// proveFirst has the person prove what the policy asks for at this app, which
// leads back to their apps.
func (p *Provider) proveFirst(w http.ResponseWriter, r *http.Request, app idp.App, s idp.Session, fresh bool) {
	in, bind := idp.SignIn{AppID: app.ID, ResumeURL: "/"}, p.Browser.Bind(w, r)
	var err error
	if fresh {
		in, err = p.SignIns.StepUp(r.Context(), in, s, bind)
	} else {
		in.NotBefore = p.now()
		in, err = p.SignIns.Begin(r.Context(), in, bind)
	}
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	p.Browser.SignIn(w, r, in.ID)
}

// toPerson is a refusal that an app would be told, had it asked.
func toPerson(no *refusal) error {
	if no.rule == "grant" {
		return idp.Errorf(idp.Denied, "You may not use this app, or no longer. Ask whoever gives it out.").Because(no)
	}
	return no.err
}
