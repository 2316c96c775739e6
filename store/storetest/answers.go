package storetest

import (
	"time"

	"gatehouse/idp"
)

// once is a request that is answered now.
func (h *house) once(request string) idp.Once {
	return idp.Once{Kind: "request", Value: request, Until: h.now.Add(time.Hour)}
}

// testAnswers: a request is spent by its answer or not at all, and a repeated
// answer says what a first one would.
func testAnswers(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	s := h.session(u)
	p, acc := h.participant(s, a)
	answer := func(request string) (idp.Participant, idp.Account, error) {
		return h.RecordAnswer(h.ctx, s.Proof, h.once(request), p, acc)
	}
	_, _, err := answer("1")
	h.is(err, idp.Unauthenticated) // no grant: and it is not spent by that
	h.grant(u, a)
	p.GrantedN = h.logAt()
	old := a.Epoch
	p.AppEpoch = old + 1
	_, _, err = answer("1")
	h.is(err, idp.Unauthenticated)
	p.AppEpoch = old
	first, account, err := answer("1")
	h.ok(err)
	h.same(acc, account)
	h.same("index-"+string(s.ID), first.SessionIndex)
	h.same(acc.Subject, first.NameID.Value)
	_, _, err = answer("1")
	h.is(err, idp.Conflict)

	// Again, under another session index, and with another name proposed.
	p.SessionIndex, acc.Subject, acc.ID = "another", "renamed", idp.NewAccountID()
	p.LastAnswerAt, acc.LastSeenAt = h.now.Add(time.Minute), h.now.Add(time.Minute)
	before := h.Statements()
	again, account, err := answer("2")
	h.ok(err)
	if n := h.Statements() - before; n > 4 { // SQLite: BEGIN and COMMIT
		h.Errorf("an answer to an app that the session has opened took %d statements", n)
	}
	want := first
	want.LastAnswerAt = p.LastAnswerAt
	h.same(want, again)
	h.same(first.NameID.Value, account.Subject)
	stored, err := h.Participants(h.ctx, u.ID, h.now)
	h.ok(err)
	stored[0].GrantedN = want.GrantedN // it is asked with, not kept
	h.same([]idp.Participant{want}, stored)
	_, _, err = answer("2")
	h.is(err, idp.Conflict)
	_, _, err = answer("1")
	h.is(err, idp.Conflict)
	seen := func() idp.Account {
		all, err := h.Accounts(h.ctx, u.ID)
		h.ok(err)
		h.same(1, len(all))
		return all[0]
	}
	h.same(h.now, seen().LastSeenAt)
	p.LastAnswerAt = h.now.Add(-time.Minute) // by a clock that is behind
	again, _, err = answer("3")
	h.ok(err)
	h.same(want.LastAnswerAt, again.LastAnswerAt)

	// When somebody was last seen there is known to an hour.
	p.LastAnswerAt, acc.LastSeenAt = h.now.Add(61*time.Minute), h.now.Add(61*time.Minute)
	_, _, err = answer("4")
	if s.ExpiresAt.After(p.LastAnswerAt) {
		h.ok(err)
		h.same(acc.LastSeenAt, seen().LastSeenAt)
	}

	// A name that follows is the newest one in the account.
	p.LastAnswerAt, acc.LastSeenAt, acc.Follows = h.now, h.now, true
	p.NameID.Value = acc.Subject
	told, account, err := answer("5")
	h.ok(err)
	h.same("renamed", account.Subject)
	h.same(first.NameID, told.NameID) // the first one that the session was told
	h.same("renamed", seen().Subject)

	// Another format is another account, and the participant keeps the first.
	p.NameID.Format, acc.Format, acc.Follows, acc.Subject = "email", "email", false, "ada@example.com"
	told, account, err = answer("6")
	h.ok(err)
	h.same(first.NameID, told.NameID)
	h.same("ada@example.com", account.Subject)

	_, err = h.Commit(h.ctx, idp.Change{Ending: h.ending(idp.EndUser, u.ID)})
	h.ok(err)
	_, _, err = answer("7")
	h.is(err, idp.Unauthenticated)
	h.ok(h.Spend(h.ctx, "request", "7", h.now.Add(time.Hour))) // what was refused is not spent
}

// testEntry: what a sign-on goes by is what the single reads say.
func testEntry(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	entry := func(at time.Time) idp.Entry {
		h.Helper()
		e, err := h.Entry(h.ctx, a.Protocol, a.Identifier, u.ID, at)
		h.ok(err)
		return e
	}
	h.same(idp.Entry{Admission: idp.Admission{App: a, N: h.logAt()}, User: u}, entry(h.now))
	var names []string
	for _, name := range []string{"Öl", "staff", "Admins"} {
		g := idp.Group{ID: idp.NewGroupID(), Name: name, CreatedAt: h.now}
		h.commit(idp.Change{Groups: []idp.Group{g}, Members: []idp.Membership{{GroupID: g.ID, UserID: u.ID, SinceAt: h.now}}})
		names = append(names, name)
		if name == "staff" {
			h.commit(idp.Change{Grants: []idp.Grant{{ID: idp.NewGrantID(), AppID: a.ID, GroupID: g.ID, Role: "reader", UntilAt: h.now.Add(time.Hour), CreatedAt: h.now}}})
		}
	}
	groups, err := h.GroupsOf(h.ctx, u.ID)
	h.ok(err)
	h.same(len(names), len(groups))
	for i, g := range groups {
		names[i] = g.Name
	}
	_, turns, err := h.EntryTurns(h.ctx, a.Protocol, a.Identifier, u.ID, h.now)
	h.ok(err)
	h.same(h.now.Add(time.Hour), turns) // the grant ends by itself
	want := idp.Entry{Admission: idp.Admission{App: a, Granted: true, Until: h.now.Add(time.Hour), N: h.logAt()}, Role: "reader", User: u, Groups: names}
	h.same(want, entry(h.now))
	want.Granted, want.Until, want.Role = false, time.Time{}, ""
	h.same(want, entry(h.now.Add(time.Hour)))
	g := idp.Grant{ID: idp.NewGrantID(), AppID: a.ID, UserID: u.ID, Role: "editor", CreatedAt: h.now}
	h.commit(idp.Change{Grants: []idp.Grant{g}})
	want.Granted, want.Role, want.N = true, "editor", h.logAt()
	h.same(want, entry(h.now)) // one of their own goes before one of a group
	later := idp.Grant{ID: idp.NewGrantID(), AppID: h.app("crm").ID, UserID: u.ID, FromAt: h.now.Add(time.Minute), CreatedAt: h.now}
	h.commit(idp.Change{Grants: []idp.Grant{later}})
	_, turns, err = h.EntryTurns(h.ctx, a.Protocol, a.Identifier, u.ID, h.now.Add(time.Hour))
	h.ok(err)
	h.same(true, turns.IsZero()) // that of another app turns nothing here
	access, err := h.Access(h.ctx, u.ID, a.ID, h.now)
	h.ok(err)
	h.same(want.Role, access.Grant.Role)
	_, err = h.Entry(h.ctx, a.Protocol, "another", u.ID, h.now)
	h.is(err, idp.NotFound)
	_, err = h.Entry(h.ctx, a.Protocol, a.Identifier, "usr_nobody", h.now)
	h.is(err, idp.NotFound)
}
