package api

import "net/http"

// userFactorsReset takes away a person's second factors.
func (a *API) userFactorsReset(r *http.Request, _ caller) (int, any, error) {
	u, err := a.user(r)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, a.ResetFactors(r.Context(), u.ID)
}
