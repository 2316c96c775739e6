package signin

import (
	"context"
	"net/http"
	"slices"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/web/ui"
)

// code checks the second factor, and where nothing more is asked starts or
// renews the session and leads on.
func (s *SignIn) code(w http.ResponseWriter, r *http.Request) error {
	in, app, err := s.accept(w, r)
	if err != nil || in.ID == "" {
		return err
	}
	if login.Next(in) != login.StepCode {
		return ui.SeeOther(w, r, "/signin/"+string(in.ID)) // the button was pressed twice
	}
	proven, err := s.Login.Code(r.Context(), in, r.PostFormValue("code"))
	if status, words := s.refusal(w, r, err); words != "" {
		if status == http.StatusUnauthorized {
			words = ui.T(r.Context(), "This code is not right, or was used before. Wait for the next one and type that.")
		}
		return ui.Render(w, r, status, codePage(asksCode(in, app, words)))
	}
	if err != nil {
		return err
	}
	return s.start(w, r, proven)
}

func asksCode(in idp.SignIn, app, problem string) codeView {
	return codeView{
		Action: stepPath(in, "code"), App: app, Error: problem,
		Recovery: slices.Contains(in.Has, idp.CredentialRecovery),
	}
}

func codeHint(ctx context.Context, recovery bool) string {
	if recovery {
		return ui.T(ctx, "Six digits. Without the app, type one of your recovery codes.")
	}
	return ui.T(ctx, "Six digits, new every half minute.")
}
