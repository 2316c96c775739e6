package store

import (
	"context"
	"strings"
	"time"

	"gatehouse/idp"
)

const (
	credentialColumns = `c.id, c.user_id, c.kind, c.name, c.lookup, c.data, c.mark, c.created_at, c.updated_at, c.last_used_at`

	upsertPassword = `INSERT INTO credentials (id, user_id, kind, data, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (user_id) WHERE kind = 'password'
		DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at`
	// Whose it is, and of which kind, never changes; without data, a new name
	// leaves what the credential has become by its use.
	upsertCredential = `INSERT INTO credentials (id, user_id, kind, name, lookup, data, mark, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id)
		DO UPDATE SET name = excluded.name, data = CASE WHEN excluded.data = '' THEN credentials.data ELSE excluded.data END, updated_at = excluded.updated_at
		WHERE credentials.user_id = excluded.user_id AND credentials.kind = excluded.kind`
	deleteCredential = `DELETE FROM credentials WHERE id = $1 AND user_id = $2`

	selectCredential   = `SELECT ` + credentialColumns + ` FROM credentials c WHERE c.user_id = $1 AND c.kind = $2 ORDER BY c.created_at, c.id LIMIT 1`
	credentialsOf      = `SELECT ` + credentialColumns + ` FROM credentials c WHERE c.user_id = $1 ORDER BY c.created_at, c.id`
	credentialByLookup = `SELECT ` + credentialColumns + `, ` + userColumns + `, h.generation
		FROM credentials c JOIN users u ON u.id = c.user_id CROSS JOIN house h WHERE c.kind = $1 AND c.lookup = $2 AND c.lookup <> ''`

	// What stands before the salt of a hash says what it costs. Of a salted hash that is
	// kept under another, the costs are the other's. In PostgreSQL, instr is strpos.
	hashShapes = `SELECT CASE WHEN data LIKE '$2%' THEN substr(data, 1, 7) WHEN data LIKE '$ssha%' THEN substr(head, instr(head, '$argon2id$')) ELSE head END AS prefix,
		length(data) - length(rtrim(data, ` + hashSigns + `)) AS signs, count(*) AS people
		FROM (SELECT data, rtrim(rtrim(rtrim(data, ` + hashSigns + `), '$'), ` + hashSigns + `) AS head FROM credentials WHERE kind = 'password') c
		GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT $1`
	hashSigns = `'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/.'`

	// Used once more: its data may have changed by that, its mark may not go back.
	touchCredential = `UPDATE credentials SET data = $2, last_used_at = $3 WHERE id = $1 AND user_id = $4`
	spendCredential = `UPDATE credentials SET mark = $2, last_used_at = $3 WHERE id = $1 AND user_id = $4 AND mark < $2`
	credentialSpent = `SELECT count(*) FROM credentials WHERE id = $1 AND mark >= $2`
)

func credentialDest(c *idp.Credential) []any {
	return []any{&c.ID, &c.UserID, &c.Kind, &c.Name, &c.Lookup, &c.Data, &c.Mark, at(&c.CreatedAt), at(&c.UpdatedAt), at(&c.LastUsedAt)}
}

func scanCredential(r row) (c idp.Credential, err error) { return c, r.Scan(credentialDest(&c)...) }

func credentialSteps(c idp.Change) []step {
	var steps []step
	for _, p := range c.Passwords {
		steps = append(steps, do(upsertPassword, p.ID, p.UserID, idp.CredentialPassword, p.Data, us(p.CreatedAt), us(p.UpdatedAt)))
	}
	for _, r := range c.RemoveCredentials {
		steps = append(steps, do(deleteCredential, r.ID, r.UserID))
	}
	for _, n := range c.Credentials {
		steps = append(steps, do(upsertCredential, n.ID, n.UserID, n.Kind, n.Name, n.Lookup, n.Data, n.Mark, us(n.CreatedAt), us(n.UpdatedAt)))
	}
	return steps
}

// Credential returns a user's credential of a kind, the oldest where there are
// several.
func (s *Store) Credential(ctx context.Context, user idp.UserID, kind idp.CredentialKind) (idp.Credential, error) {
	return one(ctx, s, "credential", scanCredential, selectCredential, user, kind)
}

// Credentials returns all of a user's credentials, the oldest first.
func (s *Store) Credentials(ctx context.Context, user idp.UserID) ([]idp.Credential, error) {
	return list(ctx, s, "credentials", scanCredential, credentialsOf, user)
}

// CredentialByLookup returns, of one moment, a credential, whose it is and the
// house's generation: what a proof by it carries.
func (s *Store) CredentialByLookup(ctx context.Context, kind idp.CredentialKind, lookup string) (c idp.Credential, u idp.User, generation string, err error) {
	_, err = one(ctx, s, "credential", func(r row) (struct{}, error) {
		return struct{}{}, r.Scan(append(append(credentialDest(&c), userDest(&u)...), &generation)...)
	}, credentialByLookup, kind, lookup)
	return c, u, generation, err
}

// SpendCredential raises a credential's mark: idp.Conflict when it stands as
// high already, so that of many who spend the same only one does;
// idp.Unauthenticated when the credential was removed meanwhile. The mails that
// tell of it are written with it, or neither.
func (s *Store) SpendCredential(ctx context.Context, c idp.Credential, mark int64, now time.Time, mails ...idp.Mail) error {
	n, err := int64(1), error(nil)
	if told := s.mailSteps(mails); len(told) > 0 {
		steps := append([]step{must(refused(), spendCredential, c.ID, mark, us(now), c.UserID)}, told...)
		if err = s.tx(ctx, "spend a credential", func(r runner) error { return r.batch(ctx, steps) }); idp.IsKind(err, idp.Unauthenticated) {
			n, err = 0, nil
		}
	} else {
		n, err = s.exec(ctx, "spend a credential", spendCredential, c.ID, mark, us(now), c.UserID)
	}
	if err != nil || n > 0 {
		return err
	}
	return s.whyNot(ctx, credentialSpent, c.ID, mark)
}

// HashShapes says of what shapes the passwords' hashes are that the house holds, at most
// so many, the most common first. It reads every one of them.
func (s *Store) HashShapes(ctx context.Context, most int) ([]idp.HashShape, error) {
	return list(ctx, s, "shapes of hashes", func(r row) (h idp.HashShape, err error) {
		return h, r.Scan(&h.Prefix, &h.Key, &h.People)
	}, s.db.dialect(hashShapes, strings.ReplaceAll(hashShapes, "instr(", "strpos(")), most)
}
