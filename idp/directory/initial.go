package directory

import (
	"context"
	"strconv"
	"time"

	"gatehouse/idp"
)

// Bounds of an initial access token.
const (
	maxInitialUses = 1000
	maxInitialTTL  = 90 * 24 * time.Hour
)

// AddInitialToken issues an initial access token that carries the proof of the
// owner who asks for it, for 1 to 1000 registrations within ttl, at most 90
// days. The raw secret is returned and never stored.
func (d *Directory) AddInitialToken(ctx context.Context, proof idp.Proof, name string, uses int, ttl time.Duration) (raw string, t idp.InitialToken, err error) {
	if name, err = text("name", name, 128); err != nil {
		return "", idp.InitialToken{}, err
	}
	switch {
	case name == "":
		return "", idp.InitialToken{}, invalid("name", "Name the token, so that you know later who has it.")
	case uses < 1 || uses > maxInitialUses:
		return "", idp.InitialToken{}, invalid("uses", "An initial access token registers 1 to 1000 apps.")
	case ttl <= 0 || ttl > maxInitialTTL:
		return "", idp.InitialToken{}, invalid("ttl", "An initial access token works for at most 90 days (2160h).")
	}
	if raw, t, err = d.Passes.NewInitialToken(ctx, proof, name, uses, ttl); err != nil {
		return "", idp.InitialToken{}, err
	}
	e := d.event(ctx, "initial_token.add")
	e.Detail = map[string]string{"token": string(t.ID), "name": name, "uses": strconv.Itoa(uses)}
	return raw, t, d.Store.Record(ctx, e)
}

// RevokeInitialToken revokes an initial access token; what was registered with
// it stays.
func (d *Directory) RevokeInitialToken(ctx context.Context, id idp.InitialTokenID) error {
	e := d.event(ctx, "initial_token.revoke")
	e.Detail = map[string]string{"token": string(id)}
	return d.Store.RevokeInitialToken(ctx, id, d.now(), e)
}

// RemoveApp takes a relying party out of the house and returns the receipt of
// what that ended. First nothing is issued to it any more, on any node; then
// all that it held ends, and it is told. Its row stays for those who ask what
// the receipt is about. It answers idp.Invalid for an app that speaks SAML.
func (d *Directory) RemoveApp(ctx context.Context, id idp.AppID, why string) (idp.Receipt, error) {
	why, err := text("reason", why, 500) // before anything is written
	if err != nil {
		return idp.Receipt{}, err
	}
	err = d.changeOIDC(ctx, id, d.event(ctx, "app.remove"), func(a *idp.App) error {
		if a.OIDC == nil {
			return idp.Errorf(idp.Invalid, "Only an OpenID Connect app can be removed.")
		}
		a.OIDC.Removed, a.LaunchURL, a.OIDC.InitiateLoginURI = true, "", ""
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
	return r, d.changeOIDC(ctx, id, d.event(ctx, "app.remove.done"), func(a *idp.App) error {
		a.OIDC.RegistrationTokenHash, a.OIDC.SecretHashes = "", nil
		return nil
	})
}

// RevokeRegistration takes away the token with which an app manages its own
// registration (RFC 7592); the app stays as it is. It answers idp.NotFound where
// the app has none.
func (d *Directory) RevokeRegistration(ctx context.Context, id idp.AppID) error {
	return d.changeOIDC(ctx, id, d.event(ctx, "app.registration.revoke"), func(a *idp.App) error {
		if a.OIDC == nil || a.OIDC.RegistrationTokenHash == "" {
			return idp.Errorf(idp.NotFound, "This app has no registration access token: it did not register itself, or the token was taken away.")
		}
		a.OIDC.RegistrationTokenHash = ""
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

// changeOIDC returns when no node has a copy of what was before.
func (d *Directory) changeOIDC(ctx context.Context, id idp.AppID, e idp.Event, change func(*idp.App) error) error {
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
