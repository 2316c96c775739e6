package signin

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/sessions"
	"gatehouse/web/ui"
)

// passkey checks a passkey, and where nothing more is asked starts the session
// and leads on.
func (s *SignIn) passkey(w http.ResponseWriter, r *http.Request) error {
	in, err := s.bound(w, r)
	if err != nil || in.ID == "" {
		return err
	}
	if !in.DoneAt.IsZero() {
		return ui.SeeOther(w, r, resume(in))
	}
	in.Device = s.Cookies.Device(r)
	proven, err := s.Login.Passkey(r.Context(), in, r.PostFormValue("state"), r.PostFormValue("response"))
	if status, words := s.refusal(w, r, err, passkeyRefused(r.Context(), in)); words != "" {
		app, err := appOf(in)
		if err != nil {
			return err
		}
		if next := login.Next(in); next == login.StepCode || next == login.StepPasskey {
			return s.showCode(w, r, status, in, codeView{App: app, PasskeyError: words})
		}
		if username := strings.TrimSpace(r.PostFormValue("username")); username != "" {
			return s.askPassword(w, r, status, in, passwordView{App: app, Username: username, PasskeyError: words})
		}
		return s.showIdentify(w, r, status, in, identifyView{App: app, Username: in.LoginHint, PasskeyError: words})
	}
	if err != nil {
		return err
	}
	return s.onwards(w, r, proven)
}

// passkeyRefused says what somebody can do whose passkey is none here: as a second
// step, a password is no way out.
func passkeyRefused(ctx context.Context, in idp.SignIn) string {
	switch login.Next(in) {
	case login.StepCode, login.StepPasskey:
		if asksCode(in) {
			return ui.T(ctx, "This passkey does not sign you in here. Try it once more, or type a code.")
		}
		return ui.T(ctx, "This passkey does not sign you in here. Try it once more, or take another one of yours.")
	}
	return ui.T(ctx, "This passkey does not sign you in here. Try it once more, or use your password.")
}

// offer is what a page needs to ask for a passkey in this SignIn.
func (s *SignIn) offer(ctx context.Context, in idp.SignIn) (passkeyView, error) {
	c, err := s.Login.OfferPasskey(ctx, in)
	return passkeyView{Ceremony: c, Action: stepPath(in, "passkey"), Page: "/signin/" + string(in.ID)}, err
}

// onward is where somebody goes who has just signed in: on the way to the
// portal, and there alone, past the question whether they would have a passkey
// on this device, which can keep one. A browser is asked once a month.
func (s *SignIn) onward(w http.ResponseWriter, r *http.Request, in idp.SignIn) (string, error) {
	next := resume(in)
	if in.Protocol != "" || next != "/" || r.PostFormValue("platform") != "1" || login.MultiFactor(in.Methods) && !slices.Contains(in.Methods, "pwd") {
		return next, nil
	}
	asked := sessions.Hash("asked " + string(in.UserID))
	if s.Cookies.Asked(r) == asked {
		return next, nil
	}
	if s.Login.Unconfirmed(in.Vouched, in.Methods) {
		return next, nil
	}
	if login.ByMail(in.Methods) { // who has a password changes nothing by a mail alone
		if has, err := s.Login.HasPassword(r.Context(), in.UserID); err != nil || has {
			return next, err
		}
	}
	may, err := s.Login.NeedsPasskey(r.Context(), in.UserID)
	if err != nil || !may {
		return next, err
	}
	s.Cookies.SetAsked(w, asked)
	return "/passkeys/offer", nil
}
