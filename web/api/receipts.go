package api

import (
	"context"
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

// Receipts is the receipts with their lines.
type Receipts interface {
	Receipt(ctx context.Context, id idp.ReceiptID) (idp.Receipt, error)
	Deliveries(ctx context.Context, id idp.ReceiptID) ([]idp.Delivery, error)
}

func (a *API) receiptList(r *http.Request, _ caller) (int, any, error) {
	in := r.URL.Query()
	q := idp.ReceiptQuery{Kind: idp.EndingKind(in.Get("kind")), Open: in.Get("open") == "true", Failed: in.Get("failed") == "true"}
	var err error
	if q.UserID, err = a.someone(r); err != nil {
		return 0, nil, err
	}
	q.After, q.Limit = paging(r)
	found, next, err := a.Store.ReceiptsNow(r.Context(), q)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.Receipt]{Items: each(found, receipt), Next: next}, nil
}

func (a *API) receiptShow(r *http.Request, _ caller) (int, any, error) {
	id := r.PathValue("receipt")
	if !idp.ValidID("rcp", id) {
		return 0, nil, idp.Errorf(idp.NotFound, "There is no receipt %q.", id)
	}
	found, err := a.Store.Receipt(r.Context(), idp.ReceiptID(id))
	if err != nil {
		return 0, nil, err
	}
	return a.lines(r, found)
}

// receipt answers an ending: with the head alone while its lines are being
// listed, so that nobody waits for them who only asked for the ending.
func (a *API) receipt(r *http.Request, head idp.Receipt, err error) (int, any, error) {
	if err != nil {
		return 0, nil, err
	}
	if head.ListedAt.IsZero() {
		return http.StatusOK, receipt(head), nil
	}
	return a.lines(r, head)
}

// lines answers with a receipt and its lines as they stand.
func (a *API) lines(r *http.Request, head idp.Receipt) (int, any, error) {
	lines, err := a.Store.Deliveries(r.Context(), head.ID)
	if err != nil {
		return 0, nil, err
	}
	names, err := a.appNames(r)
	if err != nil {
		return 0, nil, err
	}
	out := receipt(head)
	out.Lines = each(lines, func(d idp.Delivery) client.Line { return line(d, names[d.AppID]) })
	return http.StatusOK, out, nil
}
