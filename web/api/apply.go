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
	secrets := map[string]string{}
	for _, wire := range in.Apps {
		app, secret, err := a.registration(wire)
		if err != nil {
			return 0, nil, err
		}
		if secret != "" {
			// A known app keeps the secret it has.
			have, err := a.Store.AppByName(r.Context(), app.Name)
			if err == nil && have.OIDC != nil && len(have.OIDC.SecretHashes) > 0 {
				app.OIDC.SecretHashes, secret = have.OIDC.SecretHashes, ""
			}
			secrets[app.Name] = secret
		}
		want.Apps = append(want.Apps, app)
	}
	for _, g := range in.Grants {
		want.Grants = append(want.Grants, directory.DesiredGrant{App: g.App, User: g.User, Group: g.Group, Grant: wanted(g)})
	}
	dryRun := r.URL.Query().Get("dry_run") == "true"
	found, err := a.Directory.Apply(r.Context(), want, dryRun)
	if err != nil {
		return 0, nil, err
	}
	out := client.Applied{DryRun: dryRun, Changes: make([]client.Change, 0, len(found))}
	for _, d := range found {
		change, err := a.applied(r, d, secrets, dryRun)
		if err != nil {
			return 0, nil, err
		}
		out.Changes = append(out.Changes, change)
	}
	return http.StatusOK, out, nil
}

// applied describes a difference, with what is shown once: a new app's secret,
// a new person's link.
func (a *API) applied(r *http.Request, d directory.Difference, secrets map[string]string, dryRun bool) (client.Change, error) {
	c := client.Change{Verb: d.Verb, Kind: d.Kind, Name: d.Name, Detail: d.To}
	switch {
	case dryRun:
	case d.Verb == "add" && d.Kind == "app":
		c.Secret = secrets[d.Name]
	case d.Verb == "add" && d.Kind == "user":
		raw, _, err := a.Directory.Invite(r.Context(), d.User)
		if err != nil {
			return c, err
		}
		c.Link = a.URL.String() + "/link/" + raw
	}
	return c, nil
}
