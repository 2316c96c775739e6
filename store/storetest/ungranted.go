package storetest

import (
	"fmt"
	"slices"
	"time"

	"gatehouse/idp"
)

// endGrant commits the end of a grant or a membership and returns its receipt.
func (h *house) endGrant(e idp.Ending, c idp.Change) idp.Receipt {
	h.Helper()
	e.Kind, e.At, e.Key, e.ReceiptID = idp.EndGrant, h.now, string(idp.NewReceiptID()), idp.NewReceiptID()
	c.Ending = &e
	r, err := h.Receipt(h.ctx, h.commit(c).ReceiptID)
	h.ok(err)
	return r
}

// doors are whom a receipt cut, and where.
func (h *house) doors(r idp.Receipt) (out []string) {
	h.Helper()
	for cursor := ""; ; {
		cut, next, err := h.CutParticipants(h.ctx, r, cursor, 1)
		h.ok(err)
		for _, p := range cut {
			out = append(out, string(p.UserID)+" "+string(p.AppID))
		}
		if next == "" {
			slices.Sort(out)
			return out
		}
		cursor = next
	}
}

func (h *house) alive(f idp.TokenFamily) bool {
	h.Helper()
	t, err := h.FamilyByID(h.ctx, f.ID, h.now)
	h.ok(err)
	return t.Granted && t.SessionAlive && t.Family.RevokedAt.IsZero()
}

func door(u idp.User, a idp.App) string { return string(u.ID) + " " + string(a.ID) }

func testGrantsEnd(h *house) {
	ada, bob := h.user("ada"), h.user("bob")
	wiki, crm := h.app("wiki"), h.app("crm")
	staff := idp.Group{ID: idp.NewGroupID(), Name: "staff", CreatedAt: h.now}
	h.commit(idp.Change{Groups: []idp.Group{staff}})
	join := func(u idp.User) {
		h.commit(idp.Change{Members: []idp.Membership{{GroupID: staff.ID, UserID: u.ID, SinceAt: h.now}}})
	}
	toGroup := func(a idp.App) idp.Grant {
		g := idp.Grant{ID: idp.NewGrantID(), AppID: a.ID, GroupID: staff.ID, CreatedAt: h.now}
		h.commit(idp.Change{Grants: []idp.Grant{g}})
		return g
	}
	join(ada)
	join(bob)
	own := h.grant(ada, wiki)
	wikiForStaff, _ := toGroup(wiki), toGroup(crm)
	adas, bobs := h.session(ada), h.session(bob)
	adaWiki, adaCRM, bobWiki, bobCRM := h.family(adas, wiki, true), h.family(adas, crm, true), h.family(bobs, wiki, true), h.family(bobs, crm, false)
	alive := func(want ...bool) {
		h.Helper()
		h.same(want, []bool{h.alive(adaWiki), h.alive(adaCRM), h.alive(bobWiki), h.alive(bobCRM)})
	}
	alive(true, true, true, true)

	// Another grant still covers her: nothing ends.
	r := h.endGrant(idp.Ending{UserID: ada.ID, AppID: wiki.ID}, idp.Change{RemoveGrants: []idp.GrantID{own.ID}})
	h.same([]string(nil), h.doors(r))
	h.list(r, true)
	alive(true, true, true, true)

	// The group's grant of one app: everybody in it, there and nowhere else.
	r = h.endGrant(idp.Ending{GroupID: staff.ID, AppID: wiki.ID}, idp.Change{RemoveGrants: []idp.GrantID{wikiForStaff.ID}})
	h.same(idp.UserID(""), r.UserID)
	want := []string{door(ada, wiki), door(bob, wiki)}
	slices.Sort(want)
	h.same(want, h.doors(r))
	families, err := h.CutFamilies(h.ctx, r)
	h.ok(err)
	h.same(2, len(families))
	alive(false, true, false, true)

	// Granted again, what has ended stays dead; what was to be told is not.
	h.list(r, true, idp.Delivery{
		ID: "dlv_1", UserID: bob.ID, AppID: wiki.ID, Lever: idp.LeverBackchannel, State: idp.DeliveryPending, CreatedAt: h.now, NextAt: h.now,
	}, idp.Delivery{
		ID: "dlv_2", UserID: ada.ID, AppID: wiki.ID, Lever: idp.LeverBackchannel, State: idp.DeliveryPending, CreatedAt: h.now, NextAt: h.now,
	})
	h.grant(bob, wiki)
	alive(false, true, false, true)
	lines, err := h.Deliveries(h.ctx, r.ID)
	h.ok(err)
	states := map[idp.UserID]idp.DeliveryState{}
	for _, d := range lines {
		states[d.UserID] = d.State
	}
	h.same(map[idp.UserID]idp.DeliveryState{bob.ID: idp.DeliverySuperseded, ada.ID: idp.DeliveryPending}, states)

	// Leaving the group ends what it alone granted, of the one who leaves.
	r = h.endGrant(idp.Ending{UserID: bob.ID, GroupID: staff.ID},
		idp.Change{RemoveMembers: []idp.Membership{{GroupID: staff.ID, UserID: bob.ID}}})
	h.same([]string{door(bob, crm)}, h.doors(r))
	alive(false, true, false, false)
	join(bob)
	alive(false, true, false, false)
}

