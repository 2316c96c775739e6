package signin

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/web/ui"
)

// identify shows the next step of a SignIn, and leads on where none is left.
func (s *SignIn) identify(w http.ResponseWriter, r *http.Request) error {
	in, app, err := s.accept(w, r)
	if err != nil || in.ID == "" {
		return err
	}
	switch next := login.Next(in); {
	case next == login.StepDone && !in.DoneAt.IsZero():
		return ui.SeeOther(w, r, resume(in))
	case next == login.StepCode, next == login.StepPasskey:
		return s.showCode(w, r, http.StatusOK, in, codeView{App: app})
	case next == login.StepMail:
		return s.showConfirm(w, r, http.StatusOK, in, "", false)
	case next == login.StepHelp && in.Confirm == idp.ConfirmNone:
		return ui.Render(w, r, http.StatusOK, unknownBrowserPage(aside(in.ID), app, cancelPath(in)))
	case next == login.StepHelp:
		return ui.Render(w, r, http.StatusOK, noFactorPage(noFactorView{
			Aside: aside(in.ID), App: app, Action: stepPath(in, "setup"), Cancel: cancelPath(in), Home: mayGoHome(r.Context(), in), Passkey: in.Passkey,
		}))
	}
	return s.showIdentify(w, r, http.StatusOK, in, identifyView{App: app, Username: in.LoginHint, Made: r.URL.Query().Get("made")})
}

// setUp leads somebody who lacks what is asked for to where it is set up, by a
// sign-in to their own page that knows the name already: half of this one opens
// nothing.
func (s *SignIn) setUp(w http.ResponseWriter, r *http.Request) error {
	in, err := s.bound(w, r)
	if err != nil || in.ID == "" {
		return err
	}
	if login.Next(in) != login.StepHelp {
		return ui.SeeOther(w, r, "/signin/"+string(in.ID))
	}
	to := "/codes"
	if in.Passkey {
		to = "/passkeys"
	}
	if ui.VisitOf(r.Context()).User.ID == in.UserID {
		return ui.SeeOther(w, r, to)
	}
	u, err := s.Store.User(r.Context(), in.UserID)
	if err != nil {
		return err
	}
	own, err := s.Login.Begin(r.Context(), idp.SignIn{ResumeURL: to, LoginHint: u.Username}, s.Cookies.Bind(w, r))
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/signin/"+string(own.ID))
}

// showIdentify asks who is there, by a name or by a passkey.
func (s *SignIn) showIdentify(w http.ResponseWriter, r *http.Request, status int, in idp.SignIn, v identifyView) error {
	passkey, err := s.offer(r.Context(), in)
	if err != nil {
		return err
	}
	v.Action, v.Cancel, v.Home, v.Passkey = stepPath(in, "identifier"), cancelPath(in), mayGoHome(r.Context(), in), passkey
	v.Aside, v.People, v.Forget = aside(in.ID), s.people(r), stepPath(in, "forget")
	return ui.Render(w, r, status, identifyPage(v))
}

// identified takes the name and asks for the password. It looks nobody up: the
// answer is the same for every name.
func (s *SignIn) identified(w http.ResponseWriter, r *http.Request) error {
	in, app, err := s.accept(w, r)
	if err != nil || in.ID == "" {
		return err
	}
	username := strings.TrimSpace(cmp.Or(r.PostFormValue("choose"), r.PostFormValue("username")))
	if username == "" || len(username) > maxUsername {
		return s.showIdentify(w, r, http.StatusBadRequest, in, identifyView{
			App: app, Username: clip(username, maxUsername), Error: ui.T(r.Context(), "Type your username or your email."),
		})
	}
	return s.askPassword(w, r, http.StatusOK, in, passwordView{App: app, Username: username})
}

