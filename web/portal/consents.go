package portal

import (
	"context"
	"net/http"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

func halfTakenBack(ctx context.Context) string {
	return ui.T(ctx, "You have taken this back, but not all that the app holds of you has ended yet. Take it back again.")
}

// allowed are the apps that the person has allowed to learn of them.
func (p *Portal) allowed(ctx context.Context, me idp.UserID, now time.Time) ([]consentRow, error) {
	consents, err := p.Store.Consents(ctx, me)
	if err != nil {
		return nil, err
	}
	rows := make([]consentRow, 0, len(consents))
	for _, c := range consents {
		app, err := p.Store.App(ctx, c.AppID)
		if err != nil {
			return nil, err
		}
		row := consentRow{
			ID: string(c.ID), App: app.Name, Learns: strings.Join(ui.Learns(ctx, app, c.Scopes), " · "),
			ComesBack: ui.ComesBack(c.Scopes), Since: c.GivenAt,
		}
		if until := app.JWTsUntil(now); !until.IsZero() {
			row.Keeps = until.Sub(now)
		}
		if !c.RevokedAt.IsZero() {
			row.Learns, row.ComesBack = halfTakenBack(ctx), false
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// takeBack revokes a consent of the person, with what the app holds of them;
// somebody else's is not found.
func (p *Portal) takeBack(w http.ResponseWriter, r *http.Request) error {
	c, err := p.Store.Consent(r.Context(), idp.ConsentID(r.PathValue("id")))
	switch {
	case err != nil:
		return err
	case c.UserID != ui.VisitOf(r.Context()).User.ID:
		return idp.Errorf(idp.NotFound, "You have allowed no such app.")
	}
	if err := p.Directory.RevokeConsent(r.Context(), c); err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/#allowed")
}