// testGroupDismantled takes a group's grant away and its member, the one before
// the other, and lists both when both are done.
func testGroupDismantled(h *house) {
	bob, wiki := h.user("bob"), h.app("wiki")
	for _, grantFirst := range []bool{true, false} {
		staff := idp.Group{ID: idp.NewGroupID(), Name: fmt.Sprint("staff ", grantFirst), CreatedAt: h.now}
		in := []idp.Membership{{GroupID: staff.ID, UserID: bob.ID, SinceAt: h.now}}
		g := idp.Grant{ID: idp.NewGrantID(), AppID: wiki.ID, GroupID: staff.ID, CreatedAt: h.now}
		h.commit(idp.Change{Groups: []idp.Group{staff}})
		h.commit(idp.Change{Members: in})
		h.commit(idp.Change{Grants: []idp.Grant{g}})
		f := h.family(h.session(bob), wiki, true)
		ungrant := func() idp.Receipt {
			return h.endGrant(idp.Ending{GroupID: staff.ID, AppID: wiki.ID}, idp.Change{RemoveGrants: []idp.GrantID{g.ID}})
		}
		leave := func() idp.Receipt {
			return h.endGrant(idp.Ending{UserID: bob.ID, GroupID: staff.ID}, idp.Change{RemoveMembers: in})
		}
		first, second := ungrant, leave
		if !grantFirst {
			first, second = leave, ungrant
		}
		r, r2 := first(), second()
		if !slices.Contains(h.doors(r), door(bob, wiki)) {
			h.Errorf("grant first %v: the receipt of what ended his access does not list him", grantFirst)
		}
		// Whichever ending marked the family has it to end: a group's does so when it
		// is listed, and the other was faster. The other has what it handed out.
		families, err := h.CutFamilies(h.ctx, r)
		h.ok(err)
		more, err := h.CutFamilies(h.ctx, r2)
		h.ok(err)
		marked := 0
		for _, r := range []idp.Receipt{r, r2} {
			for _, f := range append(families, more...) {
				if f.RevokedAt.Equal(r.CutAt) {
					marked++
				}
			}
		}
		if marked == 0 {
			h.Errorf("grant first %v: no receipt has the refresh token", grantFirst)
		}
		h.same(false, h.alive(f))
	}
}

// testEndedThenRestored ends a grant and an app, and lists them when the person
// was suspended and is back: the lines of the suspension are superseded.
func testEndedThenRestored(h *house) {
	ada := h.user("ada")
	wiki, crm := h.app("wiki"), h.app("crm")
	g := h.grant(ada, wiki)
	h.grant(ada, crm)
	s := h.session(ada)
	h.family(s, wiki, true)
	h.family(s, crm, true)
	ungranted := h.endGrant(idp.Ending{UserID: ada.ID, AppID: wiki.ID}, idp.Change{RemoveGrants: []idp.GrantID{g.ID}})
	ofApp := h.endAll(idp.Ending{Kind: idp.EndApp, AppID: crm.ID})
	key := idp.SigningKey{ID: idp.NewKeyID(), Use: "oidc", Algorithm: "ES256", Sealed: "x", CreatedAt: h.now}
	h.ok(h.CreateSigningKey(h.ctx, key))
	ofKey := h.endAll(idp.Ending{Kind: idp.EndKey, KeyID: key.ID})
	h.suspend(ada)
	h.restore(ada.ID)
	h.same([]string{door(ada, wiki)}, h.doors(ungranted))
	h.same([]string{door(ada, crm)}, h.doors(ofApp))
	h.same(slices.Sorted(slices.Values([]string{door(ada, wiki), door(ada, crm)})), h.doors(ofKey))
}

