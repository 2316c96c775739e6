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
	Current, Wished string // what is wrong with either
}

func (p *Portal) passwordAsk(w http.ResponseWriter, r *http.Request) error {
	return ui.Render(w, r, http.StatusOK, passwordPage(passwordView{Username: ui.VisitOf(r.Context()).User.Username}))
}

// passwordChange sets it. This browser is signed out with all others.
func (p *Portal) passwordChange(w http.ResponseWriter, r *http.Request) error {
	ctx, visit := r.Context(), ui.VisitOf(r.Context())
	err := p.Login.ChangePassword(ctx, visit.Session, p.Cookies.Device(r), r.PostFormValue("current"), r.PostFormValue("password"))
	v := passwordView{Username: visit.User.Username}
	if slow, ok := errors.AsType[*login.ThrottledError](err); ok {
		v.Current = ui.Said(ctx, slow.Err)
		return ui.Render(w, r, slow.Err.Kind.Status(), passwordPage(v))
	}
	if e, ok := errors.AsType[*idp.Error](err); ok && e.Kind == idp.Invalid {
		v.Wished = ui.Said(ctx, e)
		if e.Fields["current"] != "" {
			v.Current, v.Wished = v.Wished, ""
		}
		return ui.Render(w, r, http.StatusBadRequest, passwordPage(v))
	}
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, passwordChangedPage())
}
