package api

import "net/http"

// nameRelease lets somebody else be known to an app by a name.
func (a *API) nameRelease(r *http.Request, _ caller) (int, any, error) {
	found, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	_, err = a.Directory.ReleaseName(r.Context(), found.ID, r.PathValue("name"))
	return 0, nil, err
}
