package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// userShow shows the true inventory of a person.
func (c *Console) userShow(w http.ResponseWriter, r *http.Request) error {
	ctx, visit := r.Context(), ui.VisitOf(r.Context())
	u, err := c.Store.User(ctx, idp.UserID(r.PathValue("id")))
	if err != nil {
		return err
	}
	held, err := c.inventory(ctx, u.ID, visit.Now)
	if err != nil {
		return err
	}
	groups, err := c.Store.GroupsOf(ctx, u.ID)
	if err != nil {
		return err
	}
	timeline, err := c.timeline(ctx, u.ID)
	if err != nil {
		return err
	}
	v := personView{
		Mails: c.Directory.Mails && u.Email != "",
		ID:    string(u.ID), Name: u.Name(), Username: u.Username, Email: u.Email, Owner: u.Role == idp.RoleOwner,
		Suspended: u.Status == idp.UserSuspended, SuspendedAt: u.SuspendedAt, CreatedAt: u.CreatedAt, DeletionAskedAt: u.DeletionAskedAt,
		Exposure: held.exposure(visit.Now), Groups: groupRows(groups, held.access),
		Apps: c.appRows(held), Sessions: held.sessionRows(visit.Session.ID), Accounts: held.accountRows(), Timeline: timeline,
	}
	if v.Credentials, err = c.Store.Credentials(ctx, u.ID); err != nil {
		return err
	}
	waiting, _, err := c.Store.Schedules(ctx, idp.ScheduleQuery{UserID: u.ID, State: idp.ScheduleWaiting})
	if err != nil {
		return err
	}
	if v.Schedules, err = c.scheduleRows(ctx, waiting); err != nil {
		return err
	}
	if v.Suspended {
		last, err := c.Store.LastReceipt(ctx, u.ID, idp.EndUser)
		if err != nil && !idp.IsKind(err, idp.NotFound) {
			return err
		}
		v.ReceiptID = string(last.ID)
	}
	return ui.Render(w, r, http.StatusOK, personPage(v))
}

// groupRows are the person's groups, with the apps that each gives.
func groupRows(groups []idp.Group, access []idp.Access) []groupRow {
	gives := map[idp.GroupID][]string{}
	for _, a := range access {
		if a.Group.ID != "" {
			gives[a.Group.ID] = append(gives[a.Group.ID], a.App.Name)
		}
	}
	out := make([]groupRow, len(groups))
	for i, g := range groups {
		out[i] = groupRow{ID: string(g.ID), Name: g.Name, Gives: strings.Join(gives[g.ID], ", "), Added: g.CreatedAt}
	}
	return out
}

// timeline is what happened to a person lately, newest first.
func (c *Console) timeline(ctx context.Context, id idp.UserID) ([]ui.Happening, error) {
	events, _, err := c.Store.Events(ctx, idp.EventQuery{UserID: id, Limit: pageSize})
	if err != nil {
		return nil, err
	}
	who := c.names()
	out := make([]ui.Happening, 0, len(events))
	for _, e := range events {
		h := ui.Happening{At: e.At, Title: ui.EventWords(e.Kind), Detail: detail(e)}
		if e.Actor.UserID != id || e.Actor.Kind != "user" {
			if h.Actor, err = who.actor(ctx, e.Actor); err != nil {
				return nil, err
			}
		}
		if _, refused := c.Explain(e); refused && e.Actor.CorrelationID != "" {
			h.Href = "/console/explain?id=" + url.QueryEscape(e.Actor.CorrelationID)
		}
		if receipt := e.Detail["receipt"]; idp.ValidID("rcp", receipt) {
			h.Href, h.Ends = "/console/receipts/"+receipt, true
		}
		out = append(out, h)
	}
	return out, nil
}

// detail is what stands under an event: its reason, what it was about, and the
// address it came from.
func detail(e idp.Event) string {
	var parts []string
	for _, key := range []string{"reason", "at", "app", "group", "role"} {
		if e.Detail[key] != "" {
			parts = append(parts, e.Detail[key])
		}
	}
	if e.Actor.Address != "" {
		parts = append(parts, e.Actor.Address)
	}
	return strings.Join(parts, " · ")
}
