package web

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// admit runs a route's handler once the access it declares is proven, with
// the Visit in its context. Whoever must sign in first is sent there and
// comes back to the same page; a form that is refused for its age alone says
// where that is. foreign says why a request comes from another site.
func (s *Server) admit(mux *http.ServeMux, rt ui.Route, foreign func(*http.Request) error) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.Method == http.MethodPost && rt.Upload == 0 {
			// Before anybody is let in: who sends a form slowly would else act in
			// a session that ended meanwhile. What is wrong with the form, its
			// token says.
			_ = r.PostFormValue("")
		}
		v := ui.Visit{Now: s.Now()}
		if r.Method == http.MethodPost {
			v.Page = pageOf(mux, r)
		}
		err := s.signedIn(r, &v)
		abroad := foreign(r)
		switch {
		case abroad != nil: // refused below
		case idp.IsKind(err, idp.Unauthenticated):
			// The cookie stays as it is: only a sign-out takes it away.
			if rt.Access == ui.SignedIn || rt.Access == ui.JustProven || rt.Access == ui.OwnerOnly {
				return s.askToSignIn(w, r, ui.Again(err, v.Page))
			}
		case err != nil:
			return err
		case rt.Access == ui.JustProven && !v.JustProven() && r.Method == http.MethodGet:
			return ui.SeeOther(w, r, signInAgain(r.URL.RequestURI()))
		}
		if rt.Access == ui.OwnerOnly && v.Owner() && abroad == nil {
			switch led, err := s.secondFirst(w, r, v); {
			case led && err != nil:
				return ui.Again(err, v.Page)
			case led || err != nil:
				return err
			}
			if led, err := s.againFirst(w, r, rt, v); led || err != nil {
				return err
			}
		}
		if rt.Access == ui.BoundBrowser {
			// The forms of a sign-in belong to the browser, not to a session.
			v.Secret = s.Cookies.Bound(r)
		}
		if rt.Upload > 0 && v.Owner() {
			v.Upload = &ui.Upload{Stands: func() error { return s.ownerStill(r) }}
			makeWay(w, r, rt.Upload)
		}
		ctx := ui.WithVisit(r.Context(), v)
		if v.SignedIn() {
			actor := idp.ActorOf(ctx)
			actor.Kind, actor.UserID = "user", v.User.ID
			ctx = idp.WithActor(ctx, actor)
		}
		ui.Speak(ctx, v.User.Language)
		if rt.Access == ui.OwnerOnly && v.Owner() {
			ui.Speak(ctx, "en") // the console's language
		}
		r = r.WithContext(ctx)
		if err := refusal(r, rt, abroad); err != nil {
			s.note(r, rt, err)
			return err
		}
		if err := tooOld(r, rt); err != nil {
			s.note(r, rt, err)
			return ui.Again(err, v.Page)
		}
		err = rt.Handler(w, r)
		if rt.Access == ui.JustProven && r.Method == http.MethodPost && idp.IsKind(err, idp.Denied) {
			return ui.Again(err, v.Page) // the proof is not enough any more, and the page asks for another
		}
		return err
	}
}

// secondFirst keeps an owner whom the policy asks for a second factor out of the
// console until it is proven: the house lets in who has none, to set one up, and
// this is not what it lets them in for.
func (s *Server) secondFirst(w http.ResponseWriter, r *http.Request, v ui.Visit) (led bool, err error) {
	if s.Suffices == nil {
		return false, nil
	}
	_, whole, err := s.Suffices(r.Context(), v.Session, "")
	switch {
	case err != nil || whole:
		return false, err
	case r.Method == http.MethodGet:
		return true, ui.SeeOther(w, r, "/signin?second=1&return_to="+url.QueryEscape(r.URL.RequestURI()))
	}
	return true, idp.Errorf(idp.Denied, "The policy asks for a second factor here. The page asks for it.")
}

// againFirst leads an owner to sign in once more where the route asks for a recent proof,
// and the session has none, or nothing but a mail. Of a form it says first that nothing
// was done.
func (s *Server) againFirst(w http.ResponseWriter, r *http.Request, rt ui.Route, v ui.Visit) (led bool, err error) {
	if !rt.Recent {
		return false, nil
	}
	if v.JustProven() {
		if s.ByMailAlone == nil {
			return false, nil
		}
		byMail, err := s.ByMailAlone(r.Context(), v.Session)
		if err != nil || !byMail {
			return false, err
		}
	}
	if r.Method == http.MethodGet {
		return true, ui.SeeOther(w, r, signInAgain(r.URL.RequestURI()))
	}
	ui.Speak(r.Context(), "en") // the console's language
	return true, ui.Again(aWhileAgo(), signInAgain(v.Page))
}

