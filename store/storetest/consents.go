package storetest

import (
	"time"

	"gatehouse/idp"
)

func testConsents(h *house) {
	ada, bob := h.user("ada"), h.user("bob")
	wiki, crm := h.app("wiki"), h.app("crm")
	give := func(u idp.User, a idp.App) idp.Consent {
		c := idp.Consent{ID: idp.NewConsentID(), UserID: u.ID, AppID: a.ID, Scopes: []string{"openid", "email"}, GivenAt: h.now, UpdatedAt: h.now}
		h.commit(idp.Change{Consents: []idp.Consent{c}, Events: []idp.Event{h.event("consent.give", u.ID)}})
		c.Version = 1
		return c
	}
	first, second, other := give(ada, wiki), give(ada, crm), give(bob, wiki)

	got, err := h.ConsentTo(h.ctx, ada.ID, wiki.ID)
	h.ok(err)
	h.same(first, got)
	got, err = h.Consent(h.ctx, other.ID)
	h.ok(err)
	h.same(other, got)
	all, err := h.Consents(h.ctx, ada.ID)
	h.ok(err)
	h.same([]idp.Consent{second, first}, all) // crm before wiki

	// One for a person and an app.
	twin := first
	twin.ID, twin.Version = idp.NewConsentID(), 0
	_, err = h.Commit(h.ctx, idp.Change{Consents: []idp.Consent{twin}})
	h.is(err, idp.Conflict)

	more := first
	more.Scopes, more.UpdatedAt = append(more.Scopes, "groups"), h.now.Add(time.Minute)
	h.commit(idp.Change{Consents: []idp.Consent{more}})
	_, err = h.Commit(h.ctx, idp.Change{Consents: []idp.Consent{more}}) // decided on the version before
	h.is(err, idp.Conflict)
	more.Version = 2
	got, err = h.ConsentTo(h.ctx, ada.ID, wiki.ID)
	h.ok(err)
	h.same(more, got)

	// While it is being taken back it lets nobody have anything, and is there.
	more.RevokedAt = h.now.Add(2 * time.Minute)
	h.commit(idp.Change{Consents: []idp.Consent{more}})
	more.Version = 3
	_, err = h.ConsentTo(h.ctx, ada.ID, wiki.ID)
	h.is(err, idp.NotFound)
	got, err = h.Consent(h.ctx, first.ID)
	h.ok(err)
	h.same(more, got)
	all, err = h.Consents(h.ctx, ada.ID)
	h.ok(err)
	h.same([]idp.Consent{second, more}, all)
	_, err = h.Commit(h.ctx, idp.Change{Consents: []idp.Consent{twin}})
	h.is(err, idp.Conflict)

	h.commit(idp.Change{RemoveConsents: []idp.ConsentID{first.ID}})
	_, err = h.ConsentTo(h.ctx, ada.ID, wiki.ID)
	h.is(err, idp.NotFound)
	_, err = h.Consent(h.ctx, other.ID)
	h.ok(err)
}

func testFamiliesIn(h *house) {
	ada, bob := h.user("ada"), h.user("bob")
	wiki, crm := h.app("wiki"), h.app("crm")
	for _, u := range []idp.User{ada, bob} {
		h.grant(u, wiki)
		h.grant(u, crm)
	}
	spend := func(u idp.User, a idp.App, lasts time.Duration) idp.TokenFamily {
		s := h.session(u)
		p, account := h.participant(s, a)
		f := h.newFamily(s, a)
		f.ExpiresAt = h.now.Add(lasts)
		h.ok(h.SpendCode(h.ctx, f, p, account))
		return f
	}
	first := spend(ada, wiki, time.Hour)
	h.now = h.now.Add(time.Second)
	second := spend(ada, wiki, time.Hour)
	spend(ada, wiki, time.Minute)
	spend(ada, crm, time.Hour)
	spend(bob, wiki, time.Hour)
	in := func() (ids []idp.TokenFamilyID) {
		found, err := h.FamiliesIn(h.ctx, ada.ID, wiki.ID, h.now.Add(2*time.Minute))
		h.ok(err)
		for _, f := range found {
			ids = append(ids, f.ID)
		}
		return ids
	}
	h.same([]idp.TokenFamilyID{first.ID, second.ID}, in())
	e := h.ending(idp.EndFamily, ada.ID)
	e.FamilyID, e.ReceiptID = first.ID, ""
	h.commit(idp.Change{Ending: e})
	h.same([]idp.TokenFamilyID{second.ID}, in())
}
