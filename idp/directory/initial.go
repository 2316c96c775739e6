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

// RevokeRegistration takes away the token with which an app manages its own
// registration (RFC 7592); the app stays as it is. It answers idp.NotFound where
// the app has none.
func (d *Directory) RevokeRegistration(ctx context.Context, id idp.AppID) error {
	return d.changeApp(ctx, id, d.event(ctx, "app.registration.revoke"), func(a *idp.App) error {
		if a.OIDC == nil || a.OIDC.RegistrationTokenHash == "" {
			return idp.Errorf(idp.NotFound, "This app has no registration access token: it did not register itself, or the token was taken away.")
		}
		a.OIDC.RegistrationTokenHash = ""
		return nil
	})
}
