package console

import (
	"net/http"
	"net/url"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// userList shows people, a page at a time, or those a search finds.
func (c *Console) userList(w http.ResponseWriter, r *http.Request) error {
	search, after := r.URL.Query().Get("q"), cursor(r)
	if len(search) > 200 {
		return idp.Errorf(idp.Invalid, "This search is too long. A part of a name is enough.")
	}
	people, next, err := c.Store.Users(r.Context(), idp.UserQuery{Search: search, After: after, Limit: pageSize})
	if err != nil {
		return err
	}
	active, suspended, err := c.Store.UserCounts(r.Context())
	if err != nil {
		return err
	}
	asked, err := c.Store.AskedDeletion(r.Context())
	if err != nil {
		return err
	}
	query := url.Values{}
	if search != "" {
		query.Set("q", search)
	}
	return ui.Render(w, r, http.StatusOK, peoplePage(peopleView{
		Search: search, Total: active + suspended, People: rows(people), AskedDeletion: rows(asked),
		Pager: pager("/console/users", query, after, next),
	}))
}
