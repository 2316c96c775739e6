package saml

import (
	"context"
	"slices"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// An app may ask for one person in several NameID formats during one session.
// The participant keeps the first; that there was another is a value spent in
// the store, and what it says is in the account, or follows from the session.
// So an ending names everything that was issued, exactly as it was.
const spentName = "saml.name"

// keepNames is how long it is remembered after the session's end, whose receipt
// may be listed late.
const keepNames = 30 * 24 * time.Hour

func nameKey(s idp.SessionID, app idp.AppID, format string) string {
	return string(s) + "\t" + string(app) + "\t" + format
}

// remember writes down that the statement's name is not the first one that the
// app got in the session.
func (p *Provider) remember(ctx context.Context, s statement) error {
	err := p.Gate.SpendOnce(ctx, spentName, nameKey(s.session.ID, s.app.ID, s.name.Format), s.session.ExpiresAt.Add(keepNames))
	if idp.IsKind(err, idp.Conflict) {
		return nil
	}
	return err
}

// Names tells the outbox which NameIDs an app was told in a session.
type Names struct {
	EntityID string
	Salt     []byte // the provider's
	Gate     spender
}

// Issued returns the NameIDs that app was told of p's person in p's session
// beside p.NameID; accounts are those of the person. It is an outbox.Worker's
// Names.
func (n *Names) Issued(ctx context.Context, app idp.App, p idp.Participant, accounts []idp.Account) ([]idp.NameID, error) {
	if app.SAML == nil {
		return nil, nil
	}
	var issued []idp.NameID
	for _, a := range accounts {
		if a.AppID != app.ID {
			continue
		}
		name := n.nameOf(app, p, a)
		if name == p.NameID {
			continue
		}
		told, err := spent(ctx, n.Gate, spentName, nameKey(p.SessionID, app.ID, a.Format))
		if err != nil {
			return nil, err
		}
		if told && !slices.Contains(issued, name) {
			issued = append(issued, name)
		}
	}
	return issued, nil
}

// nameOf is the NameID that an account says an app was told in p's session.
func (n *Names) nameOf(app idp.App, p idp.Participant, a idp.Account) idp.NameID {
	name := idp.NameID{Value: a.Subject, Format: a.Format}
	if a.Format == wire.NameIDTransient {
		name.Value = transient(n.Salt, p.SessionID, app.ID)
	}
	if a.Format == wire.NameIDPersistent || a.Format == wire.NameIDTransient {
		name.NameQualifier, name.SPNameQualifier = n.EntityID, app.KnownAs()
	}
	return name
}

// namedAlso returns what app got under this name in sessions that are alive: also
// where it was not the first name that it got in them, or is a transient one that
// stands in no account any more.
func (p *Provider) namedAlso(ctx context.Context, app idp.App, name wire.NameID) ([]idp.Participant, error) {
	user, err := p.namedBy(ctx, app, name.Value)
	if err != nil || user == "" {
		return nil, err
	}
	accounts, err := p.Store.Accounts(ctx, user)
	if err != nil {
		return nil, err
	}
	open, err := p.Store.Participants(ctx, user, p.now())
	if err != nil {
		return nil, err
	}
	var found []idp.Participant
	for _, g := range open {
		if g.AppID != app.ID {
			continue
		}
		issued, err := (&Names{EntityID: p.EntityID, Salt: p.Salt, Gate: p.Gate}).Issued(ctx, app, g, accounts)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(append(issued, g.NameID), func(n idp.NameID) bool { return names(name, n) }) {
			found = append(found, g)
		}
	}
	return found, nil
}

// namedBy is the user whom app knows, or knew in a session, by this name.
func (p *Provider) namedBy(ctx context.Context, app idp.App, name string) (idp.UserID, error) {
	if id, ok := sessionNamed(p.Salt, name, app.ID); ok {
		s, err := p.Store.SessionByID(ctx, id)
		if err == nil || !idp.IsKind(err, idp.NotFound) {
			return s.UserID, err
		}
	}
	account, err := p.Store.AccountBySubject(ctx, app.ID, name)
	if idp.IsKind(err, idp.NotFound) {
		return "", nil
	}
	return account.UserID, err
}
