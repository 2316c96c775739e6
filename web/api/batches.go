package api

import (
	"context"
	"net/http"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/web/api/client"
)

// Batches is the suspensions of many.
type Batches interface {
	Batch(ctx context.Context, id idp.BatchID) (idp.Batch, error)
	Batches(ctx context.Context, after string, n int) ([]idp.Batch, string, error)
	BatchPeople(ctx context.Context, id idp.BatchID, state idp.BatchPersonState, after string, n int) ([]idp.BatchPerson, string, error)
}

func (a *API) batchAdd(r *http.Request, _ caller) (int, any, error) {
	in, err := decodeUpTo[client.Many](r, maxBatch)
	if err != nil {
		return 0, nil, err
	}
	m := directory.Many{Users: in.Users, Reason: in.Reason, Myself: in.Myself}
	if in.Group != "" {
		g, err := a.group(r, in.Group)
		if err != nil {
			return 0, nil, err
		}
		m.Group = g.ID
	}
	if r.URL.Query().Get("dry_run") == "true" {
		p, err := a.Directory.PlanMany(r.Context(), m)
		if err != nil {
			return 0, nil, err
		}
		return http.StatusOK, client.Batch{
			State: "dry_run", GroupID: string(m.Group), Reason: in.Reason, Total: p.Total, ToDo: p.Suspend, Already: p.Already, Refused: p.Refused,
			People: each(p.Others, batchPerson),
		}, nil
	}
	b, err := a.Directory.SuspendMany(r.Context(), m)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, batch(b), nil
}

func (a *API) batchList(r *http.Request, _ caller) (int, any, error) {
	after, limit := paging(r)
	found, next, err := a.Store.Batches(r.Context(), after, limit)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.Batch]{Items: each(found, batch), Next: next}, nil
}

func (a *API) batchShow(r *http.Request, _ caller) (int, any, error) {
	b, err := a.Store.Batch(r.Context(), idp.BatchID(r.PathValue("batch")))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, batch(b), nil
}

func (a *API) batchPeople(r *http.Request, _ caller) (int, any, error) {
	b, err := a.Store.Batch(r.Context(), idp.BatchID(r.PathValue("batch")))
	if err != nil {
		return 0, nil, err
	}
	after, limit := paging(r)
	found, next, err := a.Store.BatchPeople(r.Context(), b.ID, idp.BatchPersonState(r.URL.Query().Get("state")), after, limit)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.BatchPerson]{Items: each(found, batchPerson), Next: next}, nil
}

func (a *API) batchCancel(r *http.Request, _ caller) (int, any, error) {
	b, err := a.Directory.CancelBatch(r.Context(), idp.BatchID(r.PathValue("batch")))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, batch(b), nil
}

func batch(b idp.Batch) client.Batch {
	out := client.Batch{
		ID: string(b.ID), State: string(b.State), GroupID: string(b.GroupID), Reason: b.Reason, Actor: actor(b.Actor), CreatedAt: when(b.CreatedAt),
		Total: b.Total, Done: b.Done, Already: b.Already, Refused: b.Refused, ToDo: b.ToDo(), FinishedAt: when(b.FinishedAt),
	}
	if b.State == idp.BatchCancelled {
		out.CancelledBy = actor(b.CancelledBy)
	}
	return out
}

func batchPerson(p idp.BatchPerson) client.BatchPerson {
	out := client.BatchPerson{Place: int(p.Place), Name: p.Name, UserID: string(p.UserID), State: string(p.State), Note: p.Note}
	if p.State != idp.PersonToDo { // before that it is not in force everywhere
		out.ReceiptID = string(p.ReceiptID)
	}
	return out
}
