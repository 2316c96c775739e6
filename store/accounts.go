package store

import (
	"context"

	"gatehouse/idp"
)

const (
	accountColumns = `c.id, c.app_id, c.user_id, c.subject, c.format, c.first_seen_at, c.last_seen_at`
	accountsOf     = `SELECT ` + accountColumns + ` FROM accounts c JOIN apps a ON a.id = c.app_id
		WHERE c.user_id = $1 ORDER BY a.name, c.format`
	releaseAccount   = `DELETE FROM accounts WHERE id = $1 AND subject = $2`
	accountBySubject = `SELECT ` + accountColumns + ` FROM accounts c WHERE c.app_id = $1 AND c.subject = $2`
	accountsOfApp    = `SELECT ` + accountColumns + ` FROM accounts c
		WHERE c.app_id = $1 AND (c.subject, c.id) > ($2, $3) ORDER BY c.subject, c.id LIMIT $4`
)

// AccountBySubject returns the account that an app knows by this subject.
func (s *Store) AccountBySubject(ctx context.Context, app idp.AppID, subject string) (idp.Account, error) {
	return one(ctx, s, "account", scanAccount, accountBySubject, app, subject)
}

func scanAccount(r row) (a idp.Account, err error) {
	return a, r.Scan(&a.ID, &a.AppID, &a.UserID, &a.Subject, &a.Format, at(&a.FirstSeenAt), at(&a.LastSeenAt))
}

// Accounts returns a user's accounts by app name.
func (s *Store) Accounts(ctx context.Context, user idp.UserID) ([]idp.Account, error) {
	return list(ctx, s, "accounts", scanAccount, accountsOf, user)
}

// AccountsOfApp returns a page of an app's accounts by subject, and the cursor
// of the next: "" at the end.
func (s *Store) AccountsOfApp(ctx context.Context, app idp.AppID, after string, n int) ([]idp.Account, string, error) {
	key, err := keyOf(after, 2)
	if err != nil {
		return nil, "", err
	}
	n = limit(n)
	found, err := list(ctx, s, "accounts", scanAccount, accountsOfApp, app, key[0], key[1], n+1)
	if err != nil {
		return nil, "", err
	}
	accounts, next := page(found, n, func(a idp.Account) string { return cursor(a.Subject, string(a.ID)) })
	return accounts, next, nil
}