// testUnconfirmedIsUngranted ends a grant when all that the person ever had in
// the app was to be told by a suspension that a restore took back.
func testUnconfirmedIsUngranted(h *house) {
	ada, wiki := h.user("ada"), h.app("wiki")
	g := h.grant(ada, wiki)
	old := h.newSession(h.proof(ada))
	long := h.now.Add(-time.Hour)
	old.CreatedAt, old.LastSeenAt, old.AuthTime, old.ExpiresAt = long, long, long, long.Add(time.Minute)
	h.ok(h.StartSession(h.ctx, old, string(old.ID), ""))
	then := h.now
	h.now = long
	h.family(old, wiki, false)
	h.now = then
	r := h.suspend(ada)
	told := h.line(r, wiki)
	told.SessionID = old.ID
	h.list(r, true, told)
	h.restore(ada.ID)
	ended := h.endGrant(idp.Ending{UserID: ada.ID, AppID: wiki.ID}, idp.Change{RemoveGrants: []idp.GrantID{g.ID}})
	ofApp := h.endAll(idp.Ending{Kind: idp.EndApp, AppID: wiki.ID})
	h.same([]string{door(ada, wiki)}, h.doors(ended))
	h.same([]string{door(ada, wiki)}, h.doors(ofApp))
	// The app hears of it, and nothing is left to tell.
	ack := told
	ack.ID, ack.State, ack.AckedAt, ack.FinishedAt = idp.NewDeliveryID(), idp.DeliveryAcknowledged, h.now, h.now
	h.list(ended, true, ack)
	later := h.endAll(idp.Ending{Kind: idp.EndApp, AppID: wiki.ID})
	h.same([]string(nil), h.doors(later))
}

