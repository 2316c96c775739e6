package portal

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui/uitest"
)

// oneConsent is a store in which a person has allowed one app.
type oneConsent struct {
	Store
	app idp.App
}

func (s oneConsent) Consents(context.Context, idp.UserID) ([]idp.Consent, error) {
	return []idp.Consent{{ID: "con_a", AppID: s.app.ID, Scopes: []string{"openid"}}}, nil
}

func (s oneConsent) App(context.Context, idp.AppID) (idp.App, error) { return s.app, nil }

// TestTakingBackSaysWhatLivesOn: of JWT access tokens, that they cannot be taken
// back, and for how long at most; of those that everybody must ask about, nothing.
func TestTakingBackSaysWhatLivesOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings idp.OIDCSettings
		says     string
	}{
		"opaque":           {idp.OIDCSettings{}, ""},
		"JWT":              {idp.OIDCSettings{AccessTokenFormat: idp.AccessTokenJWT}, "for up to 6 minutes more"},
		"of half a minute": {idp.OIDCSettings{AccessTokenFormat: idp.AccessTokenJWT, AccessTokenTTL: 30 * time.Second}, "for up to 1 minute more"},
		"JWT until lately": {idp.OIDCSettings{JWTUntil: uitest.Now().Add(40 * time.Minute)}, "for up to 40 minutes more"},
		"JWT long ago":     {idp.OIDCSettings{JWTUntil: uitest.Now().Add(-time.Minute)}, ""},
	} {
		p := &Portal{Store: oneConsent{app: idp.App{ID: "app_a", Name: "Notes", OIDC: &c.settings}}}
		rows, err := p.allowed(t.Context(), "usr_a", uitest.Now())
		if err != nil || len(rows) != 1 {
			t.Fatalf("%s: %v, %v", name, rows, err)
		}
		var page strings.Builder
		if err := allowedApps(rows).Render(t.Context(), &page); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(page.String(), "it can no longer ask here"); got != (c.says != "") || !strings.Contains(page.String(), c.says) {
			t.Errorf("%s: the page is to say %q: %s", name, c.says, page.String())
		}
	}
}
