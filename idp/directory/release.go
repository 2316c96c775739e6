package directory

import (
	"context"
	"slices"

	"gatehouse/idp"
)

// ReleaseName lets somebody else be known to a SAML app by a name (a username, an
// address) that it knows a person by who is called otherwise now: an owner knows
// that the account of that name is gone there. Until then nobody gets it, as it
// would let the one into the account of the other. It answers idp.NotFound where
// the app knows nobody by that name, idp.Invalid for a name that is made here or
// that is the person's still, and idp.Denied while they are signed in there.
func (d *Directory) ReleaseName(ctx context.Context, id idp.AppID, name string) (idp.User, error) {
	a, err := d.Store.App(ctx, id)
	if err != nil {
		return idp.User{}, err
	}
	if err := standing(a); err != nil {
		return idp.User{}, err
	}
	account, err := d.Store.AccountBySubject(ctx, id, name)
	if idp.IsKind(err, idp.NotFound) {
		err = idp.Errorf(idp.NotFound, "%s knows nobody by that name.", a.Name)
	}
	if err != nil {
		return idp.User{}, err
	}
	u, err := d.Store.User(ctx, account.UserID)
	if err != nil {
		return idp.User{}, err
	}
	if err := d.releasable(ctx, a, account, u); err != nil {
		return idp.User{}, err
	}
	e := d.event(ctx, "app.name.release")
	e.AppID, e.UserID, e.Detail = a.ID, u.ID, map[string]string{"app": a.Name, "name": name}
	_, err = d.Store.Commit(ctx, idp.Change{ReleaseAccounts: []idp.Account{account}, Events: []idp.Event{e}})
	return u, err
}

func (d *Directory) releasable(ctx context.Context, a idp.App, account idp.Account, u idp.User) error {
	made := account.Format == "" || account.Format == nameIDPersistent || account.Format == nameIDTransient
	switch {
	case made || account.Subject == string(u.ID):
		return invalid("name", "This name was made for one person, and nobody else gets it.")
	case account.Subject == u.Username || account.Subject == u.Email:
		return invalid("name", u.Name()+" is called that still. Rename them first.")
	}
	open, err := d.Store.Participants(ctx, u.ID, d.now())
	if err != nil {
		return err
	}
	if slices.ContainsFunc(open, func(p idp.Participant) bool { return p.AppID == a.ID }) {
		return idp.Errorf(idp.Denied, "%s is signed in to %s. End their sessions first.", u.Name(), a.Name)
	}
	return nil
}
