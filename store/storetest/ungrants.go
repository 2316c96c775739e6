package storetest

import (
	"fmt"
	"time"

	"gatehouse/idp"
)

// testUngrantIsConstant: the end of a group's grant takes the same statements
// whoever holds however much. All of it is dead at once and for ever, before
// and after it is marked, whatever is granted meanwhile.
func testUngrantIsConstant(h *house) {
	wiki, idle := h.app("wiki"), h.app("idle")
	group := func(name string) idp.Group {
		g := idp.Group{ID: idp.NewGroupID(), Name: name, CreatedAt: h.now}
		h.commit(idp.Change{Groups: []idp.Group{g}})
		return g
	}
	staff, late := group("staff"), group("late")
	join := func(g idp.Group, users ...idp.User) {
		var c idp.Change
		for _, u := range users {
			c.Members = append(c.Members, idp.Membership{GroupID: g.ID, UserID: u.ID, SinceAt: h.now})
		}
		h.commit(c)
	}
	through := func(g idp.Group, a idp.App, from time.Time) idp.Grant {
		grant := idp.Grant{ID: idp.NewGrantID(), AppID: a.ID, GroupID: g.ID, FromAt: from, CreatedAt: h.now}
		h.commit(idp.Change{Grants: []idp.Grant{grant}})
		grant.Version = 1
		return grant
	}
	ada, bob, cyd, dan := h.user("ada"), h.user("bob"), h.user("cyd"), h.user("dan")
	join(staff, ada, bob, cyd, dan)
	begins := group("begins")
	through(begins, wiki, h.now.Add(10*time.Minute))
	join(begins, dan)
	through(late, wiki, time.Time{})
	atWiki, atIdle := through(staff, wiki, time.Time{}), through(staff, idle, time.Time{})

	// More than a page of them, and some that are over already.
	const many = 1100
	adas := make([]idp.TokenFamily, many)
	s := h.session(ada)
	h.parallel(16, func(worker int) error {
		for i := worker; i < many; i += 16 {
			f := h.newFamily(s, wiki)
			f.Offline, f.ExpiresAt = true, h.now.Add(time.Duration(i%7)*time.Hour)
			adas[i] = f
			p, acc := h.participant(s, wiki)
			if err := h.SpendCode(h.ctx, f, p, acc); err != nil {
				return err
			}
		}
		return nil
	})
	bobs, cyds, dans := h.family(h.session(bob), wiki, true), h.family(h.session(cyd), wiki, true), h.family(h.session(dan), wiki, true)
	h.grant(cyd, wiki) // who keeps it

	cost := func(a idp.App, g idp.Grant) (idp.Receipt, uint64) {
		e := idp.Ending{Kind: idp.EndGrant, GroupID: staff.ID, AppID: a.ID, Key: string(g.ID), ReceiptID: idp.NewReceiptID(), At: h.now}
		before := h.Statements()
		h.commit(idp.Change{Ending: &e, RemoveGrants: []idp.GrantID{g.ID}})
		spent := h.Statements() - before
		r, err := h.Receipt(h.ctx, e.ReceiptID)
		h.ok(err)
		return r, spent
	}
	_, none := cost(idle, atIdle)
	r, all := cost(wiki, atWiki)
	if none != all {
		h.Errorf("the end of a group's grant costs %d statements where nobody holds anything, %d with %d families", none, all, many)
	}
	dead := func(when string) {
		h.Helper()
		h.now = h.now.Add(15 * time.Minute)
		defer func() { h.now = h.now.Add(-15 * time.Minute) }()
		for what, f := range map[string]idp.TokenFamily{"granted again": adas[1], "let into another group": bobs, "whose other grant begins": dans} {
			if h.alive(f) {
				h.Errorf("%s, %s: a family of before the end lives", when, what)
			}
			_, err := h.Rotate(h.ctx, f.ID, f.Proof, f.Seq, h.now, time.Minute)
			h.is(err, idp.Unauthenticated)
		}
		h.same(true, h.alive(cyds))
	}
	dead("at once")
	h.grant(ada, wiki)
	join(late, bob)
	dead("before it is marked")
	fresh := h.family(h.session(ada), wiki, true)
	h.same(true, h.alive(fresh))

	// Another end meanwhile: each is marked for itself.
	again := through(staff, wiki, time.Time{})
	second, _ := cost(wiki, again)
	dead("after another end")
	h.same(true, h.alive(fresh))

	for _, r := range []idp.Receipt{r, second} {
		_, err := h.CutFamilies(h.ctx, r)
		h.ok(err)
		dead(fmt.Sprint("marked by ", r.N))
		h.same(true, h.alive(fresh))
	}
	listed, err := h.CutFamilies(h.ctx, r)
	h.ok(err)
	over := 0
	for i := range many {
		if i%7 == 0 {
			over++
		}
	}
	h.same(many-over+2, len(listed)) // bob's and dan's with them
	t, err := h.FamilyByID(h.ctx, adas[1].ID, h.now)
	h.ok(err)
	h.same(r.CutAt, t.Family.RevokedAt)
}
