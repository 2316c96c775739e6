package signin

import (
	"net/http"
	"strings"
	"unicode"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// recoverAsk shows the form with which a link is asked for by mail.
func (s *SignIn) recoverAsk(w http.ResponseWriter, r *http.Request) error {
	if !s.Directory.Mails {
		return ui.SeeOther(w, r, "/signin/trouble")
	}
	// Whose browser it is has forgotten their own password, as a rule.
	username := ""
	if here := s.people(r); len(here) == 1 {
		username = here[0].Username
	}
	return s.showRecover(w, r, http.StatusOK, username, "")
}

// recoverSend has a link mailed. Whoever is named, the answer is the same.
func (s *SignIn) recoverSend(w http.ResponseWriter, r *http.Request) error {
	if !s.Directory.Mails {
		return idp.Errorf(idp.NotFound, "This house sends no mails.")
	}
	if err := r.ParseForm(); err != nil {
		return idp.Errorf(idp.Invalid, "This form could not be read. Open the page again.").Because(err)
	}
	// Two names would be asked about as one and mailed to the other.
	names := r.PostForm["username"]
	if len(names) != 1 {
		return idp.Errorf(idp.Invalid, "Name one person.")
	}
	username := strings.TrimSpace(names[0])
	if several(username) {
		return s.showRecover(w, r, http.StatusBadRequest, "", ui.T(r.Context(), "Type one username or one email."))
	}
	if username == "" || len(username) > maxUsername {
		return s.showRecover(w, r, http.StatusBadRequest, clip(username, maxUsername), ui.T(r.Context(), "Type your username or your email."))
	}
	err := s.Login.Recover(r.Context(), username, s.Cookies.Device(r), ui.Lang(r.Context()))
	if status, words := s.refusal(w, r, err, ""); words != "" {
		return s.showRecover(w, r, status, username, words)
	}
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, recoverSentPage(asideFrom(r)))
}

// several reports whether what was typed are several addresses, or lines: of nobody's
// name is a mail header made.
func several(typed string) bool {
	lines := strings.ContainsFunc(typed, unicode.IsControl)
	return lines || strings.Count(typed, "@") > 1 || strings.Contains(typed, "@") && strings.ContainsAny(typed, ",;<> ")
}

// showRecover renders the form, bound to this browser.
func (s *SignIn) showRecover(w http.ResponseWriter, r *http.Request, status int, username, problem string) error {
	v := ui.VisitOf(r.Context())
	v.Secret = s.Cookies.Bind(w, r)
	r = r.WithContext(ui.WithVisit(r.Context(), v))
	return ui.Render(w, r, status, recoverPage(asideFrom(r), username, problem))
}
