package signin

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// signOut ends the person's own session and takes the cookie away, in this
// order.
func (s *SignIn) signOut(w http.ResponseWriter, r *http.Request) error {
	receipt, err := s.Directory.SignOut(r.Context(), ui.VisitOf(r.Context()).Session)
	if err != nil {
		return err
	}
	s.Cookies.ClearSession(w)
	s.Left(w, receipt)
	if calls := s.Fronts.Calls(r.Context(), receipt); len(calls) > 0 {
		return s.SigningOut(w, r, calls, "")
	}
	return ui.SeeOther(w, r, "/signed-out")
}

// ConfirmSignOut asks the person whether to sign out, because an app asked for
// it without proving that it may. The answer is posted to the same path with
// carry and the form's token. stays: they will not be led where the app wants.
func (s *SignIn) ConfirmSignOut(w http.ResponseWriter, r *http.Request, app string, carry [][2]string, stays bool) error {
	for _, field := range carry {
		if stays {
			break // the form ends here
		}
		// Whether the browser may go there is the tongue's decision after the
		// post; this only keeps Chrome from stopping it at the redirect.
		if field[0] == "post_logout_redirect_uri" && field[1] != "" {
			if err := ui.AllowFormAction(w, field[1]); err != nil {
				return idp.Errorf(idp.Invalid, "The app named no address that one can go back to.").Because(err)
			}
		}
	}
	return ui.Render(w, r, http.StatusOK, signOutPage(signOutView{Action: r.URL.Path, App: app, Hidden: carry, Stays: stays}))
}

// SigningOut leads the browser of somebody who has signed out through the apps
// that nobody else can tell, and then to the address to. It waits for none: the
// session at Gatehouse is over before the page is shown.
func (s *SignIn) SigningOut(w http.ResponseWriter, r *http.Request, calls []idp.FrontCall, to string) error {
	if err := ui.AllowCalls(w, calls); err != nil {
		return err
	}
	// The visit is that of somebody signed in no more.
	r = r.WithContext(ui.WithVisit(r.Context(), ui.Visit{Now: ui.VisitOf(r.Context()).Now}))
	return ui.Render(w, r, http.StatusOK, signingOutPage(signingOutView{Calls: calls, To: to}))
}
