package directory

import (
	"context"

	"gatehouse/idp"
)

// RemoveApp takes an app out of the house and returns the receipt of what that
// ended. First nothing is issued to it any more, on any node; then all that it
// held ends, and it is told. Its row stays, with what it takes to tell it and to
// know its answer, for the lines of the receipt and those who ask about them.
func (d *Directory) RemoveApp(ctx context.Context, id idp.AppID, why string) (idp.Receipt, error) {
	why, err := text("reason", why, 500) // before anything is written
	if err != nil {
		return idp.Receipt{}, err
	}
	err = d.changeApp(ctx, id, d.event(ctx, "app.remove"), func(a *idp.App) error {
		switch {
		case a.OIDC != nil:
			a.OIDC.Removed, a.OIDC.InitiateLoginURI = true, ""
		case a.SAML != nil:
			a.SAML.Removed, a.SAML.Metadata = true, idp.MetadataSource{}
		}
		a.LaunchURL = ""
		return nil
	})
	if err != nil {
		return idp.Receipt{}, err
	}
	r, err := d.EndApp(ctx, id, why)
	if err != nil {
		return idp.Receipt{}, err
	}
	// Last, so that whoever may remove it can ask again until it has ended.
	return r, d.changeApp(ctx, id, d.event(ctx, "app.remove.done"), func(a *idp.App) error {
		if a.OIDC != nil {
			a.OIDC.RegistrationTokenHash, a.OIDC.SecretHashes = "", nil
		}
		return nil
	})
}

// standing refuses a change to what was removed: nobody would see it, and an
// app that came back would find those it was granted to before.
func standing(a idp.App) error {
	if !a.Removed() {
		return nil
	}
	return idp.Errorf(idp.Conflict, "The app %s was removed, and what was removed does not come back. Register it anew under another name.", a.Name)
}

// changeApp returns when no node has a copy of what was before.
func (d *Directory) changeApp(ctx context.Context, id idp.AppID, e idp.Event, change func(*idp.App) error) error {
	return retry(func() error {
		a, err := d.Store.App(ctx, id)
		if err != nil {
			return err
		}
		if err := change(&a); err != nil {
			return err
		}
		a.UpdatedAt = d.now()
		if e.AppID = a.ID; e.Detail == nil {
			e.Detail = map[string]string{}
		}
		e.Detail["app"] = a.Name
		done, err := d.Store.Commit(ctx, idp.Change{Apps: []idp.App{a}, Events: []idp.Event{e}})
		if err != nil {
			return err
		}
		return d.Store.InForce(ctx, done.N)
	})
}

// makeRoom returns the removed app that has the entityID of a still, as it has
// to be so that a can be registered: a service provider has one name and keeps
// it. Nothing where there is none.
func (d *Directory) makeRoom(ctx context.Context, a idp.App) ([]idp.App, error) {
	if a.Protocol != idp.ProtocolSAML {
		return nil, nil
	}
	old, err := d.Store.AppByIdentifier(ctx, idp.ProtocolSAML, a.Identifier)
	switch {
	case idp.IsKind(err, idp.NotFound), err == nil && !old.Removed():
		return nil, nil // the store says that a name is taken
	case err != nil:
		return nil, err
	}
	old.SAML.Was, old.Identifier = old.Identifier, "removed:"+string(old.ID)
	old.UpdatedAt = d.now()
	return []idp.App{old}, nil
}
