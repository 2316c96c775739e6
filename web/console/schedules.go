package console

import (
	"context"
	"net/http"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/web/ui"
)

// scheduleView is the form with which somebody is suspended later.
type scheduleView struct {
	ID, Name         string
	At, Zone, Reason string
	Errors           map[string]string
	Myself           bool
}

// schedulesView is the list of scheduled suspensions, newest first.
type schedulesView struct {
	Tabs  []ui.Tab
	Rows  []scheduleRow
	Pager ui.Pager
}

// scheduleRow is one scheduled suspension.
type scheduleRow struct {
	ID, PersonID, Person       string
	Wall, Zone                 string
	DueAt                      time.Time
	State, Note, Reason, Actor string
	ReceiptID                  string
	Waiting                    bool
}

// userScheduleForm asks when somebody is to be suspended.
func (c *Console) userScheduleForm(w http.ResponseWriter, r *http.Request) error {
	u, err := c.Store.User(r.Context(), idp.UserID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return c.schedule(w, r, http.StatusOK, u, directory.Appointment{Zone: "UTC"}, nil)
}

func (c *Console) schedule(w http.ResponseWriter, r *http.Request, status int, u idp.User, a directory.Appointment, refused error) error {
	return ui.Render(w, r, status, schedulePage(scheduleView{
		ID: string(u.ID), Name: u.Name(), At: a.Wall, Zone: a.Zone, Reason: a.Reason, Errors: fieldErrors(refused),
		Myself: u.ID == ui.VisitOf(r.Context()).User.ID,
	}))
}

// userSchedule has somebody suspended later, and leads to their page.
func (c *Console) userSchedule(w http.ResponseWriter, r *http.Request) error {
	u, err := c.Store.User(r.Context(), idp.UserID(r.PathValue("id")))
	if err != nil {
		return err
	}
	a := directory.Appointment{
		Wall: r.PostFormValue("at"), Zone: strings.TrimSpace(r.PostFormValue("zone")), Reason: r.PostFormValue("reason"),
		Myself: r.PostFormValue("myself") == "yes",
	}
	_, err = c.Directory.Schedule(r.Context(), u.ID, a)
	switch {
	case fieldErrors(err)["myself"] != "":
		page := "/console/users/" + string(u.ID)
		return ui.Render(w, r, http.StatusOK, confirmPage(confirmView{
			Title: "Suspend yourself, later?", Action: page + "/schedule", Button: "Suspend myself then, " + u.Name(), Danger: true,
			Section: "people", BackHref: page, Back: u.Name(),
			Hidden:  []ui.Pair{{Key: "at", Value: a.Wall}, {Key: "zone", Value: a.Zone}, {Key: "reason", Value: a.Reason}, {Key: "myself", Value: "yes"}},
			Meaning: []string{"This is you. At that minute you are signed out on every device, and your API tokens stop working. Only another owner can restore you."},
		}))
	case idp.IsKind(err, idp.Invalid):
		return c.schedule(w, r, http.StatusBadRequest, u, a, err)
	case err != nil:
		return err
	}
	return ui.SeeOther(w, r, "/console/users/"+string(u.ID))
}

// scheduleList shows the scheduled suspensions of the house.
func (c *Console) scheduleList(w http.ResponseWriter, r *http.Request) error {
	const path = "/console/scheduled"
	in := ask(r, "state", "after")
	q := idp.ScheduleQuery{State: idp.ScheduleWaiting, After: in.Get("after"), Limit: pageSize}
	if in.Get("state") == "all" {
		q.State = ""
	}
	found, next, err := c.Store.Schedules(r.Context(), q)
	if err != nil {
		return err
	}
	v := schedulesView{Pager: pager(path, in.with("after", "").Values, q.After, next), Tabs: []ui.Tab{
		{Label: "To come", Href: path, Here: q.State != ""}, {Label: "All", Href: in.with("state", "all").at(path), Here: q.State == ""},
	}}
	v.Rows, err = c.scheduleRows(r.Context(), found)
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, schedulesPage(v))
}

func (c *Console) scheduleRows(ctx context.Context, list []idp.Schedule) ([]scheduleRow, error) {
	who := c.names()
	out := make([]scheduleRow, 0, len(list))
	for _, s := range list {
		row := scheduleRow{
			ID: string(s.ID), PersonID: string(s.UserID), Wall: s.Wall, Zone: s.Zone, DueAt: s.DueAt, State: string(s.State), Note: s.Note,
			Reason: s.Reason, ReceiptID: string(s.ReceiptID), Waiting: s.State == idp.ScheduleWaiting,
		}
		var err error
		if row.Person, err = who.of(ctx, s.UserID); err != nil {
			return nil, err
		}
		if row.Actor, err = who.actor(ctx, s.Actor); err != nil {
			return nil, err
		}
		if s.State == idp.ScheduleCancelled {
			by, err := who.actor(ctx, s.CancelledBy)
			if err != nil {
				return nil, err
			}
			row.Note = "By " + by + "."
		}
		out = append(out, row)
	}
	return out, nil
}

// scheduleCancel takes a scheduled suspension back.
func (c *Console) scheduleCancel(w http.ResponseWriter, r *http.Request) error {
	s, err := c.Directory.CancelSchedule(r.Context(), idp.ScheduleID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/users/"+string(s.UserID))
}
