package saas

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"time"
)

// login starts a sign-in: GET /login?to=/pages/x. It changes nothing but this browser's binding cookie,
// so a link from the identity provider's own list of apps may start it too.
func (a *App) login(w http.ResponseWriter, r *http.Request) error {
	binding := secretCookie(r, a.loginCookie())
	if binding == "" {
		binding = newSecret()
	}
	b := begun{browser: digest(binding), to: localPath(r.URL.Query().Get("to")), state: newSecret()}
	to, err := a.protocol.begin(r.Context(), &b)
	if err != nil {
		return &problem{
			status: http.StatusServiceUnavailable, title: a.cfg.IdPName + " cannot be reached",
			detail: a.cfg.Name + " asked " + a.cfg.IdPName + " how to sign you in and got no usable answer. Nothing has changed. Try again in a moment.",
			retry:  LoginPath, cause: err,
		}
	}
	a.begun.put(b.state, b)
	a.setCookie(w, a.loginCookie(), binding, 10*time.Minute)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// sameBrowser refuses an answer that arrives in another browser than the one that asked: login CSRF.
func (a *App) sameBrowser(r *http.Request, b begun) error {
	binding := secretCookie(r, a.loginCookie())
	got := digest(binding)
	if binding == "" || subtle.ConstantTimeCompare(got[:], b.browser[:]) != 1 {
		return a.refused(errors.New("the answer came to another browser than the one that began"))
	}
	return nil
}

// enter creates or updates the account, starts a session under a new secret and sends the browser on.
func (a *App) enter(w http.ResponseWriter, r *http.Request, id identity, to string) error {
	if id.subject == "" || len(id.subject) > 1024 {
		return a.refused(errors.New("no usable subject"))
	}
	secret := newSecret()
	made, err := a.book.signIn(id, secret, secretCookie(r, a.sessionCookie()), a.cfg.Lifetime)
	if err != nil {
		return &problem{
			status: http.StatusServiceUnavailable, title: a.cfg.Name + " is full",
			detail: "This sample app keeps everything in memory and has no room for another session. Nothing was created.",
			cause:  err,
		}
	}
	a.cfg.Log.InfoContext(r.Context(), "signed in", "app", a.cfg.Name, "account_created", made)
	a.setCookie(w, a.sessionCookie(), secret, 7*24*time.Hour)
	a.setCookie(w, a.loginCookie(), "", 0)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// logout ends this browser's session and, where the protocol can, goes on to the identity provider.
func (a *App) logout(w http.ResponseWriter, r *http.Request) error {
	v := a.visitor(r)
	a.book.endOne(secretCookie(r, a.sessionCookie()), EndedByPerson, "sign-out in the app")
	to := SignedOutPath
	if v.signedIn() {
		if there := a.protocol.signOutURL(r.Context(), v.session); there != "" {
			to = there
		}
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// refused is the answer to a sign-in that does not verify: the same words whatever the cause, which
// goes to the log.
func (a *App) refused(cause error) error {
	return &problem{
		status: http.StatusBadRequest, title: "This sign-in could not be completed",
		detail: "What came back does not belong to a sign-in that this browser began here, or it is not what " +
			a.cfg.IdPName + " would have sent. Nothing was created and nobody was signed in.",
		retry: LoginPath, cause: cause,
	}
}
