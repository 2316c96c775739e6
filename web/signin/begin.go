package signin

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/web/ui"
)

// begin starts a sign-in to Gatehouse itself and leads to its page; whoever is
// signed in already goes straight on, unless they are to prove again that it is
// them.
func (s *SignIn) begin(w http.ResponseWriter, r *http.Request) error {
	next := localPath(r.URL.Query().Get("return_to"))
	v := ui.VisitOf(r.Context())
	wish := idp.SignIn{ResumeURL: next}
	if r.URL.Query().Get("second") != "" && v.SignedIn() && !login.MultiFactor(v.Session.Methods) {
		in, err := s.Login.StepUp(r.Context(), wish, v.Session, s.Cookies.Bind(w, r))
		if err != nil {
			return err
		}
		return ui.SeeOther(w, r, "/signin/"+string(in.ID))
	}
	switch again := r.URL.Query().Get("again") != ""; {
	case v.SignedIn() && (!again || v.JustProven()):
		return ui.SeeOther(w, r, next)
	case v.SignedIn():
		wish.NotBefore, wish.LoginHint = idp.Time(v.Now), v.User.Username
	}
	in, err := s.Login.Begin(r.Context(), wish, s.Cookies.Bind(w, r))
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/signin/"+string(in.ID))
}
