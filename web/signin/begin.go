package signin

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/web/ui"
)

// begin starts a sign-in to Gatehouse itself and leads to its page; whoever is
// signed in already goes straight on, unless they are to prove again that it is
// them. A code from a mail is not what is asked for then, however new.
func (s *SignIn) begin(w http.ResponseWriter, r *http.Request) error {
	next := localPath(r.URL.Query().Get("return_to"))
	v := ui.VisitOf(r.Context())
	wish := idp.SignIn{ResumeURL: next}
	lacks, err := s.lacks(r, &wish)
	if err != nil {
		return err
	}
	if lacks {
		in, err := s.Login.StepUp(r.Context(), wish, v.Session, s.Cookies.Bind(w, r))
		if err != nil {
			return err
		}
		return ui.SeeOther(w, r, "/signin/"+string(in.ID))
	}
	switch again := r.URL.Query().Get("again") != ""; {
	case v.SignedIn() && (!again || v.JustProven() && !login.ByMail(v.Session.Methods)):
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

// lacks reports whether somebody is sent here to prove what their session lacks,
// and says in wish when that is a passkey.
func (s *SignIn) lacks(r *http.Request, wish *idp.SignIn) (bool, error) {
	v := ui.VisitOf(r.Context())
	switch {
	case r.URL.Query().Get("second") == "" || !v.SignedIn():
		return false, nil
	case !login.MultiFactor(v.Session.Methods):
		return true, nil
	}
	_, whole, err := s.Login.Suffices(r.Context(), v.Session, "")
	wish.Passkey = !whole
	return !whole, err
}
