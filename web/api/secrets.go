package api

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

func (a *API) appConnect(r *http.Request, _ caller) (int, any, error) {
	found, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.Setting]{Items: each(a.Connect(found, ""), setting)}, nil
}

func (a *API) appCheck(r *http.Request, _ caller) (int, any, error) {
	found, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	said, err := a.Directory.Review(r.Context(), found)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.Finding]{Items: each(said, func(f idp.Finding) client.Finding { return client.Finding(f) })}, nil
}

func (a *API) secretList(r *http.Request, _ caller) (int, any, error) {
	found, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	secrets, err := a.Store.ClientSecrets(r.Context(), found)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.ClientSecret]{Items: each(secrets, clientSecret)}, nil
}

func (a *API) secretAdd(r *http.Request, _ caller) (int, any, error) {
	found, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	raw, made, err := a.Directory.AddSecret(r.Context(), found.ID)
	if err != nil {
		return 0, nil, err
	}
	out := clientSecret(made)
	out.Secret = raw
	return http.StatusCreated, out, nil
}

func (a *API) secretRemove(r *http.Request, _ caller) (int, any, error) {
	found, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	return 0, nil, a.Directory.RemoveSecret(r.Context(), found.ID, idp.SecretID(r.PathValue("secret")))
}

func clientSecret(s idp.ClientSecret) client.ClientSecret {
	return client.ClientSecret{ID: string(s.ID), MadeAt: when(s.MadeAt), UsedAt: when(s.UsedAt)}
}
