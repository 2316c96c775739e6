package console

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// userKeep takes a person's request to be deleted off the list.
func (c *Console) userKeep(w http.ResponseWriter, r *http.Request) error {
	id := idp.UserID(r.PathValue("id"))
	if err := c.Directory.DropDeletion(r.Context(), id); err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/users/"+string(id))
}
