package api

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/web/api/client"
)

func (a *API) credentialList(r *http.Request, _ caller) (int, any, error) {
	u, err := a.user(r)
	if err != nil {
		return 0, nil, err
	}
	all, err := a.Store.Credentials(r.Context(), u.ID)
	if err != nil {
		return 0, nil, err
	}
	passkeys, err := login.PasskeysOf(all)
	if err != nil {
		return 0, nil, err
	}
	synced := map[idp.CredentialID]bool{}
	for _, k := range passkeys {
		synced[k.ID] = k.Synced
	}
	return http.StatusOK, client.Page[client.Credential]{Items: each(all, func(c idp.Credential) client.Credential {
		return client.Credential{
			ID: string(c.ID), Kind: string(c.Kind), Name: c.Name, Synced: synced[c.ID],
			CreatedAt: c.CreatedAt, LastUsedAt: when(c.LastUsedAt),
		}
	})}, nil
}

func (a *API) credentialRemove(r *http.Request, _ caller) (int, any, error) {
	u, err := a.user(r)
	if err != nil {
		return 0, nil, err
	}
	id := r.PathValue("credential")
	if !idp.ValidID("crd", id) {
		return 0, nil, idp.Errorf(idp.NotFound, "There is no credential %q.", id)
	}
	done, err := a.RemoveCredential(r.Context(), u.ID, idp.CredentialID(id))
	return a.removed(r, done, err)
}
