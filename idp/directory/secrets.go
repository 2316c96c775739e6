package directory

import (
	"context"
	"slices"

	"gatehouse/idp"
)

// AddSecret gives a confidential app a second secret, so that the app can be
// moved to it before the first is removed. The raw secret is returned and never
// stored. It answers idp.Denied where the app has two, idp.Invalid
// where it does not authenticate by one, and idp.Conflict where it was removed.
func (d *Directory) AddSecret(ctx context.Context, id idp.AppID) (raw string, secret idp.ClientSecret, err error) {
	raw, hash := NewSecret()
	secret = idp.ClientSecret{ID: idp.SecretIDOf(hash), MadeAt: d.now()}
	return raw, secret, d.changeSecrets(ctx, id, "app.secret.add", secret.ID, func(o *idp.OIDCSettings) error {
		if len(o.SecretHashes) >= idp.MaxSecrets {
			return idp.Errorf(idp.Denied, "This app has two secrets already. Remove the one that it does not use any more, then add another.")
		}
		// The newest first.
		o.SecretHashes = append([]string{hash}, o.SecretHashes...)
		return nil
	})
}

// RemoveSecret takes a secret away from an app: when it has returned, no node
// takes it any more. It answers idp.NotFound where the app has no such secret,
// and idp.Denied for its last one.
func (d *Directory) RemoveSecret(ctx context.Context, id idp.AppID, secret idp.SecretID) error {
	return d.changeSecrets(ctx, id, "app.secret.remove", secret, func(o *idp.OIDCSettings) error {
		left := slices.DeleteFunc(slices.Clone(o.SecretHashes), func(h string) bool { return idp.SecretIDOf(h) == secret })
		switch {
		case len(left) == len(o.SecretHashes):
			return idp.Errorf(idp.NotFound, "This app has no such secret.")
		case len(left) == 0:
			return idp.Errorf(idp.Denied, "This is the app's last secret. Add another and give it to the app, then remove this one.")
		}
		o.SecretHashes = left
		return nil
	})
}

// changeSecrets returns when no node has a copy of what was before.
func (d *Directory) changeSecrets(ctx context.Context, id idp.AppID, kind string, secret idp.SecretID, change func(*idp.OIDCSettings) error) error {
	e := d.event(ctx, kind)
	e.Detail = map[string]string{"secret": string(secret)}
	return d.changeApp(ctx, id, e, func(a *idp.App) error {
		if err := standing(*a); err != nil {
			return err
		}
		if a.OIDC == nil || !NeedsSecret(*a.OIDC) {
			return idp.Errorf(idp.Invalid, "This app keeps no secret: it is public, authenticates by keys or a certificate, or speaks SAML.")
		}
		return change(a.OIDC)
	})
}
