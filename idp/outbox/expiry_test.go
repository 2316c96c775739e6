package outbox

import (
	"fmt"
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

// ungrant ends the grant by which u uses a.
func (h *house) ungrant(u idp.User, a idp.App) idp.ReceiptID {
	h.Helper()
	grants, err := h.store.Grants(h.Context(), a.ID)
	h.must(err)
	e := idp.Ending{Kind: idp.EndGrant, UserID: u.ID, AppID: a.ID, Key: "ungrant", ReceiptID: idp.NewReceiptID(), At: idp.Time(h.now())}
	h.commit(idp.Change{RemoveGrants: []idp.GrantID{grants[0].ID}, Ending: &e})
	return e.ReceiptID
}

// TestAJWTOutlivesTheRefreshTokenItCameOf: one that is ended without a receipt (the
// app revokes it, the person takes back their consent), after its session, right
// before something else ends everything: the receipt says until when the JWT lives.
func TestAJWTOutlivesTheRefreshTokenItCameOf(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(h *house, u idp.User, a idp.App) idp.ReceiptID{
		"a suspension": func(h *house, u idp.User, _ idp.App) idp.ReceiptID { return h.suspend(u) },
		"all passes": func(h *house, u idp.User, _ idp.App) idp.ReceiptID {
			return h.end(idp.Ending{Kind: idp.EndPasses, UserID: u.ID})
		},
		"a grant": func(h *house, u idp.User, a idp.App) idp.ReceiptID { return h.ungrant(u, a) },
		"the app": func(h *house, _ idp.User, a idp.App) idp.ReceiptID {
			return h.end(idp.Ending{Kind: idp.EndApp, AppID: a.ID})
		},
	} {
		for _, revoked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, revoked %v", name, revoked), func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				r := newRemote(t, nil)
				app := h.app("wiki", r.URL, speaksOIDC, speaksJWT, func(a *idp.App) { a.OIDC.AccessTokenTTL = time.Hour })
				u := h.person("ada", app)
				s := h.signIn(u)
				h.offline(s, u, app)
				h.run(h.worker("w"))
				out := h.end(idp.Ending{Kind: idp.EndSession, UserID: u.ID, SessionID: s.ID, SignedOut: true})
				h.eventually(out, "told", func(d idp.Delivery) bool { return d.State.Final() || d.Lever == idp.LeverExpiry })
				h.move(3 * time.Hour)
				h.eventually(out, "over", final)
				families, err := h.store.FamiliesIn(t.Context(), u.ID, app.ID, h.now())
				h.must(err)
				f := families[0]
				_, err = h.store.Rotate(t.Context(), f.ID, f.Proof, f.Seq, idp.Time(h.now()), time.Second) // a JWT for an hour
				h.must(err)
				told := r.told.Load()
				h.move(time.Minute)
				if revoked {
					h.commit(idp.Change{Ending: &idp.Ending{Kind: idp.EndFamily, UserID: u.ID, FamilyID: f.ID, Key: "family", At: idp.Time(h.now())}})
				}
				h.move(time.Minute)
				id := end(h, u, app)
				lines := h.eventually(id, "told, and alive", func(d idp.Delivery) bool { return d.State.Final() || d.Lever == idp.LeverExpiry })
				alive := 0
				for _, d := range lines {
					if d.Lever == idp.LeverExpiry && d.UserID == u.ID && d.Ceiling.After(h.now().Add(50*time.Minute)) {
						alive++
					}
				}
				if alive != 1 {
					t.Errorf("a JWT is good for another 58 minutes, and the receipt says: %s", states(lines))
				}
				if again := r.told.Load() - told; revoked == (again > 0) {
					t.Errorf("the app was told %d times", again)
				}
				h.move(2 * time.Hour)
				h.eventually(id, "final", final)
			})
		}
	}
}

// TestNoLineForTokensThatAreOver: what was handed out expired before the cut, or
// is asked about.
func TestNoLineForTokensThatAreOver(t *testing.T) {
	t.Parallel()
	app, r := wiki(), idp.Receipt{Kind: idp.EndUser, CutAt: cut}
	given := cut.Add(-30 * time.Minute)
	if got := jwtLines(r, app, idp.Delivery{}, given, cut); len(got) != 0 {
		t.Errorf("of opaque tokens: %+v", got)
	}
	speaksJWT(&app) // five minutes
	if got := jwtLines(r, app, idp.Delivery{}, given, cut); len(got) != 0 {
		t.Errorf("of those that are over: %+v", got)
	}
	app.OIDC.AccessTokenTTL = time.Hour
	if got := jwtLines(r, app, idp.Delivery{}, given, cut); len(got) != 1 || got[0].Ceiling.Before(cut.Add(30*time.Minute)) || got[0].Ceiling.After(cut.Add(31*time.Minute)) {
		t.Errorf("of an hour: %+v", got)
	}
}
