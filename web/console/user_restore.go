package console

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// userRestoreConfirm asks before a person is restored.
func (c *Console) userRestoreConfirm(w http.ResponseWriter, r *http.Request) error {
	u, err := c.Store.User(r.Context(), idp.UserID(r.PathValue("id")))
	if err != nil {
		return err
	}
	page := "/console/users/" + string(u.ID)
	if u.Status == idp.UserActive {
		return ui.SeeOther(w, r, page)
	}
	return ui.Render(w, r, http.StatusOK, confirmPage(confirmView{
		Title: "Restore " + u.Name() + "?", Action: page + "/restore", Button: "Restore " + u.Name(),
		Section: "people", BackHref: page, Back: u.Name(),
		Meaning: []string{
			u.Name() + " can sign in again with the same password, and has the same groups and apps.",
			"Everything that the suspension ended stays ended: they sign in to each app anew.",
		},
	}))
}

// userRestore lets a suspended person sign in again.
func (c *Console) userRestore(w http.ResponseWriter, r *http.Request) error {
	u, err := c.Directory.Restore(r.Context(), idp.UserID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/users/"+string(u.ID))
}
