package storetest

import (
	"fmt"

	"gatehouse/idp"
)

func testEndings(h *house) {
	u := h.user("ada")
	e := h.ending(idp.EndUser, u.ID)
	c := idp.Change{Ending: e, Events: []idp.Event{h.event("user.suspend", u.ID)}}
	first := h.commit(c)
	h.same([]int64{1, 2}, []int64{first.N, first.Epoch})
	again := h.commit(c)
	h.same([]int64{1, 2}, []int64{again.N, again.Epoch})
	got, err := h.User(h.ctx, u.ID)
	h.ok(err)
	if got.Status != idp.UserSuspended || got.Epoch != 2 || got.Version != 2 || got.SuspendedAt.IsZero() {
		h.Errorf("suspended as %+v", got)
	}
	logged, err := h.EndingByKey(h.ctx, e.Key)
	h.ok(err)
	want := *e
	want.N, want.Epoch = 1, 2
	h.same(want, logged)
	r, err := h.Receipt(h.ctx, e.ReceiptID)
	h.ok(err)
	if r.N != 1 || r.UserID != u.ID || r.Epoch != 2 || r.Reason != "left" || r.AskedAt != h.now || r.CutAt.IsZero() || !r.Listing() {
		h.Errorf("receipt %+v", r)
	}
	last, err := h.LastReceipt(h.ctx, u.ID, idp.EndUser)
	h.ok(err)
	h.same(r, last)
	events, _, err := h.Events(h.ctx, idp.EventQuery{UserID: u.ID})
	h.ok(err)
	h.same(1, len(events))

	missing := h.ending(idp.EndUser, "usr_nobody")
	_, err = h.Commit(h.ctx, idp.Change{Ending: missing, Events: []idp.Event{h.event("user.suspend", "usr_nobody")}})
	h.is(err, idp.NotFound)
	for _, kind := range []idp.EndingKind{idp.EndSession, idp.EndFamily} {
		e := h.ending(kind, u.ID)
		e.SessionID, e.FamilyID = "ses_none", "fam_none"
		_, err = h.Commit(h.ctx, idp.Change{Ending: e})
		h.is(err, idp.NotFound)
	}
	events, _, err = h.Events(h.ctx, idp.EventQuery{UserID: "usr_nobody"})
	h.ok(err)
	h.same(0, len(events))

	// A stale edit cannot undo a suspension.
	u.DisplayName = "stale"
	_, err = h.Commit(h.ctx, idp.Change{Users: []idp.User{u}})
	h.is(err, idp.Conflict)

	v, a := h.user("bob"), h.app("wiki")
	h.grant(v, a)
	s := h.session(v)
	foreign := h.ending(idp.EndSession, u.ID)
	foreign.SessionID = s.ID
	_, err = h.Commit(h.ctx, idp.Change{Ending: foreign})
	h.is(err, idp.NotFound)
	f := h.family(s, a, true)
	before, err := h.Position(h.ctx, "node", false)
	h.ok(err)
	ef := h.ending(idp.EndFamily, "")
	ef.FamilyID, ef.ReceiptID = f.ID, ""
	done := h.commit(idp.Change{Ending: ef})
	h.same(before.N+1, done.N) // what was refused took no number
	truth, err := h.FamilyByID(h.ctx, f.ID, h.now)
	h.ok(err)
	h.same(false, truth.Family.RevokedAt.IsZero())
	all, next, err := h.Receipts(h.ctx, "", "", 10)
	h.ok(err)
	h.same(1, len(all))
	h.same("", next)
}

