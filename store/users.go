package store

import (
	"context"
	"strings"

	"gatehouse/idp"
)

const (
	userColumns = `u.id, u.username, u.email, u.display_name, u.given_name, u.family_name, u.role, u.status,
		u.epoch, u.suspended_at, u.created_at, u.updated_at, u.version, u.language, u.deletion_asked_at`

	insertUser = `INSERT INTO users (id, username, email, display_name, given_name, family_name, search, role,
		status, epoch, suspended_at, created_at, updated_at, version, language, deletion_asked_at)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $15
		WHERE NOT EXISTS (SELECT 1 FROM users o WHERE o.email = $2) AND ($3 = '' OR NOT EXISTS (SELECT 1 FROM users o WHERE o.username = $3))`
	// An edit may restore, never suspend, and never touches the epoch: there
	// is one way to end anything, and it is an ending.
	updateUser = `UPDATE users SET username = $3, email = $4, display_name = $5, given_name = $6, family_name = $7,
		search = $8, role = CASE WHEN $9 <> 'owner' AND ` + lastOwner + ` THEN NULL ELSE $9 END, updated_at = $11, version = version + 1,
		status = CASE WHEN $10 = 'active' THEN 'active' ELSE status END,
		suspended_at = CASE WHEN $10 = 'active' THEN 0 ELSE suspended_at END, language = $12, deletion_asked_at = $13
		WHERE id = $1 AND version = $2 AND (username = $3 AND email = $4
			OR NOT EXISTS (SELECT 1 FROM users o WHERE o.id <> $1 AND (o.email = $3 OR $4 <> '' AND o.username = $4)))`

	// Nobody's username is another's address: both would sign in by it. Of two
	// who come at once, in PostgreSQL, the second waits here and then sees the
	// first.
	namesTurn = `SELECT pg_advisory_xact_lock(7305432222)`

	userByID = `SELECT ` + userColumns + ` FROM users u WHERE u.id = $1`
	// Where a name is one user's username and another's e-mail address still, the
	// username wins.
	named      = ` WHERE u.username = $1 OR (u.email = $1 AND u.email <> '') ORDER BY (u.username = $1) DESC LIMIT 1`
	userByName = `SELECT ` + userColumns + ` FROM users u` + named

	// $2 is the hash of a device's secret.
	candidateByName = `SELECT ` + userColumns + `, COALESCE(p.data, ''), h.generation, h.cut_before, c.n, ` + knownDeviceOrNone + `
		FROM users u CROSS JOIN house h CROSS JOIN counter c LEFT JOIN credentials p ON p.user_id = u.id AND p.kind = 'password'
		LEFT JOIN known_devices d ON d.secret_hash = $2 AND d.user_id = u.id` + named

	usersWhere = `SELECT ` + userColumns + ` FROM users u
		WHERE u.username > $1 AND ($2 = '' OR u.status = $2) AND NOT EXISTS (SELECT 1 FROM `
	usersOrder    = ` w WHERE u.search NOT LIKE w.value ESCAPE '\') ORDER BY u.username LIMIT $4`
	usersSQLite   = usersWhere + `json_each($3)` + usersOrder
	usersPostgres = usersWhere + `(SELECT jsonb_array_elements_text(CAST($3 AS JSONB)) AS value)` + usersOrder

	countUsers   = `SELECT count(*) FILTER (WHERE status = 'active'), count(*) FILTER (WHERE status <> 'active') FROM users`
	selectOwners = `SELECT ` + userColumns + ` FROM users u WHERE u.role = 'owner' ORDER BY u.username`
)

func userDest(u *idp.User) []any {
	return []any{&u.ID, &u.Username, &u.Email, &u.DisplayName, &u.GivenName, &u.FamilyName, &u.Role, &u.Status,
		&u.Epoch, at(&u.SuspendedAt), at(&u.CreatedAt), at(&u.UpdatedAt), &u.Version, &u.Language, at(&u.DeletionAskedAt)}
}

