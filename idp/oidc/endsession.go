package oidc

import (
	"net/http"
	"net/url"
	"slices"

	"gatehouse/idp"
)

// leaving is what an app asks of end_session (OIDC RP-Initiated Logout 1.0
// §2), as far as it is proven.
type leaving struct {
	hint hintClaims
	app  idp.App // of the hint; zero when there is no valid hint
	// to is where the browser goes afterwards: a registered address of that
	// app, with state; or "".
	to string
	// refused says what of the request does not count, and why; "" for nothing.
	refused string
}

// endSession signs the browser out at once when the app shows an ID token of
// this very session; any other wish is the person's to confirm.
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request) {
	l, session, ok := p.leave(w, r)
	switch {
	case !ok:
	case session.ID == "":
		p.left(w, r, l)
	case l.app.ID != "" && l.hint.Subject == p.subject(l.app, session.UserID) && l.hint.SID == sid(session.ID, l.app.ID):
		p.signOut(w, r, l, session)
	default:
		p.askToLeave(w, r, l, session)
	}
}

// askToLeave asks the person of a session whether to sign out, in their language
// rather than one that the app wishes for.
func (p *Provider) askToLeave(w http.ResponseWriter, r *http.Request, l leaving, s idp.Session) {
	u, err := p.Store.User(r.Context(), s.UserID)
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	p.Browser.Speak(r, []string{u.Language})
	p.Browser.ConfirmSignOut(w, r, l.app.Name, carried(r.Form), l.to == "" && r.Form.Has("post_logout_redirect_uri"))
}

// endSessionByPost takes the answer of the page that asks. A POST of an app
// comes without the SameSite=Lax cookie and is sent again as GET.
func (p *Provider) endSessionByPost(w http.ResponseWriter, r *http.Request) {
	if !p.Browser.ConfirmedSignOut(r) {
		againByGet(w, r, pathEndSession, p.Browser.Problem)
		return
	}
	l, session, ok := p.leave(w, r)
	switch {
	case !ok:
	case session.ID == "":
		p.left(w, r, l)
	default:
		p.signOut(w, r, l, session)
	}
}

// leave reads the request and the browser's session, which may be zero. When
// ok is false it has answered.
func (p *Provider) leave(w http.ResponseWriter, r *http.Request) (l leaving, s idp.Session, ok bool) {
	q, err := queryOf(r)
	if err == nil {
		p.Browser.Speak(r, languages(q.Get("ui_locales")))
		l, err = p.readLeaving(r, q)
	}
	if err == nil && l.refused != "" && r.Method != http.MethodPost { // with the answer it comes a second time
		p.note(r.Context(), idp.Event{Kind: "oidc.signout.refuse", AppID: l.app.ID, Detail: map[string]string{
			"reason": l.refused, "client_id": clip(q.Get("client_id")), "received": received(q),
		}})
	}
	if err == nil {
		if s, err = p.Browser.Session(r); idp.IsKind(err, idp.Unauthenticated) {
			s, err = idp.Session{}, nil
		}
	}
	if err != nil {
		p.Browser.Problem(w, r, err)
		return leaving{}, idp.Session{}, false
	}
	return l, s, true
}

// readLeaving believes only what a valid hint proves. What is not proven is not
// used, and is no reason to keep a person from signing out (§4). Without a hint,
// an address is not followed, registered or not (§3).
func (p *Provider) readLeaving(r *http.Request, q url.Values) (leaving, error) {
	uri := q.Get("post_logout_redirect_uri")
	if !q.Has("id_token_hint") {
		if uri != "" {
			return leaving{refused: "post_logout_redirect_uri came without an id_token_hint"}, nil
		}
		return leaving{}, nil
	}
	hint, err := p.readHint(q.Get("id_token_hint"))
	switch {
	case idp.IsKind(err, idp.Invalid):
		return leaving{refused: "id_token_hint is no ID token of ours: " + reason(err)}, nil
	case err != nil:
		return leaving{}, err
	case q.Has("client_id") && q.Get("client_id") != hint.Audience:
		return leaving{refused: "client_id is not the client that id_token_hint was issued to"}, nil
	}
	app, err := p.app(r.Context(), hint.Audience)
	if idp.IsKind(err, idp.NotFound) {
		return leaving{refused: "id_token_hint was issued to an app that is gone"}, nil
	}
	if err != nil {
		return leaving{}, err
	}
	l := leaving{hint: hint, app: app}
	switch {
	case uri == "":
	case !slices.Contains(app.OIDC.PostLogoutRedirectURIs, uri):
		l.refused = "post_logout_redirect_uri is not registered"
	case q.Has("state"):
		l.to = withParams(uri, [][2]string{{"state", q.Get("state")}})
	default:
		l.to = uri
	}
	return l, nil
}

func (p *Provider) signOut(w http.ResponseWriter, r *http.Request, l leaving, s idp.Session) {
	answered, err := p.Browser.SignOut(w, r, s, l.to)
	switch {
	case err != nil:
		p.Browser.Problem(w, r, err)
	case !answered:
		p.left(w, r, l)
	}
}

func (p *Provider) left(w http.ResponseWriter, r *http.Request, l leaving) {
	if l.to == "" {
		p.Browser.SignedOut(w, r)
		return
	}
	redirect(w, l.to)
}

// carried are the parameters the confirmation brings back.
func carried(q url.Values) [][2]string {
	var carry [][2]string
	for _, name := range []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"} {
		if q.Has(name) {
			carry = append(carry, [2]string{name, q.Get(name)})
		}
	}
	return carry
}
