package api

import (
	"net/http"
	"time"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

func (a *API) appEndSessions(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[reasoned](r)
	if err != nil {
		return 0, nil, err
	}
	found, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	done, err := a.Directory.EndApp(r.Context(), found.ID, in.Reason)
	return a.receipt(r, done, err)
}

func (a *API) endBefore(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[endBefore](r)
	if err != nil {
		return 0, nil, err
	}
	var before time.Time
	if in.Before != nil {
		before = *in.Before
	}
	done, err := a.Directory.EndBefore(r.Context(), before, in.Reason)
	return a.receipt(r, done, err)
}

func (a *API) keyList(r *http.Request, _ caller) (int, any, error) {
	found, err := a.Directory.SigningKeys(r.Context())
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.Key]{Items: each(found, func(k idp.SigningKey) client.Key {
		return a.key(k, found)
	})}, nil
}

// key is a signing key, one of keys, on the wire.
func (a *API) key(k idp.SigningKey, keys []idp.SigningKey) client.Key {
	state, since, until := k.State(keys, a.Now())
	return client.Key{
		ID: string(k.ID), Use: k.Use, Algorithm: k.Algorithm, State: string(state), Since: since, Until: when(until), CreatedAt: k.CreatedAt,
		RetiredAt: when(idp.Dated(k.RetiredAt)), RevokedAt: when(k.RevokedAt),
	}
}

func (a *API) keyRotate(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[rotation](r)
	if err != nil {
		return 0, nil, err
	}
	keys, err := a.Directory.RotateKeys(r.Context(), in.Now)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.Key]{Items: each(keys, func(k idp.SigningKey) client.Key { return a.key(k, keys) })}, nil
}

func (a *API) keyRevoke(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[reasoned](r)
	if err != nil {
		return 0, nil, err
	}
	done, err := a.Directory.EndKey(r.Context(), idp.KeyID(r.PathValue("key")), in.Reason)
	return a.receipt(r, done, err)
}
