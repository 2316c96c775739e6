package oidc_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
)

// tv is a device without a browser, of the phone's app.
type tv struct {
	h    *house
	asks answer
}

func (h *house) tv() tv {
	h.t.Helper()
	h.changeApp(h.phone.ID, func(a *idp.App) { a.OIDC.DeviceGrant = true })
	a := h.asPhone().post("/oauth/device_authorization", url.Values{"scope": {"openid profile offline_access stock.read"}})
	if a.status != http.StatusOK {
		h.t.Fatalf("%d %v", a.status, a.body)
	}
	return tv{h, a}
}

func (d tv) form() url.Values {
	return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {d.asks.text("device_code")}}
}

// poll asks in good time.
func (d tv) poll() answer {
	d.h.t.Helper()
	d.h.clock.Advance(6 * time.Second)
	return d.h.asPhone().post("/oauth/token", d.form())
}

func (d tv) decide(s idp.Session, allow bool) error {
	_, err := d.h.provider.DecideDevice(d.h.t.Context(), s, d.asks.text("user_code"), allow)
	return err
}

func TestADeviceSignsInByAnotherBrowser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.tv()
	code := d.asks.text("user_code")
	if d.asks.text("verification_uri") != h.provider.Issuer+"/device" || d.asks.text("verification_uri_complete") != h.provider.Issuer+"/device?user_code="+code ||
		d.asks.body["expires_in"].(float64) != 600 || d.asks.body["interval"].(float64) != 5 {
		t.Errorf("%v", d.asks.body)
	}
	d.poll().wants(t, http.StatusBadRequest, "authorization_pending")
	h.asPhone().post("/oauth/token", d.form()).wants(t, http.StatusBadRequest, "slow_down")
	d.poll().wants(t, http.StatusBadRequest, "slow_down") // ten seconds by now
	h.clock.Advance(time.Minute)

	s := h.person().newSession(h.ada)
	asked, app, err := h.provider.DeviceAsked(t.Context(), s, strings.ToLower(strings.ReplaceAll(code, "-", " ")))
	h.must(err)
	if app.ID != h.phone.ID || strings.Join(asked.Scopes, " ") != "openid profile offline_access" {
		t.Errorf("%s asks for %v", app.Name, asked.Scopes)
	}
	h.must(d.decide(s, true))
	a := d.poll()
	if a.status != http.StatusOK || a.text("refresh_token") == "" || a.text("scope") != "openid profile offline_access" {
		t.Fatalf("%d %v", a.status, a.body)
	}
	claims := claimsOf(t, a.text("id_token"))
	if claims["sub"] != string(h.ada.ID) || claims["aud"] != "phone" || claims["sid"] == nil || claims["auth_time"] == nil || claims["nonce"] != nil {
		t.Errorf("claims %v", claims)
	}
	if u := h.userinfo(a.text("access_token")); u.text("preferred_username") != "ada" {
		t.Errorf("userinfo: %d %v", u.status, u.body)
	}
	h.wantEvent("oidc.device.confirm")
	// The receipt of an ending knows of it like of any other door.
	if there, err := h.store.Participants(t.Context(), h.ada.ID, h.clock.Now()); err != nil || len(there) != 1 || there[0].AppID != h.phone.ID {
		t.Errorf("participants %+v, %v", there, err)
	}
	h.clock.Advance(time.Minute)
	d.poll().wants(t, http.StatusBadRequest, "invalid_grant")
	h.userinfo(a.text("access_token")).wants(t, http.StatusUnauthorized, "invalid_token")
}

func TestADeviceIsTurnedAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.person().newSession(h.ada)
	d := h.tv()
	h.must(d.decide(s, false))
	d.poll().wants(t, http.StatusBadRequest, "access_denied")
	if err := d.decide(s, true); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("confirmed after it was denied: %v", err)
	}
	d = h.tv()
	h.clock.Advance(10 * time.Minute)
	if err := d.decide(s, true); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("confirmed too late: %v", err)
	}
	d.poll().wants(t, http.StatusBadRequest, "expired_token")
	d = h.tv()
	if err := d.decide(h.person().newSession(h.bob), true); !idp.IsKind(err, idp.Denied) {
		t.Errorf("by somebody who may not use the app: %v", err)
	}
	d.poll().wants(t, http.StatusBadRequest, "authorization_pending")
	h.asOther().post("/oauth/device_authorization", url.Values{}).wants(t, http.StatusBadRequest, "unauthorized_client")
	h.asOther().post("/oauth/token", d.form()).wants(t, http.StatusBadRequest, "unauthorized_client")
	h.changeApp(h.other.ID, func(a *idp.App) { a.OIDC.DeviceGrant = true })
	h.asOther().post("/oauth/token", d.form()).wants(t, http.StatusBadRequest, "invalid_grant")
	h.asPhone().post("/oauth/token", url.Values{"grant_type": d.form()["grant_type"], "device_code": {"x"}}).wants(t, http.StatusBadRequest, "invalid_grant")
}

