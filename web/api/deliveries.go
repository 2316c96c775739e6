package api

import (
	"context"
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

func (a *API) deliveryList(r *http.Request, _ caller) (int, any, error) {
	q := idp.DeliveryQuery{State: idp.DeliveryState(r.URL.Query().Get("state"))}
	var err error
	if q.UserID, err = a.someone(r); err != nil {
		return 0, nil, err
	}
	if q.AppID, err = a.someApp(r); err != nil {
		return 0, nil, err
	}
	q.After, q.Limit = paging(r)
	found, next, err := a.Store.DeliveriesNow(r.Context(), q)
	if err != nil {
		return 0, nil, err
	}
	lines, err := a.deliveries(r, found)
	return http.StatusOK, client.Page[client.Delivery]{Items: lines, Next: next}, err
}

func (a *API) deliveryRetry(r *http.Request, _ caller) (int, any, error) {
	return a.delivery(r, a.Directory.RetryDelivery)
}

func (a *API) deliveryNote(r *http.Request, _ caller) (int, any, error) {
	return a.delivery(r, a.Directory.NoteDelivery)
}

// delivery does something to the line that the request names.
func (a *API) delivery(r *http.Request, do func(context.Context, idp.DeliveryID) (idp.Delivery, error)) (int, any, error) {
	id := r.PathValue("delivery")
	if !idp.ValidID("dlv", id) {
		return 0, nil, idp.Errorf(idp.NotFound, "There is no delivery %q.", id)
	}
	found, err := do(r.Context(), idp.DeliveryID(id))
	if err != nil {
		return 0, nil, err
	}
	lines, err := a.deliveries(r, []idp.Delivery{found})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, lines[0], nil
}

// deliveries are lines with the names on them.
func (a *API) deliveries(r *http.Request, found []idp.Delivery) ([]client.Delivery, error) {
	people, err := a.Store.UsersByID(r.Context(), each(found, func(d idp.Delivery) idp.UserID { return d.UserID }))
	if err != nil {
		return nil, err
	}
	names, err := a.appNames(r)
	if err != nil {
		return nil, err
	}
	return each(found, func(d idp.Delivery) client.Delivery {
		return client.Delivery{
			Line: line(d, names[d.AppID]), ReceiptID: string(d.ReceiptID), User: people[d.UserID].Username,
			CreatedAt: d.CreatedAt, RevivedAt: when(d.RevivedAt), NotedAt: when(d.NotedAt),
		}
	}), nil
}