// testSuspendIsConstant counts statements with one session and with ten
// thousand over fifty apps.
func testSuspendIsConstant(h *house) {
	const sessions, apps = 10_000, 50
	cost := func(u idp.User) uint64 {
		before := h.Statements()
		h.commit(idp.Change{Ending: h.ending(idp.EndUser, u.ID), Events: []idp.Event{h.event("user.suspend", u.ID)}})
		return h.Statements() - before
	}
	few, many := h.user("few"), h.user("many")
	h.session(few)
	var list []idp.App
	for i := range apps {
		a := h.app(fmt.Sprintf("app%d", i))
		h.grant(many, a)
		list = append(list, a)
	}
	h.fill(many, list, sessions)
	if a, b := cost(few), cost(many); a != b {
		h.Errorf("a suspension costs %d statements with one session, %d with %d", a, b, sessions)
	}
	r, err := h.LastReceipt(h.ctx, many.ID, idp.EndUser)
	h.ok(err)
	n := 0
	for after := ""; ; {
		cut, next, err := h.CutParticipants(h.ctx, r, after, 500)
		h.ok(err)
		n += len(cut)
		if after = next; next == "" {
			break
		}
	}
	h.same(sessions/10, n)
}

// fill starts n sessions, many hands at once; every tenth opens an app.
func (h *house) fill(u idp.User, apps []idp.App, n int) {
	h.Helper()
	h.parallel(16, func(worker int) error {
		for i := worker; i < n; i += 16 {
			s := h.newSession(h.proof(u))
			if err := h.StartSession(h.ctx, s, string(s.ID), ""); err != nil {
				return err
			}
			if i%10 != 0 {
				continue
			}
			p, acc := h.participant(s, apps[i/10%len(apps)])
			if _, _, err := h.RecordAssertion(h.ctx, s.Proof, p, acc); err != nil {
				return err
			}
		}
		return nil
	})
}

func testStatements(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	h.grant(u, a)
	s := h.session(u)
	f, fresh := h.family(s, a, false), h.newFamily(s, a)
	p, acc := h.participant(s, a)
	for what, c := range map[string]struct {
		most uint64
		run  func() error
	}{
		"SessionByHash": {1, func() error { _, _, err := h.SessionByHash(h.ctx, string(s.ID)); return err }},
		"FamilyByID":    {1, func() error { _, err := h.FamilyByID(h.ctx, f.ID, h.now); return err }},
		"FamilyAndApp":  {1, func() error { _, _, err := h.FamilyAndApp(h.ctx, f.ID, f.AppID, h.now); return err }},
		"Candidate":     {1, func() error { _, _, err := h.Candidate(h.ctx, "ada", "hash"); return err }},
		"AccessOf":      {1, func() error { _, err := h.AccessOf(h.ctx, u.ID, h.now); return err }},
		"Rotate":        {1, func() error { _, err := h.Rotate(h.ctx, f.ID, f.Proof, 1, h.now, 0); return err }},
		"Count":         {1, func() error { _, _, err := h.Count(h.ctx, "n", 1, h.now); return err }},
		"CountTwo": {1, func() error {
			_, _, err := h.CountTwo(h.ctx, idp.Limit{Name: "a", Most: 1, Window: 1}, idp.Limit{Name: "b", Most: 1, Window: 1}, h.now)
			return err
		}},
		"Uncount":        {1, func() error { return h.Uncount(h.ctx, "a", "b") }},
		"CreateAPIToken": {1, func() error { return h.CreateAPIToken(h.ctx, idp.APIToken{ID: "t", Proof: s.Proof}, "t") }},
		// SQLite takes a short transaction for what is one statement on PostgreSQL.
		"SpendCode":       {5, func() error { return h.SpendCode(h.ctx, fresh, p, acc) }},
		"Entry":           {1, func() error { _, err := h.Entry(h.ctx, a.Protocol, a.Identifier, u.ID, h.now); return err }},
		"RecordAssertion": {4, func() error { _, _, err := h.RecordAssertion(h.ctx, s.Proof, p, acc); return err }},
	} {
		before := h.Statements()
		h.ok(c.run())
		if n := h.Statements() - before; n > c.most {
			h.Errorf("%s took %d statements, want at most %d", what, n, c.most)
		}
	}
}
