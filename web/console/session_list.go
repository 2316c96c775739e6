package console

import (
	"context"
	"net/http"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// sessionList shows who is signed in now.
func (c *Console) sessionList(w http.ResponseWriter, r *http.Request) error {
	v, err := c.readSessions(r.Context(), askSessions(r))
	if err != nil {
		return err
	}
	status := http.StatusOK
	if len(v.Errors) > 0 {
		status = http.StatusBadRequest
	}
	return ui.Render(w, r, status, sessionsPage(v))
}

// sessionListLive tells a browser that the list has changed.
func (c *Console) sessionListLive(w http.ResponseWriter, r *http.Request) error {
	in := askSessions(r)
	return c.live(w, r, listPoll, func(ctx context.Context) (uint64, error) {
		v, err := c.readSessions(ctx, in)
		return printed(v), err
	})
}

func askSessions(r *http.Request) asked {
	return ask(r, "user", "app", "address", "older", "after")
}

// readSessions reads a page of sessions with the names on it.
func (c *Console) readSessions(ctx context.Context, in asked) (sessionsView, error) {
	visit := ui.VisitOf(ctx)
	v := sessionsView{User: in.Get("user"), Address: in.Get("address"), Narrowed: in.narrowed(), Errors: map[string]string{}}
	apps, err := c.byID(ctx)
	if err != nil {
		return v, err
	}
	v.Apps, v.Ages = c.appChoices(apps, in.Get("app")), ages(in.Get("older"))
	q, err := c.sessionQuery(ctx, in, &v)
	if err != nil || len(v.Errors) > 0 {
		return v, err
	}
	live, next, err := c.Store.SessionsNow(ctx, q, visit.Now)
	if err != nil {
		return v, err
	}
	v.liveList = in.listOf("/console/sessions", next, len(live), pageSize)
	v.Rows, err = c.nowRows(ctx, live, apps, visit.Session.ID)
	return v, err
}

// sessionQuery is what was asked, or what is wrong with it in v.
func (c *Console) sessionQuery(ctx context.Context, in asked, v *sessionsView) (idp.SessionQuery, error) {
	q := idp.SessionQuery{AppID: idp.AppID(in.Get("app")), Idle: c.Idle, After: in.Get("after"), Limit: pageSize}
	u, err := c.somebody(ctx, v.User)
	if err != nil {
		v.Errors["user"], err = said(err)
		return q, err
	}
	if q.UserID = u.ID; u.ID != "" {
		v.PersonID, v.Person = string(u.ID), u.Name()
	}
	for field, err := range map[string]error{
		"address": q.From(v.Address), "older": q.OlderThan(in.Get("older"), ui.VisitOf(ctx).Now),
	} {
		if err != nil {
			v.Errors[field] = detailOf(err)
		}
	}
	return q, nil
}

// nowRows are the sessions with who they are and what they have opened.
func (c *Console) nowRows(ctx context.Context, live []idp.Session, apps map[idp.AppID]idp.App, here idp.SessionID) ([]nowRow, error) {
	var (
		ids    []idp.SessionID
		people []idp.UserID
	)
	for _, s := range live {
		ids, people = append(ids, s.ID), append(people, s.UserID)
	}
	who, err := c.Store.UsersByID(ctx, people)
	if err != nil {
		return nil, err
	}
	participants, err := c.Store.ParticipantsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	opened := map[idp.SessionID][]string{}
	for _, p := range participants {
		opened[p.SessionID] = append(opened[p.SessionID], apps[p.AppID].Name)
	}
	rows := make([]nowRow, 0, len(live))
	for _, s := range live {
		u := who[s.UserID]
		rows = append(rows, nowRow{PersonID: string(s.UserID), Person: u.Name(), Username: u.Username, sessionRow: sessionRow{
			ID: string(s.ID), Device: ui.Device(s.UserAgent), Address: s.Address, Methods: methodWords(s.Methods),
			Since: s.CreatedAt, LastSeen: s.LastSeenAt, Apps: opened[s.ID], Here: s.ID == here,
		}})
	}
	return rows, nil
}

// ages are the ages that the filter offers, and the one that was asked for.
func ages(chosen string) []ui.Choice {
	out := []ui.Choice{{Label: "Any age", Chosen: chosen == ""}}
	known := chosen == ""
	for _, a := range []string{"15m", "1h", "4h", "8h"} {
		age, _ := time.ParseDuration(a) // ours are durations
		out = append(out, ui.Choice{Value: a, Label: "Over " + ui.Span(age), Chosen: a == chosen})
		known = known || a == chosen
	}
	if !known {
		out = append(out, ui.Choice{Value: chosen, Label: "Over " + chosen, Chosen: true})
	}
	return out
}
