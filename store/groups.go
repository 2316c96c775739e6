package store

import (
	"context"

	"gatehouse/idp"
)

const (
	groupColumns = `g.id, g.name, g.created_at, g.version`

	insertGroup = `INSERT INTO user_groups (id, name, created_at, version) VALUES ($1, $2, $3, 1)`
	updateGroup = `UPDATE user_groups SET name = $3, version = version + 1 WHERE id = $1 AND version = $2`
	groupByID   = `SELECT ` + groupColumns + ` FROM user_groups g WHERE g.id = $1`
	groupByName = `SELECT ` + groupColumns + ` FROM user_groups g WHERE g.name = $1`
	allGroups   = `SELECT ` + groupColumns + ` FROM user_groups g ORDER BY g.name`
	groupsOf    = `SELECT ` + groupColumns + ` FROM members m JOIN user_groups g ON g.id = m.group_id
		WHERE m.user_id = $1 ORDER BY g.name`

	insertMember = `INSERT INTO members (group_id, user_id, since_at, since_n)
		VALUES ($1, $2, $3, ` + logAt + `) ON CONFLICT DO NOTHING`
	deleteMember = `DELETE FROM members WHERE group_id = $1 AND user_id = $2`
	membersPage  = `SELECT ` + userColumns + ` FROM members m JOIN users u ON u.id = m.user_id
		WHERE m.group_id = $1 AND u.username > $2 ORDER BY u.username LIMIT $3`
)

func scanGroup(r row) (g idp.Group, err error) { return g, r.Scan(groupDest(&g)...) }

func groupDest(g *idp.Group) []any { return []any{&g.ID, &g.Name, at(&g.CreatedAt), &g.Version} }

func groupStep(g idp.Group) step {
	if g.Version == 0 {
		return do(insertGroup, g.ID, g.Name, us(g.CreatedAt))
	}
	return must(stale("group"), updateGroup, g.ID, g.Version, g.Name)
}

// Group returns the group with this ID.
func (s *Store) Group(ctx context.Context, id idp.GroupID) (idp.Group, error) {
	return one(ctx, s, "group", scanGroup, groupByID, id)
}

// GroupByName returns the group with this name.
func (s *Store) GroupByName(ctx context.Context, name string) (idp.Group, error) {
	return one(ctx, s, "group", scanGroup, groupByName, name)
}

// Groups returns all groups by name.
func (s *Store) Groups(ctx context.Context) ([]idp.Group, error) {
	return list(ctx, s, "groups", scanGroup, allGroups)
}

// GroupsOf returns the groups a user is in, by name.
func (s *Store) GroupsOf(ctx context.Context, user idp.UserID) ([]idp.Group, error) {
	return list(ctx, s, "groups of a user", scanGroup, groupsOf, user)
}

// Members returns a page of a group's members by username, and the cursor of
// the next: "" at the end.
func (s *Store) Members(ctx context.Context, group idp.GroupID, after string, n int) ([]idp.User, string, error) {
	key, err := keyOf(after, 1)
	if err != nil {
		return nil, "", err
	}
	n = limit(n)
	found, err := list(ctx, s, "members", scanUser, membersPage, group, key[0], n+1)
	if err != nil {
		return nil, "", err
	}
	users, next := page(found, n, func(u idp.User) string { return cursor(u.Username) })
	return users, next, nil
}
