package oidc

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/idp"
	"gatehouse/idp/login"
)

// authorizeByPost turns an authorization request by POST into one by GET: a
// POST from another site comes without the session's SameSite=Lax cookie.
func (p *Provider) authorizeByPost(w http.ResponseWriter, r *http.Request) {
	againByGet(w, r, pathAuthorize, p.turnAway)
}

// againByGet answers a POST with a redirect to the same address by GET, with
// the same parameters.
func againByGet(w http.ResponseWriter, r *http.Request, path string, refuse func(http.ResponseWriter, *http.Request, error)) {
	q, err := queryOf(r)
	if err == nil && len(q.Encode()) > maxQuery {
		err = idp.Errorf(idp.Invalid, "The app's request is too long.")
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	redirect(w, path+"?"+q.Encode())
}

// authorize answers an authorization request (OIDC Core §3.1.2): at once when
// the browser's session suffices, else by way of a sign-in.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q, err := queryOf(r)
	if err != nil {
		p.turnAway(w, r, err)
		return
	}
	q, pushed, err := p.pulled(q)
	if err != nil {
		p.turnAway(w, r, err)
		return
	}
	req := addressed(q)
	req.Pushed = pushed
	session, signedIn := p.Browser.Session(r)
	adm, err := p.recognise(r.Context(), &req, session.UserID)
	if err != nil {
		p.turnAway(w, r, err)
		return
	}
	app := adm.App
	if app.OIDC.RequirePAR && pushed == "" {
		p.refuse(w, r, app, &req, invalidRequest("This app pushes its requests (RFC 9126)."))
		return
	}
	if err := p.readAll(&req, q, app); err != nil {
		p.refuse(w, r, app, &req, err)
		return
	}
	if err := p.meant(r.Context(), &req, q.Get("id_token_hint"), app); err != nil {
		p.refuseOrFail(w, r, app, &req, err)
		return
	}
	fresh, whole, err := p.SignIns.Suffices(r.Context(), session, app.ID)
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	fits := signedIn == nil && fresh && req.fits(session, p.now())
	met, err := p.met(r.Context(), &req, session)
	switch {
	case err != nil:
		p.Browser.Problem(w, r, err)
	case fits && met && whole:
		p.grant(w, r, adm, &req, session)
	case signedIn != nil && !idp.IsKind(signedIn, idp.Unauthenticated):
		p.Browser.Problem(w, r, signedIn)
	case req.silent():
		p.respond(w, r, app, &req, loginRequired())
	default:
		p.signIn(w, r, app, &req, session, fits)
	}
}

// met reports whether a session is of the class that is asked for. A class that
// an app would merely like is asked only of those who can reach it.
func (p *Provider) met(ctx context.Context, req *request, s idp.Session) (bool, error) {
	if s.ID == "" || req.ACR.met(s.Methods) {
		return true, nil
	}
	if len(req.ACR.Essential) > 0 {
		return false, nil
	}
	second, passkey, err := p.SignIns.HasSecond(ctx, s.UserID)
	if passkey && slices.Contains(req.ACR.Preferred, acrResistant) {
		// The passkey may be on another device: a code will do, and has done.
		req.likesMore = !login.MultiFactor(s.Methods)
		return !req.likesMore, err
	}
	return !second || !slices.Contains(req.ACR.Preferred, acrSeveral), err
}

// recognise finds the app of a request, with whether the user may use it ("" for
// nobody), and proves its redirect URI. What fails here is told to the person,
// never to the address that came along.
func (p *Provider) recognise(ctx context.Context, req *request, user idp.UserID) (idp.Admission, error) {
	adm, err := p.admission(ctx, req.ClientID, user)
	switch {
	case idp.IsKind(err, idp.NotFound):
		return idp.Admission{}, idp.Errorf(idp.Invalid, "The app that sent you here is not registered. Tell the people who run it.").Because(err)
	case err != nil:
		return idp.Admission{}, err
	case !registered(*adm.App.OIDC, req.RedirectURI):
		return adm, idp.Errorf(idp.Invalid, "The app wants the answer at an address that is not registered for it. Tell the people who run it.")
	}
	return adm, nil
}

// admission finds an OIDC app by its client_id, and whether the user may use it.
func (p *Provider) admission(ctx context.Context, clientID string, user idp.UserID) (adm idp.Admission, err error) {
	if user == "" {
		adm.App, err = p.app(ctx, clientID)
		return adm, err
	}
	if !plausible(clientID) {
		return adm, idp.Errorf(idp.NotFound, "no such app")
	}
	if adm, err = p.Store.Admission(ctx, idp.ProtocolOIDC, clientID, user, p.now()); err != nil {
		return adm, err
	}
	return adm, usable(adm.App)
}

// plausible keeps absurd names of apps away from the store.
func plausible(clientID string) bool {
	return clientID != "" && len(clientID) <= 1024 && printable(clientID)
}

