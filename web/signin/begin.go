package signin

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// begin starts a sign-in to Gatehouse itself and leads to its page; whoever is
// signed in already goes straight on.
func (s *SignIn) begin(w http.ResponseWriter, r *http.Request) error {
	next := localPath(r.URL.Query().Get("return_to"))
	if ui.VisitOf(r.Context()).SignedIn() {
		return ui.SeeOther(w, r, next)
	}
	in, err := s.Login.Begin(r.Context(), idp.SignIn{ResumeURL: next}, s.Cookies.Bind(w, r))
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/signin/"+string(in.ID))
}
