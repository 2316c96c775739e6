package api

import (
	"context"
	"net/http"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/web/api/client"
)

// Schedules is the suspensions that are to come.
type Schedules interface {
	Schedule(ctx context.Context, id idp.ScheduleID) (idp.Schedule, error)
	Schedules(ctx context.Context, q idp.ScheduleQuery) ([]idp.Schedule, string, error)
}

func (a *API) scheduleAdd(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[appointment](r)
	if err != nil {
		return 0, nil, err
	}
	u, err := a.user(r)
	if err != nil {
		return 0, nil, err
	}
	s, err := a.Directory.Schedule(r.Context(), u.ID, directory.Appointment{Wall: in.At, Zone: in.Zone, Reason: in.Reason, Myself: in.Myself})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, schedule(s, u), nil
}

func (a *API) scheduleList(r *http.Request, _ caller) (int, any, error) {
	q := idp.ScheduleQuery{State: idp.ScheduleState(r.URL.Query().Get("state"))}
	var err error
	if q.UserID, err = a.someone(r); err != nil {
		return 0, nil, err
	}
	q.After, q.Limit = paging(r)
	found, next, err := a.Store.Schedules(r.Context(), q)
	if err != nil {
		return 0, nil, err
	}
	who, err := a.Store.UsersByID(r.Context(), each(found, func(s idp.Schedule) idp.UserID { return s.UserID }))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.Schedule]{
		Items: each(found, func(s idp.Schedule) client.Schedule { return schedule(s, who[s.UserID]) }), Next: next,
	}, nil
}

func (a *API) scheduleShow(r *http.Request, _ caller) (int, any, error) {
	s, err := a.Store.Schedule(r.Context(), idp.ScheduleID(r.PathValue("schedule")))
	return a.scheduled(r, s, err)
}

func (a *API) scheduleCancel(r *http.Request, _ caller) (int, any, error) {
	s, err := a.Directory.CancelSchedule(r.Context(), idp.ScheduleID(r.PathValue("schedule")))
	return a.scheduled(r, s, err)
}

// scheduled answers with a scheduled suspension and whom it is about.
func (a *API) scheduled(r *http.Request, s idp.Schedule, err error) (int, any, error) {
	if err != nil {
		return 0, nil, err
	}
	u, err := a.Store.User(r.Context(), s.UserID)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, schedule(s, u), nil
}

func schedule(s idp.Schedule, u idp.User) client.Schedule {
	out := client.Schedule{
		ID: string(s.ID), UserID: string(s.UserID), Username: u.Username, At: s.Wall, Zone: s.Zone, DueAt: s.DueAt, Reason: s.Reason,
		Actor: actor(s.Actor), CreatedAt: s.CreatedAt, State: string(s.State), FinishedAt: when(s.FinishedAt),
		ReceiptID: string(s.ReceiptID), Note: s.Note,
	}
	if s.State == idp.ScheduleCancelled {
		out.CancelledBy = actor(s.CancelledBy)
	}
	return out
}
