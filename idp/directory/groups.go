package directory

import (
	"context"

	"gatehouse/idp"
)

// Groups is what is known of groups.
type Groups interface {
	Group(ctx context.Context, id idp.GroupID) (idp.Group, error)
	GroupByName(ctx context.Context, name string) (idp.Group, error)
	GroupsOf(ctx context.Context, id idp.UserID) ([]idp.Group, error)
}

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
	e, err := d.membership(ctx, "group.join", g, u)
	if err != nil {
		return err
	}
	_, err = d.Store.Commit(ctx, idp.Change{
		Members: []idp.Membership{{GroupID: g, UserID: u, SinceAt: d.now()}}, Events: []idp.Event{e},
	})
	return err
}

// RemoveMember takes a user out of a group, ends what was issued to them in
// apps that they had through the group alone, and returns the receipt.
func (d *Directory) RemoveMember(ctx context.Context, g idp.GroupID, u idp.UserID) (idp.Receipt, error) {
	e, err := d.membership(ctx, "group.leave", g, u)
	if err != nil {
		return idp.Receipt{}, err
	}
	now := d.now()
	return d.end(ctx, idp.Change{
		RemoveMembers: []idp.Membership{{GroupID: g, UserID: u}},
		// They may join and leave again: each time is a wish of its own.
		Ending: &idp.Ending{Kind: idp.EndGrant, UserID: u, GroupID: g, Key: key("leave", string(g)+":"+string(u), now.UnixMicro()), At: now},
	}, e)
}

// membership is the event of a user's coming or going.
func (d *Directory) membership(ctx context.Context, kind string, g idp.GroupID, u idp.UserID) (idp.Event, error) {
	group, err := d.Store.Group(ctx, g)
	if err != nil {
		return idp.Event{}, err
	}
	if _, err := d.Store.User(ctx, u); err != nil {
		return idp.Event{}, err
	}
	e := d.event(ctx, kind)
	e.UserID = u
	e.Detail = map[string]string{"group": group.Name}
	return e, nil
}
