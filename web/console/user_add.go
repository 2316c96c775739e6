package console

import (
	"errors"
	"net/http"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/web/ui"
)

// userNew shows the form with which a person is added.
func (c *Console) userNew(w http.ResponseWriter, r *http.Request) error {
	return ui.Render(w, r, http.StatusOK, addPersonPage(addPersonView{Mails: c.Directory.Mails}))
}

// userAdd adds a person and shows their one-time link. The link is shown by
// this very answer, because nothing keeps it.
func (c *Console) userAdd(w http.ResponseWriter, r *http.Request) error {
	p := directory.Person{
		Username: r.PostFormValue("username"), Email: r.PostFormValue("email"),
		DisplayName: r.PostFormValue("name"), Role: idp.Role(r.PostFormValue("role")),
	}
	add, mailed := c.Directory.AddUser, r.PostFormValue("invite") != ""
	if mailed {
		add = c.Directory.AddInvited
	}
	u, err := add(r.Context(), p)
	if idp.IsKind(err, idp.Invalid) || idp.IsKind(err, idp.Conflict) {
		return ui.Render(w, r, idp.KindOf(err).Status(), addPersonPage(addPersonView{
			Username: p.Username, Email: p.Email, Name: p.DisplayName, Owner: p.Role == idp.RoleOwner,
			Mails: c.Directory.Mails, Invite: mailed, Errors: fieldErrors(err),
		}))
	}
	if err != nil {
		return err
	}
	if mailed {
		return c.showMailed(w, r, u, true)
	}
	return c.showLink(w, r, u, true)
}

// userLink makes a new one-time link for a person.
func (c *Console) userLink(w http.ResponseWriter, r *http.Request) error {
	u, err := c.Store.User(r.Context(), idp.UserID(r.PathValue("id")))
	if err != nil {
		return err
	}
	if r.PostFormValue("mail") == "" {
		return c.showLink(w, r, u, false)
	}
	if err := c.Directory.MailInvitation(r.Context(), u); err != nil {
		return err
	}
	return c.showMailed(w, r, u, false)
}

// showMailed says that a link is on its way by mail: nobody here sees it.
func (c *Console) showMailed(w http.ResponseWriter, r *http.Request, u idp.User, isNew bool) error {
	return ui.Render(w, r, http.StatusAccepted, addedPersonPage(addedPersonView{
		ID: string(u.ID), Name: u.Name(), Username: u.Username, Email: u.Email, New: isNew,
	}))
}

func (c *Console) showLink(w http.ResponseWriter, r *http.Request, u idp.User, isNew bool) error {
	raw, l, err := c.Directory.Invite(r.Context(), u)
	if idp.IsKind(err, idp.Unauthenticated) {
		return idp.Errorf(idp.Conflict, "%s is suspended. Restore them first.", u.Name()).Because(err)
	}
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusCreated, addedPersonPage(addedPersonView{
		ID: string(u.ID), Name: u.Name(), Username: u.Username, Link: c.URL + "/link/" + raw, Until: l.ExpiresAt, New: isNew,
	}))
}

// fieldErrors says which field an error is about; the username, when it names
// none. The form calls the display name just a name.
func fieldErrors(err error) map[string]string {
	e, ok := errors.AsType[*idp.Error](err)
	if !ok {
		return nil
	}
	out := map[string]string{}
	for field, words := range e.Fields {
		if field == "display_name" {
			field = "name"
		}
		out[field] = words
	}
	if len(out) == 0 {
		out["username"] = e.Detail
	}
	return out
}
