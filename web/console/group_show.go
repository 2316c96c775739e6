package console

import (
	"context"
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// groupList shows the groups of the house.
func (c *Console) groupList(w http.ResponseWriter, r *http.Request) error {
	groups, err := c.Store.Groups(r.Context())
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, groupsPage(groupsView{Groups: groupRows(groups, nil)}))
}

// groupShow shows one group: the apps it carries and its members.
func (c *Console) groupShow(w http.ResponseWriter, r *http.Request) error {
	ctx, after := r.Context(), cursor(r)
	g, err := c.Store.Group(ctx, idp.GroupID(r.PathValue("id")))
	if err != nil {
		return err
	}
	members, next, err := c.Store.Members(ctx, g.ID, after, pageSize)
	if err != nil {
		return err
	}
	carried, err := c.carried(ctx, g.ID)
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, groupPage(groupView{
		ID: string(g.ID), Name: g.Name, Apps: carried, People: rows(members),
		Pager: pager("/console/groups/"+string(g.ID), nil, after, next),
	}))
}

// carried lists the apps that a group gives to its members.
func (c *Console) carried(ctx context.Context, id idp.GroupID) ([]appAccess, error) {
	apps, err := c.Store.Apps(ctx)
	if err != nil {
		return nil, err
	}
	var out []appAccess
	for _, a := range apps {
		grants, err := c.Store.Grants(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		for _, g := range grants {
			if g.GroupID == id {
				out = append(out, appAccess{ID: string(a.ID), Name: a.Name, Role: g.Role, Lever: c.levers(a)})
			}
		}
	}
	return out, nil
}
