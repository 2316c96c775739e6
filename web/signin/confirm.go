package signin

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/web/ui"
)

// purposeMailed is of the word that a code is on its way, so that no page says so
// which was opened by an address alone.
const purposeMailed = "a code was mailed in a sign-in"

// sendConfirmation has a code mailed for a SignIn that is a risk, and leads to the page
// that asks for it.
func (s *SignIn) sendConfirmation(w http.ResponseWriter, r *http.Request, in idp.SignIn) error {
	in.Device = s.Cookies.Device(r)
	err := s.Login.SendConfirmation(r.Context(), in, ui.Lang(r.Context()))
	if status, words := s.refusal(w, r, err, ""); words != "" {
		return s.showConfirm(w, r, status, in, words, s.wasSent(in, r.PostFormValue("sent")))
	}
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, stepPath(in, "confirm")+"?sent="+s.sent(in))
}

// sent is the word that a code is on its way for a SignIn, and wasSent whether it is.
func (s *SignIn) sent(in idp.SignIn) string { return s.Box.Seal(purposeMailed, []byte(in.ID)) }

func (s *SignIn) wasSent(in idp.SignIn, word string) bool {
	id, err := s.Box.Open(purposeMailed, word)
	return err == nil && string(id) == string(in.ID)
}

// confirmSend has a code mailed, or another one.
func (s *SignIn) confirmSend(w http.ResponseWriter, r *http.Request) error {
	in, err := s.bound(w, r)
	if err != nil || in.ID == "" {
		return err
	}
	if login.Next(in) != login.StepMail {
		return ui.SeeOther(w, r, "/signin/"+string(in.ID)) // the button was pressed twice
	}
	return s.sendConfirmation(w, r, in)
}

// confirmAsk asks for the code; so it can be looked at again, after a look into the
// mailbox.
func (s *SignIn) confirmAsk(w http.ResponseWriter, r *http.Request) error {
	in, err := s.bound(w, r)
	if err != nil || in.ID == "" {
		return err
	}
	if !s.wasSent(in, r.URL.Query().Get("sent")) || login.Next(in) != login.StepMail {
		return ui.SeeOther(w, r, "/signin/"+string(in.ID))
	}
	return s.showConfirm(w, r, http.StatusOK, in, "", true)
}

// confirm checks the code, and where nothing more is asked starts or renews the
// session and leads on.
func (s *SignIn) confirm(w http.ResponseWriter, r *http.Request) error {
	in, err := s.bound(w, r)
	if err != nil || in.ID == "" {
		return err
	}
	if login.Next(in) != login.StepMail {
		return ui.SeeOther(w, r, "/signin/"+string(in.ID))
	}
	in.Device = s.Cookies.Device(r)
	proven, err := s.Login.Confirm(r.Context(), in, r.PostFormValue("code"))
	wrong := ui.T(r.Context(), "This code is not right, or is good no more. Type the one of the newest mail, or have another sent.")
	if status, words := s.refusal(w, r, err, wrong); words != "" {
		return s.showConfirm(w, r, status, in, words, true)
	}
	if err != nil {
		return err
	}
	return s.onwards(w, r, proven)
}

// onwards leads to what a SignIn asks for next, or starts its session.
func (s *SignIn) onwards(w http.ResponseWriter, r *http.Request, in idp.SignIn) error {
	switch login.Next(in) {
	case login.StepDone:
		return s.start(w, r, in)
	case login.StepMail:
		return s.sendConfirmation(w, r, in)
	}
	return ui.SeeOther(w, r, "/signin/"+string(in.ID))
}

// showConfirm asks for the code that was sent, or whether one is to be.
func (s *SignIn) showConfirm(w http.ResponseWriter, r *http.Request, status int, in idp.SignIn, words string, sent bool) error {
	app, err := appOf(in)
	if err != nil {
		return err
	}
	v := confirmView{Aside: aside(in.ID), Action: stepPath(in, "confirm"), Send: stepPath(in, "send"), Cancel: cancelPath(in), App: app, Error: words}
	if sent {
		v.Sent = s.sent(in)
	}
	return ui.Render(w, r, status, confirmPage(v))
}
