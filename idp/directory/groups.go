package directory

import (
	"context"

	"gatehouse/idp"
)

// AddGroup adds a group. It answers idp.Conflict when the name is taken.
func (d *Directory) AddGroup(ctx context.Context, name string) (idp.Group, error) {
	name, err := text("name", name, 128)
	if err != nil {
		return idp.Group{}, err
	}
	if name == "" {
		return idp.Group{}, invalid("name", "A group needs a name.")
	}
	g := idp.Group{ID: idp.NewGroupID(), Name: name, CreatedAt: d.now()}
	e := d.event(ctx, "group.add")
	e.Detail = map[string]string{"group": name}
	_, err = d.Store.Commit(ctx, idp.Change{Groups: []idp.Group{g}, Events: []idp.Event{e}})
	g.Version = 1
	return g, err
}

// AddMember puts a user into a group; once is enough.
func (d *Directory) AddMember(ctx context.Context, g idp.GroupID, u idp.UserID) error {
	return d.member(ctx, "group.join", idp.Change{Members: []idp.Membership{{GroupID: g, UserID: u, SinceAt: d.now()}}}, g, u)
}

// RemoveMember takes a user out of a group. What the group granted is gone
// with the next thing asked for.
func (d *Directory) RemoveMember(ctx context.Context, g idp.GroupID, u idp.UserID) error {
	return d.member(ctx, "group.leave", idp.Change{RemoveMembers: []idp.Membership{{GroupID: g, UserID: u}}}, g, u)
}

func (d *Directory) member(ctx context.Context, kind string, c idp.Change, g idp.GroupID, u idp.UserID) error {
	group, err := d.Store.Group(ctx, g)
	if err != nil {
		return err
	}
	if _, err := d.Store.User(ctx, u); err != nil {
		return err
	}
	e := d.event(ctx, kind)
	e.UserID = u
	e.Detail = map[string]string{"group": group.Name}
	c.Events = []idp.Event{e}
	_, err = d.Store.Commit(ctx, c)
	return err
}