// testNoCodeOutlivesItsGrant takes an app away in every way, with a code and an
// answer under way, and gives it back before they arrive.
func testNoCodeOutlivesItsGrant(h *house) {
	u, other, a := h.user("ada"), h.user("bob"), h.app("wiki")
	staff := idp.Group{ID: idp.NewGroupID(), Name: "staff", CreatedAt: h.now}
	h.commit(idp.Change{Groups: []idp.Group{staff}})
	in := func(g idp.Group) []idp.Membership {
		return []idp.Membership{{GroupID: g.ID, UserID: u.ID, SinceAt: h.now}}
	}
	toGroup := func(g idp.Group, from time.Time) idp.Grant {
		grant := idp.Grant{ID: idp.NewGrantID(), AppID: a.ID, GroupID: g.ID, FromAt: from, CreatedAt: h.now}
		h.commit(idp.Change{Grants: []idp.Grant{grant}})
		return grant
	}
	end := func(e idp.Ending, c idp.Change) { h.endGrant(e, c) }
	own := func(g idp.Grant) { // takes away what is hers
		end(idp.Ending{UserID: u.ID, AppID: a.ID}, idp.Change{RemoveGrants: []idp.GrantID{g.ID}})
	}
	ofGroup := func(g idp.Grant) {
		end(idp.Ending{GroupID: g.GroupID, AppID: a.ID}, idp.Change{RemoveGrants: []idp.GrantID{g.ID}})
	}
	leave := func(g idp.Group) {
		end(idp.Ending{UserID: u.ID, GroupID: g.ID}, idp.Change{RemoveMembers: in(g)})
	}
	for _, c := range []struct {
		name   string
		before func() (then func())
		want   bool // taken
	}{
		{name: "her own grant, given back", before: func() func() {
			g := h.grant(u, a)
			return func() { own(g); h.grant(u, a) }
		}},
		{name: "her own grant, and then her group's", before: func() func() {
			g := h.grant(u, a)
			h.commit(idp.Change{Members: in(staff)})
			return func() { own(g); toGroup(staff, time.Time{}) }
		}},
		{name: "her own grant, and then into a group that has it", before: func() func() {
			g := h.grant(u, a)
			toGroup(staff, time.Time{})
			return func() { own(g); h.commit(idp.Change{Members: in(staff)}) }
		}},
		{name: "her own grant, and then another begins", before: func() func() {
			g := h.grant(u, a)
			h.commit(idp.Change{Members: in(staff)})
			toGroup(staff, h.now.Add(2*time.Second))
			return func() { h.now = h.now.Add(time.Second); own(g); h.now = h.now.Add(2 * time.Second) }
		}},
		{name: "her group's grant, given back", before: func() func() {
			h.commit(idp.Change{Members: in(staff)})
			g := toGroup(staff, time.Time{})
			return func() { ofGroup(g); toGroup(staff, time.Time{}) }
		}},
		{name: "out of her group and in again", before: func() func() {
			h.commit(idp.Change{Members: in(staff)})
			toGroup(staff, time.Time{})
			return func() { leave(staff); h.commit(idp.Change{Members: in(staff)}) }
		}},
		{name: "its end moved into the past, and away again", before: func() func() {
			g := h.grant(u, a)
			return func() {
				past := g
				past.UntilAt = h.now.Add(-time.Hour)
				end(idp.Ending{UserID: u.ID, AppID: a.ID}, idp.Change{Grants: []idp.Grant{past}})
				g.Version = 2
				h.commit(idp.Change{Grants: []idp.Grant{g}})
			}
		}},
		{name: "given back and taken away again and given back", before: func() func() {
			g := h.grant(u, a)
			return func() { own(g); own(h.grant(u, a)); h.grant(u, a) }
		}},
		{name: "another grant covers her all the while", want: true, before: func() func() {
			g := h.grant(u, a)
			h.commit(idp.Change{Members: in(staff)})
			toGroup(staff, time.Time{})
			return func() { own(g) }
		}},
		{name: "another grant takes over", want: true, before: func() func() {
			g := h.grant(u, a)
			h.commit(idp.Change{Members: in(staff)})
			return func() { toGroup(staff, time.Time{}); own(g) }
		}},
		{name: "somebody else's", want: true, before: func() func() {
			h.grant(u, a)
			g := h.grant(other, a)
			return func() {
				end(idp.Ending{UserID: other.ID, AppID: a.ID}, idp.Change{RemoveGrants: []idp.GrantID{g.ID}})
				h.grant(other, a)
			}
		}},
	} {
		all, err := h.Grants(h.ctx, a.ID)
		h.ok(err)
		for _, g := range all {
			end(idp.Ending{UserID: g.UserID, GroupID: g.GroupID, AppID: a.ID}, idp.Change{RemoveGrants: []idp.GrantID{g.ID}})
		}
		leave(staff)
		then := c.before()
		s := h.session(u)
		access, err := h.Access(h.ctx, u.ID, a.ID, h.now)
		h.ok(err)
		f := h.newFamily(s, a)
		p, acc := h.participant(s, a)
		f.GrantedN, p.GrantedN = access.N, access.N
		then()
		f.CreatedAt, p.LastAnswerAt = h.now, h.now
		_, _, assert := h.RecordAssertion(h.ctx, s.Proof, p, acc)
		_, _, answer := h.RecordAnswer(h.ctx, s.Proof, h.once(c.name), p, acc)
		for pass, err := range map[string]error{"the code": h.SpendCode(h.ctx, f, p, acc), "the assertion": assert, "the answer": answer} {
			if c.want && err != nil || !c.want && !idp.IsKind(err, idp.Unauthenticated) {
				h.Errorf("%s: %s of before: %v, want it taken: %v", c.name, pass, err, c.want)
			}
		}
		h.same(true, h.alive(h.family(s, a, true)))
	}
}

