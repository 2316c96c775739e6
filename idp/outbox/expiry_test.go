package outbox

import (
	"testing"
	"time"

	"gatehouse/idp"
)

func speaksJWT(a *idp.App) { a.OIDC.AccessTokenFormat = idp.AccessTokenJWT }

// TestJWTsAreAliveUntilTheyExpire: an app whose access tokens nobody can take
// back has a line that says so and until when, beside that of its session; and
// that is what the exposure says before.
func TestJWTsAreAliveUntilTheyExpire(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	app := h.app("wiki", r.URL, speaksOIDC, speaksJWT)
	u := h.person("ada", app)
	h.signIn(u, app)
	h.offline(h.signIn(u), u, app)
	h.move(20 * time.Minute) // nothing can land any more
	w := h.worker("w")
	e, err := w.Exposure(t.Context(), u)
	h.must(err)
	if len(e) != 1 || e[0].Basis != idp.BasisJWT || e[0].Within < 5*time.Minute || !e[0].Bounded(6*time.Minute) {
		t.Errorf("exposure %+v", e)
	}
	if e, err := w.Ceiling(t.Context(), app, time.Hour); err != nil || e.Basis != idp.BasisJWT || e.Within < 5*time.Minute {
		t.Errorf("the app's ceiling is %+v, %v", e, err)
	}
	h.run(w)
	id := h.suspend(u)
	lines := h.eventually(id, "told, and alive", func(d idp.Delivery) bool {
		return d.State == map[idp.Lever]idp.DeliveryState{idp.LeverExpiry: idp.DeliveryAlive, idp.LeverBackchannel: idp.DeliveryAcknowledged, idp.LeverSOAP: idp.DeliveryAcknowledged}[d.Lever]
	})
	if len(lines) != 3 { // two sessions, and the tokens
		t.Fatalf("%d lines: %s", len(lines), states(lines))
	}
	for _, d := range lines {
		if d.Lever == idp.LeverExpiry && (d.Ceiling.IsZero() || d.Answer != jwtsLive || d.SessionID != "") {
			t.Errorf("the line of the tokens: %+v", d)
		}
	}
	h.move(6 * time.Minute)
	h.eventually(id, "final", final)
}

// TestJWTsOfEarlierSettingsCount: tokens do not die because the app is
// registered for others since.
func TestJWTsOfEarlierSettingsCount(t *testing.T) {
	t.Parallel()
	app := wiki()
	if got := app.JWTsUntil(cut); !got.IsZero() {
		t.Errorf("opaque tokens live until %s", got)
	}
	app.OIDC.JWTUntil = cut.Add(40 * time.Minute)
	if got := app.JWTsUntil(cut); !got.Equal(app.OIDC.JWTUntil) {
		t.Errorf("those of earlier settings live until %s", got)
	}
	if got := app.JWTsUntil(cut.Add(time.Hour)); !got.IsZero() {
		t.Errorf("an hour later they live until %s", got)
	}
	speaksJWT(&app)
	if got := app.JWTsUntil(cut); !got.Equal(app.OIDC.JWTUntil) {
		t.Errorf("shorter ones since: until %s", got)
	}
}

// TestTokensOfAMachineAreOnTheReceiptOfItsEnd: they are nobody's, and no person's
// receipt has them.
func TestTokensOfAMachineAreOnTheReceiptOfItsEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	robot := h.app("robot", "", speaksOIDC, speaksJWT, func(a *idp.App) { a.OIDC.ApplicationType, a.OIDC.BackchannelLogoutURI = idp.ApplicationMachine, "" })
	mute := h.app("mute", "", speaksOIDC, func(a *idp.App) { a.OIDC.ApplicationType = idp.ApplicationMachine })
	w := h.worker("w")
	h.run(w)
	for name, id := range map[string]idp.ReceiptID{
		"of the app":        h.end(idp.Ending{Kind: idp.EndApp, AppID: robot.ID}),
		"of all before now": h.end(idp.Ending{Kind: idp.EndBefore, Before: idp.Time(h.now())}),
	} {
		lines := h.eventually(id, "alive", func(d idp.Delivery) bool { return d.State == idp.DeliveryAlive })
		if len(lines) != 1 || lines[0].AppID != robot.ID || lines[0].UserID != "" || lines[0].Ceiling.Before(h.now()) {
			t.Errorf("%s: %s", name, states(lines))
		}
	}
	for a, want := range map[idp.AppID]idp.Basis{robot.ID: idp.BasisJWT, mute.ID: idp.BasisClosed} {
		app, err := h.store.App(t.Context(), a)
		h.must(err)
		if e, err := w.Ceiling(t.Context(), app, time.Hour); err != nil || e.Basis != want {
			t.Errorf("the ceiling is %+v, %v, want %s", e, err, want)
		}
	}
}
