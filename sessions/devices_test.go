package sessions_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/sessions"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

func TestUserCodesAreReadAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"WDJB-MJHT": "WDJBMJHT", "wdjbmjht": "WDJBMJHT", " wdjb mjht ": "WDJBMJHT", "w.d_j-b-m-j-h-t": "WDJBMJHT",
		"": "", "WDJB": "", "WDJB-MJHTX": "", "WDJA-MJHT": "", "WDJB-MJH1": "", "ＷDJB-MJHT": "", strings.Repeat("B", 100): "",
		strings.Repeat(" ", 40) + "WDJBMJHT": "WDJBMJHT",
	} {
		if got := sessions.CanonicalUserCode(typed); got != want {
			t.Errorf("%q is %q, want %q", typed, got, want)
		}
	}
}

func FuzzCanonicalUserCode(f *testing.F) {
	f.Add("WDJB-MJHT")
	f.Add("wdjb\x00mjht")
	f.Fuzz(func(t *testing.T, typed string) {
		code := sessions.CanonicalUserCode(typed)
		if code != "" && (len(code) != 8 || sessions.CanonicalUserCode(code) != code) {
			t.Errorf("%q is %q", typed, code)
		}
	})
}

func TestUserCodesHaveEnoughOfThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	letters, codes := map[rune]bool{}, map[string]bool{}
	for range 200 {
		_, code, _, err := w.gate.NewDevice(w.ctx, idp.DeviceCode{AppID: w.app.ID})
		w.must(err)
		if len(code) != 9 || code[4] != '-' || strings.ContainsAny(code, "AEIOUY0123456789") || codes[code] {
			t.Errorf("user code %q", code)
		}
		codes[code] = true
		for _, r := range strings.ReplaceAll(code, "-", "") {
			letters[r] = true
		}
	}
	if len(letters) != 20 {
		t.Errorf("%d letters", len(letters))
	}
}

// TestADeviceIsDecidedOnceAndPolledInTime: one answer, and a device that asks
// too soon waits longer each time.
func TestADeviceIsDecidedOnceAndPolledInTime(t *testing.T) {
	backends(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		raw, typed, d, err := w.gate.NewDevice(w.ctx, idp.DeviceCode{AppID: w.app.ID, Scopes: []string{"openid"}})
		w.must(err)
		poll := func(after time.Duration, hurried bool) idp.DeviceCode {
			t.Helper()
			w.later(after)
			d, err := w.gate.PollDevice(w.ctx, raw, w.app.ID)
			w.must(err)
			if d.Hurried != hurried {
				t.Errorf("a poll after %s: hurried is %v", after, d.Hurried)
			}
			return d
		}
		poll(0, false)
		poll(4*time.Second, true)
		poll(6*time.Second, true) // it is ten seconds now
		poll(15*time.Second, false)
		if _, err := w.gate.PollDevice(w.ctx, raw, "app_other"); !idp.IsKind(err, idp.Unauthenticated) {
			t.Errorf("of another app: %v", err)
		}
		if got, err := w.gate.Device(w.ctx, strings.ToLower(typed)); err != nil || got.ID != d.ID {
			t.Errorf("by its user code: %+v, %v", got, err)
		}
		_, session := w.session()
		w.must(w.gate.ConfirmDevice(w.ctx, session, d))
		if got := poll(time.Minute, false); got.Proof != session.Proof || got.SessionID != session.ID || got.Denied {
			t.Errorf("confirmed: %+v", got)
		}
		for what, again := range map[string]error{
			"confirmed": w.gate.ConfirmDevice(w.ctx, session, d), "denied": w.gate.DenyDevice(w.ctx, d),
		} {
			if !idp.IsKind(again, idp.Conflict) {
				t.Errorf("%s again: %v", what, again)
			}
		}
		if _, err := w.gate.Device(w.ctx, typed); !idp.IsKind(err, idp.NotFound) {
			t.Errorf("shown when it was decided: %v", err)
		}
		_, late := w.device()
		w.later(sessions.DeviceTTL)
		if err := w.gate.ConfirmDevice(w.ctx, session, late); !idp.IsKind(err, idp.Unauthenticated) {
			t.Errorf("confirmed when it had expired: %v", err)
		}
	})
}