func testGrantsComeToTheirEnd(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	g := idp.Grant{ID: idp.NewGrantID(), AppID: a.ID, UserID: u.ID, UntilAt: h.now.Add(time.Minute), CreatedAt: h.now}
	h.commit(idp.Change{Grants: []idp.Grant{g}})
	due := func(at time.Time) int {
		h.Helper()
		found, err := h.DueGrants(h.ctx, at, 10)
		h.ok(err)
		return len(found)
	}
	h.same(0, due(h.now))
	h.same(1, due(g.UntilAt))
	s := h.session(u)
	f := h.family(s, a, true)
	g.Version = 1
	end := func() idp.Committed {
		h.Helper()
		return h.commit(idp.Change{EndGrants: []idp.Grant{g}, Ending: &idp.Ending{Kind: idp.EndGrant, UserID: u.ID, AppID: a.ID,
			Key: g.UntilKey(), ReceiptID: idp.NewReceiptID(), At: g.UntilAt}})
	}
	first := end()
	h.same(0, due(g.UntilAt.Add(time.Hour)))
	// By the clock of the one who lists it the end has not come, and it has been
	// made all the same.
	listed := func(c idp.Committed) idp.Receipt {
		h.Helper()
		r, err := h.Receipt(h.ctx, c.ReceiptID)
		h.ok(err)
		h.same([]string{door(u, a)}, h.doors(r))
		return r
	}
	r := listed(first)
	h.list(r, true, h.line(r, a))
	states := func() (out []idp.DeliveryState) {
		h.Helper()
		lines, err := h.Deliveries(h.ctx, r.ID)
		h.ok(err)
		for _, d := range lines {
			out = append(out, d.State)
		}
		return out
	}
	h.grant(u, h.app("another")) // lets nobody into this one
	h.same([]idp.DeliveryState{idp.DeliveryPending}, states())
	h.same(first.ReceiptID, end().ReceiptID) // another node saw it too

	// A request that read its clock before the end comes after it all the same.
	p, acc := h.participant(s, a)
	h.is(h.SpendCode(h.ctx, h.newFamily(s, a), p, acc), idp.Unauthenticated)
	_, _, err := h.RecordAssertion(h.ctx, s.Proof, p, acc)
	h.is(err, idp.Unauthenticated)
	h.same(false, h.alive(f))
	_, err = h.Access(h.ctx, u.ID, a.ID, h.now)
	h.is(err, idp.NotFound)

	// What is changed beside its end leaves it ended; another end has to come.
	h.commit(idp.Change{Grants: []idp.Grant{g}})
	h.same(0, due(g.UntilAt.Add(time.Hour)))
	h.same([]idp.DeliveryState{idp.DeliveryPending}, states())
	g.Version, g.UntilAt = 2, g.UntilAt.Add(time.Hour)
	h.commit(idp.Change{Grants: []idp.Grant{g}})
	g.Version = 3
	h.same(0, due(h.now.Add(time.Minute)))
	h.same(1, due(g.UntilAt))
	h.same(false, h.alive(f))
	fresh := h.family(s, a, true)
	h.same(true, h.alive(fresh))
	second := end()
	if second.ReceiptID == first.ReceiptID {
		h.Error("the second end of a grant is the first")
	}
	listed(second)
	h.same(false, h.alive(fresh))

	// The same end once more is an end of its own.
	again := g
	again.UntilAt = g.UntilAt.Add(time.Hour)
	h.commit(idp.Change{Grants: []idp.Grant{again}})
	again.Version, again.UntilAt = 4, g.UntilAt
	h.commit(idp.Change{Grants: []idp.Grant{again}})
	h.same(1, due(g.UntilAt))
}

// testGrantsAreNarrowed: an ending that changes a grant wins over whoever
// changed it meanwhile.
func testGrantsAreNarrowed(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	g := h.grant(u, a)
	s := h.session(u)
	for n, c := range []struct{ from, until time.Time }{
		{from: h.now.Add(time.Hour)},
		{until: h.now.Add(-time.Hour)},
	} {
		f := h.family(s, a, true)
		narrow := g
		narrow.FromAt, narrow.UntilAt = c.from, c.until // decided on version 1
		r := h.endGrant(idp.Ending{UserID: u.ID, AppID: a.ID}, idp.Change{Grants: []idp.Grant{narrow}})
		h.same([]string{door(u, a)}, h.doors(r)[:1])
		h.same(false, h.alive(f))
		p, acc := h.participant(s, a)
		h.is(h.SpendCode(h.ctx, h.newFamily(s, a), p, acc), idp.Unauthenticated)
		due, err := h.DueGrants(h.ctx, h.now.Add(time.Second), 10)
		h.ok(err)
		h.same(0, len(due))
		all, err := h.Grants(h.ctx, a.ID)
		h.ok(err)
		narrow.Version = int64(2*n + 2)
		h.same([]idp.Grant{narrow}, all)
		wide := g
		wide.Version = narrow.Version
		h.commit(idp.Change{Grants: []idp.Grant{wide}})
		h.same(false, h.alive(f))
	}
}
