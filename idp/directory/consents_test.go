package directory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
)

// forgetful is a store that cannot say what an app holds.
type forgetful struct{ directory.Store }

func (forgetful) FamiliesIn(context.Context, idp.UserID, idp.AppID, time.Time) ([]idp.TokenFamily, error) {
	return nil, errors.New("the database went away")
}

func (f forgetful) InForce(ctx context.Context, n int64) error { return f.Store.InForce(ctx, n) }

// TestAConsentThatWasHalfTakenBackIsStillThere: it counts no more, and can be
// taken back again; which writes one event.
func TestAConsentThatWasHalfTakenBackIsStillThere(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	app := must[idp.App](t)(d.AddApp(ctx, oidcApp("https://app.example/cb", func(o *idp.OIDCSettings) { o.ThirdParty = true })))
	u := add(t, d, "ada", idp.RoleEmployee)
	c := must[idp.Consent](t)(d.GiveConsent(ctx, u.ID, app.ID, []string{"openid"}))
	whole := d.Store
	d.Store = forgetful{whole}
	if err := d.RevokeConsent(ctx, c); err == nil {
		t.Fatal("it did not break off")
	}
	if _, err := s.ConsentTo(ctx, u.ID, app.ID); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("it counts still: %v", err)
	}
	if _, err := d.GiveConsent(ctx, u.ID, app.ID, []string{"openid"}); err == nil {
		t.Error("it was given anew over what the app still holds")
	}
	if half := must[idp.Consent](t)(s.Consent(ctx, c.ID)); half.RevokedAt.IsZero() {
		t.Errorf("what is left is %+v", half)
	}
	d.Store = whole
	if err := d.RevokeConsent(ctx, c); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Consent(ctx, c.ID); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("it is left: %v", err)
	}
	events, _, err := s.Events(ctx, idp.EventQuery{UserID: u.ID})
	if err != nil {
		t.Fatal(err)
	}
	revoked := 0
	for _, e := range events {
		if e.Kind == "consent.revoke" {
			revoked++
		}
	}
	if revoked != 1 {
		t.Errorf("%d events, want 1", revoked)
	}
}
