package directory

import (
	"context"
	"errors"
	"time"

	"gatehouse/idp"
)

// Grant lets a user or the members of a group use an app. Exactly one of
// g.UserID and g.GroupID is set; ID and times are set here. It answers
// idp.Conflict when such a grant exists, or the app was removed.
func (d *Directory) Grant(ctx context.Context, g idp.Grant) (idp.Grant, error) {
	app, err := d.Store.App(ctx, g.AppID)
	if err != nil {
		return idp.Grant{}, err
	}
	if err := standing(app); err != nil {
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

// Ungrant removes a grant, ends what was issued to those who had the app by it
// alone, and returns the receipt. What has ended stays dead when the app is
// granted again.
func (d *Directory) Ungrant(ctx context.Context, g idp.Grant) (idp.Receipt, error) {
	return d.endGrant(ctx, g, "grant.remove", idp.Change{
		RemoveGrants: []idp.GrantID{g.ID}, Ending: &idp.Ending{Key: key("ungrant", string(g.ID), 0)},
	})
}

// EndDueGrants ends the grants whose end has come, up to limit of them, and
// returns how many. It may run on every node: each is ended once. One that
// cannot be ended holds up none of the others.
func (d *Directory) EndDueGrants(ctx context.Context, limit int) (int, error) {
	due, err := d.Store.DueGrants(ctx, d.now(), limit)
	if err != nil {
		return 0, err
	}
	var failed []error
	for _, g := range due {
		_, err := d.endGrant(ctx, g, "grant.end", idp.Change{
			EndGrants: []idp.Grant{g}, Ending: &idp.Ending{Key: g.UntilKey(), Reason: "its end has come"},
		})
		if err != nil {
			failed = append(failed, err)
		}
	}
	return len(due) - len(failed), errors.Join(failed...)
}

func (d *Directory) endGrant(ctx context.Context, g idp.Grant, kind string, c idp.Change) (idp.Receipt, error) {
	e := d.event(ctx, kind)
	e.UserID, e.AppID = g.UserID, g.AppID
	c.Ending.Kind, c.Ending.At = idp.EndGrant, d.now()
	c.Ending.UserID, c.Ending.GroupID, c.Ending.AppID = g.UserID, g.GroupID, g.AppID
	return d.end(ctx, c, e)
}
