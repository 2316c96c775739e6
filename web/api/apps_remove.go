package api

import "net/http"

// appRemove removes an app; why it was may stand in the query.
func (a *API) appRemove(r *http.Request, _ caller) (int, any, error) {
	found, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	done, err := a.Directory.RemoveApp(r.Context(), found.ID, r.URL.Query().Get("reason"))
	return a.receipt(r, done, err)
}

func (a *API) registrationRevoke(r *http.Request, _ caller) (int, any, error) {
	found, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	return 0, nil, a.Directory.RevokeRegistration(r.Context(), found.ID)
}
