package api

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

func (a *API) initialList(r *http.Request, _ caller) (int, any, error) {
	found, err := a.Store.InitialTokens(r.Context())
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.InitialToken]{Items: each(found, initialToken)}, nil
}

func (a *API) initialAdd(r *http.Request, c caller) (int, any, error) {
	in, err := decode[newInitial](r)
	if err != nil {
		return 0, nil, err
	}
	ttl, err := span("ttl", in.TTL)
	if err != nil {
		return 0, nil, err
	}
	raw, t, err := a.Directory.AddInitialToken(r.Context(), c.token.Proof, in.Name, in.Uses, ttl)
	if err != nil {
		return 0, nil, err
	}
	out := initialToken(t)
	out.Secret = raw
	return http.StatusCreated, out, nil
}

func (a *API) initialRevoke(r *http.Request, _ caller) (int, any, error) {
	return 0, nil, a.Directory.RevokeInitialToken(r.Context(), idp.InitialTokenID(r.PathValue("token")))
}

func initialToken(t idp.InitialToken) client.InitialToken {
	return client.InitialToken{ID: string(t.ID), Name: t.Name, UserID: string(t.UserID), Uses: t.Uses, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt}
}
