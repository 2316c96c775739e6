package storetest

import (
	"fmt"

	"gatehouse/idp"
)

func (h *house) owner(name string) idp.User {
	h.Helper()
	u := h.user(name)
	u.Role = idp.RoleOwner
	h.commit(idp.Change{Users: []idp.User{u}})
	u.Version++
	return u
}

func (h *house) activeOwners() (n int) {
	h.Helper()
	owners, err := h.Owners(h.ctx)
	h.ok(err)
	for _, o := range owners {
		if o.Status == idp.UserActive {
			n++
		}
	}
	return n
}

func testLastOwner(h *house) {
	ada, bob := h.owner("ada"), h.owner("bob")
	demoted := func(u idp.User) idp.Change {
		u.Role = idp.RoleEmployee
		return idp.Change{Users: []idp.User{u}}
	}
	suspension := idp.Change{Ending: h.ending(idp.EndUser, bob.ID), Events: []idp.Event{h.event("user.suspend", bob.ID)}}
	first := h.commit(suspension)
	for _, c := range []idp.Change{demoted(ada), {Ending: h.ending(idp.EndUser, ada.ID), Events: []idp.Event{h.event("user.suspend", ada.ID)}}} {
		_, err := h.Commit(h.ctx, c)
		h.is(err, idp.Denied)
	}
	events, _, err := h.Events(h.ctx, idp.EventQuery{UserID: ada.ID})
	h.ok(err)
	h.same(0, len(events))
	now, err := h.User(h.ctx, ada.ID)
	h.ok(err)
	h.same(ada, now)
	// The same wish as before is answered as before, and what was refused
	// took no number.
	h.same(first.N, h.commit(suspension).N)
	bob = h.restore(bob.ID)
	h.same(first.N+2, h.commit(idp.Change{Ending: h.ending(idp.EndUser, ada.ID)}).N)
	_, err = h.Commit(h.ctx, demoted(bob))
	h.is(err, idp.Denied)
	// Other endings, and a suspended owner's role, are free.
	h.commit(idp.Change{Ending: h.ending(idp.EndPasses, bob.ID)})
	ada, err = h.User(h.ctx, ada.ID)
	h.ok(err)
	h.commit(demoted(ada))
}

// testOwnerRace has two owners suspend, or demote, each other at once.
func testOwnerRace(h *house) {
	for round := range 30 {
		pair := []idp.User{h.owner(fmt.Sprint("a", round)), h.owner(fmt.Sprint("b", round))}
		for _, o := range h.others(pair) {
			h.commit(idp.Change{Ending: h.ending(idp.EndUser, o.ID)})
		}
		h.parallel(2, func(i int) error {
			c := idp.Change{Ending: h.ending(idp.EndUser, pair[i].ID)}
			if round%3 == i {
				demoted := pair[i]
				demoted.Role = idp.RoleEmployee
				c = idp.Change{Users: []idp.User{demoted}}
			}
			_, err := h.Commit(h.ctx, c)
			if idp.IsKind(err, idp.Denied) {
				return nil
			}
			return err
		})
		if n := h.activeOwners(); n != 1 {
			h.Fatalf("round %d: %d active owners, want 1", round, n)
		}
	}
}

// others are the active owners besides these.
func (h *house) others(than []idp.User) (others []idp.User) {
	h.Helper()
	owners, err := h.Owners(h.ctx)
	h.ok(err)
	for _, o := range owners {
		if o.Status == idp.UserActive && o.ID != than[0].ID && o.ID != than[1].ID {
			others = append(others, o)
		}
	}
	return others
}

// testChangeRace edits the same people in opposite order.
func testChangeRace(h *house) {
	var users []idp.User
	for i := range 8 {
		users = append(users, h.user(fmt.Sprint("u", i)))
	}
	h.parallel(16, func(i int) error {
		for range 10 {
			var c idp.Change
			for n := range users {
				if i%2 == 1 {
					n = len(users) - 1 - n
				}
				c.Users = append(c.Users, users[n])
			}
			// Of the same version all but the first are stale, which is an
			// answer; a deadlock is none.
			if _, err := h.Commit(h.ctx, c); err != nil && !idp.IsKind(err, idp.Conflict) {
				return err
			}
			for n := range c.Users {
				var err error
				if c.Users[n], err = h.User(h.ctx, c.Users[n].ID); err != nil {
					return err
				}
			}
			if _, err := h.Commit(h.ctx, c); err != nil && !idp.IsKind(err, idp.Conflict) {
				return err
			}
		}
		return nil
	})
}