// TestCO07SuspendedWhileADeviceWaits: before the person confirmed, between that
// and the poll, and when they are back.
func TestCO07SuspendedWhileADeviceWaits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.person().newSession(h.ada)
	waiting, confirmed := h.tv(), h.tv()
	h.must(confirmed.decide(s, true))
	_, err := h.dir.Suspend(t.Context(), h.ada.ID, "test")
	h.must(err)
	if err := waiting.decide(s, true); !idp.IsKind(err, idp.Unauthenticated) && !idp.IsKind(err, idp.Denied) {
		t.Errorf("confirmed by somebody suspended: %v", err)
	}
	waiting.poll().wants(t, http.StatusBadRequest, "authorization_pending")
	confirmed.poll().wants(t, http.StatusBadRequest, "invalid_grant")
	_, err = h.dir.Restore(t.Context(), h.ada.ID)
	h.must(err)
	confirmed.poll().wants(t, http.StatusBadRequest, "invalid_grant")
	if err := waiting.decide(s, true); !idp.IsKind(err, idp.Unauthenticated) {
		t.Errorf("confirmed by a session of before: %v", err)
	}
}

func TestADeviceOfAnAppThatWasEnded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.person().newSession(h.ada)
	waiting, confirmed, signedOut := h.tv(), h.tv(), h.tv()
	h.must(signedOut.decide(s, true))
	_, err := h.dir.SignOut(t.Context(), s)
	h.must(err)
	signedOut.poll().wants(t, http.StatusBadRequest, "invalid_grant")
	s = h.person().newSession(h.ada)
	h.must(confirmed.decide(s, true))
	_, err = h.dir.EndApp(t.Context(), h.phone.ID, "test")
	h.must(err)
	confirmed.poll().wants(t, http.StatusBadRequest, "invalid_grant")
	if err := waiting.decide(s, true); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("%v", err)
	}
}

func TestADeviceCodeIsExchangedOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.tv()
	h.must(d.decide(h.person().newSession(h.ada), true))
	var wins atomic.Int64
	var all sync.WaitGroup
	h.clock.Advance(time.Minute)
	for range 16 {
		all.Go(func() {
			a, err := h.asPhone().try("/oauth/token", d.form())
			switch {
			case err != nil:
				t.Error(err)
			case a.status == http.StatusOK:
				wins.Add(1)
			case a.text("error") != "slow_down" && a.text("error") != "invalid_grant":
				t.Errorf("%d %v", a.status, a.body)
			}
		})
	}
	all.Wait()
	if wins.Load() != 1 {
		t.Errorf("%d wins", wins.Load())
	}
}

func TestUserCodesAreNotGuessed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.tv()
	s := h.person().newSession(h.ada)
	for range 20 {
		if _, _, err := h.provider.DeviceAsked(t.Context(), s, "BBBB-BBBB"); !idp.IsKind(err, idp.NotFound) {
			t.Fatal(err)
		}
	}
	if err := d.decide(s, true); !idp.IsKind(err, idp.Throttled) {
		t.Errorf("the right one, after twenty wrong ones: %v", err)
	}
	h.clock.Advance(9*time.Minute + 50*time.Second)
	if err := d.decide(s, true); !idp.IsKind(err, idp.Throttled) {
		t.Errorf("before the time is over: %v", err)
	}
	if err := d.decide(h.person().newSession(h.ada), true); !idp.IsKind(err, idp.Throttled) {
		t.Errorf("in another browser of the same person: %v", err)
	}
}

// TestADeviceOfAForeignAppHasConsent: to confirm it is to allow its app what it
// asks, which is remembered, and taken back with all that the device has or is
// about to get.
func TestADeviceOfAForeignAppHasConsent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.phone.ID, func(a *idp.App) { a.OIDC.ThirdParty = true })
	ada := h.person().newSession(h.ada)
	consent := func() (idp.Consent, error) { return h.store.ConsentTo(t.Context(), h.ada.ID, h.phone.ID) }
	turned := h.tv()
	h.must(turned.decide(ada, false))
	if c, err := consent(); !idp.IsKind(err, idp.NotFound) {
		t.Fatalf("turned away is allowed: %v %v", c, err)
	}
	first := h.tv()
	h.must(first.decide(ada, true))
	c, err := consent()
	if h.must(err); strings.Join(c.Scopes, " ") != "openid profile offline_access" {
		t.Errorf("remembered %v", c.Scopes)
	}
	tokens := first.poll()
	if tokens.status != http.StatusOK {
		t.Fatalf("%d %v", tokens.status, tokens.body)
	}
	waiting := h.tv()
	h.must(waiting.decide(ada, true)) // and not polled yet
	if c, err = consent(); err != nil {
		t.Fatal(err)
	}
	h.must(h.dir.RevokeConsent(t.Context(), c))
	h.userinfo(tokens.text("access_token")).wants(t, http.StatusUnauthorized, "invalid_token")
	waiting.poll().wants(t, http.StatusBadRequest, "invalid_grant")
}
