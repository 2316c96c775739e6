package signin

import (
	"context"
	"net/http"
	"slices"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/web/ui"
)

// code checks the second factor, and where nothing more is asked starts or
// renews the session and leads on.
func (s *SignIn) code(w http.ResponseWriter, r *http.Request) error {
	in, err := s.bound(w, r)
	if err != nil || in.ID == "" {
		return err
	}
	if login.Next(in) != login.StepCode {
		return ui.SeeOther(w, r, "/signin/"+string(in.ID)) // the button was pressed twice
	}
	in.Device = s.Cookies.Device(r)
	proven, err := s.Login.Code(r.Context(), in, r.PostFormValue("code"))
	wrong := ui.T(r.Context(), "This code is not right, or was used before. Wait for the next one and type that.")
	if status, words := s.refusal(w, r, err, wrong); words != "" {
		app, err := appOf(in)
		if err != nil {
			return err
		}
		return s.showCode(w, r, status, in, codeView{App: app, Error: words})
	}
	if err != nil {
		return err
	}
	return s.onwards(w, r, proven)
}

// showCode asks for the second factor, by all that the person has.
func (s *SignIn) showCode(w http.ResponseWriter, r *http.Request, status int, in idp.SignIn, v codeView) error {
	if slices.Contains(in.Has, idp.CredentialPasskey) {
		var err error
		if v.Passkey, err = s.offer(r.Context(), in); err != nil {
			return err
		}
	}
	v.Action, v.Cancel, v.Home = stepPath(in, "code"), cancelPath(in), mayGoHome(r.Context(), in)
	v.Aside, v.Codes = aside(in.ID), asksCode(in)
	v.Recovery = v.Codes && slices.Contains(in.Has, idp.CredentialRecovery)
	v.Remember = int(s.Login.RememberFor(in) / (24 * time.Hour))
	return ui.Render(w, r, status, codePage(v))
}

// asksCode reports whether a code is a way through the second step of in: where a
// passkey is asked for, none is.
func asksCode(in idp.SignIn) bool {
	return login.Next(in) == login.StepCode &&
		(slices.Contains(in.Has, idp.CredentialTOTP) || slices.Contains(in.Has, idp.CredentialRecovery))
}

// codeKeys are the keys that a phone shows for a code: digits, unless a recovery
// code, which has letters, may stand in for it.
func codeKeys(recovery bool) string {
	if recovery {
		return "text"
	}
	return "numeric"
}

func codeHint(ctx context.Context, recovery bool) string {
	if recovery {
		return ui.T(ctx, "Six digits. Without the app, type one of your recovery codes.")
	}
	return ui.T(ctx, "Six digits, new every half minute.")
}

func rememberWords(ctx context.Context, days int) string {
	if days == 1 {
		return ui.T(ctx, "Do not ask again in this browser for one day")
	}
	return ui.T(ctx, "Do not ask again in this browser for %d days", days)
}
