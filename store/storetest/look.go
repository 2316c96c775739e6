package storetest

import (
	"time"

	"gatehouse/idp"
)

func testLook(h *house) {
	was, err := h.Look(h.ctx)
	h.ok(err)
	h.same(idp.Look{Version: 1}, was)

	look := idp.Look{
		Name: "Acme", Language: "de", Accent: "#7a3b00", Logo: idp.Image{Type: "image/png", Data: []byte{0, 0xff, 'x'}},
		DeletionRequests: true, UpdatedAt: h.now, Version: 1,
	}
	h.commit(idp.Change{Look: &look})
	got, err := h.Look(h.ctx)
	h.ok(err)
	look.Version = 2
	h.same(look, got)

	late := idp.Look{Name: "Other", Version: 1}
	_, err = h.Commit(h.ctx, idp.Change{Look: &late, Events: []idp.Event{h.event("house.look", "")}})
	h.is(err, idp.Conflict)
	got, err = h.Look(h.ctx)
	h.ok(err)
	h.same(look, got)
}

func testDeletionAsked(h *house) {
	ada, eve := h.user("ada"), h.user("eve")
	h.user("bob")
	for i, u := range []*idp.User{&eve, &ada} {
		u.DeletionAskedAt, u.Language = h.now.Add(time.Duration(i)*time.Second), "de"
		h.commit(idp.Change{Users: []idp.User{*u}})
		u.Version++
	}
	asked, err := h.AskedDeletion(h.ctx)
	h.ok(err)
	h.same([]idp.User{eve, ada}, asked)
	eve.DeletionAskedAt = time.Time{}
	h.commit(idp.Change{Users: []idp.User{eve}})
	asked, err = h.AskedDeletion(h.ctx)
	h.ok(err)
	h.same([]idp.User{ada}, asked)
}

func testSignInsAndAppsOpened(h *house) {
	u, other := h.user("ada"), h.user("eve")
	wiki, crm := h.app("wiki"), h.app("crm")
	h.grant(u, wiki)
	h.grant(u, crm)
	var started []idp.Session
	for i := range 3 {
		s := h.newSession(h.proof(u))
		s.CreatedAt = h.now.Add(time.Duration(i) * time.Minute)
		h.ok(h.StartSession(h.ctx, s, "hash"+string(rune('a'+i)), ""))
		started = append([]idp.Session{s}, started...)
		h.opened(s, wiki, s.CreatedAt)
	}
	h.opened(started[0], crm, h.now.Add(-time.Hour))
	foreign := h.newSession(h.proof(other))
	h.ok(h.StartSession(h.ctx, foreign, "foreign", ""))

	got, err := h.SessionsStarted(h.ctx, u.ID, 2)
	h.ok(err)
	h.same(started[:2], got)
	used, err := h.AppsOpened(h.ctx, u.ID, h.now)
	h.ok(err)
	h.same([]idp.AppOpened{{AppID: wiki.ID, Sessions: 3, LastAt: h.now.Add(2 * time.Minute)}}, used)
	used, err = h.AppsOpened(h.ctx, u.ID, h.now.Add(-2*time.Hour))
	h.ok(err)
	if len(used) != 2 {
		h.Errorf("apps opened lately: %+v", used)
	}
}

// opened has a session open an app at that moment.
func (h *house) opened(s idp.Session, a idp.App, at time.Time) {
	h.Helper()
	p, acc := h.participant(s, a)
	p.FirstAt, p.LastAnswerAt = at, at
	_, _, err := h.RecordAssertion(h.ctx, s.Proof, p, acc)
	h.ok(err)
}