// askPassword asks for the password of who was named, or a passkey of theirs, or
// offers a code by mail: the same for every name.
func (s *SignIn) askPassword(w http.ResponseWriter, r *http.Request, status int, in idp.SignIn, v passwordView) error {
	var err error
	if v.Passkey, err = s.offer(r.Context(), in); err != nil {
		return err
	}
	v.Action, v.Back, v.Cancel, v.Home = stepPath(in, "password"), "/signin/"+string(in.ID), cancelPath(in), mayGoHome(r.Context(), in)
	v.Aside, v.Username = aside(in.ID), clip(v.Username, maxUsername)
	v.Passkey.Username = v.Username
	if s.Login.TakesMailCodes() && !proven(in) {
		v.Mail = stepPath(in, "mail")
	}
	return ui.Render(w, r, status, passwordPage(v))
}

// maxUsername is the longest name that is looked at, in bytes.
const maxUsername = 256

// accept reads the SignIn of the path for this browser, with the name of the
// app it leads to. A SignIn that is over is answered with its page: then in.ID
// is empty.
func (s *SignIn) accept(w http.ResponseWriter, r *http.Request) (in idp.SignIn, app string, err error) {
	if in, err = s.bound(w, r); err != nil || in.ID == "" {
		return in, "", err
	}
	app, err = appOf(in)
	return in, app, err
}

// bound is accept for a step that shows the app's name only where it fails. It
// lets the forms of the page end where the SignIn ends.
func (s *SignIn) bound(w http.ResponseWriter, r *http.Request) (in idp.SignIn, err error) {
	in, err = s.Gate.SignIn(r.Context(), idp.SignInID(r.PathValue("id")), ui.VisitOf(r.Context()).Secret)
	switch {
	case idp.IsKind(err, idp.Unauthenticated):
		return idp.SignIn{}, ui.Render(w, r, http.StatusBadRequest, expiredPage(ui.VisitOf(r.Context()).Secret != ""))
	case err != nil:
		return idp.SignIn{}, err
	}
	if in.Renews != "" && in.Renews != ui.VisitOf(r.Context()).Session.ID {
		// The session that is to be renewed by it has ended, or is not this browser's
		// any more: whatever is typed here leads nowhere.
		return idp.SignIn{}, ui.Render(w, r, http.StatusBadRequest, expiredPage(ui.VisitOf(r.Context()).Secret != ""))
	}
	ui.Speak(r.Context(), in.UILocales...)
	if in.EndOrigin != "" {
		err = ui.AllowFormAction(w, in.EndOrigin)
	}
	return in, err
}

// appOf is the name of the app that a SignIn leads to, "" for the house itself.
func appOf(in idp.SignIn) (string, error) {
	if in.AppID != "" && in.AppName == "" {
		return "", idp.Errorf(idp.NotFound, "The app that you were signing in to is not there any more. Ask the people who run sign-in in your organisation.")
	}
	return in.AppName, nil
}

func stepPath(in idp.SignIn, step string) string { return "/signin/" + string(in.ID) + "/" + step }

// cancel leads whoever does not want to sign in back to the app, which is told
// so. An OpenID app's SignIn stays as it is: they may have changed their mind
// again. A SAML app has had its answer by it.
func (s *SignIn) cancel(w http.ResponseWriter, r *http.Request) error {
	in, _, err := s.accept(w, r)
	if err != nil || in.ID == "" {
		return err
	}
	if cancelPath(in) == "" {
		return idp.Errorf(idp.NotFound, "There is no way back from here.")
	}
	return ui.SeeOther(w, r, resume(in)+"&cancelled=1")
}

// cancelPath is where a person says that they do not want to sign in; empty
// where nobody waits for their word.
func cancelPath(in idp.SignIn) string {
	if in.Protocol == "" {
		return ""
	}
	return stepPath(in, "cancel")
}

// mayGoHome reports whether somebody signed in, who is to prove something more for a
// page of ours or a device, may leave that for their apps; not where the apps
// themselves want it.
func mayGoHome(ctx context.Context, in idp.SignIn) bool {
	return in.Protocol == "" && resume(in) != "/" && ui.VisitOf(ctx).User.ID != ""
}

// resume is where a finished SignIn goes on: its tongue's path with the ID
// added, or a page of ours.
func resume(in idp.SignIn) string {
	if in.Protocol == "" {
		return localPath(in.ResumeURL)
	}
	sep := "?"
	if strings.Contains(in.ResumeURL, "?") {
		sep = "&"
	}
	return in.ResumeURL + sep + "signin=" + string(in.ID)
}
