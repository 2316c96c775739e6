package storetest

import (
	"sync/atomic"
	"time"

	"gatehouse/idp"
)

func (h *house) position() idp.Position {
	h.Helper()
	p, err := h.Position(h.ctx, "node", false)
	h.ok(err)
	p.Ahead = 0 // testClock looks at it
	p.Ahead = 0 // testClock looks at it
	return p
}

// told returns the one row that do adds to the log, nil where it adds none.
func (h *house) told(do func()) *idp.Ending {
	h.Helper()
	before := h.position().N
	do()
	rows, err := h.EndingsAfter(h.ctx, before, 10)
	h.ok(err)
	switch len(rows) {
	case 0:
		return nil
	case 1:
		h.same(before+1, rows[0].N)
		h.same(rows[0].N, h.position().N)
		return &rows[0]
	}
	h.Fatalf("%d rows, want one: %+v", len(rows), rows)
	return nil
}

func testLog(h *house) {
	a := h.app("wiki")
	var u idp.User
	h.same((*idp.Ending)(nil), h.told(func() { u = h.user("ada") })) // nobody has a copy of who is new
	about := func(do func()) [3]string {
		h.Helper()
		e := h.told(do)
		if e == nil || e.Kind != idp.LogChange {
			h.Fatalf("the log says %+v, want a change", e)
		}
		return [3]string{string(e.UserID), string(e.AppID), string(e.SessionID)}
	}
	user, app, house := [3]string{string(u.ID)}, [3]string{"", string(a.ID)}, [3]string{}
	g := idp.Group{ID: idp.NewGroupID(), Name: "staff", CreatedAt: h.now}
	h.same((*idp.Ending)(nil), h.told(func() { h.commit(idp.Change{Groups: []idp.Group{g}}) }))
	h.same(user, about(func() { h.grant(u, a) }))
	h.same(user, about(func() {
		h.commit(idp.Change{Members: []idp.Membership{{GroupID: g.ID, UserID: u.ID, SinceAt: h.now}}})
	}))
	h.same(app, about(func() {
		h.commit(idp.Change{Grants: []idp.Grant{{ID: idp.NewGrantID(), AppID: a.ID, GroupID: g.ID, CreatedAt: h.now}}})
	}))
	h.same(user, about(func() { h.commit(idp.Change{Users: []idp.User{u}}) }))
	h.same(app, about(func() { h.commit(idp.Change{Apps: []idp.App{a}}) }))
	u.Version, a.Version = 2, 2
	h.same(house, about(func() { h.commit(idp.Change{Users: []idp.User{u}, Apps: []idp.App{a}}) }))
	h.same((*idp.Ending)(nil), h.told(func() { // refused: no number
		_, err := h.Commit(h.ctx, idp.Change{Users: []idp.User{u}})
		h.is(err, idp.Conflict)
	}))
	e := h.told(func() { h.suspend(u) })
	h.same(idp.EndUser, e.Kind)
	h.same(u.ID, e.UserID)
	all, err := h.EndingsAfter(h.ctx, 0, 1000)
	h.ok(err)
	for i, e := range all {
		h.same(int64(i+1), e.N)
	}
}

// testClock: how far this node's clock is ahead of the database's, where that
// has one of its own.
func testClock(h *house) {
	right := h.Now
	defer func() { h.Now = right }()
	for _, off := range []time.Duration{time.Hour, -time.Hour} {
		h.Now = func() time.Time { return time.Now().Add(off) }
		p, err := h.Position(h.ctx, "node", false)
		h.ok(err)
		if wrong := (p.Ahead - off).Abs(); p.Ahead != 0 && wrong > time.Minute {
			h.Errorf("%s ahead, off by %s", p.Ahead, off)
		}
	}
}

func testRegistration(h *house) {
	u := h.user("ada")
	h.same(idp.Position{}, h.position())
	first, err := h.Register(h.ctx, idp.Registration{}, idp.Registration{RunID: "one", ReplID: "r", Generation: "g1"})
	h.ok(err)
	h.same(idp.Position{N: 1, Registration: idp.Registration{N: 1, RunID: "one", ReplID: "r", Generation: "g1"}}, h.position())
	h.same(first, h.position().Registration)
	_, err = h.Register(h.ctx, idp.Registration{}, idp.Registration{RunID: "two", Generation: "g2"})
	h.is(err, idp.Conflict) // on what stood before
	h.same(first, h.position().Registration)
	h.same(int64(1), h.position().N)
	suspension := idp.Change{Ending: h.ending(idp.EndUser, u.ID)}
	h.same(first, h.commit(suspension).Registration)

	var won atomic.Int64
	h.parallel(8, func(int) error {
		_, err := h.Register(h.ctx, first, idp.Registration{RunID: "two", Generation: "g2"})
		switch {
		case err == nil:
			won.Add(1)
		case !idp.IsKind(err, idp.Conflict):
			return err
		}
		return nil
	})
	h.same(int64(1), won.Load())
	now := h.position()
	h.same(now.N, now.Registration.N)
	// A wish that comes again is answered with what stands now: what stood
	// then can confirm nothing any more.
	h.same(now.Registration, h.commit(suspension).Registration)
	n, err := h.RedisNodes(h.ctx, "node", h.now.Add(-time.Hour))
	h.ok(err)
	h.same(0, n)
}

func testRenewedInLog(h *house) {
	u := h.user("ada")
	s := h.session(u)
	in := idp.SignIn{ID: idp.NewSignInID(), BindHash: "b", CreatedAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
	h.ok(h.CreateSignIn(h.ctx, in))
	in.Proof, in.Methods, in.AuthTime = s.Proof, []string{"pwd"}, h.now
	h.ok(h.ProveSignIn(h.ctx, in, h.now, idp.Witness{}))
	var done idp.Committed
	e := h.told(func() {
		var err error
		done, err = h.RenewSession(h.ctx, s, "another-secret", in.ID)
		h.ok(err)
	})
	h.same(idp.LogChange, e.Kind)
	h.same(s.ID, e.SessionID)
	h.same(u.ID, e.UserID)
	h.same(e.N, done.N)
	h.same((*idp.Ending)(nil), h.told(func() { // the SignIn is done
		_, err := h.RenewSession(h.ctx, s, "a-third-secret", in.ID)
		h.is(err, idp.Unauthenticated)
	}))
}
