package portal

import (
	"errors"
	"net/http"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/web/ui"
)

// passwordView is the form with which a person changes their password.
type passwordView struct {
	Username        string
	Has             bool   // a password already
	Asks            bool   // for the current one
	Mails           bool   // the house sends links by mail
	Current, Wished string // what is wrong with either
}

func (p *Portal) passwordAsk(w http.ResponseWriter, r *http.Request) error {
	if led, err := p.ledToSecond(w, r); led || err != nil {
		return err
	}
	return p.showPassword(w, r, http.StatusOK, passwordView{})
}

// showPassword renders the form. Who has no password and has not come by a passkey
// has nothing to show here, and is told of another way to one.
func (p *Portal) showPassword(w http.ResponseWriter, r *http.Request, status int, v passwordView) (err error) {
	visit := ui.VisitOf(r.Context())
	v.Username, v.Asks, v.Mails = visit.User.Username, login.AsksCurrent(visit.Session), p.Directory.Mails
	if v.Has, err = p.Login.HasPassword(r.Context(), visit.User.ID); err != nil {
		return err
	}
	return ui.Render(w, r, status, passwordPage(v))
}

// passwordChange sets it. This browser is signed out with all others.
func (p *Portal) passwordChange(w http.ResponseWriter, r *http.Request) error {
	ctx, visit := r.Context(), ui.VisitOf(r.Context())
	err := p.Login.ChangePassword(ctx, visit.Session, p.Cookies.Device(r), r.PostFormValue("current"), r.PostFormValue("password"))
	var v passwordView
	if slow, ok := errors.AsType[*login.ThrottledError](err); ok {
		v.Current = ui.Said(ctx, slow.Err)
		return p.showPassword(w, r, slow.Err.Kind.Status(), v)
	}
	if e, ok := errors.AsType[*idp.Error](err); ok && e.Kind == idp.Invalid {
		v.Wished = ui.Said(ctx, e)
		if e.Fields["current"] != "" {
			v.Current, v.Wished = v.Wished, ""
		}
		return p.showPassword(w, r, http.StatusBadRequest, v)
	}
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, passwordChangedPage())
}
