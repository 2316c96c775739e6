package console

import (
	"net/http"
	"strings"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// namesView is the form with which a name at an app is given free.
type namesView struct {
	ID, App, Name, Error string
	Released             string // whose it was; empty: none was
}

// nameForm asks which name is given free.
func (c *Console) nameForm(w http.ResponseWriter, r *http.Request) error {
	a, err := c.samlApp(r)
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, namesPage(namesView{ID: string(a.ID), App: a.Name}))
}

// nameRelease gives a name free.
func (c *Console) nameRelease(w http.ResponseWriter, r *http.Request) error {
	a, err := c.samlApp(r)
	if err != nil {
		return err
	}
	v := namesView{ID: string(a.ID), App: a.Name, Name: strings.TrimSpace(r.PostFormValue("name"))}
	u, err := c.Directory.ReleaseName(r.Context(), a.ID, v.Name)
	if idp.IsKind(err, idp.Invalid) || idp.IsKind(err, idp.NotFound) || idp.IsKind(err, idp.Denied) {
		v.Error = inWords(err)
		return ui.Render(w, r, http.StatusBadRequest, namesPage(v))
	}
	if err != nil {
		return err
	}
	v.Released = u.Name()
	return ui.Render(w, r, http.StatusOK, namesPage(v))
}
