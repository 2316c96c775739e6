package api

import (
	"context"
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

// Groups is the groups, and who is in which.
type Groups interface {
	Group(ctx context.Context, id idp.GroupID) (idp.Group, error)
	GroupByName(ctx context.Context, name string) (idp.Group, error)
	Groups(ctx context.Context) ([]idp.Group, error)
	GroupsOf(ctx context.Context, id idp.UserID) ([]idp.Group, error)
}

func (a *API) groupList(r *http.Request, _ caller) (int, any, error) {
	groups, err := a.Store.Groups(r.Context())
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.Group]{Items: each(groups, group)}, nil
}

func group(g idp.Group) client.Group { return client.Group{ID: string(g.ID), Name: g.Name} }

func (a *API) groupAdd(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[named](r)
	if err != nil {
		return 0, nil, err
	}
	g, err := a.Directory.AddGroup(r.Context(), in.Name)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, group(g), nil
}

func (a *API) groupJoin(r *http.Request, _ caller) (int, any, error) {
	g, u, err := a.member(r)
	if err != nil {
		return 0, nil, err
	}
	return 0, nil, a.Directory.AddMember(r.Context(), g.ID, u.ID)
}

func (a *API) groupLeave(r *http.Request, _ caller) (int, any, error) {
	g, u, err := a.member(r)
	if err != nil {
		return 0, nil, err
	}
	done, err := a.Directory.RemoveMember(r.Context(), g.ID, u.ID)
	return a.receipt(r, done, err)
}

func (a *API) member(r *http.Request) (idp.Group, idp.User, error) {
	g, err := a.group(r, r.PathValue("group"))
	if err != nil {
		return idp.Group{}, idp.User{}, err
	}
	u, err := a.user(r)
	return g, u, err
}