// usable answers nil for an OIDC app that was not removed.
func usable(app idp.App) error {
	if app.OIDC == nil {
		return idp.Errorf(idp.Internal, "app %s has no OIDC settings", app.ID)
	}
	if app.OIDC.Removed {
		return idp.Errorf(idp.NotFound, "app %s was removed", app.ID)
	}
	return nil
}

// app finds an OIDC app by its client_id.
func (p *Provider) app(ctx context.Context, clientID string) (idp.App, error) {
	t, err := p.appTruth(ctx, clientID)
	return t.App, err
}

// appTruth finds the same with what its own passes hang on.
func (p *Provider) appTruth(ctx context.Context, clientID string) (idp.AppTruth, error) {
	if !plausible(clientID) {
		return idp.AppTruth{}, idp.Errorf(idp.NotFound, "no such app")
	}
	t, err := p.Store.AppTruthByIdentifier(ctx, idp.ProtocolOIDC, clientID)
	if err != nil {
		return idp.AppTruth{}, err
	}
	return t, usable(t.App)
}

// signInLife is how long a person may take for a sign-in, sessions.SignInTTL.
const signInLife = 30 * time.Minute

// signIn begins a sign-in that leads back to resume. Whoever has a session, which
// does not suffice, proves anew who they are, but where it fits: then it lacks
// nothing but a second factor, and that alone is asked for, where the proof of before
// is still young enough for max_age when the slowest has given it (OIDC Core §3.1.2.1).
func (p *Provider) signIn(w http.ResponseWriter, r *http.Request, app idp.App, req *request, has idp.Session, fits bool) {
	kept, err := req.encode()
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	in := idp.SignIn{
		Protocol:  idp.ProtocolOIDC,
		AppID:     app.ID,
		Request:   kept,
		ResumeURL: pathResume,
		EndOrigin: originOf(req.RedirectURI),
		LoginHint: req.LoginHint,
		UILocales: req.Languages,
		Several:   req.ACR.several() || req.likesMore,
		Passkey:   req.ACR.passkey(),
	}
	bind := p.Browser.Bind(w, r)
	switch {
	case fits && req.fits(has, p.now().Add(signInLife)):
		in, err = p.SignIns.StepUp(r.Context(), in, has, bind)
	case has.ID != "" || req.MaxAge != nil:
		in.NotBefore = p.now()
		fallthrough
	default:
		in, err = p.SignIns.Begin(r.Context(), in, bind)
	}
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	p.Browser.SignIn(w, r, in.ID)
}

// turnAway shows why a request cannot be answered to its app.
func (p *Provider) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	if idp.IsKind(err, idp.Invalid) {
		q := r.URL.Query() // what could be read of it
		p.note(r.Context(), idp.Event{Kind: "oidc.authorize.refuse", Detail: map[string]string{
			"reason": clip(err.Error()), "client_id": clip(q.Get("client_id")), "redirect_uri": clip(q.Get("redirect_uri")), "received": received(q),
		}})
	}
	p.Browser.Problem(w, r, err)
}

// refuse writes down an error and sends it to the app.
func (p *Provider) refuse(w http.ResponseWriter, r *http.Request, app idp.App, req *request, e *oidc.Error) {
	p.note(r.Context(), idp.Event{Kind: "oidc.authorize.refuse", AppID: app.ID, Detail: map[string]string{
		"error": string(e.ErrorType), "reason": e.Description, "received": received(r.URL.Query()),
	}})
	p.respond(w, r, app, req, errorParams(e))
}

// refuseOrFail sends an error that is the app's to it, and shows any other.
func (p *Provider) refuseOrFail(w http.ResponseWriter, r *http.Request, app idp.App, req *request, err error) {
	if e, ok := errors.AsType[*oidc.Error](err); ok {
		p.refuse(w, r, app, req, e)
		return
	}
	p.Browser.Problem(w, r, err)
}

// respond gives the browser the answer for the app. iss is in every answer
// (RFC 9207 §2), so that no app takes our answer for another provider's.
func (p *Provider) respond(w http.ResponseWriter, r *http.Request, app idp.App, req *request, params [][2]string) {
	if req.State != "" {
		params = append(params, [2]string{"state", req.State})
	}
	params = append(params, [2]string{"iss", p.Issuer})
	if req.ResponseMode == oidc.ResponseModeFormPost {
		p.Browser.PostForm(w, r, app.Name, req.RedirectURI, params)
		return
	}
	redirect(w, withParams(req.RedirectURI, params))
}

func errorParams(e *oidc.Error) [][2]string {
	return [][2]string{{"error", string(e.ErrorType)}, {"error_description", e.Description}}
}

func loginRequired() [][2]string {
	return errorParams(oidc.ErrLoginRequired().WithDescription("The person must sign in."))
}

// clip keeps foreign text fit for an audit line.
func clip(s string) string {
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s[:min(len(s), 300)]), "")
}
