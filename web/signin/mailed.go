package signin

import (
	"net/http"
	"net/url"
	"strings"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// purposeNamed is of a name that goes from one page to the next, where no log and
// no history has it.
const purposeNamed = "named in a sign-in"

// mail has a code mailed to who was named, and leads to the page that asks for it.
// It is the same for every name.
func (s *SignIn) mail(w http.ResponseWriter, r *http.Request) error {
	in, app, err := s.accept(w, r)
	if err != nil || in.ID == "" {
		return err
	}
	if proven(in) {
		return ui.SeeOther(w, r, "/signin/"+string(in.ID)) // the button was pressed twice
	}
	username := strings.TrimSpace(r.PostFormValue("username"))
	if username == "" || len(username) > maxUsername {
		return ui.SeeOther(w, r, "/signin/"+string(in.ID))
	}
	in.Device = s.Cookies.Device(r)
	many, err := s.Login.MailCode(r.Context(), in, username, ui.Lang(r.Context()))
	if status, words := s.refusal(w, r, err, ""); words != "" {
		v := s.askMailed(in, app, username)
		v.None = ui.T(r.Context(), "No code was mailed. %s", words)
		return ui.Render(w, r, status, mailedPage(v))
	}
	if err != nil {
		return err
	}
	to := stepPath(in, "mailed") + "?for=" + url.QueryEscape(s.Box.Seal(purposeNamed, []byte(username)))
	if many {
		to += "&many=1"
	}
	return ui.SeeOther(w, r, to)
}

// mailedAsk asks for the code; so it can be looked at again, after a look into the
// mailbox.
func (s *SignIn) mailedAsk(w http.ResponseWriter, r *http.Request) error {
	in, app, err := s.accept(w, r)
	if err != nil || in.ID == "" {
		return err
	}
	username, err := s.Box.Open(purposeNamed, r.URL.Query().Get("for"))
	if err != nil || proven(in) || !s.Login.TakesMailCodes() {
		return ui.SeeOther(w, r, "/signin/"+string(in.ID)) // a name that we did not put there, or nothing to ask for
	}
	v := s.askMailed(in, app, string(username))
	if r.URL.Query().Get("many") != "" {
		v.None = ui.T(r.Context(), "Very many codes were asked for in this name today. One is mailed only to who asks where that person has signed in before. Use the password or a passkey, or try again in an hour.")
	}
	return ui.Render(w, r, http.StatusOK, mailedPage(v))
}

// mailed checks the code, and where nothing more is asked starts the session and
// leads on.
func (s *SignIn) mailed(w http.ResponseWriter, r *http.Request) error {
	in, app, err := s.accept(w, r)
	if err != nil || in.ID == "" {
		return err
	}
	if proven(in) {
		return ui.SeeOther(w, r, "/signin/"+string(in.ID))
	}
	in.Device = s.Cookies.Device(r)
	now, err := s.Login.MailedCode(r.Context(), in, r.PostFormValue("code"))
	wrong := ui.T(r.Context(), "This code is not right, or is good no more. Type the one of the newest mail, or have another sent.")
	if status, words := s.refusal(w, r, err, wrong); words != "" {
		v := s.askMailed(in, app, strings.TrimSpace(r.PostFormValue("username")))
		v.Error = words
		return ui.Render(w, r, status, mailedPage(v))
	}
	if err != nil {
		return err
	}
	return s.onwards(w, r, now)
}

// proven reports whether a SignIn is somebody's: no code is mailed for it.
func proven(in idp.SignIn) bool { return in.UserID != "" || !in.DoneAt.IsZero() }

func (s *SignIn) askMailed(in idp.SignIn, app, username string) mailedView {
	return mailedView{
		Aside: aside(in.ID), Action: stepPath(in, "mailed"), Again: stepPath(in, "mail"), Password: stepPath(in, "identifier"), Back: "/signin/" + string(in.ID),
		Cancel: cancelPath(in), App: app, Username: clip(username, maxUsername),
	}
}
