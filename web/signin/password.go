package signin

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/sessions"
	"gatehouse/web/ui"
)

// password checks the password, and where nothing more is asked starts the
// session and leads on.
func (s *SignIn) password(w http.ResponseWriter, r *http.Request) error {
	inside, leave, ok := s.Login.Enter(r.Context(), s.Cookies.Device(r))
	if !ok {
		// A crowd that is refused waits for itself, one behind the other, and nobody
		// else waits for it. Whose turn comes when there is room again is none of it.
		s.refusing.Lock()
		if inside, leave, ok = s.Login.Enter(r.Context(), ""); !ok {
			defer s.refusing.Unlock()
			return s.tryPassword(w, r, s.Login.TooBusy)
		}
		s.refusing.Unlock()
	}
	defer leave()
	return s.tryPassword(w, r.WithContext(inside), s.Login.Password)
}

func (s *SignIn) tryPassword(w http.ResponseWriter, r *http.Request, try func(ctx context.Context, in idp.SignIn, username, password string) (idp.SignIn, error)) error {
	in, err := s.bound(w, r)
	if err != nil || in.ID == "" {
		return err
	}
	if !in.DoneAt.IsZero() {
		// The button was pressed twice.
		return ui.SeeOther(w, r, resume(in))
	}
	username := strings.TrimSpace(r.PostFormValue("username"))
	in.Device = s.Cookies.Device(r)
	proven, err := try(r.Context(), in, username, r.PostFormValue("password"))
	if status, words := s.refusal(w, r, err, ui.T(r.Context(), "Username and password do not match.")); words != "" {
		app, err := appOf(in)
		if err != nil {
			return err
		}
		return s.askPassword(w, r, status, in, passwordView{App: app, Username: username, Error: words})
	}
	if err != nil {
		return err
	}
	return s.onwards(w, r, proven)
}

// start makes the session of a proven SignIn, on a browser that is known from
// then on. A session that this browser had before gets a new secret when it is
// the same person's, and ends when it is somebody else's: its old secret is dead
// either way.
func (s *SignIn) start(w http.ResponseWriter, r *http.Request, in idp.SignIn) error {
	v := ui.VisitOf(r.Context())
	browser := sessions.Browser{Address: idp.ActorOf(r.Context()).Address, UserAgent: r.UserAgent(), Known: in.Known, ByMail: login.ByMail(in.Methods)}
	if s.Directory.Mails {
		browser.Notice = func(ctx context.Context) ([]idp.Mail, error) {
			place := ""
			if s.Place != nil {
				place = s.Place(browser.Address, ui.Lang(ctx))
			}
			return s.Login.Notice(ctx, in.Proof, browser.Address, ui.DeviceIn(ctx, browser.UserAgent), place)
		}
	}
	seen, err := s.Gate.KnowDevice(r.Context(), in.Proof, s.Cookies.Device(r), browser, login.VouchedBy(idp.VouchNone, in.Methods))
	if err != nil {
		return err
	}
	s.Cookies.SetDevice(w, seen.Secret)
	if r.PostFormValue("remember") == "yes" {
		if err := s.Login.Remember(r.Context(), in, seen.Device); err != nil {
			return err
		}
	}
	if v.SignedIn() && v.Session.Proof == in.Proof {
		raw, _, err := s.Gate.Renew(r.Context(), in, v.Session)
		if err != nil {
			return err
		}
		s.Cookies.SetSession(w, raw)
		return ui.SeeOther(w, r, resume(in))
	}
	if err := s.remember(r.Context(), w, r, in); err != nil {
		return err
	}
	raw, _, err := s.Gate.Start(r.Context(), in, browser.Address, browser.UserAgent)
	if err != nil {
		return err
	}
	if v.SignedIn() {
		if _, err := s.Directory.SignOut(r.Context(), v.Session); err != nil {
			return fmt.Errorf("end the session before: %w", err)
		}
	}
	s.Cookies.SetSession(w, raw)
	next, err := s.onward(w, r, in)
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, next)
}

// refusal is what stands under the field after a try that failed: the same
// words, mismatch, for an unknown, a wrong and a suspended person. Empty words:
// the error, if any, is not about the try.
func (s *SignIn) refusal(w http.ResponseWriter, r *http.Request, err error, mismatch string) (status int, words string) {
	ctx := r.Context()
	if slow, ok := errors.AsType[*login.ThrottledError](err); ok {
		now := ui.VisitOf(ctx).Now
		wait := max(1, int(math.Ceil(slow.RetryAt.Sub(now).Seconds())))
		w.Header().Set("Retry-After", strconv.Itoa(wait))
		at, in := slow.RetryAt.UTC().Format("15:04:05 MST"), ui.SpanIn(ctx, time.Duration(wait)*time.Second)
		if slow.Err.Kind == idp.Unavailable {
			return slow.Err.Kind.Status(), ui.T(ctx, "Many people are signing in at this moment. Try again at %s, in %s.", at, in)
		}
		return slow.Err.Kind.Status(), ui.T(ctx, "Too many tries. Try again at %s, in %s.", at, in)
	}
	switch idp.KindOf(err) {
	case idp.Unauthenticated, idp.Invalid:
		return http.StatusUnauthorized, mismatch
	}
	return 0, ""
}
