package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

// Tokens is the tokens of machines.
type Tokens interface {
	APITokens(ctx context.Context, id idp.UserID) ([]idp.APIToken, error)
	InitialTokens(ctx context.Context) ([]idp.InitialToken, error)
}

func (a *API) tokenList(r *http.Request, c caller) (int, any, error) {
	found, err := a.Store.APITokens(r.Context(), c.user.ID)
	if err != nil {
		return 0, nil, err
	}
	live := slices.DeleteFunc(found, func(t idp.APIToken) bool { return !t.RevokedAt.IsZero() })
	return http.StatusOK, client.Page[client.Token]{Items: each(live, token)}, nil
}

func (a *API) tokenAdd(r *http.Request, c caller) (int, any, error) {
	in, err := decode[newToken](r)
	if err != nil {
		return 0, nil, err
	}
	var ttl time.Duration
	if in.TTL != "" {
		if ttl, err = time.ParseDuration(in.TTL); err != nil || ttl <= 0 {
			return 0, nil, idp.Errorf(idp.Invalid, "The ttl is a time span like 720h.").Because(err)
		}
	}
	// The new token carries the proof of the one that asked for it.
	raw, t, err := a.Directory.AddToken(r.Context(), c.token.Proof, in.Name, ttl)
	if err != nil {
		return 0, nil, err
	}
	out := token(t)
	out.Secret = raw
	return http.StatusCreated, out, nil
}

func (a *API) tokenRevoke(r *http.Request, c caller) (int, any, error) {
	return 0, nil, a.Directory.RevokeToken(r.Context(), idp.APITokenID(r.PathValue("token")), c.user.ID)
}

func (a *API) eventList(r *http.Request, _ caller) (int, any, error) {
	q := idp.EventQuery{}
	if ref := r.URL.Query().Get("user"); ref != "" {
		u, err := a.userNamed(r, ref)
		if err != nil {
			return 0, nil, err
		}
		q.UserID = u.ID
	}
	q.After, q.Limit = paging(r)
	found, next, err := a.Store.Events(r.Context(), q)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.Event]{Items: each(found, event), Next: next}, nil
}
