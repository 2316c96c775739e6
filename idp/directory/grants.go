package directory

import (
	"context"
	"time"

	"gatehouse/idp"
)

// Grant lets a user or the members of a group use an app. Exactly one of
// g.UserID and g.GroupID is set; ID and times are set here. It answers
// idp.Conflict when such a grant exists.
func (d *Directory) Grant(ctx context.Context, g idp.Grant) (idp.Grant, error) {
	app, err := d.Store.App(ctx, g.AppID)
	if err != nil {
		return idp.Grant{}, err
	}
	if g, err = checkGrant(g); err != nil {
		return idp.Grant{}, err
	}
	if g.UserID != "" {
		if _, err := d.Store.User(ctx, g.UserID); err != nil {
			return idp.Grant{}, err
		}
	} else if _, err := d.Store.Group(ctx, g.GroupID); err != nil {
		return idp.Grant{}, err
	}
	g.ID, g.CreatedAt, g.Version = idp.NewGrantID(), d.now(), 0
	e := d.event(ctx, "grant.add")
	e.UserID, e.AppID = g.UserID, g.AppID
	e.Detail = map[string]string{"app": app.Name}
	if _, err := d.Store.Commit(ctx, idp.Change{Grants: []idp.Grant{g}, Events: []idp.Event{e}}); err != nil {
		return idp.Grant{}, err
	}
	g.Version = 1
	return g, nil
}

func checkGrant(g idp.Grant) (idp.Grant, error) {
	if (g.UserID == "") == (g.GroupID == "") {
		return g, invalid("user", "A grant is for one user or one group.")
	}
	if !g.FromAt.IsZero() && !g.UntilAt.IsZero() && !g.FromAt.Before(g.UntilAt) {
		return g, invalid("until", "The grant would end before it begins.")
	}
	for _, t := range []*time.Time{&g.FromAt, &g.UntilAt} {
		if !t.IsZero() {
			*t = idp.Time(*t)
		}
	}
	var err error
	g.Role, err = text("role", g.Role, 128)
	return g, err
}

// Ungrant removes a grant. No token of the app is issued or accepted for
// those who had the app by it alone.
func (d *Directory) Ungrant(ctx context.Context, g idp.Grant) error {
	e := d.event(ctx, "grant.remove")
	e.UserID, e.AppID = g.UserID, g.AppID
	_, err := d.Store.Commit(ctx, idp.Change{RemoveGrants: []idp.GrantID{g.ID}, Events: []idp.Event{e}})
	return err
}
