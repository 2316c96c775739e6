package api

import (
	"net/http"

	"gatehouse/idp"
)

// userFactorsReset takes away a person's second factors, and ends what they hold.
func (a *API) userFactorsReset(r *http.Request, _ caller) (int, any, error) {
	u, err := a.user(r)
	if err != nil {
		return 0, nil, err
	}
	id, err := a.ResetFactors(r.Context(), u.ID)
	if err == nil && id == "" {
		return http.StatusNoContent, nil, nil // there were none
	}
	return a.removed(r, id, err)
}

// removed answers with the receipt of what ended with a credential.
func (a *API) removed(r *http.Request, id idp.ReceiptID, err error) (int, any, error) {
	if err != nil {
		return 0, nil, err
	}
	head, err := a.Store.Receipt(r.Context(), id)
	return a.receipt(r, head, err)
}
