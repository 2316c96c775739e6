package console

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/web/ui"
)

// groupSuspendView says what suspending a group's members would do.
type groupSuspendView struct {
	ID, Name                  string
	Members, Suspend, Already int
	Others                    []idp.BatchPerson
	Reason, Error             string
}

func (v groupSuspendView) words() string {
	if v.Members == 0 {
		return "Nobody is in it."
	}
	out := ui.Number(v.Suspend) + " of its " + ui.Count(v.Members, "member", "members") + " will be signed out everywhere and let in no more."
	if v.Already > 0 {
		out += " " + ui.Number(v.Already) + " are suspended already."
	}
	return out
}

// groupSuspendPreview shows whom it would concern.
func (c *Console) groupSuspendPreview(w http.ResponseWriter, r *http.Request) error {
	return c.groupSuspendPage(w, r, http.StatusOK, "", nil)
}

func (c *Console) groupSuspendPage(w http.ResponseWriter, r *http.Request, status int, why string, refused error) error {
	g, err := c.Store.Group(r.Context(), idp.GroupID(r.PathValue("id")))
	if err != nil {
		return err
	}
	p, err := c.Directory.PlanMany(r.Context(), directory.Many{Group: g.ID})
	if err != nil {
		return err
	}
	return ui.Render(w, r, status, groupSuspendPage(groupSuspendView{
		ID: string(g.ID), Name: g.Name, Members: p.Total, Suspend: p.Suspend, Already: p.Already, Others: p.Others,
		Reason: why, Error: fieldErrors(refused)["reason"],
	}))
}

// groupSuspend has the members suspended and leads to where one sees how far
// it is. Whoever acts is not among them: they suspend themselves on their page.
func (c *Console) groupSuspend(w http.ResponseWriter, r *http.Request) error {
	why := r.PostFormValue("reason")
	b, err := c.Directory.SuspendMany(r.Context(), directory.Many{Group: idp.GroupID(r.PathValue("id")), Reason: why})
	if idp.IsKind(err, idp.Invalid) {
		return c.groupSuspendPage(w, r, http.StatusBadRequest, why, err)
	}
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/batches/"+string(b.ID))
}
