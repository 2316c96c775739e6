package directory

import (
	"context"
	"slices"
	"strings"
	"time"

	"gatehouse/idp"
)

// Consents is what people have agreed to, and what it let apps have.
type Consents interface {
	Consent(ctx context.Context, id idp.ConsentID) (idp.Consent, error)
	Consents(ctx context.Context, user idp.UserID) ([]idp.Consent, error)
	ConsentTo(ctx context.Context, user idp.UserID, app idp.AppID) (idp.Consent, error)
	FamiliesIn(ctx context.Context, user idp.UserID, app idp.AppID, now time.Time) ([]idp.TokenFamily, error)
}

// GiveConsent writes down that a person allows an app these scopes, on top of
// those that they have allowed it before, and returns the whole. One that was
// half taken back is taken back first: it brings nothing back.
func (d *Directory) GiveConsent(ctx context.Context, user idp.UserID, app idp.AppID, scopes []string) (idp.Consent, error) {
	a, err := d.Store.App(ctx, app)
	if err != nil {
		return idp.Consent{}, err
	}
	var c idp.Consent
	err = retry(func() error {
		now := d.now()
		c, err = d.Store.ConsentTo(ctx, user, app)
		switch {
		case idp.IsKind(err, idp.NotFound):
			if err := d.finishRevoking(ctx, user, app); err != nil {
				return err
			}
			c = idp.Consent{ID: idp.NewConsentID(), UserID: user, AppID: app, GivenAt: now}
		case err != nil:
			return err
		}
		c.Scopes, c.UpdatedAt = append(slices.Clone(c.Scopes), c.Missing(scopes)...), now
		e := d.consentEvent(ctx, "consent.give", c, a.Name)
		_, err = d.Store.Commit(ctx, idp.Change{Consents: []idp.Consent{c}, Events: []idp.Event{e}})
		return err
	})
	c.Version++
	return c, err
}

// RevokeConsent takes a consent back, and ends what the app holds of the
// person. From the first step on the consent counts no more: whoever writes down
// what came of it looks after that whether it stands, so one of the two sees the
// other. It is gone in the last, so that one who tries again after an error still
// finds what to take back.
func (d *Directory) RevokeConsent(ctx context.Context, c idp.Consent) error {
	err := retry(func() (err error) {
		if c, err = d.Store.Consent(ctx, c.ID); err != nil || !c.RevokedAt.IsZero() {
			return err
		}
		a, err := d.Store.App(ctx, c.AppID)
		if err != nil {
			return err
		}
		c.RevokedAt = d.now()
		_, err = d.Store.Commit(ctx, idp.Change{
			Consents: []idp.Consent{c}, Events: []idp.Event{d.consentEvent(ctx, "consent.revoke", c, a.Name)},
		})
		return err
	})
	if err != nil {
		return err
	}
	return d.endConsent(ctx, c)
}

// finishRevoking takes back what is left of a consent that was half taken back,
// if there is one.
func (d *Directory) finishRevoking(ctx context.Context, user idp.UserID, app idp.AppID) error {
	all, err := d.Store.Consents(ctx, user)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.AppID == app && !c.RevokedAt.IsZero() {
			return d.endConsent(ctx, c)
		}
	}
	return nil
}

// endConsent ends what the app holds of the person, and removes the consent.
func (d *Directory) endConsent(ctx context.Context, c idp.Consent) error {
	if err := d.endFamilies(ctx, c); err != nil {
		return err
	}
	_, err := d.Store.Commit(ctx, idp.Change{RemoveConsents: []idp.ConsentID{c.ID}})
	return err
}

func (d *Directory) consentEvent(ctx context.Context, kind string, c idp.Consent, app string) idp.Event {
	e := d.event(ctx, kind)
	e.UserID, e.AppID = c.UserID, c.AppID
	e.Detail = map[string]string{"app": app, "scopes": strings.Join(c.Scopes, " ")}
	return e
}

// endFamilies ends the token families that the app holds of the person.
func (d *Directory) endFamilies(ctx context.Context, c idp.Consent) error {
	families, err := d.Store.FamiliesIn(ctx, c.UserID, c.AppID, d.now())
	if err != nil {
		return err
	}
	for _, f := range families {
		if err := d.EndFamily(ctx, f, "the person took back their consent"); err != nil {
			return err
		}
	}
	return nil
}