// signInAgain is where somebody proves once more that it is them, on the way to a page.
func signInAgain(page string) string { return "/signin?again=1&return_to=" + url.QueryEscape(page) }

func aWhileAgo() error {
	return idp.Errorf(idp.Denied, "It is a while since you signed in. The page asks you first to prove once more that it is you.")
}

// ownerStill answers nil while the browser has the live session of an owner.
func (s *Server) ownerStill(r *http.Request) error {
	var v ui.Visit
	if err := s.signedIn(r, &v); err != nil {
		return err
	}
	if !v.Owner() {
		return idp.Errorf(idp.Denied, "This page is for owners of Gatehouse.")
	}
	return nil
}

// refusal says why this visit may not do what it asks for.
func refusal(r *http.Request, rt ui.Route, abroad error) error {
	switch {
	case abroad != nil:
		return idp.Errorf(idp.Denied, "This form was sent from another site. Open the page here and send it again.").Because(abroad)
	case rt.Access == ui.OwnerOnly && !ui.VisitOf(r.Context()).Owner():
		return idp.Errorf(idp.Denied, "This page is for owners of Gatehouse.")
	}
	return nil
}

// tooOld says why this visit may not do it by this form, but may by another.
func tooOld(r *http.Request, rt ui.Route) error {
	switch v := ui.VisitOf(r.Context()); {
	case rt.Access == ui.JustProven && !v.JustProven():
		return aWhileAgo()
	case r.Method != http.MethodPost || rt.Access == ui.Anyone || formValid(r, rt):
		return nil
	case v.Secret == "":
		return idp.Errorf(idp.Denied, "Your browser has sent no cookie with this form. Let it keep cookies from this address.")
	}
	return idp.Errorf(idp.Denied, "You have signed in or out since this form was opened, or it was opened in another browser.")
}

// pageOf is the address of the page that a form stands on: its own, or the nearest
// above it that can be opened.
func pageOf(mux *http.ServeMux, r *http.Request) string {
	for at := r.URL.Path; at != "/"; at = path.Dir(at) {
		page := &url.URL{Path: at}
		if _, pattern := mux.Handler(&http.Request{Method: http.MethodGet, URL: page, Host: r.Host}); strings.HasPrefix(pattern, "GET ") {
			if at == r.URL.Path {
				page.RawQuery = r.URL.RawQuery
			}
			return page.RequestURI()
		}
	}
	return "/"
}

func formValid(r *http.Request, rt ui.Route) bool {
	if rt.Upload > 0 {
		return ui.UploadValid(r)
	}
	return ui.CSRFValid(r)
}

// note writes down who was refused an owner's action. The refusal stands also
// when that fails.
func (s *Server) note(r *http.Request, rt ui.Route, why error) {
	v := ui.VisitOf(r.Context())
	if s.Record == nil || rt.Access != ui.OwnerOnly || r.Method != http.MethodPost || !v.SignedIn() {
		return
	}
	err := s.Record(r.Context(), idp.Event{
		ID: idp.NewEventID(), At: idp.Time(v.Now), Kind: "console.refuse", Actor: idp.ActorOf(r.Context()), UserID: v.User.ID,
		Detail: map[string]string{"action": rt.Pattern, "reason": why.Error()},
	})
	if err != nil {
		s.Log.ErrorContext(r.Context(), "audit line not written", "kind", "console.refuse", "error", err)
	}
}

// signedIn fills in the session and its person. Session and user are read in
// this request; the role is never older than that.
func (s *Server) signedIn(r *http.Request, v *ui.Visit) error {
	raw := s.Cookies.Session(r)
	session, err := s.Gate.Session(r.Context(), raw)
	if err != nil {
		return err
	}
	user, err := s.Users.User(r.Context(), session.UserID)
	if err != nil {
		return err
	}
	v.Session, v.User, v.Secret = session, user, raw
	return nil
}

// askToSignIn sends a browser that wants a page to the sign-in and back.
func (s *Server) askToSignIn(w http.ResponseWriter, r *http.Request, refusal error) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return refusal
	}
	return ui.SeeOther(w, r, "/signin?return_to="+url.QueryEscape(r.URL.RequestURI()))
}
