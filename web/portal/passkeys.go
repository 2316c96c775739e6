package portal

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/web/ui"
)

// passkeys shows the person's passkeys, and lets them make one more.
func (p *Portal) passkeys(w http.ResponseWriter, r *http.Request) error {
	return p.showPasskeys(w, r, http.StatusOK, passkeysView{})
}

func (p *Portal) showPasskeys(w http.ResponseWriter, r *http.Request, status int, v passkeysView) error {
	ctx, visit := r.Context(), ui.VisitOf(r.Context())
	all, err := p.Store.Credentials(ctx, visit.User.ID)
	if err != nil {
		return err
	}
	if v.Passkeys, err = login.PasskeysOf(all); err != nil {
		return err
	}
	if v.Known, err = p.known(visit.User, all); err != nil {
		return err
	}
	v.Making, err = p.Login.NewPasskey(ctx, visit.Session)
	if e, ok := errors.AsType[*idp.Error](err); ok && (e.Kind == idp.Invalid || e.Kind == idp.NotFound || e.Kind == idp.Denied) {
		// As many as may be, or a house without any, or only after a second proof.
		v.None, err = ui.Said(ctx, e), nil
		if e.Kind == idp.Denied {
			v.Prove, v.ByMail, err = p.proveFirst(ctx, visit.Session, "/passkeys")
		}
	}
	if err != nil {
		return err
	}
	return ui.Render(w, r, status, passkeysPage(v))
}

// known is what the browser is told of the person's passkeys, as JSON; "" where
// there are none in this house.
func (p *Portal) known(u idp.User, all []idp.Credential) (string, error) {
	if p.Login == nil || p.Login.Passkeys == nil {
		return "", nil
	}
	b, err := json.Marshal(p.Login.Passkeys.Known(u, all))
	return string(b), err
}

// offerPasskey asks somebody who has just signed in by a password whether the
// next time shall be quicker.
func (p *Portal) offerPasskey(w http.ResponseWriter, r *http.Request) error {
	need, err := p.Login.NeedsPasskey(r.Context(), ui.VisitOf(r.Context()).User.ID)
	if err != nil {
		return err
	}
	if !need {
		return ui.SeeOther(w, r, "/passkeys")
	}
	making, err := p.Login.NewPasskey(r.Context(), ui.VisitOf(r.Context()).Session)
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, passkeyOfferPage(making))
}

// addPasskey keeps the passkey that the browser has made. One that is not kept
// is taken off the device again, where the browser can.
func (p *Portal) addPasskey(w http.ResponseWriter, r *http.Request) error {
	ctx, response := r.Context(), r.PostFormValue("response")
	_, err := p.Login.AddPasskey(ctx, ui.VisitOf(ctx).Session, r.PostFormValue("state"), response, ui.DeviceIn(ctx, r.UserAgent()))
	if e, ok := errors.AsType[*idp.Error](err); ok && (e.Kind == idp.Invalid || e.Kind == idp.Denied || e.Kind == idp.Conflict) {
		v := passkeysView{Error: ui.Said(ctx, e)}
		if e.Kind == idp.Invalid {
			v.Unknown = p.Login.Passkeys.Unknown(response)
		}
		return p.showPasskeys(w, r, e.Kind.Status(), v)
	}
	if err != nil {
		return err
	}
	if r.PostFormValue("asked") == "yes" { // on the way to their apps
		return ui.SeeOther(w, r, "/")
	}
	return ui.SeeOther(w, r, "/passkeys")
}

func (p *Portal) renamePasskey(w http.ResponseWriter, r *http.Request) error {
	id, name := idp.CredentialID(r.PathValue("id")), r.PostFormValue("name")
	err := p.Login.RenamePasskey(r.Context(), ui.VisitOf(r.Context()).Session, id, name)
	if e, ok := errors.AsType[*idp.Error](err); ok && e.Kind == idp.Invalid {
		return p.showPasskeys(w, r, e.Kind.Status(), passkeysView{Renaming: renaming{id, name, ui.Said(r.Context(), e)}})
	}
	return p.changed(w, r, err)
}

// askRemovePasskey says what ends with a passkey.
func (p *Portal) askRemovePasskey(w http.ResponseWriter, r *http.Request) error {
	if led, err := p.ledToSecond(w, r); led || err != nil {
		return err
	}
	all, err := p.Store.Credentials(r.Context(), ui.VisitOf(r.Context()).User.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(c idp.Credential) bool {
		return string(c.ID) == r.PathValue("id") && c.Kind == idp.CredentialPasskey
	})
	if i < 0 {
		return idp.Errorf(idp.NotFound, "There is no such credential any more. Reload the page.")
	}
	return ui.Render(w, r, http.StatusOK, removePage(removeView{
		Title:  ui.T(r.Context(), "Remove the passkey %s?", all[i].Name),
		Action: "/passkeys/" + r.PathValue("id") + "/remove", Back: "/passkeys",
	}))
}

// removePasskey takes it away, and this browser is signed out with all others.
func (p *Portal) removePasskey(w http.ResponseWriter, r *http.Request) error {
	id := idp.CredentialID(r.PathValue("id"))
	if err := p.Login.RemovePasskey(r.Context(), ui.VisitOf(r.Context()).Session, id); err != nil {
		return p.changed(w, r, err)
	}
	user := ui.VisitOf(r.Context()).User
	all, err := p.Store.Credentials(r.Context(), user.ID)
	if err != nil {
		return err
	}
	known, err := p.known(user, all)
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, removedPage(known))
}

// removeView asks before something that the person signs in with is removed.
type removeView struct{ Title, Action, Back string }

// changed leads back to the list, with what was wrong if anything.
func (p *Portal) changed(w http.ResponseWriter, r *http.Request, err error) error {
	if e, ok := errors.AsType[*idp.Error](err); ok && (e.Kind == idp.Invalid || e.Kind == idp.Conflict) {
		return p.showPasskeys(w, r, e.Kind.Status(), passkeysView{Error: ui.Said(r.Context(), e)})
	}
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/passkeys")
}

// passkeysView is the page of a person's passkeys.
type passkeysView struct {
	Prove    string // where a proof is given, before which nothing can be changed
	ByMail   bool   // it is the password
	Passkeys []login.Passkey
	Known    string // what the browser is told of them
	Unknown  string // of one that was made and not kept
	Making   login.Ceremony
	None     string // why no more can be made
	Error    string
	Renaming renaming
}

// renaming is a name that a passkey cannot have, and why.
type renaming struct {
	ID          idp.CredentialID
	Name, Error string
}
