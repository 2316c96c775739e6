package api

import (
	"net/http"

	"gatehouse/idp/directory"
	"gatehouse/web/api/client"
)

func (a *API) apply(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[client.Desired](r)
	if err != nil {
		return 0, nil, err
	}
	want := directory.Desired{Groups: in.Groups}
	for _, u := range in.Users {
		want.Users = append(want.Users, directory.DesiredUser{Person: person(u.Person), Groups: u.Groups})
	}
	for _, wire := range in.Apps {
		app, err := a.registration(wire)
		if err != nil {
			return 0, nil, err
		}
		want.Apps = append(want.Apps, app)
	}
	for _, g := range in.Grants {
		want.Grants = append(want.Grants, directory.DesiredGrant{App: g.App, User: g.User, Group: g.Group, Grant: wanted(g)})
	}
	if in.House != nil {
		was, err := a.Store.Look(r.Context())
		if err != nil {
			return 0, nil, err
		}
		l, err := wantedLook(*in.House, was)
		if err != nil {
			return 0, nil, err
		}
		want.Look = &l
	}
	if in.Policy != nil {
		p, err := desiredPolicy(*in.Policy)
		if err != nil {
			return 0, nil, err
		}
		want.Policy = &p
	}
	dryRun := r.URL.Query().Get("dry_run") == "true"
	found, err := a.Directory.Apply(r.Context(), want, dryRun)
	if err != nil {
		return 0, nil, err
	}
	out := client.Applied{DryRun: dryRun, Changes: make([]client.Change, 0, len(found))}
	for _, d := range found {
		change, err := a.applied(r, d, dryRun)
		if err != nil {
			return 0, nil, err
		}
		out.Changes = append(out.Changes, change)
	}
	return http.StatusOK, out, nil
}

// applied describes a difference, with what is shown once: a new app's secret,
// a new person's link.
func (a *API) applied(r *http.Request, d directory.Difference, dryRun bool) (client.Change, error) {
	c := client.Change{Verb: d.Verb, Kind: d.Kind, Name: d.Name, Detail: d.To}
	switch {
	case dryRun:
	case d.Kind == "app" && (d.Verb == "add" || d.Verb == "change"):
		c.Identifier, c.Secret = d.Identifier, d.Secret
	case d.Verb == "add" && d.Kind == "user" && !d.HasPassword:
		raw, _, err := a.Directory.Invite(r.Context(), d.User)
		if err != nil {
			return c, err
		}
		c.Link = a.URL.String() + "/link/" + raw
	}
	return c, nil
}
