package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	consentColumns = `c.id, c.user_id, c.app_id, c.scopes, c.given_at, c.updated_at, c.revoked_at, c.version`

	insertConsent = `INSERT INTO consents (id, user_id, app_id, scopes, given_at, updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, 1)`
	updateConsent = `UPDATE consents SET scopes = $3, updated_at = $4, revoked_at = $5, version = version + 1 WHERE id = $1 AND version = $2`
	deleteConsent = `DELETE FROM consents WHERE id = $1`

	consentByID = `SELECT ` + consentColumns + ` FROM consents c WHERE c.id = $1`
	consentTo   = `SELECT ` + consentColumns + ` FROM consents c WHERE c.user_id = $1 AND c.app_id = $2 AND c.revoked_at = 0`
	consentsOf  = `SELECT ` + consentColumns + ` FROM consents c JOIN apps a ON a.id = c.app_id WHERE c.user_id = $1 ORDER BY a.name`

	familiesIn = `SELECT ` + familyColumns + ` FROM token_families f
		WHERE f.user_id = $1 AND f.app_id = $2 AND f.revoked_at = 0 AND f.expires_at > $3 ORDER BY f.created_at, f.id`
)

func scanConsent(r row) (c idp.Consent, err error) {
	return c, r.Scan(&c.ID, &c.UserID, &c.AppID, words(&c.Scopes), at(&c.GivenAt), at(&c.UpdatedAt), at(&c.RevokedAt), &c.Version)
}

func consentStep(c idp.Consent) step {
	if c.Version == 0 {
		return do(insertConsent, c.ID, c.UserID, c.AppID, joined(c.Scopes), us(c.GivenAt), us(c.UpdatedAt))
	}
	return must(stale("consent"), updateConsent, c.ID, c.Version, joined(c.Scopes), us(c.UpdatedAt), us(c.RevokedAt))
}

// Consent returns the consent with this ID, also while it is being taken back.
func (s *Store) Consent(ctx context.Context, id idp.ConsentID) (idp.Consent, error) {
	return one(ctx, s, "consent", scanConsent, consentByID, id)
}

// ConsentTo returns what the user has allowed the app; idp.NotFound when it
// was never asked, or was taken back, be it half. It is read from the database each time.
func (s *Store) ConsentTo(ctx context.Context, user idp.UserID, app idp.AppID) (idp.Consent, error) {
	return one(ctx, s, "consent", scanConsent, consentTo, user, app)
}

// Consents returns all that the user has allowed, by the apps' names, and what
// is being taken back.
func (s *Store) Consents(ctx context.Context, user idp.UserID) ([]idp.Consent, error) {
	return list(ctx, s, "consents", scanConsent, consentsOf, user)
}

// FamiliesIn returns the token families that an app holds of a user and that
// have neither ended nor expired, the oldest first.
func (s *Store) FamiliesIn(ctx context.Context, user idp.UserID, app idp.AppID, now time.Time) ([]idp.TokenFamily, error) {
	return list(ctx, s, "token families", scanFamily, familiesIn, user, app, us(now))
}
