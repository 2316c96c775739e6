package outbox

import (
	"context"
	"fmt"

	"gatehouse/idp"
)

// names says by which names apps know people in a session, and reads the
// accounts of one person once for the participants that stand together.
type names struct {
	*Worker
	user     idp.UserID
	accounts []idp.Account
}

// of returns p, and p once more under each other name that app was told in its
// session: a LogoutRequest by one name ends nothing that was opened by another.
func (n *names) of(ctx context.Context, app idp.App, p idp.Participant) ([]idp.Participant, error) {
	all := []idp.Participant{p}
	if n.Names == nil || app.SAML == nil {
		return all, nil
	}
	if n.user != p.UserID {
		accounts, err := n.Store.Accounts(ctx, p.UserID)
		if err != nil {
			return nil, fmt.Errorf("read accounts: %w", err)
		}
		n.user, n.accounts = p.UserID, accounts
	}
	others, err := n.Names(ctx, app, p, n.accounts)
	if err != nil {
		return nil, fmt.Errorf("read what else an app was told: %w", err)
	}
	for _, name := range others {
		q := p
		q.NameID, q.Also = name, true
		all = append(all, q)
	}
	return all, nil
}
