package saml

import (
	"net/http"
	"net/url"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/idp/saml/wire"
)

// purposeRequest seals a judged request for the way through the browser.
const purposeRequest = "saml.request"

// continueLife is how long the redirect after a POST may take.
const continueLife = 5 * time.Minute

// sso takes an AuthnRequest (SAML Profiles §4.1.4.1). A POST from another site
// comes without the session's SameSite=Lax cookie, so what came by POST is
// judged here and goes on by GET, sealed.
func (p *Provider) sso(w http.ResponseWriter, r *http.Request) {
	req, v := new(request), new(visitor)
	if r.Method == http.MethodGet {
		var err error
		if v, err = p.visitor(r); err != nil {
			p.Browser.Problem(w, r, err)
			return
		}
	}
	app, err := p.receive(r, v, req)
	switch {
	case err != nil:
		p.refuse(w, r, app, req, err)
	case r.Method == http.MethodPost:
		p.passOn(w, r, req)
	default:
		p.proceed(w, r, app, req, v)
	}
}

// receive decodes, recognises and judges a request. req holds what is known of
// it also when it is refused.
func (p *Provider) receive(r *http.Request, v *visitor, req *request) (idp.App, error) {
	m, err := wire.Decode(r, wire.ParamRequest)
	if err != nil {
		return idp.App{}, unreadable(err)
	}
	app, asked, err := p.recognise(r.Context(), m, v, req)
	if err != nil {
		return app, err
	}
	return app, p.judge(app, m, asked, req)
}

func (p *Provider) passOn(w http.ResponseWriter, r *http.Request, req *request) {
	kept, err := req.encode()
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	q := url.Values{"request": {p.Box.Seal(purposeRequest, kept)}}
	w.Header().Set("Location", pathContinue+"?"+q.Encode())
	w.WriteHeader(http.StatusSeeOther)
}

// goOn is where passOn leads. The URL is worth no more than the request in it:
// that one is answered once, like any other.
func (p *Provider) goOn(w http.ResponseWriter, r *http.Request) {
	kept, err := p.Box.Open(purposeRequest, r.URL.Query().Get("request"))
	if err != nil {
		p.refuse(w, r, idp.App{}, new(request), startAgain("continue", err))
		return
	}
	req, err := decodeRequest(kept)
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	if !p.now().Before(req.IssuedAt.Add(maxAge + continueLife)) {
		p.refuse(w, r, idp.App{}, req, startAgain("continue", cause("it took too long")))
		return
	}
	v, err := p.visitor(r)
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	app, err := p.recall(r, v, req)
	if err != nil {
		p.refuse(w, r, app, req, err)
		return
	}
	p.proceed(w, r, app, req, v)
}

// recall finds the app of a kept request, which may have changed meanwhile.
func (p *Provider) recall(r *http.Request, v *visitor, req *request) (idp.App, error) {
	app, err := v.app(r.Context(), p, req.Issuer)
	if err != nil {
		return app, err
	}
	if _, ok := consumer(app.SAML.ACS, wire.AuthnRequest{ACSURL: req.ACS}); !ok {
		req.ACS = ""
		return app, turnAway("acs", "The app's address for the answer was removed while you signed in. Go back to the app and start again.", nil)
	}
	return app, nil
}

// proceed answers a judged request: at once when the browser's session
// suffices, else by way of a sign-in.
func (p *Provider) proceed(w http.ResponseWriter, r *http.Request, app idp.App, req *request, v *visitor) {
	fresh, whole, err := p.SignIns.Suffices(r.Context(), v.session, app.ID)
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	if v.in && fresh && whole && req.suffices(v.session) {
		p.grant(w, r, app, req, v, true)
		return
	}
	if req.IsPassive {
		p.refuse(w, r, app, req, decline("passive", wire.StatusResponder, wire.StatusNoPassive, "The person must sign in."))
		return
	}
	if _, err := p.take(r.Context(), req, p.Browser.Bound(r)); err != nil {
		p.refuse(w, r, app, req, err)
		return
	}
	p.signIn(w, r, app, req, v.session, fresh, whole)
}

// signIn begins a sign-in that leads back to resume. Who has a session proves
// only what it lacks, or everything where the policy asks for a younger proof.
func (p *Provider) signIn(w http.ResponseWriter, r *http.Request, app idp.App, req *request, has idp.Session, fresh, whole bool) {
	kept, err := req.encode()
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	in := idp.SignIn{
		Protocol: idp.ProtocolSAML, AppID: app.ID, Request: kept,
		ResumeURL: pathResume, EndOrigin: originOf(req.ACS), Several: req.several(),
	}
	if req.ForceAuthn || !fresh {
		in.NotBefore = p.now()
	}
	bind := p.Browser.Bind(w, r)
	if err := p.mark(r.Context(), req, bind); err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	if has.ID != "" && in.NotBefore.IsZero() && (!whole || in.Several && !login.MultiFactor(has.Methods)) {
		in, err = p.SignIns.StepUp(r.Context(), in, has, bind)
	} else {
		in, err = p.SignIns.Begin(r.Context(), in, bind)
	}
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	p.Browser.SignIn(w, r, in.ID)
}