func scanUser(r row) (u idp.User, err error) { return u, r.Scan(userDest(&u)...) }

func userStep(u idp.User) step {
	search := strings.ToLower(strings.Join([]string{u.Username, u.Email, u.DisplayName, u.GivenName, u.FamilyName}, " "))
	if u.Version == 0 {
		known := idp.Errorf(idp.Conflict, "Another person signs in by this username or address already.")
		return must(known, insertUser, u.ID, u.Username, u.Email, u.DisplayName, u.GivenName, u.FamilyName, search, u.Role,
			u.Status, u.Epoch, us(u.SuspendedAt), us(u.CreatedAt), us(u.UpdatedAt), u.Language, us(u.DeletionAskedAt))
	}
	return must(stale("user"), updateUser, u.ID, u.Version, u.Username, u.Email, u.DisplayName, u.GivenName, u.FamilyName,
		search, u.Role, u.Status, us(u.UpdatedAt), u.Language, us(u.DeletionAskedAt))
}

// User returns the user with this ID.
func (s *Store) User(ctx context.Context, id idp.UserID) (idp.User, error) {
	return one(ctx, s, "user", scanUser, userByID, id)
}

// UserByName returns the user with this username or, when nobody has that,
// this e-mail address. Both are canonical.
func (s *Store) UserByName(ctx context.Context, canonical string) (idp.User, error) {
	return one(ctx, s, "user", scanUser, userByName, canonical)
}

// Candidate returns, of one moment, the user as [Store.UserByName] finds them, with
// their password and, by the hash of its secret, the known device of theirs, and the
// user's standing. One statement.
func (s *Store) Candidate(ctx context.Context, canonical, hash string) (idp.Candidate, idp.Standing, error) {
	var st idp.Standing
	who, err := one(ctx, s, "user", func(r row) (who idp.Candidate, err error) {
		dest := append(userDest(&who.User), &who.PHC, &who.Generation, at(&st.CutBefore), &st.N)
		return who, r.Scan(append(dest, knownDeviceDest(&who.Device)...)...)
	}, candidateByName, canonical, hash)
	st.Status, st.Epoch, st.Generation = who.Status, who.Epoch, who.Generation
	return who, st, err
}

// Users returns a page of users by username, and the cursor of the next: ""
// at the end.
func (s *Store) Users(ctx context.Context, q idp.UserQuery) ([]idp.User, string, error) {
	key, err := keyOf(q.After, 1)
	if err != nil {
		return nil, "", err
	}
	n := limit(q.Limit)
	found, err := list(ctx, s, "users", scanUser, s.db.dialect(usersSQLite, usersPostgres),
		key[0], q.Status, patterns(q.Search), n+1)
	if err != nil {
		return nil, "", err
	}
	users, next := page(found, n, func(u idp.User) string { return cursor(u.Username) })
	return users, next, nil
}

// patterns turns each word into a LIKE pattern that means just this text, as
// a JSON array.
func patterns(search string) string {
	words := strings.Fields(strings.ToLower(search))
	if len(words) > 16 {
		words = words[:16]
	}
	escape := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = "%" + escape.Replace(w) + "%"
	}
	return asJSON(out)
}

// UserCounts returns how many users are active and suspended.
func (s *Store) UserCounts(ctx context.Context) (active, suspended int, err error) {
	_, err = one(ctx, s, "user counts", func(r row) (struct{}, error) {
		return struct{}{}, r.Scan(&active, &suspended)
	}, countUsers)
	return active, suspended, err
}

// Owners returns all owners by username, suspended ones too.
func (s *Store) Owners(ctx context.Context) ([]idp.User, error) {
	return list(ctx, s, "owners", scanUser, selectOwners)
}

// OwnerExists reports whether the house has an owner.
func (s *Store) OwnerExists(ctx context.Context) (bool, error) {
	owners, err := s.Owners(ctx)
	return len(owners) > 0, err
}
