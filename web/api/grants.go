package api

import (
	"net/http"
	"time"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

func (a *API) grantList(r *http.Request, _ caller) (int, any, error) {
	app, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	found, err := a.Store.Grants(r.Context(), app.ID)
	if err != nil {
		return 0, nil, err
	}
	out := make([]client.Grant, 0, len(found))
	for _, g := range found {
		var who, group string
		if g.UserID != "" {
			u, err := a.Store.User(r.Context(), g.UserID)
			if err != nil {
				return 0, nil, err
			}
			who = u.Username
		} else {
			in, err := a.Store.Group(r.Context(), g.GroupID)
			if err != nil {
				return 0, nil, err
			}
			group = in.Name
		}
		out = append(out, grant(g, app.Name, who, group))
	}
	return http.StatusOK, client.Page[client.Grant]{Items: out}, nil
}

func (a *API) grantAdd(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[client.Grant](r)
	if err != nil {
		return 0, nil, err
	}
	app, err := a.app(r, in.App)
	if err != nil {
		return 0, nil, err
	}
	g := wanted(in)
	g.AppID = app.ID
	if in.User != "" {
		u, err := a.userNamed(r, in.User)
		if err != nil {
			return 0, nil, err
		}
		g.UserID = u.ID
	}
	if in.Group != "" {
		to, err := a.group(r, in.Group)
		if err != nil {
			return 0, nil, err
		}
		g.GroupID = to.ID
	}
	if g, err = a.Directory.Grant(r.Context(), g); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, grant(g, app.Name, in.User, in.Group), nil
}

// wanted is what a grant on the wire says, but for its names.
func wanted(in client.Grant) idp.Grant {
	g := idp.Grant{Role: in.Role}
	for to, from := range map[*time.Time]*time.Time{&g.FromAt: in.From, &g.UntilAt: in.Until} {
		if from != nil {
			*to = idp.Time(*from)
		}
	}
	return g
}

func (a *API) grantRemove(r *http.Request, _ caller) (int, any, error) {
	app, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	found, err := a.Store.Grants(r.Context(), app.ID)
	if err != nil {
		return 0, nil, err
	}
	for _, g := range found {
		if string(g.ID) == r.PathValue("grant") {
			done, err := a.Directory.Ungrant(r.Context(), g)
			return a.receipt(r, done, err)
		}
	}
	return 0, nil, idp.Errorf(idp.NotFound, "%s has no such grant.", app.Name)
}
