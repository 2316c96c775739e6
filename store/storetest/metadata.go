package storetest

import (
	"time"

	"gatehouse/idp"
)

// testRefreshes: an app that says where its metadata is has one row, which follows it.
func testRefreshes(h *house) {
	a := idp.App{
		ID: idp.NewAppID(), Name: "CRM", Protocol: idp.ProtocolSAML, Identifier: "urn:crm", CreatedAt: h.now, UpdatedAt: h.now,
		SAML: &idp.SAMLSettings{ACS: []idp.AssertionConsumer{{URL: "https://crm.example/acs"}}, MetadataXML: "<one/>", Metadata: idp.MetadataSource{URL: "https://crm.example/m"}},
	}
	commit := func() {
		h.T.Helper()
		_, err := h.Commit(h.ctx, idp.Change{Apps: []idp.App{a}})
		h.ok(err)
		a.Version++
	}
	stands := func() idp.MetadataRefresh {
		h.T.Helper()
		m, err := h.MetadataRefresh(h.ctx, a.ID)
		h.ok(err)
		return m
	}
	due := func(now time.Time, want int) {
		h.T.Helper()
		list, err := h.DueRefreshes(h.ctx, now, 10)
		h.ok(err)
		h.same(want, len(list))
	}
	commit()
	m := stands()
	h.same(idp.MetadataRefresh{AppID: a.ID, Source: "https://crm.example/m ", NextAt: h.now}, m)
	due(h.now.Add(-time.Second), 0)
	due(h.now, 1)

	// One has it, until its time runs out.
	h.ok(h.ClaimRefresh(h.ctx, m, h.now.Add(time.Minute)))
	h.is(h.ClaimRefresh(h.ctx, m, h.now.Add(time.Minute)), idp.Conflict)
	due(h.now, 0)
	due(h.now.Add(time.Minute), 1)

	m = stands()
	m.NextAt, m.CheckedAt, m.Outcome, m.Detail, m.Failures = h.now.Add(time.Hour), h.now, idp.RefreshWaiting, "two settings", 2
	m.Waiting, m.WaitingSince = "<two/>", h.now
	h.ok(h.SaveRefresh(h.ctx, m))
	h.same(m, stands())
	tally := func(wantFailing, wantWaiting int) {
		h.T.Helper()
		failing, waiting, err := h.RefreshTally(h.ctx)
		h.ok(err)
		h.same([2]int{wantFailing, wantWaiting}, [2]int{failing, waiting})
	}
	tally(1, 1)

	// Another setting leaves it as it is; the document that waited ends the wait.
	a.SAML.OneTimeUse = true
	commit()
	h.same(m, stands())
	a.SAML.MetadataXML = "<two/>"
	commit()
	now := stands()
	h.same([3]string{idp.RefreshApplied, "", ""}, [3]string{now.Outcome, now.Detail, now.Waiting})
	h.same(m.NextAt, now.NextAt)

	// Another address begins anew, and what was read at the old one counts no more.
	m = stands()
	a.SAML.Metadata.Pin, a.UpdatedAt = "a certificate", h.now.Add(time.Second)
	commit()
	h.ok(h.SaveRefresh(h.ctx, m))
	now = stands()
	h.same([2]any{"", h.now.Add(time.Second)}, [2]any{now.Outcome, now.NextAt})
	tally(0, 0)
	a.SAML.Metadata = idp.MetadataSource{}
	commit()
	_, err := h.MetadataRefresh(h.ctx, a.ID)
	h.is(err, idp.NotFound)
}
