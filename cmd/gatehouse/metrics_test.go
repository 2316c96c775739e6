package main

import (
	"maps"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/sessions"
	"gatehouse/sessions/redis"
	"gatehouse/store/storetest"
)

// TestEveryAuditLineIsCounted that is written with a browser that is known, or a link:
// by kind as many as stand in the log, and none of what was refused.
func TestEveryAuditLineIsCounted(t *testing.T) {
	t.Parallel()
	ctx, db, now := t.Context(), storetest.SQLite(t), time.Now()
	fast, err := redis.New("", db, "node", nil)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(err)
	counting := newMetrics()
	gate := &sessions.Gate{Backend: &witnessed{fast.Backend(db), counting}, Now: func() time.Time { return now }, Idle: time.Hour, Absolute: time.Hour}
	truth := &forced{Store: db, commits: fast.Commits(db), redis: fast, metrics: counting}
	house := &login.Login{Store: &counted{truth, &redis.Counts{SQL: db, Redis: fast}}, Gate: gate, Now: gate.Now}

	u := idp.User{ID: idp.NewUserID(), Username: "ada", Role: idp.RoleEmployee, Status: idp.UserActive, Epoch: 1, CreatedAt: now, UpdatedAt: now}
	event := func(kind string) idp.Event {
		return idp.Event{ID: idp.NewEventID(), At: idp.Time(now), Kind: kind, UserID: u.ID}
	}
	_, err = truth.Commit(ctx, idp.Change{Users: []idp.User{u}, Events: []idp.Event{event("user.add")}})
	must(err)
	generation, err := db.Generation(ctx)
	must(err)
	proof := idp.Proof{UserID: u.ID, Epoch: 1, Generation: generation}
	first, err := gate.KnowDevice(ctx, proof, "", sessions.Browser{}, idp.VouchSecond)
	must(err)
	must(gate.TrustDevice(ctx, first.Device, idp.Policy{Remember: time.Hour}))
	must(gate.KeepDevice(ctx, first.Secret, first.Device, proof))
	must(gate.TrustDevice(ctx, first.Device, idp.Policy{Remember: time.Hour}))
	must(house.AskAgain(ctx, u.ID, first.Device.ID))
	now = now.Add(time.Minute)
	second, err := gate.KnowDevice(ctx, proof, "", sessions.Browser{}, idp.VouchNone)
	must(err)
	must(house.Own(ctx, u.ID, first.Secret, second.Device.ID))
	if err := house.Own(ctx, u.ID, first.Secret, second.Device.ID); err == nil {
		t.Fatal("owned twice")
	}
	raw, _, err := gate.NewLinkWith(ctx, proof, idp.LinkReset, idp.Change{Events: []idp.Event{event("link.make")}})
	must(err)
	link, err := gate.Link(ctx, raw)
	must(err)
	_, err = gate.UseLink(ctx, link, idp.Change{Events: []idp.Event{event("password.set")}})
	must(err)
	if _, err := gate.UseLink(ctx, link, idp.Change{Events: []idp.Event{event("password.set")}}); err == nil {
		t.Fatal("used twice")
	}

	all, _, err := db.Events(ctx, idp.EventQuery{Limit: 500})
	must(err)
	kinds := map[string]float64{}
	for _, e := range all {
		kinds[e.Kind]++
	}
	if len(all) != 10 || len(kinds) != 8 {
		t.Errorf("the log has %v", kinds)
	}
	families, err := counting.registry.Gather()
	must(err)
	counted := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "gatehouse_events_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			counted[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
	}
	if !maps.Equal(kinds, counted) {
		t.Errorf("counted are %v, in the log %v", counted, kinds)
	}
}
