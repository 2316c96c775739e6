package saml_test

import (
	"log/slog"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/saml"
)

// TestNothingOfAnAppEndsSilently: 30, 14, 7 and 1 days before, and when it has
// ended, each said once however many look.
func TestNothingOfAnAppEndsSilently(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	until := idp.Time(h.clock.Now().Add(40 * 24 * time.Hour))
	gone := idp.App{ID: idp.NewAppID(), Name: "gone", Protocol: idp.ProtocolSAML, Identifier: "urn:gone", CreatedAt: until, UpdatedAt: until, SAML: &idp.SAMLSettings{
		ACS: []idp.AssertionConsumer{{URL: crmACS}}, Removed: true, Metadata: idp.MetadataSource{Until: until}}}
	h.commit(idp.Change{Apps: []idp.App{gone}})
	h.changeApp(h.crm.ID, func(a *idp.App) { a.SAML.SigningCerts, a.SAML.Metadata.Until = nil, until })
	h.changeApp(h.hr.ID, func(a *idp.App) { a.SAML.SigningCerts = nil })
	almanac := &saml.Almanac{Store: h.store, Spend: h.gate.SpendOnce, Log: slog.New(slog.DiscardHandler), Now: h.clock.Now}
	lines := func() (n int, step string) {
		t.Helper()
		list, _, err := h.store.Events(t.Context(), idp.EventQuery{Limit: 100})
		h.must(err)
		for _, e := range list {
			if e.Kind == "app.expire" {
				if n++; step == "" {
					step = e.Detail["within_days"]
				}
			}
		}
		return n, step
	}
	day := 24 * time.Hour
	for i, c := range []struct {
		ahead time.Duration // of the moment before
		lines int
		step  string
		tally int
	}{
		{0, 0, "", -1}, {10*day + time.Hour, 1, "30", 30}, {15 * day, 1, "30", 30}, {2 * day, 2, "14", 14}, {7 * day, 3, "7", 7}, {5 * day, 4, "1", 1}, {day, 5, "0", 0}, {30 * day, 5, "0", 0},
	} {
		h.clock.Advance(c.ahead)
		for range 2 {
			found, err := almanac.NoteExpiries(t.Context())
			h.must(err)
			for step, n := range saml.ExpiryTally(found) {
				if (n == 1) != (step == c.tally) {
					t.Errorf("%d: %d end within %d days", i, n, step)
				}
			}
		}
		if n, step := lines(); n != c.lines || step != c.step {
			t.Errorf("%d: %d lines, the newest of step %q", i, n, step)
		}
	}
}
