package api

import (
	"net/http"
	"strconv"
	"strings"

	"gatehouse/idp"
	"gatehouse/idp/directory"
)

// user finds the person that a path names by ID or username.
func (a *API) user(r *http.Request) (idp.User, error) { return a.userNamed(r, r.PathValue("user")) }

func (a *API) userNamed(r *http.Request, ref string) (idp.User, error) {
	if idp.ValidID("usr", ref) {
		return a.Store.User(r.Context(), idp.UserID(ref))
	}
	u, err := directory.Named(r.Context(), a.Store.UserByName, ref)
	return u, orNone(err, "person", ref)
}

func (a *API) group(r *http.Request, ref string) (idp.Group, error) {
	if idp.ValidID("grp", ref) {
		return a.Store.Group(r.Context(), idp.GroupID(ref))
	}
	g, err := a.Store.GroupByName(r.Context(), ref)
	return g, orNone(err, "group", ref)
}

func (a *API) app(r *http.Request, ref string) (idp.App, error) {
	if idp.ValidID("app", ref) {
		return a.Store.App(r.Context(), idp.AppID(ref))
	}
	app, err := a.Store.AppByName(r.Context(), ref)
	return app, orNone(err, "app", ref)
}

// orNone says in words what was not found.
func orNone(err error, kind, ref string) error {
	if idp.IsKind(err, idp.NotFound) {
		return idp.Errorf(idp.NotFound, "There is no %s %q.", kind, ref).Because(err)
	}
	return err
}

// paging reads after and limit of a list; out of bounds counts as the default.
func paging(r *http.Request) (after string, limit int) {
	q := r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil || limit < 1 || limit > 500 {
		limit = 100
	}
	return strings.TrimSpace(q.Get("after")), limit
}
